"""Conditions and choices by them, roots near zero and softplus, as differences against mpmath."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from deepzoom.arithmetic.conditions import Condition, positive, select
from deepzoom.arithmetic.delta import Delta
from deepzoom.arithmetic.difference import Batch
from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.tangent import Fold, Series

BITS = 4000
EXPONENTS = [0, -66, -199, -1063, -1500]
CHANGES = np.array([[0.5, -0.5, 2.0, -2.0, 0.0]])


def pixels(at, exponent, change=CHANGES):
    """Numbers ``at`` times 2**exponent, changed."""
    return Delta(Exact.of(np.array(at), BITS) * Exact.of(Fraction(2) ** exponent, BITS), Batch(change, exponent))


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_a_choice_takes_the_other_branch(exponent):
    at = [1.0, 1.0, -1.0, 1.0, -1.0]
    x = pixels(at, exponent)
    yes, no = pixels([3.0, 5.0, 7.0, 9.0, 11.0], exponent), pixels([1.0, -1.0, 0.25, -0.25, 0.0], exponent)
    now = np.array(at) + CHANGES[0] > 0
    assert (now != (np.array(at) > 0)).tolist() == [False, False, True, True, False]
    got = select(positive(x), yes, no)
    true = np.where(now, yes.reference.floats(exponent), no.reference.floats(exponent)) + CHANGES[0]
    assert (got.reference.floats(exponent) + got.difference.data[0]).tolist() == true.tolist()
    fixed = select(positive(x), yes, no.reference)
    true = np.where(now, yes.reference.floats(exponent) + CHANGES[0], no.reference.floats(exponent))
    assert (fixed.reference.floats(exponent) + fixed.difference.data[0]).tolist() == true.tolist()


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_products_and_denials_of_conditions_are_conditions(exponent):
    x, y = pixels([1.0, 1.0, -1.0, 1.0, -1.0], exponent), pixels([-1.0, 1.0, 1.0, 1.0, -1.0], exponent)
    a, b = np.array([1, 1, 1, 0, 0]), np.array([0, 1, 1, 0, 0])  # of the pixel
    p, q = positive(x), positive(y)
    one, zero = Exact.of(1.0, BITS), Exact.of(0.0, BITS)
    yes = Exact.of(Fraction(2) ** exponent, BITS)
    for condition, true in (
        (p * q, a * b), (p * (one - q), a * (1 - b)), (one - p, 1 - a), (one - (one - p) * (one - q), a | b),
        (p * one, a), (p * zero, 0 * a), (p * positive(x.reference), a * [1, 1, 0, 1, 0]),
    ):  # fmt: skip
        assert isinstance(condition, Condition)
        got = select(condition, yes, zero)
        assert (got.reference.floats(exponent) + got.difference.data[0]).tolist() == true.tolist()


def test_a_jump_beyond_float64_is_infinite_and_a_difference_of_conditions_a_number():
    got = positive(pixels([1.0, 1.0, -1.0, 1.0, -1.0], -1500)).difference.data[0]
    assert got.tolist() == [0.0, 0.0, math.inf, -math.inf, 0.0]
    sign = positive(pixels([1.0] * 5, -10)) - positive(-pixels([1.0] * 5, -10))
    assert not isinstance(sign, Condition)
    assert sign.difference.data[0].tolist() == [0.0, 0.0, 0.0, -(2.0**11), 0.0]


def test_a_condition_of_polynomials_is_watched_and_keeps_its_branch():
    fold = Fold()
    x = Delta(Exact.of(np.array([0.25, -4.0]), 104), Series(np.array([[1.0, 1.0], [0.5, 0.0]]), 3, 1, fold))
    y = Delta(Exact.of(np.array([1.0, 1.0]), 104), Series(np.array([[2.0, 2.0], [3.0, 3.0]]), 3, 1, fold))
    got = select(positive(x), y, x)
    assert got.difference.data.tolist() == [[2.0, 1.0], [3.0, 0.0]]
    assert fold.log2 == pytest.approx(math.log2(0.25 / 1.5) + 3)


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("exact", [True, False])
def test_square_roots_at_and_near_zero(exponent, exact):
    if not exact and exponent < -1000:
        return  # float64 has no such reference
    with mpmath.workprec(2 * BITS):
        for at in (Fraction(0), Fraction(2) ** exponent, 3 * Fraction(2) ** (exponent + 40), Fraction(5, 2), 10**20):
            reference = Exact.of(Fraction(at), BITS) if exact else np.asarray(float(at))
            change = np.array([0.75, 1e-12, 1e-200, 0.0])
            got = np.sqrt(Delta(reference, Batch(change, exponent))).difference.data
            a, unit = mpmath.mpf(Fraction(at).numerator) / Fraction(at).denominator, mpmath.ldexp(1, exponent)
            for g, c in zip(got, change):
                true = mpmath.sqrt(a + mpmath.mpf(c) * unit) - mpmath.sqrt(a)
                assert abs(g * unit - true) <= 1e-15 * abs(true) + unit * 1e-300


def test_a_root_at_zero_has_no_polynomial():
    fold = Fold()
    flat, moving = np.zeros((2, 2)), np.array([[1.0, 0.0], [0.0, 0.0]])
    reference = Exact.of(np.array([0.0, 4.0]), 104)
    assert np.sqrt(Delta(reference, Series(flat, 0, 1, fold))).difference.data.tolist() == flat.tolist()
    assert fold.log2 == math.inf
    np.sqrt(Delta(reference, Series(moving[:, ::-1], 0, 1, fold)))
    assert fold.log2 == math.inf
    np.sqrt(Delta(reference, Series(moving, 0, 1, fold)))
    assert fold.log2 == -math.inf


@pytest.mark.slow
def test_softplus_keeps_its_digits_for_any_difference():
    with mpmath.workprec(20000):
        for at in (0.0, 0.3, -2.0, 8.0, -18.0, 40.0, -300.0, 600.0, -2000.0, 1e4):
            for change in (1e-17, -1e-17, 1e-3, -0.4, 3.0, -9.0, 45.0, -60.0, 400.0, -699.0, -1000.0, 3000.0):
                got = np.logaddexp(0.0, Delta(Exact.of(at, 20000), Batch(np.array([change])))).difference.data[0]
                here, there = (mpmath.log1p(mpmath.exp(mpmath.mpf(at) + v)) for v in (0, mpmath.mpf(change)))
                true = there - here
                assert abs(got - true) <= 1e-15 * abs(true) * max(4, abs(at)) + 1e-300, (at, change)


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_softplus_at_any_depth(exponent):
    x = pixels([0.0, 0.5, -0.5, 3.0, -3.0], 0)
    x = Delta(x.reference, Batch(CHANGES, exponent))
    got = np.logaddexp(0.0, x).difference.data[0]
    with mpmath.workprec(2 * BITS):
        for g, at, change in zip(got, (0.0, 0.5, -0.5, 3.0, -3.0), CHANGES[0]):
            there = mpmath.mpf(at) + mpmath.ldexp(mpmath.mpf(change), exponent)
            true = mpmath.ldexp(mpmath.log1p(mpmath.exp(there)) - mpmath.log1p(mpmath.exp(mpmath.mpf(at))), -exponent)
            assert abs(g - true) <= 1e-15 * abs(true)


def test_softplus_of_exact_numbers():
    x = Exact.of(np.array([0.0, 1e-9, -1e-9, 3.0, -3.0, 80.0, -80.0, 2e5, -2e5]), 208)
    with mpmath.workprec(600):
        for got, at in zip(np.logaddexp(0.0, x).integers(), x.floats(), strict=True):
            true = mpmath.log1p(mpmath.exp(mpmath.mpf(at)))
            assert abs(mpmath.ldexp(got, -x.bits) - true) <= mpmath.ldexp(4, -x.bits)


def test_a_condition_whose_slope_is_zero_has_a_fold_too():
    """x y > 0 where both are 0 in the reference, and 1/4 + 4 x**2 > 0 without a slope at 0."""
    order = 2  # monomials x, y, xx, xy, yy
    for at, terms, wanted in ((0.0, [0, 0, 0, 1, 0], -math.inf), (-0.25, [0, 0, 4, 0, 0], -2.0 + 3)):
        fold = Fold()
        data = np.array(terms, dtype=float)[:, None]
        positive(Delta(Exact.of(np.array([at]), 104), Series(data, 3, order, fold)))
        assert fold.log2 == wanted
    fold = Fold()
    positive(Delta(Exact.of(np.array([0.0]), 104), Series(np.zeros((5, 1)), 3, order, fold)))
    assert fold.log2 == math.inf
