"""A number that exact arithmetic does not have ends an evaluation only if it reaches an output."""

from __future__ import annotations

import numpy as np
import pytest

from deepzoom.arithmetic.delta import Delta
from deepzoom.arithmetic.difference import Batch
from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.numpy_operations import NotANumber
from deepzoom.tracing.evaluate import evaluate
from deepzoom.tracing.graph import constant, given, node

X, Y = given("state", "x", (3,)), given("state", "y", (3,))
INVERSE = node("divide", Y, X)
GUARDED = node("select", node("positive", X), INVERSE, constant(7))


def lift(value):
    return Exact.of(value, 104)


def at(x, y=(1.0, 1.0, 1.0)):
    return {X: lift(np.array(x)), Y: lift(np.array(y))}


def test_what_a_condition_leaves_out_does_not_count():
    (got,) = evaluate([GUARDED], at([2.0, 0.0, -4.0]), lift)
    assert got.floats().tolist() == [0.5, 7.0, 7.0]
    root = node("select", node("positive", X), node("sqrt", X), node("log", node("negative", X)))
    (got,) = evaluate([root], at([4.0, -1.0, 1.0]), lift)
    assert got.floats().tolist() == [2.0, 0.0, 1.0]


VIEWS = {
    "itself": INVERSE,
    "sum": node("add", node("sum", INVERSE, data=(0,)), constant(1)),
    "place": node("place", INVERSE, data=((5,), ((1, 1),))),
    "matmul": node("matmul", node("reshape", INVERSE, data=(1, 3)), node("reshape", Y, data=(3, 1))),
    "shift": node("subtract", Y, node("shift", INVERSE, data=0)),
    "join": node("join", Y, INVERSE, data=0),
    "product": node("multiply", node("positive", X), INVERSE),
    "condition": node("select", node("positive", INVERSE), X, Y),
    "root": node("sqrt", node("negative", Y)),
}


@pytest.mark.parametrize("name", VIEWS)
def test_what_reaches_an_output_ends_the_run(name):
    message = "square root of a negative number" if name == "root" else "division by zero"
    with pytest.raises(NotANumber, match=message):
        evaluate([X, VIEWS[name]], at([2.0, 0.0, -4.0]), lift)


def test_the_place_is_known():
    with pytest.raises(NotANumber) as error:
        evaluate([VIEWS["place"]], at([2.0, 0.0, -4.0]), lift)
    assert error.value.where.tolist() == [False, False, True, False, False]
    (got,) = evaluate([node("slice", INVERSE, data=((0, 3, 2),))], at([2.0, 0.0, -4.0]), lift)
    assert got.floats().tolist() == [0.5, -0.25]


def test_a_pixel_may_need_what_the_reference_leaves_out():
    other = node("select", node("positive", X), constant(7), node("log", Y))
    values = at([1.0, 1.0, 1.0], [0.0, 1.0, 1.0])
    (got,) = evaluate([other], values, lift)
    assert got.floats().tolist() == [7.0, 7.0, 7.0]
    near = Delta(values[X], Batch(np.array([[-0.5, -0.5, -2.0]])))
    (got,) = evaluate([other], values | {X: near}, lift)
    assert got.difference.data.tolist() == [[0.0, 0.0, -7.0]]
    with pytest.raises(NotANumber, match="logarithm"):
        evaluate([other], values | {X: Delta(values[X], Batch(np.array([[-2.0, 0.0, 0.0]])))}, lift)


def test_constants_may_be_undefined_where_nothing_needs_them():
    log = node("log", constant(np.array([1.0, 0.0, -1.0])))
    (got,) = evaluate([node("select", node("positive", X), log, X)], at([2.0, 0.0, -4.0]), lift)
    assert got.floats().tolist() == [0.0, 0.0, -4.0]
    with pytest.raises(NotANumber, match="logarithm"):
        evaluate([node("add", X, log)], at([1.0, 1.0, 1.0]), lift)


def test_float64_has_nan():
    x = np.array([2.0, 0.0, -4.0])
    (got,) = evaluate([INVERSE], {X: x, Y: np.array([1.0, 0.0, 1.0])}, lambda v: np.asarray(v, dtype=np.float64))
    assert np.array_equal(got, [0.5, np.nan, -0.25], equal_nan=True)
