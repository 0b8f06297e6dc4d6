"""Operations of JAX in a traced function: the values of the graph against JAX itself, in float64."""

from __future__ import annotations

import numpy as np
import pytest

from deepzoom.tracing.array import Traced, Whole
from deepzoom.tracing.evaluate import as_float64, evaluate
from deepzoom.tracing.gradient import released
from deepzoom.tracing.graph import given

jax = pytest.importorskip("jax")

from deepzoom.tracing.jax_library import JAX  # noqa: E402  # needs JAX

jnp, lax = jax.numpy, jax.lax
RNG = np.random.default_rng(8)
X, Y = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))
ROWS, LABELS = np.array([2, 0, 0, 2, 1]), np.array([3, 0, 1])
INT = np.int32(3)


def scan(x, y, n):
    return lax.scan(lambda c, row: (jnp.tanh(c + row), c * row), x[0], y, reverse=True)


def looped(x, y, n):
    return lax.while_loop(lambda c: c[0] < 4, lambda c: (c[0] + 1, c[1] * y + c[0]), (0, x))[1]


@jax.custom_jvp
def straight(x):
    return jnp.sign(x)


straight.defjvp(lambda primals, tangents: (straight(*primals), tangents[0]))

FUNCTIONS = {
    "elementwise": lambda x, y, n: [
        jnp.exp(x) + jnp.exp2(y),
        jnp.expm1(x),
        jnp.log1p(x * x),
        jnp.log(jnp.abs(x)),
        jnp.sinh(x),
        jnp.cosh(y),
        jnp.tanh(x),
        jnp.tan(x),
        jnp.sin(x) - jnp.cos(y),
        jnp.sqrt(x * x),
        lax.rsqrt(jnp.square(y)),
        jnp.sign(x),
        -x / y,
        jax.nn.sigmoid(x),
        lax.reciprocal(x),
        jnp.hypot(x, y),
        jnp.float_power(jnp.abs(x), y),
    ],
    "powers": lambda x, y, n: [
        x**2,
        x**-3,
        jnp.abs(x) ** 0.5,
        jnp.abs(y) ** 1.7,
        0.9**n,
        (-0.9) ** n,
        jnp.where(Y > 0, Y, 0.0) ** n,
        y**n,
        jnp.abs(x) ** y,
        x**0,
    ],
    "activations": lambda x, y, n: [
        getattr(jax.nn, name)(2 * x)
        for name in (
            "relu",
            "softplus",
            "gelu",
            "silu",
            "softmax",
            "log_softmax",
            "logsumexp",
            "elu",
            "selu",
            "celu",
            "relu6",
            "leaky_relu",
            "hard_tanh",
            "log_sigmoid",
            "soft_sign",
            "standardize",
            "mish",
            "squareplus",
        )
    ],
    "conditions": lambda x, y, n: [
        jnp.where(x > y, x, 2.0),
        jnp.where((x >= 0) & ~(y < 0) | (x <= y), x, y),
        jnp.where(x == x, 1.0, x),
        jnp.where(x == Y, 1.0, y),
        jnp.where(x != y, 1.0, y),
        jnp.where(np.eye(3, 4) > 0, x, -9.0),
        jnp.heaviside(x, 0.5),
        jnp.where(jnp.isnan(x) | jnp.isinf(y), 0.0, x),
        (x > 0) ^ (y > 0),
        lax.select_n((x > 0).astype(int) + (y > 0), x, y, x * y),
        jnp.where(x < jnp.inf, x, y),
        jnp.any(x > 1, axis=0),
        jnp.all(x > -1, axis=1),
        (n > 2) * x,
        jnp.where(n == 3, x, y),
    ],
    "extremes": lambda x, y, n: [
        jnp.maximum(x, y),
        jnp.minimum(x, 0.1),
        jnp.clip(x, -0.5, y),
        jnp.max(x),
        jnp.min(x, axis=0),
        jnp.prod(y, axis=1),
        jnp.maximum(x, -jnp.inf),
        jnp.minimum(jnp.inf, x),
        jnp.max(x, axis=(0, 1), initial=-jnp.inf),
        jnp.ptp(x, axis=1),
    ],
    "sums": lambda x, y, n: [
        x.sum(),
        x.mean(0),
        x.var(1),
        x.std(axis=1, keepdims=True),
        jnp.linalg.norm(x),
        jnp.cumsum(x, 0),
        lax.cumsum(x, 1, reverse=True),
        jnp.average(x, weights=jnp.square(y)),
        jnp.trace(x),
    ],
    "products": lambda x, y, n: [
        x @ y.T,
        x.T @ Y,
        jnp.dot(x[0], y[1]),
        jnp.outer(x[0], y[0]),
        jnp.einsum("ij,kj->ki", x, y),
        jnp.tensordot(x, y, 2),
        jnp.einsum("bi,bj->bij", x, y),
        jnp.einsum("bij,bjk->ibk", x[:, :, None] * y[:, None], jnp.stack([y.T] * 3)),
        jnp.kron(x, y),
        jnp.vdot(x, y),
        jnp.inner(x, y),
        jnp.linalg.multi_dot([x, y.T, x]),
    ],
    "shapes": lambda x, y, n: [
        x.reshape(2, 6).T,
        jnp.concatenate([x, y, Y], 1),
        jnp.stack([x, y], 1),
        jnp.split(x, 2, axis=1),
        x[1:, ::2],
        x[::-1],
        jnp.pad(x, ((1, 0), (0, 2)), constant_values=3.0),
        lax.pad(x, 1.5, ((-1, 2, 1), (1, -2, 0))),
        jnp.roll(x, 1, 0),
        jnp.tile(x, (2, 1)),
        jnp.repeat(x, 2, 1),
        jnp.broadcast_to(x[0], (2, 4)),
        jnp.squeeze(x[:1]),
        jnp.moveaxis(x, 0, 1),
        jnp.tril(x),
        jnp.diag(x[:, :3]),
        x[None, ..., 0],
        jnp.zeros_like(x),
        jnp.flip(x),
        jnp.diff(x),
        jnp.vstack([x, y]),
        jnp.meshgrid(x[0], y[0]),
        jnp.rot90(x),
        jnp.full_like(x, 2.0),
        jnp.array([x[0, 0], 1.0, y[0, 1]]),
    ],
    "indices": lambda x, y, n: [
        x[ROWS],
        x[np.arange(3), LABELS],
        jnp.take(x, ROWS[:2], axis=0),
        jnp.take_along_axis(x, LABELS[:, None], 1),
        x[2, 3],
        x[:, LABELS],
        x[ROWS, 1],
        lax.dynamic_slice(x, (1, 1), (2, 2)),
        x[jnp.argsort(Y[:, 0])],
        x.ravel()[jnp.array([5, 3])],
        x.at[0].set(y[1]),
        x.at[1:, 2].set(0.0),
        x.at[ROWS].add(1.0),
        x.at[np.arange(3), LABELS].add(y[:, 0]),
        lax.dynamic_update_slice(x, y[:2, :2], (1, 1)),
    ],
    "slopes": lambda x, y, n: [
        jax.grad(lambda x: jnp.sum(x[ROWS] ** 2 * jnp.ones(4)))(x),
        jax.grad(lambda x: jnp.sum(x[np.arange(3), LABELS] ** 3))(x),
        jax.grad(lambda x: jnp.max(x) ** 2)(x),
        jax.grad(lambda x: jax.nn.logsumexp(x))(x),
        jax.grad(lambda x: jnp.linalg.norm(x @ y.T))(x),
        jax.grad(lambda x: jnp.sum(jax.nn.softmax(x) ** 2))(x),
        jax.grad(lambda x: jnp.sum(straight(x) * x))(x),
        jax.grad(lambda x: jnp.sum(lax.stop_gradient(x) * x))(x),
        jax.jacfwd(lambda x: jnp.tanh(x) @ x)(x[0]),
        jax.hessian(lambda x: jnp.sum(jnp.sin(x) ** 3))(x[0]),
        jax.grad(lambda x: jnp.prod(x[0]))(x),
        jax.grad(lambda x: jnp.cumsum(x)[5])(x),
        jax.grad(jax.checkpoint(lambda x: jnp.sum(jnp.tanh(x @ y.T) ** 2)))(x),
        jax.vmap(lambda a, b: jnp.dot(a, b) * a)(x, y),
    ],
    "flow": lambda x, y, n: [
        scan(x, y, n),
        looped(x, y, n),
        lax.fori_loop(0, 5, lambda i, v: v * 0.5 + i, x),
        lax.map(jnp.sum, x),
        lax.cond(x[0, 0] > 0, lambda: x, lambda: y),
        lax.cond(True, lambda: x, lambda: y),
        lax.switch(n - 2, [lambda: x, lambda: y]),
        lax.switch(1, [lambda: x, lambda: y]),
        jax.jit(lambda a: jnp.tanh(a))(x),
        lax.associative_scan(jnp.add, x),
    ],
    "constants": lambda x, y, n: [
        x + jnp.argmax(Y, 1)[:, None],
        x * jax.random.normal(jax.random.key(3), (3, 4)),
        x + jnp.arange(4),
        x + jnp.sort(Y, 1),
        x * jax.nn.one_hot(LABELS, 4),
        x * jnp.linspace(0, 1, 4),
        x + 0.1,
        x * jnp.linalg.inv(Y[:, :3] + 3 * np.eye(3))[:, :1],
    ],
}


def both(function):
    """The results of a function by the graph and by JAX."""
    inputs = {given("state", "x", (3, 4)): X, given("state", "y", (3, 4)): Y, given("state", "n", ()): np.float64(INT)}
    x, y, n = inputs
    found = jax.tree.leaves(JAX.called(function, Traced(x), Traced(y), Whole(n, INT.dtype)))
    with jax.enable_x64(True):
        wanted = [np.asarray(leaf) for leaf in jax.tree.leaves(jax.jit(function)(X, Y, INT))]
    return evaluate(released([f.node for f in found]), inputs, as_float64), wanted


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    found, wanted = both(FUNCTIONS[name])
    assert len(found) == len(wanted)
    for i, (a, b) in enumerate(zip(found, wanted)):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14, err_msg=f"{name} {i}")
        assert np.shape(a) == b.shape
