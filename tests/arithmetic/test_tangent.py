"""Taylor polynomials against mpmath's numerical derivatives."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from deepzoom.arithmetic.delta import Delta
from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.tangent import Fold, Series, monomials

MAPS = {
    "products": lambda f, x, y: x * x * y - 3.0 * y * y,
    "quotient": lambda f, x, y: (x + 2.0 * y) / (3.0 + x * y),
    "exp": lambda f, x, y: f.exp(x * y) * y,
    "log": lambda f, x, y: f.log(5.0 + x - y),
    "sqrt": lambda f, x, y: f.sqrt(5.0 + x * y),
    "sin": lambda f, x, y: f.sin(x + y * y),
    "tanh": lambda f, x, y: f.tanh(2.0 * x - y),
    "powers": lambda f, x, y: 10.0**x * y**3,
}


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("order", [1, 2, 5])
def test_coefficients(name, order):
    at = (0.375, -0.625)
    fold = Fold()
    x, y = (Delta(Exact.of(v, 200), Series.variable(i, order, fold)) for i, v in enumerate(at))
    got = MAPS[name](np, x, y).difference.data
    with mpmath.workprec(400):
        for coefficient, (i, j) in zip(got, monomials(order)):
            derivative = mpmath.diff(lambda p, q: MAPS[name](mpmath, p, q), at, (int(i), int(j)))
            true = derivative / (math.factorial(i) * math.factorial(j))
            assert abs(coefficient - true) <= 2e-14 * max(1.0, abs(true))


def test_values_and_scaling():
    fold = Fold()
    x, y = (Delta(Exact.of(v, 200), Series.variable(i, 3, fold)) for i, v in enumerate((0.5, 1.25)))
    series = (np.tanh(x) * y * y).difference
    dx, dy = np.array([3e-3, -1e-3]), np.array([2e-3, 5e-3])
    true = [float(mpmath.tanh(0.5 + a) * (1.25 + b) ** 2 - mpmath.tanh(0.5) * 1.25**2) for a, b in zip(dx, dy)]
    assert np.allclose(series.at(dx, dy, 0), true, rtol=1e-7, atol=0)
    moved = series.rescaled(-40)
    assert moved.exponent == -40
    assert np.allclose(moved.at(dx, dy, 0), series.at(dx, dy, 0), rtol=1e-15, atol=0)
    assert np.allclose(moved.at(dx * 2.0**90, dy * 2.0**90, -90), series.at(dx, dy, 0), rtol=1e-15, atol=0)


def test_products_do_not_depend_on_the_exponent():
    rng = np.random.default_rng(1)
    fold = Fold()
    a, b = (Series(rng.normal(size=(9, 4)), 0, 3, fold) for _ in range(2))
    there = a.rescaled(-300).times(b.rescaled(-300))
    assert np.allclose(there.rescaled(0).data, a.times(b).data, rtol=1e-14, atol=0)


def test_folds_are_noted():
    fold = Fold()
    x = Delta(Exact.of(2.0**-20, 200), Series.variable(0, 2, fold))
    assert np.array_equal(np.maximum(x, 0.0).difference.data, x.difference.data)
    assert not np.any(np.maximum(-x, 0.0).difference.data)
    assert np.array_equal(abs(-x).difference.data, x.difference.data)
    assert fold.log2 == -20
    wider = Delta(Exact.of(2.0**-20, 200), Series.variable(0, 2, fold).rescaled(-8).scaled(4.0))
    np.heaviside(wider, 0.0)
    assert fold.log2 == -22  # the slope is four times larger, so the fold is a quarter as far away
