"""Tangents of traced functions, against their gradients, which are held to mpmath's derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from test_gradient import CASES

from deepzoom.tracing.array import Traced
from deepzoom.tracing.evaluate import as_float64, evaluate
from deepzoom.tracing.gradient import gradient
from deepzoom.tracing.graph import given
from deepzoom.tracing.tangents import tangents


@pytest.mark.parametrize("name", CASES)
def test_tangents_are_products_with_the_gradient(name):
    function, *arrays = CASES[name]
    inputs = [given("state", f"a{k}", a.shape) for k, a in enumerate(arrays)]
    along = [given("tangent", f"t{k}", a.shape) for k, a in enumerate(arrays)]
    changes = [np.random.default_rng(k).normal(size=a.shape) for k, a in enumerate(arrays)]
    result = function(*map(Traced, inputs))
    slopes = [g.node for g in gradient(result.sum() if result.shape else result, list(map(Traced, inputs)))]
    values = {**dict(zip(inputs, arrays)), **dict(zip(along, changes))}
    found = evaluate(tangents([result.node], dict(zip(inputs, along))), values, as_float64)[0]
    wanted = sum((g * t).sum() for g, t in zip(evaluate(slopes, values, as_float64), changes))
    assert np.shape(found) == result.shape
    assert np.sum(found) == pytest.approx(float(wanted), rel=1e-12, abs=1e-12)


def test_what_does_not_depend_on_an_input_has_no_tangent():
    a, b, t = (given("state", name, (2,)) for name in "abt")
    unchanged, root = (Traced(a) * 3 + 1).node, np.sqrt(Traced(b)).node
    assert np.array_equal(evaluate(tangents([unchanged], {b: t}), {}, as_float64)[0], [0, 0])
    values = {b: np.array([0.0, 4.0]), t: np.array([0.0, 1.0])}
    assert np.array_equal(evaluate(tangents([root], {b: t}), values, as_float64)[0], [0, 0.25])
