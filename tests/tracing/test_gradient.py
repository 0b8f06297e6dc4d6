"""Derivatives of traced numbers: against mpmath's of each operation, and a network's gradient written by hand."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from graph_values import values_of

from deepzoom.errors import TracingError
from deepzoom.systems import create
from deepzoom.systems.training_step import Constants, Rates, train_step
from deepzoom.tracing import functions as f
from deepzoom.tracing.array import Traced
from deepzoom.tracing.gradient import gradient, released
from deepzoom.tracing.graph import ELEMENTWISE, given, ordered
from deepzoom.tracing.graph import node as made

RNG = np.random.default_rng(1)
A, B, P = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4)), RNG.uniform(0.3, 2, (3, 4))
T, W, V = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(4, 2)), RNG.normal(size=4)
K = RNG.normal(size=(3, 4))

CASES = {
    "add": (lambda a, v: (a + v + 1) * K, A, V),
    "subtract": (lambda a, v: (v - a - v[0]) * K, A, V),
    "multiply": (lambda a, v: a * v * a, A, V),
    "square": (lambda a: a * a * K, A),
    "divide": (lambda a, b: a / b + 2 / b + a / 3, A, P),
    "exp": (lambda a: np.exp(a) * K + np.exp(-a), A),
    "log": (lambda a: np.log(a) * K, P),
    "sqrt": (lambda a: np.sqrt(a) * K, P),
    "tanh": (lambda a: np.tanh(a) * K, A),
    "sin": (lambda a: np.sin(a) * K, A),
    "cos": (lambda a: np.cos(a) * K, A),
    "softplus": (lambda a: f.softplus(a) * K, A),
    "select": (lambda a, b: np.where(a > b, a * b, np.minimum(a, 0.3)) * K, A, B),
    "relu": (lambda a: f.relu(a) * K, A),
    "matmul": (lambda a, w: (a @ w) ** 2, A, W),
    "batches": (lambda t, w: (t @ w) ** 2 + (w.T @ np.swapaxes(t, 1, 2)).sum(), T, W),
    "vectors": (lambda a, v: (a @ v) @ (a @ v), A, V),
    "sum": (lambda t: t.sum(1) ** 2, T),
    "mean": (lambda t: t.mean((0, 2), keepdims=True) * t * t, T),
    "reshape": (lambda a: a.reshape(4, 3) ** 2 * K.T + a.T**2 * K.T, A),
    "transpose": (lambda t: t.transpose(2, 0, 1) ** 3 * T.transpose(2, 0, 1), T),
    "broadcast": (lambda v: np.broadcast_to(v, (3, 4)) ** 2 * K, V),
    "slice": (lambda a: a[1:, ::2] ** 2 * K[1:, ::2], A),
    "join": (lambda a, b: np.concatenate([a, b], 1) ** 2 * np.concatenate([K, K**2], 1), A, B),
    "place": (lambda a: np.pad(a, 1) ** 2 * np.pad(K, 1), A),
    "max": (lambda a: a.max(1) ** 2, A),
    "power": (lambda a: a**1.5 + a**0.3 + a**-3, P),
    "softmax": (lambda a: f.softmax(a) * K + f.log_softmax(a, 0), A),
    "logsumexp": (lambda a: f.logsumexp(a) ** 2, A),
    "layer_norm": (lambda a: f.layer_norm(a) * K, A),
    "gelu": (lambda a: f.gelu(a) * K + f.silu(a) + f.sigmoid(a) ** 2, A),
    "norm": (lambda a: np.linalg.norm(a), A),
}


def mp_values(array):
    return np.vectorize(mpmath.mpf, otypes=[object])(array)


MP = {
    "exp": mpmath.exp,
    "log": mpmath.log,
    "sqrt": mpmath.sqrt,
    "tanh": mpmath.tanh,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
    "positive": lambda z: mpmath.mpf(z > 0),
    "tanh_slope": lambda h: 1 - h * h,
}


def mp_value(n, a):
    """An operation on arrays of mpmath numbers."""
    if n.op in MP:
        return np.vectorize(MP[n.op], otypes=[object])(a[0])
    if n.op == "select":
        return np.vectorize(lambda c, y, z: y if c else z, otypes=[object])(*a)
    if n.op in ELEMENTWISE or n.op == "matmul":
        return getattr(np, n.op)(*a)
    if n.op == "shift":
        return np.max(a[0], axis=n.data, keepdims=True)
    if n.op == "slice":
        return a[0][tuple(slice(*r) for r in n.data)]
    if n.op == "place":
        result = np.full(n.data[0], mpmath.mpf(0))
        result[tuple(slice(s, s + step * size, step) for (s, step), size in zip(n.data[1], a[0].shape))] = a[0]
        return result
    if n.op == "join":
        return np.concatenate(a, axis=n.data)
    if n.op == "sum":
        return np.sum(a[0], axis=n.data)
    return {"reshape": np.reshape, "transpose": np.transpose, "broadcast": np.broadcast_to}[n.op](a[0], n.data)


def mp_of(output, known):
    known = dict(known)
    for n in ordered([output]):
        if n.op == "constant":
            exact = n.number
            known[n] = mp_values(n.data.array) if exact is None else mpmath.mpf(exact.numerator) / exact.denominator
        elif n not in known:
            known[n] = mp_value(n, [known[i] for i in n.inputs])
    return known[output]


@pytest.mark.parametrize("name", CASES)
def test_operations(name):
    """The derivative along a random direction is that of a central difference in 60 digits."""
    function, *arrays = CASES[name]
    inputs = [given("state", f"i{i}", a.shape) for i, a in enumerate(arrays)]
    loss = function(*map(Traced, inputs))
    loss = (loss * loss).sum() + loss.sum() if loss.shape else loss
    slopes = gradient(loss, [Traced(n) for n in inputs])
    assert [s.shape for s in slopes] == [a.shape for a in arrays]
    found = values_of([s.node for s in slopes], dict(zip(inputs, arrays)))
    directions = [RNG.normal(size=a.shape) for a in arrays]
    with mpmath.workdps(60):
        h = mpmath.mpf(10) ** -20
        moved = [
            mp_of(loss.node, {n: mp_values(a) + s * h * mp_values(d) for n, a, d in zip(inputs, arrays, directions)})
            for s in (1, -1)
        ]
        wanted = float((moved[0] - moved[1]) / (2 * h))
    parts = np.concatenate([(s * d).ravel() for s, d in zip(found, directions)])
    assert abs(parts.sum() - wanted) <= 1e-12 * np.abs(parts).sum()


def test_every_operation_of_a_graph_has_a_case():
    seen = set()
    for function, *arrays in CASES.values():
        loss = function(*(Traced(given("state", f"i{i}", a.shape)) for i, a in enumerate(arrays)))
        seen |= {n.op for n in ordered([loss.node, *(s.node for s in gradient(loss.sum(), [loss]))])}
    assert {"add", "subtract", "multiply", "divide", "negative", "exp", "log", "sqrt", "tanh", "sin", "cos", "softplus",
            "positive", "select", "shift", "sum", "matmul", "reshape", "transpose", "broadcast", "slice", "place",
            "join"} <= seen  # fmt: skip


def test_second_derivatives():
    a = given("state", "a", (3, 4))
    first = gradient((np.tanh(Traced(a)) * K).sum(), [Traced(a)])[0]
    second = gradient(first.sum(), [Traced(a)])[0]
    (value,) = values_of([second.node], {a: A})
    assert np.allclose(value, -2 * np.tanh(A) / np.cosh(A) ** 2 * K, rtol=1e-13)


def test_no_slope_at_the_fold_nor_through_stopped_values():
    a = Traced(given("state", "a", (3,)))
    at = np.array([-1.0, 0.0, 2.0])

    def slope_of(loss):
        return values_of([gradient(loss.sum(), [a])[0].node], {a.node: at})[0].tolist()

    assert slope_of(f.relu(a)) == [0, 0, 1]
    assert slope_of((a > 0) * 3.0 + np.sign(a)) == [0, 0, 0]
    assert slope_of(f.stop_gradient(a * a) * a) == [1, 0, 4]
    stopped = f.stop_gradient(f.stop_gradient(a) * a) + a
    assert released([stopped.node]) == [made("add", made("multiply", a.node, a.node), a.node)]


def test_what_does_not_depend_has_no_slope():
    a, b = Traced(given("state", "a", (3,))), Traced(given("state", "b", (2, 2)))
    assert values_of([gradient(a.sum(), [b])[0].node], {})[0].tolist() == [[0, 0], [0, 0]]
    assert values_of([gradient(a.sum(), [a])[0].node], {})[0].tolist() == [1, 1, 1]
    with pytest.raises(TracingError, match="takes a loss, not a function; call it first"):
        gradient(np.sum, [])
    with pytest.raises(TracingError, match="takes a list of arrays, not a dict"):
        gradient(a.sum(), {"a": a})
    with pytest.raises(TracingError, match=r"the gradient of an array of shape \(3,\); a loss is one number"):
        gradient(a, [a])


@pytest.mark.parametrize("system", ["tanh", "relu", "linear"])
def test_published_networks(system):
    network = create(system).network
    inputs = [given("state", f"w{i}", w.shape) for i, w in enumerate(network.weights)]
    scales = [np.sqrt(float(s)) for s in network.squared_scales()]
    h = network.x
    for w, scale in zip(inputs[:-1], scales):
        z = (h @ Traced(w)) * scale
        h = np.tanh(z) if system == "tanh" else f.relu(z) if system == "relu" else z
    residual = (h @ Traced(inputs[-1])) * scales[-1] - network.y
    slopes = gradient((residual * residual).mean(), [Traced(n) for n in inputs])
    found = values_of([s.node for s in slopes], dict(zip(inputs, network.weights)))

    def plain(value):
        return np.asarray(value if isinstance(value, np.ndarray) else float(value))

    step = train_step(network, Constants.of(network, plain), Rates((0.0,) * 2, None), network.weights, None)
    for mine, theirs in zip(found, step.gradients):
        assert np.abs(mine - theirs).max() <= 1e-12 * np.abs(theirs).max()
