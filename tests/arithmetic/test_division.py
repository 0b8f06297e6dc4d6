"""Quotients and square roots of exact numbers against Python's integers, to half a unit of the last bit."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

import numpy as np
import pytest

from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.fixed_point import BASE_BITS
from deepzoom.arithmetic.numpy_operations import NotANumber

HALF = 1 << BASE_BITS - 1
MORE = 20  # bits below the last one to which the oracle is right


def numbers(rng, count, point, longest) -> Exact:
    """Numbers of all lengths, from random digits, extreme ones, and few that are not zero."""
    digits = rng.integers(-HALF, HALF, (longest, count), dtype=np.int64)
    extreme = rng.choice(np.array([-HALF, HALF - 1, 0, 1, -1]), digits.shape)
    digits = np.where(rng.random(count) < 0.4, extreme, digits)
    lengths = rng.integers(1, longest + 1, count)
    digits[np.arange(longest)[:, None] >= lengths] = 0
    digits[lengths - 1, np.arange(count)] = rng.choice(np.array([1, -1, 2, HALF - 1, 12345]), count)
    return Exact(digits.astype(np.int32), point)


@pytest.mark.parametrize(("point", "longest"), [(1, 2), (3, 4), (5, 9), (16, 17), (40, 90)])
def test_quotients(point, longest):
    rng = np.random.default_rng(point)
    a, b = numbers(rng, 400, point, longest), numbers(rng, 400, point, longest)
    got = (a / b).integers()
    for quotient, n, d in zip(got, a.integers(), b.integers(), strict=True):
        assert abs(quotient - Fraction(n << a.bits, d)) <= Fraction(1, 2) + Fraction(1, 2**MORE)


@pytest.mark.parametrize(("point", "longest"), [(1, 2), (3, 4), (5, 9), (16, 17), (40, 90)])
def test_square_roots(point, longest):
    rng = np.random.default_rng(point)
    a = abs(numbers(rng, 400, point, longest))
    for root, n in zip(np.sqrt(a).integers(), a.integers(), strict=True):
        true = Fraction(isqrt(n << a.bits + 2 * MORE), 2**MORE)
        assert abs(root - true) <= Fraction(1, 2) + Fraction(2, 2**MORE)


def test_numbers_of_so_many_digits_that_what_is_left_must_carry():
    rng = np.random.default_rng(0)
    a, b = numbers(rng, 4, 700, 701), numbers(rng, 4, 700, 701)
    top = Exact(np.full((701, 1), -HALF, np.int32), 700)
    for n, d in ((a, b), (top, top + 2.0**-30), (Exact.of(1.0, 700 * BASE_BITS), b)):
        got, above, below = (n / d).integers(), np.broadcast_to(n.integers(), (d - n * 0.0).size), d.integers()
        for quotient, x, y in zip(got, above.tolist(), below, strict=True):
            assert abs(quotient - Fraction(x << a.bits, y)) <= Fraction(1, 2) + Fraction(1, 2**MORE)
    for x in (abs(a), abs(top), Exact.of(np.array([2.0, 3.0]), 700 * BASE_BITS)):
        for root, n in zip(np.sqrt(x).integers(), x.integers(), strict=True):
            assert abs(root - isqrt(n << x.bits)) <= 1


def test_exact_results_stay_exact():
    squares = Exact.of(np.array([0.0, 1.0, 4.0, 2.0**-60, 9.0e10, 2.0**100]), 130)
    assert np.sqrt(squares).floats().tolist() == [0.0, 1.0, 2.0, 2.0**-30, 3.0e5, 2.0**50]
    assert (squares / np.sqrt(Exact.of(np.array([1.0, 1.0, 4.0, 1.0, 9.0e10, 2.0**100]), 130))).floats().tolist() == [
        0.0, 1.0, 2.0, 2.0**-60, 3.0e5, 2.0**50,
    ]  # fmt: skip
    with pytest.raises(NotANumber, match="division by zero") as error:
        squares / Exact.of(np.array([1.0, 0.0, 2.0, 0.0, 1.0, 1.0]), 130)
    assert error.value.where.tolist() == [False, True, False, True, False, False]
    with pytest.raises(NotANumber, match="square root of a negative number"):
        np.sqrt(-squares)


def test_exp_of_numbers_that_would_fill_the_memory():
    with pytest.raises(NotANumber, match="exp of a number above 100000"):
        np.exp(Exact.of(np.array([1.0, 2e5]), 130))
    assert np.exp(Exact.of(np.array([-1e5, -1e300]), 130)).floats().tolist() == [0.0, 0.0]
