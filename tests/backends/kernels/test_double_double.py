"""Double-double numbers against fractions."""

from __future__ import annotations

from fractions import Fraction

import numba
import numpy as np
import pytest

from deepzoom.backends.kernels.arithmetic.double_double import double_add, double_divide, double_multiply, double_sqrt
from deepzoom.backends.kernels.arithmetic.exact_products import fused, rounded_product


def _caller(function):
    def two(a, b, c, d):
        return function((a, b), (c, d))

    return numba.njit(error_model="numpy")(two)


@numba.njit
def product_and_error(a, b):
    p = rounded_product(a, b)
    return p, fused(a, b, -p)


@numba.njit
def root(a, b):
    return double_sqrt((a, b))


def numbers(count, spread=40):
    """Random pairs (high, low) of double-double numbers."""
    rng = np.random.default_rng(count)
    high = rng.choice([-1.0, 1.0], count) * np.ldexp(rng.random(count) + 0.5, rng.integers(-spread, spread, count))
    return [(float(h), float(h * r * 2.0**-54)) for h, r in zip(high, rng.uniform(-1, 1, count), strict=True)]


def exactly(pair):
    return Fraction(pair[0]) + Fraction(pair[1])


def test_products_and_what_they_lack_are_exact():
    for (a, _), (b, _) in zip(numbers(1001, 200), numbers(1003, 200)[:1001], strict=True):
        assert exactly(product_and_error(a, b)) == Fraction(a) * Fraction(b)


@pytest.mark.parametrize(
    ("function", "exact"),
    [
        (double_add, lambda a, b: a + b),
        (double_multiply, lambda a, b: a * b),
        (double_divide, lambda a, b: a / b),
    ],
    ids=["add", "multiply", "divide"],
)
def test_to_104_bits(function, exact):
    called = _caller(function)
    for a, b in zip(numbers(1001), numbers(1003)[:1001], strict=True):
        expected = exact(exactly(a), exactly(b))
        found = called(*a, *b)
        scale = max(abs(expected), Fraction(2) ** -104 * max(abs(exactly(a)), abs(exactly(b))))
        assert abs(exactly(found) - expected) <= Fraction(2) ** -103 * scale
        assert found[0] == found[0] + found[1]


def test_roots():
    for a, b in numbers(1001):
        found = exactly(root(abs(a), b))
        assert abs(found**2 - exactly((abs(a), b))) <= Fraction(2) ** -101 * exactly((abs(a), b))


def test_beyond_float64():
    assert _caller(double_multiply)(1e200, 0.0, 1e200, 0.0)[0] == np.inf
