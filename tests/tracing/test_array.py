"""A traced function computes what NumPy computes; what cannot be traced is refused in one sentence."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from graph_values import values_of

from deepzoom.errors import TracingError
from deepzoom.tracing import functions as f
from deepzoom.tracing.array import Traced, lifted
from deepzoom.tracing.graph import given

RNG = np.random.default_rng(0)
M, N, V, P = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4)), RNG.normal(size=4), RNG.uniform(0.2, 3, (3, 4))
T = RNG.normal(size=(2, 3, 4))
C = RNG.normal(size=(3, 4))
MASK = C > 0

SAME = {
    "sums": (lambda a, b: (a + b - 2) * b / 3 - a / b + 0.1 * -a + (1 - a) + 2 / b + +a, M, P),
    "constants on the left": (lambda a: C * a + np.float64(2) * a - C[0] + C / (a * a + 1), M),
    "exp and log": (lambda a: np.exp(a) + np.exp2(a) + np.log(a) + np.log2(a) + np.log10(a) + np.log1p(a), P),
    "waves": (lambda a: np.tanh(a) + np.sinh(a) * np.cosh(a) + np.sin(a) * np.cos(a) + np.tan(a), M),
    "expm1 near 0": (lambda a: np.expm1(a * 1e-12) * 1e12, M),
    "powers": (lambda a: a**3 + a**-2 + a**0 + a**0.5 + a**1.5 + a**-0.5 + a**0.3 + 2**a + a**a + a**7, P),
    "powers of negatives": (lambda a: a**2 + a**5 + a**101 - np.square(a) + np.reciprocal(a) + np.power(a, 4), M),
    "folds": (lambda a, b: np.abs(a) + np.sign(b) + np.maximum(a, b) - np.minimum(a, 0.1) + np.heaviside(a, 0.5), M, N),
    "comparisons": (lambda a, b: np.where(a > b, a, b) + np.where(a <= 0, 1, a) + (a >= b) * (b < 1) * a, M, N),
    "logic": (lambda a, b: np.where((a > 0) & (b > 0) | ~(a > 0.5), a, -b) + np.where(np.logical_or(a, 0), 1, 2), M, N),
    "equal": (lambda a: np.where(a == a, 1, 2) + np.where(a != a, 1, 2) + np.where(a, 3, 4), M),
    "constant masks": (lambda a: np.where(MASK, a, 0.5) + MASK * a, M),
    "clip": (lambda a: np.clip(a, -0.5, 0.5) + a.clip(0, None) + np.clip(a, a_max=0.2, a_min=None), M),
    "reductions": (
        lambda a: a.sum() + a.mean(0) + a.max(1).sum() - np.min(a, axis=0) + a.prod(0) + a.var(0) + a.std(),
        M,
    ),
    "keepdims": (
        lambda a: a - a.mean(-1, keepdims=True) + a.max(0, keepdims=True) + np.std(a, ddof=1, axis=1)[:, None],
        M,
    ),
    "axes": (lambda t: t.sum((0, 2)) + t.max(axis=(0, -1)), T),
    "matmul": (lambda a, b, v: (a @ b.T) @ (b @ v) + a.dot(v) + np.matmul(a, v), M, N, V),
    "vectors": (lambda v: v @ v + np.dot(v, v) + np.inner(v, v) + np.linalg.norm(v) + v @ C.T @ C @ v, V),
    "batches": (lambda t, a: t @ a.T @ np.ones((3, 2)) + t @ np.ones((2, 4, 1)), T, M),
    "plain @ traced": (lambda a: C @ a.T, M),
    "norms": (lambda a: np.linalg.norm(a, axis=1) + np.linalg.norm(a), M),
    "shapes": (
        lambda a: a.reshape(2, 6).T.reshape(-1, 3)[1] + a.ravel()[:3] + a.transpose()[0] + np.swapaxes(a, 0, 1)[1],
        M,
    ),
    "axes moved": (
        lambda t: np.moveaxis(t, 0, -1)[..., 1] + t.transpose(1, 2, 0)[:, :, 0] + t.transpose((1, 2, 0))[..., 0],
        T,
    ),
    "new axes": (lambda v: np.expand_dims(v, (0, 2)) * v[:, None, None] + np.squeeze(v[None, :, None]), V),
    "joined": (lambda a, b: np.concatenate([a, b, C]) @ np.vstack([a, b, b])[:4] + np.hstack([a, b]).sum(), M, N),
    "stacked": (
        lambda a, b: (
            np.stack([a, b, C], axis=1)[:, 1] + np.stack([a[0], b[0]]).sum(0) + np.concatenate([a, b], None)[3]
        ),
        M,
        N,
    ),
    "split": (lambda a: sum(np.split(a, 2, axis=1)) + np.split(a, [1, 3], axis=1)[2], M),
    "tiled": (lambda v: np.tile(v, (2, 3))[:, 2:10] + np.repeat(v, 2) + np.tile(v, 2), V),
    "rolled": (
        lambda a: np.roll(a, 1, axis=1) + np.roll(a, -5) + np.flip(a) + np.flip(a, 1) + a[::-1, ::2][:, [0, 0, 1, 1]],
        M,
    ),
    "filled": (
        lambda a: np.zeros_like(a) + np.ones_like(a) * a + np.full_like(a, a[0, 0]) + np.broadcast_to(a[0], (3, 4)),
        M,
    ),
    "triangles": (
        lambda a: np.tril(a) + np.triu(a, 1) + np.cumsum(a, axis=1) + np.cumsum(a, 0) + np.pad(a, ((1, 0), (0, 0)))[:3],
        M,
    ),
    "outer": (lambda v, a: np.outer(v, v) + np.diff(np.outer(v, np.ones(5))), V, M),
    "softplus": (lambda a: np.logaddexp(a, 0.0) + f.softplus(a), M),
    "numbers and slices": (lambda t: t[1, 2, 3] + t[0, 1] + t[..., 1:3, -1][1, 0] + t[:, None, 2][1, 0], T),
    "steps and lists": (lambda t: t[:, ::2][:, :, [3, 0]] + t[:, [1, 0], 1:4:2], T),
    "many rows": (lambda a: a[[0, 2, 1, 0, 2, 1, 1, 0, 2, 2]] + a[:, [3, 0, 2, 1] * 3][:, 2:6].sum(), M),
    "labels": (lambda a: a[np.arange(3), [1, 0, 3]] + a[np.array([2, 1, 0]), np.array([0, 1, 1])], M),
    "numbers beside lists": (lambda t: t[1, [0, 2, 1], 2] + t[:, [0, 1], [3, 2]][0, 1], T),
    "masks": (lambda a: a[MASK].sum() + a[:, np.array([True, False, True, True])], M),
    "loops": (lambda a: sum(row[0] * len(row) for row in a) + a.size + a.ndim + a.shape[0] + np.shape(a)[1], M),
    "float array": (lambda a: (a > 0).astype(float) * a.copy() + np.copy(a), M),
    "fractions": (lambda a: a * Fraction(1, 4) if isinstance(a, Traced) else a / 4, M),
    "softmax": (lambda a: f.softmax(a) + f.softmax(a, 0) + f.log_softmax(a) + f.logsumexp(a * 300, 0), M),
    "activations": (lambda a: f.relu(a) + f.sigmoid(a) + f.gelu(a) + f.silu(a) + f.sign(a) + f.stop_gradient(a), M),
    "layer_norm": (lambda a: f.layer_norm(a) + f.layer_norm(a, 0, 0.1), M),
}


@pytest.mark.parametrize("name", SAME)
def test_as_numpy_has_it(name):
    function, *arrays = SAME[name]
    inputs = [given("state", f"i{i}", a.shape) for i, a in enumerate(arrays)]
    result = lifted(function(*map(Traced, inputs)))
    wanted = function(*arrays)
    assert result.shape == np.shape(wanted)
    (value,) = values_of([result.node], dict(zip(inputs, arrays)))
    assert np.allclose(value, wanted, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    "text",
    [
        "i,j->ij",
        "ij->ji",
        "ij->",
        "ij,ij->",
        "ij,ij->i",
        "ij,kj->ik",
        "ij,kj->ki",
        "ij,ik->jk",
        "ij,kl->kjil",
        "ij,ik->i",
    ],
)
def test_einsum(text):
    arrays = [RNG.normal(size=["ijkl".index(c) + 2 for c in term]) for term in text.partition("->")[0].split(",")]
    inputs = [given("state", f"i{i}", a.shape) for i, a in enumerate(arrays)]
    (value,) = values_of([np.einsum(text, *map(Traced, inputs)).node], dict(zip(inputs, arrays)))
    assert np.allclose(value, np.einsum(text, *arrays), rtol=1e-13, atol=1e-13)


def test_einsum_of_attention():
    q, k = RNG.normal(size=(2, 5, 3, 4)), RNG.normal(size=(2, 6, 3, 4))
    inputs = [given("state", "q", q.shape), given("state", "k", k.shape)]
    (value,) = values_of([np.einsum("bqhd,bkhd->bhqk", *map(Traced, inputs)).node], dict(zip(inputs, (q, k))))
    assert np.allclose(value, np.einsum("bqhd,bkhd->bhqk", q, k), rtol=1e-13, atol=1e-13)


def test_change_in_place_is_seen_by_all_names():
    inner = given("state", "a", (3, 4))
    a = b = Traced(inner)
    a += 1
    a *= b
    assert b is a
    (value,) = values_of([b.node], {inner: M})
    assert np.array_equal(value, (M + 1) ** 2)


def test_constants_are_exact():
    assert lifted(0.1).node.number == Fraction(0.1) and lifted(Fraction(1, 3)).node.number == Fraction(1, 3)
    assert (Traced(given("state", "a", (3,))).mean()).node.inputs[1].number == Fraction(1, 3)


A, W = Traced(given("state", "a", (3, 4))), Traced(given("state", "w", (4,)))
BRANCH = "a step cannot branch on its values (if, while, and, or, max, min); use np.where"
PLAIN = "a step cannot turn its values into a plain array"
BAD = {
    "if": (lambda: 1 if A.sum() > 0 else 2, BRANCH),
    "max": (lambda: max(W[0], W[1]), BRANCH),
    "float": (lambda: float(W[0]), "a step cannot turn its values into numbers of Python"),
    "int": (lambda: int(W[0]), "a step cannot turn its values into numbers of Python"),
    "index": (lambda: A[W[0]], "a step cannot use its values as an index"),
    "index of a list": (lambda: [1, 2][W[0]], "a step cannot use its values as an index"),
    "set": (lambda: A.__setitem__(0, 1.0), "a step cannot change a part of an array (x[i] = v); use np.where"),
    "array": (lambda: np.array([W, W]), PLAIN),
    "plain in place": (lambda: np.ones(4).__iadd__(W), "a step cannot write its values into a plain array"),
    "view in place": (lambda: A[0].__iadd__(1), "x += y would change a part of another array; write x = x + y"),
    "shape in place": (lambda: W.__iadd__(A), "x += y: an array of shape (4,) cannot hold one of shape (3, 4)"),
    "ufunc": (lambda: np.arctan2(A, A), "np.arctan2 is not an operation that a step can use; known are absolute, add,"),
    "function": (
        lambda: np.linalg.inv(A),
        "np.linalg.inv is not an operation that a step can use; known are absolute,",
    ),
    "method of a ufunc": (
        lambda: np.add.reduce(A),
        "np.add.reduce is not an operation that a step can use; use np.sum",
    ),
    "where=": (lambda: np.sum(A, where=True), "np.sum in a step: got an unexpected keyword argument 'where'"),
    "option": (lambda: np.add(A, 1, where=A > 0), "np.add takes no where= in a step"),
    "shapes": (lambda: A + np.ones(5), "shapes (3, 4) and (5,) do not fit each other"),
    "matmul": (lambda: A @ A, "shapes (3, 4) and (3, 4) do not fit in a matrix product"),
    "matmul of a number": (lambda: A @ W[0], "a matrix product (@) needs arrays with axes, not numbers; use *"),
    "reshape": (lambda: A.reshape(5, -1), "an array of shape (3, 4) cannot be reshaped to (5, -1)"),
    "axis": (lambda: A.sum(2), "an array of shape (3, 4) has no axis 2"),
    "outside": (lambda: A[3], "the index 3 is outside an array of shape (3, 4)"),
    "too many": (lambda: A[0, 0, 0], "too many indices for an array of shape (3, 4)"),
    "apart": (lambda: A[None][[0], :, [1]], "arrays as indices must stand side by side"),
    "text": (lambda: A["w"], "'w' is not an index of an array"),
    "infinite": (lambda: np.where(A > 0, A, -np.inf), "the constant -inf is not a finite number; use a finite one"),
    "objects": (lambda: A + "a", "'a' is not an array of real numbers"),
    "complex": (lambda: A * 1j, "'1j' is not an array of real numbers"),
    "astype": (lambda: A.astype(int), "astype(int64): the values of a step are real numbers"),
    "len": (lambda: len(W[0]), "len() of a number"),
    "split": (lambda: np.split(W, 3), "np.split: 4 elements along axis 0 cannot be cut into 3 equal parts"),
    "einsum": (lambda: np.einsum("ii->i", A), "np.einsum('ii->i'): give one or two arrays as in 'ij,jk->ik'"),
    "where": (lambda: np.where(A > 0), "np.where in a step needs a condition and both values"),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(name):
    call, message = BAD[name]
    with pytest.raises(TracingError) as error:
        call()
    assert str(error.value).startswith(message) and "\n" not in str(error.value)
