"""Floatexp numbers against exact fractions and mpmath, also at the ends of float64's range."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numba
import numpy as np
import pytest

from deepzoom.backends.kernels.arithmetic import exponent_bits, floatexp

ENDS = [0.0, 5e-324, -3e-310, 2.0**-1022, -0.75, 1.0, 3.5, 1.7976931348623157e308, math.inf, -math.inf]
SIZES = [-5000, -1100, -1030, -500, -60, -1, 0, 1, 53, 900, 4000]


@numba.njit
def split(x):
    return exponent_bits.split(x)


@numba.njit
def two_to(e):
    return exponent_bits.two_to(e)


@numba.njit
def unit_of(x):
    return exponent_bits.unit_of(x)


@numba.njit
def combined(a, b):
    return floatexp.wide_add(a, b), floatexp.wide_multiply(a, b), floatexp.wide_divide(a, b)


@numba.njit
def others(a, b):
    return (
        floatexp.wide_less(a, b),
        floatexp.wide_larger(a, b),
        floatexp.wide_sqrt(a),
        floatexp.wide_exp(b),
        floatexp.wide_sign(b),
    )


def value(a):
    return Fraction(float(a[0])) * Fraction(2) ** int(a[1]) if a[0] else Fraction(0)


def is_normal(a):
    return a[1] == floatexp.NOTHING if a[0] == 0 else 0.5 <= abs(a[0]) < 1


@pytest.mark.parametrize("x", ENDS)
def test_mantissa_and_exponent(x):
    m, e = split(x)
    assert (m, e) == (math.frexp(x) if math.isfinite(x) else (x, 0))


def test_nan_stays_nan():
    assert math.isnan(split(math.nan)[0])


def test_powers_of_two():
    for e in range(-1100, 1040):
        assert two_to(e) == (0.0 if e < -1074 else math.ldexp(1.0, min(e, 1020)))


@pytest.mark.parametrize("x", [x for x in ENDS if 0 < x < math.inf])
def test_units(x):
    scale, e = unit_of(x)
    assert e == max(math.frexp(x)[1], -1000) and scale == math.ldexp(1.0, -min(e, 1024))


def numbers(seed, count):
    rng = np.random.default_rng(seed)
    return [(float(m), int(e)) for m, e in zip(rng.uniform(0.5, 1, count), rng.choice(SIZES, count))]


def test_arithmetic_is_right_to_the_last_bits():
    for k, (a, b) in enumerate(zip(numbers(1, 300), numbers(2, 300), strict=True)):
        b = (-b[0] if k % 2 else b[0]), (a[1] + k % 7 - 3 if k % 3 == 0 else b[1])
        exact = value(a) + value(b), value(a) * value(b), value(a) / value(b)
        for found, true in zip(combined(a, b), exact, strict=True):
            assert is_normal(found) and abs(value(found) - true) <= abs(true) / 2**52


def test_zero_and_what_cancels():
    a = (0.75, -3000)
    total, product, quotient = combined(a, (-0.75, -3000))
    assert total == (0.0, floatexp.NOTHING) and value(product) == -(value(a) ** 2) and value(quotient) == -1
    total, product, _ = combined(floatexp.WIDE_ZERO, a)
    assert total == a and product == (0.0, floatexp.NOTHING)


@pytest.mark.parametrize("x", [0.0, 1e-5, -3.0, 699.0, -701.5, 5000.0, -123456.789, 1e8])
def test_functions(x):
    a, b = (0.6, -2001), wide_of(x)
    less, larger, root, _, sign = others(a, b if x >= 0 else (-b[0], b[1]))
    assert less == (value(a) < abs(Fraction(x))) and value(larger) == max(value(a), abs(Fraction(x)))
    assert abs(value(root) ** 2 / value(a) - 1) < 2**-50
    assert value(sign) == (0 if x == 0 else 1)
    *_, power, _ = others(a, b)
    with mpmath.workdps(60):
        true = mpmath.exp(mpmath.mpf(x))
        error = abs(mpmath.ldexp(mpmath.mpf(float(power[0])), int(power[1])) / true - 1)
        assert error <= 2.0**-51 + 2.0**-53 * abs(x)  # the second part is what rounding of x makes of it


def wide_of(x):
    m, e = math.frexp(x)
    return (m, e) if m else (0.0, int(floatexp.NOTHING))
