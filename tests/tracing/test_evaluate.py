"""Every operation of a graph in every arithmetic, against mpmath (``graph_oracle.py``).

Errors of exact numbers are counted in units of the last bit, those of differences relative to the difference.
"""

from __future__ import annotations

import math
from fractions import Fraction

import graph_oracle
import mpmath
import numpy as np
import pytest

from deepzoom.arithmetic.delta import Delta
from deepzoom.arithmetic.difference import Batch
from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.numpy_operations import floats
from deepzoom.arithmetic.tangent import Fold, Series
from deepzoom.tracing.evaluate import Evaluation, evaluate
from deepzoom.tracing.graph import Node, constant, given, node

X, Y = given("state", "x", (3, 4)), given("state", "y", (3, 4))


STACK = given("state", "stack", (2, 1, 4, 3))


def plus(x: Node, number) -> Node:
    return node("add", x, constant(number))


def above(x: Node) -> Node:
    """Numbers between 0.5 and about 5."""
    return plus(node("multiply", x, x), Fraction(1, 2))


def chosen(x: Node, y: Node, condition: Node) -> Node:
    return node("select", condition, node("multiply", x, y), node("subtract", y, x))


def ends(x: Node, y: Node) -> Node:
    """A condition of two others, the first in a product and the second denied."""
    return node("multiply", node("positive", x), node("subtract", constant(1), node("positive", y)))


def softmax(x: Node) -> Node:
    weights = node("exp", node("subtract", x, node("shift", x, data=1)))
    return node("divide", weights, node("reshape", node("sum", weights, data=(1,)), data=(3, 1)))


CASES = {
    "add": node("add", X, Y),
    "add a row": node("add", X, node("slice", Y, data=((1, 2, 1), (0, 4, 1)))),
    "subtract": node("subtract", X, Y),
    "multiply": node("multiply", X, Y),
    "multiply a column": node("multiply", node("slice", X, data=((0, 3, 1), (2, 3, 1))), Y),
    "divide": node("divide", X, above(Y)),
    "divide a constant": node("divide", constant(Fraction(1, 3)), above(X)),
    "divide by an array": node("divide", X, constant(np.arange(1.0, 5.0))),
    "negative": node("negative", X),
    "exp": node("exp", X),
    "log": node("log", above(X)),
    "sqrt": node("sqrt", above(X)),
    "tanh": node("tanh", X),
    "tanh slope": node("multiply", Y, node("tanh_slope", node("tanh", X))),
    "slopes moved": node(
        "matmul",
        node("tanh_slope", node("transpose", node("tanh", X), data=(1, 0))),
        node("broadcast", node("tanh_slope", node("slice", node("tanh", Y), data=((2, 3, 1), (0, 4, 1)))), data=(3, 4)),
    ),
    "slopes placed": node("place", node("tanh_slope", node("tanh", X)), data=((4, 4), ((1, 1), (0, 1)))),
    "slope placed": node("tanh_slope", node("place", node("tanh", X), data=((4, 4), ((1, 1), (0, 1))))),
    "slopes joined": node("join", node("tanh_slope", node("tanh", X)), Y, data=0),
    "slopes added": node("sum", node("tanh_slope", node("tanh", X)), data=(0,)),
    "sin": node("sin", X),
    "cos": node("cos", X),
    "softplus": node("softplus", X),
    "relu": node("select", node("positive", X), X, constant(0)),
    "select": chosen(X, Y, node("positive", node("subtract", X, Y))),
    "select by two": chosen(X, Y, ends(X, Y)),
    "select a slope": node("select", ends(X, Y), node("tanh_slope", node("tanh", X)), Y),
    "select a row": node("select", node("slice", node("positive", X), data=((0, 1, 1), (0, 4, 1))), X, Y),
    "condition moved": chosen(X, Y, node("reshape", node("transpose", node("positive", X), data=(1, 0)), data=(3, 4))),
    "condition times number": node("multiply", node("positive", X), Y),
    "softmax": softmax(X),
    "sum": node("sum", X, data=(0, 1)),
    "sum of rows": node("sum", X, data=(0,)),
    "sum of columns": node("sum", X, data=(1,)),
    "matmul": node("matmul", X, node("transpose", Y, data=(1, 0))),
    "matmul by a constant": node("matmul", X, constant(np.arange(8.0).reshape(4, 2) / 8)),
    "constant matmul": node("matmul", constant(np.arange(6.0).reshape(2, 3) / 8), X),
    "stacks": node("matmul", STACK, node("reshape", node("join", X, Y, data=0), data=(2, 3, 4))),
    "stack and matrix": node("matmul", X, STACK),
    "matrix and stack": node("matmul", STACK, Y),
    "constant stack": node("matmul", constant(np.arange(24.0).reshape(2, 3, 4) / 8), STACK),
    "transpose": node("transpose", STACK, data=(2, 0, 3, 1)),
    "reshape": node("reshape", node("transpose", X, data=(1, 0)), data=(2, 6)),
    "broadcast": node("broadcast", X, data=(2, 3, 4)),
    "slice": node("slice", X, data=((2, -1, -1), (1, 4, 2))),
    "place": node("place", X, data=((7, 9), ((6, -2), (1, 2)))),
    "join": node("join", X, constant(np.ones((3, 1))), Y, data=1),
}


NAMES = [name.replace(" ", "-") for name in CASES]


UNITS = {"exp": 40, "matmul": 4}
"""How many units of the last bit a result may be off, where that is more than 8."""


def mp_array(a: Exact):
    """The numbers as mpf."""
    numbers = np.empty(a.shape, dtype=object)
    numbers.ravel()[:] = [mpmath.ldexp(v, -a.bits) for v in a.integers()]
    return numbers


def random_inputs(seed: int, bits: int) -> dict[Node, Exact]:
    """Numbers that use all their bits."""
    rng = np.random.default_rng(seed)

    def numbers(n: Node) -> Exact:
        return Exact.of(rng.normal(size=n.shape), bits) + Exact.of(rng.normal(size=n.shape), bits) * Fraction(1, 3)

    return {n: numbers(n) for n in (X, Y, STACK)}


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_float64(case):
    values = {n: v.floats() for n, v in random_inputs(1, 104).items()}
    (got,) = evaluate([CASES[case]], values, lambda v: np.asarray(v, dtype=np.float64))
    with mpmath.workprec(100):
        (true,) = graph_oracle.values([CASES[case]], {n: graph_oracle._array(v) for n, v in values.items()})
    assert np.shape(got) == CASES[case].shape
    assert np.allclose(got, np.array(true, dtype=float), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("bits", [120, 400])
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_exact(case, bits):
    values = random_inputs(2, bits)
    (got,) = evaluate([CASES[case]], values, lambda v: Exact.of(v, bits))
    with mpmath.workprec(3 * bits):
        (true,) = graph_oracle.values([CASES[case]], {n: mp_array(v) for n, v in values.items()})
        assert got.shape == CASES[case].shape
        error = max(abs(e) for e in np.ravel(mp_array(got if isinstance(got, Exact) else got.exact()) - true))
        assert error * 2**got.bits <= UNITS.get(case, 8)


def near(values: dict[Node, Exact], exponent: int, seed: int) -> dict[Node, Exact]:
    """Of the numbers a third as close to 0 as the differences, so that conditions change."""
    rng = np.random.default_rng(seed)

    def some(a: Exact) -> Exact:
        scale = Exact.of(Fraction(2) ** exponent, a.bits) * rng.normal(size=a.shape)
        keep = (rng.random(a.shape) < 2 / 3).astype(np.int32)
        return Exact(a.digits * keep, a.point) + scale * (1 - keep)

    return {n: some(a) for n, a in values.items()}


def true_change(case, at, changes, exponent):
    """f(A + a) - f(A), and the sum of magnitudes of what each input alone changes, in units of 2**exponent."""
    unit = mpmath.ldexp(1, exponent)
    (here,) = graph_oracle.values([case], at)

    def change(moved):
        there = {n: at[n] + (graph_oracle._array(d) * unit if n in moved else 0) for n, d in changes.items()}
        (value,) = graph_oracle.values([case], there)
        return (value - here) / unit

    return change(changes), sum(abs(change({n})) for n in changes)


SCALES = {"1e-6": (0, 1e-6), "1e-20": (-66, 1.0), "1e-60": (-199, 1.0), "1e-320": (-1063, 1.0), "1e-451": (-1500, 1.0)}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_differences_of_pixels(case, scale):
    exponent, size = SCALES[scale]
    bits = 400 - 2 * exponent
    rng = np.random.default_rng(3)
    for folds in (False, True):
        values = random_inputs(4, bits)
        if folds:
            values = near(values, exponent + int(math.log2(size)), 5)
        changes = {n: rng.normal(size=(3, *n.shape)) * size for n in values}
        deltas = {n: Delta(v, Batch(changes[n], exponent)) for n, v in values.items()}
        (got,) = evaluate([CASES[case]], deltas, lambda v: Exact.of(v, bits))
        assert got.shape == CASES[case].shape
        with mpmath.workprec(bits + 1200):
            at = {n: mp_array(v) for n, v in values.items()}
            for pixel in range(3):
                one = {n: d[pixel] for n, d in changes.items()}
                true, parts = true_change(CASES[case], at, one, exponent)
                check(got.difference.data[pixel], true, parts, size)


def check(got, true, parts, size):
    """To 1e-13 of the difference and of those that add up to it; a jump that float64 cannot hold is infinite."""
    for g, t, p in zip(np.ravel(got), np.ravel(true), np.ravel(parts), strict=True):
        if abs(t) > mpmath.mpf(2) ** 1023:
            assert g == math.copysign(math.inf, t)
        else:
            assert abs(g - t) <= 1e-13 * (abs(t) + min(p, 1e3 * size) + size), (g, t, p)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_polynomials(case):
    bits, order = 400, 4
    fold = Fold()
    rng = np.random.default_rng(6)
    values = random_inputs(7, bits)
    slopes = {n: rng.normal(size=(2, *n.shape)) for n in values}
    variables = [Delta(Exact.of(0.0, bits), Series.variable(k, order, fold)) for k in (0, 1)]
    series = {
        n: v + variables[0] * Exact.of(slopes[n][0], bits) + variables[1] * Exact.of(slopes[n][1], bits)
        for n, v in values.items()
    }
    (got,) = evaluate([CASES[case]], series, lambda v: Exact.of(v, bits))
    dx, dy = np.array([2.0**-12, -(2.0**-13)]), np.array([-(2.0**-14), 2.0**-12])
    assert fold.log2 > -11  # so that no condition changes
    found = got.difference.at(dx, dy, 0)
    changes = {n: dx[:, None].reshape(2, *(1,) * len(n.shape)) * s[0] + dy.reshape(2, *(1,) * len(n.shape)) * s[1]
               for n, s in slopes.items()}  # fmt: skip
    deltas = {n: Delta(v, Batch(changes[n])) for n, v in values.items()}
    (pixels,) = evaluate([CASES[case]], deltas, lambda v: Exact.of(v, bits))
    largest = np.abs(pixels.difference.data).max() + 1e-9
    # the first term left out is below the fifth power of the difference by a factor of a function's derivatives
    assert np.abs(found - pixels.difference.data).max() <= 1e-12 * largest + 100 * 2.0 ** (-12 * (order + 1))
    with mpmath.workprec(bits + 400):
        at = {n: mp_array(v) for n, v in values.items()}
        true, _ = true_change(CASES[case], at, {n: d[0] for n, d in changes.items()}, 0)
        assert np.abs(found[0] - np.array(true, dtype=float)).max() <= 1e-12 * largest + 100 * 2.0 ** (
            -12 * (order + 1)
        )


def test_a_float64_reference_has_differences_too():
    rng = np.random.default_rng(8)
    values = {n: rng.normal(size=n.shape) for n in (X, Y, STACK)}
    changes = {n: rng.normal(size=(2, *n.shape)) * 1e-9 for n in values}
    outputs = list(CASES.values())
    lift = lambda v: np.asarray(v, dtype=np.float64)  # noqa: E731
    got = evaluate(outputs, {n: Delta(v, Batch(changes[n])) for n, v in values.items()}, lift)
    exact = {n: Delta(Exact.of(v, 200), Batch(changes[n])) for n, v in values.items()}
    true = evaluate(outputs, exact, lambda v: Exact.of(v, 200))
    for name, g, t in zip(CASES, got, true, strict=True):
        assert np.allclose(g.difference.data, t.difference.data, rtol=1e-11, atol=1e-20), name
        assert np.allclose(floats(g.reference), floats(t.reference), rtol=1e-12, atol=1e-14), name


def test_the_shift_has_the_references_value():
    x = Delta(Exact.of(np.array([[1.0, 3.0], [5.0, 2.0]]), 104), Batch(np.full((1, 2, 2), 0.5)))
    z = given("state", "z", (2, 2))
    (got,) = evaluate([node("shift", z, data=1)], {z: x}, lambda v: Exact.of(v, 104))
    assert isinstance(got, Exact) and got.floats().tolist() == [[3.0], [5.0]]


def test_constants_are_lifted_and_combined_once():
    lifted = []

    def lift(value):
        lifted.append(value)
        return np.asarray(value, dtype=np.float64)

    third = constant(Fraction(1, 3))
    outputs = [node("multiply", X, node("sqrt", third)), node("add", Y, third), node("sqrt", third), X]
    evaluation = Evaluation(outputs, lift)
    for scale in (1.0, 2.0):
        found = evaluation({X: np.full((3, 4), scale), Y: np.zeros((3, 4))})
        assert [float(v.flat[0]) for v in map(np.asarray, found)] == [
            scale * math.sqrt(1 / 3), 1 / 3, math.sqrt(1 / 3), scale,
        ]  # fmt: skip
    assert lifted == [Fraction(1, 3)]


@pytest.mark.parametrize("bits", [120, 400])
def test_operations_of_kernels_on_constants(bits):
    values, scaled = random_inputs(10, bits), node("tanh_scaled", X)
    got = evaluate(
        [scaled, node("multiply", node("slope_scaled", X), Y), node("copy", Y)], values, lambda v: Exact.of(v, bits)
    )
    with mpmath.workprec(3 * bits):
        x, y = mp_array(values[X]), mp_array(values[Y])
        t = np.vectorize(lambda v: mpmath.tanh(v * mpmath.log(2) / 2), otypes=[object])(x)
        for g, true in zip(got, (t, (1 - t * t) * y, y), strict=True):
            assert max(abs(e) for e in np.ravel(mp_array(g) - true)) * 2**g.bits <= 8
