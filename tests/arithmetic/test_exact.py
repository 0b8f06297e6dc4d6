"""Exact arithmetic against mpmath. Errors are counted in units of the last bit."""

from __future__ import annotations

import math
from fractions import Fraction

import gmpy2
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.numpy_operations import NotANumber

mp = mpmath.mp
BITS = [52, 104, 200, 530]


@pytest.fixture(autouse=True)
def precise():
    with mpmath.workprec(2500):
        yield


def values(a: Exact) -> list:
    return [mpmath.ldexp(i, -a.bits) for i in a.integers()]


def units(a: Exact, true: list) -> float:
    """The largest error, in units of the last bit."""
    return float(max(abs(v - t) for v, t in zip(values(a), true, strict=True)) * 2**a.bits)


def numbers(seed: int, size: int, bits: int, scale: float = 3.0) -> Exact:
    """Random numbers that use all their bits."""
    rng = np.random.default_rng(seed)
    a = Exact.of(rng.normal(size=size) * scale, bits)
    return a + Exact.of(rng.normal(size=size), bits) / 3.0 / 7.0 ** min(20, bits // 8)


@pytest.mark.parametrize("bits", BITS)
def test_sum_and_product(bits):
    a, b = numbers(1, 40, bits), numbers(2, 40, bits, 1e5)
    x, y = values(a), values(b)
    assert units(a + b, [p + q for p, q in zip(x, y)]) == 0
    assert units(a - b, [p - q for p, q in zip(x, y)]) == 0
    assert units(-a, [-p for p in x]) == 0
    assert units(a * b, [p * q for p, q in zip(x, y)]) <= 1
    assert units(a / b, [p / q for p, q in zip(x, y)]) <= 1
    assert units(a * 0.1, [p * mpmath.mpf(0.1) for p in x]) <= 12  # float64's 0.1 is itself wrong by up to half a unit


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("shape", [(3, 5, 4), (40, 7, 1), (1, 300, 9)])
def test_matrix_product(bits, shape):
    m, k, n = shape
    a, b = numbers(3, m * k, bits), numbers(4, k * n, bits)
    left, right = Exact(a.digits.reshape(-1, m, k), a.point), Exact(b.digits.reshape(-1, k, n), b.point)
    x, y = values(a), values(b)
    true = [mpmath.fsum(x[i * k + s] * y[s * n + j] for s in range(k)) for i in range(m) for j in range(n)]
    assert units(left @ right, true) <= 1
    assert units((right.T @ left.T).T, true) <= 1


def test_matrix_product_of_many_rows_carries_in_time():
    a = Exact.of(np.full((1, 9000), 2.0**40 - 2.0**-11), 208)
    assert values(a @ a.T) == [9000 * (mpmath.mpf(2) ** 40 - mpmath.mpf(2) ** -11) ** 2]


@pytest.mark.parametrize("bits", BITS)
def test_tanh(bits):
    near = np.array([0.0, 1e-12, -1e-12, 0.17328679, 0.3465735, 0.34657360, 18.9, 19.1, 40.0, -40.0, 1e6, -1e6])
    a = Exact(np.concatenate([numbers(5, 60, bits).digits, numbers(6, 60, bits, 0.01).digits], axis=1), bits // 26)
    for x in (a, Exact.of(near, bits), Exact.of(near, bits) + Exact.of(Fraction(1, 3), bits) * 1e-9):
        assert units(np.tanh(x), [mpmath.tanh(v) for v in values(x)]) <= 1


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "sin", "cos"])
@pytest.mark.parametrize("bits", BITS)
def test_functions(name, bits):
    a = abs(numbers(7, 30, bits)) + 0.01
    assert units(getattr(np, name)(a), [getattr(mpmath, name)(v) for v in values(a)]) <= 1


def test_undefined_function_is_an_error():
    with pytest.raises(NotANumber, match="logarithm of a number that is not positive"):
        np.log(Exact.of(np.array([-1.0]), 100))


def test_powers():
    a = numbers(8, 10, 200)
    assert units(a**5, [v**5 for v in values(a)]) <= 20 * max(float(abs(v)) ** 4 for v in values(a)) + 2
    x = Exact.of(Fraction(5, 4), 200)
    assert units(10.0**x, [mpmath.mpf(10) ** mpmath.mpf("1.25")]) <= 200


def test_folds_and_steps():
    tiny = 2.0**-100
    a = Exact.of(np.array([-2.5, 0.0, tiny, -tiny, 7.0]), 130)
    assert abs(a).floats().tolist() == [2.5, 0.0, tiny, tiny, 7.0]
    assert np.maximum(a, 0.0).floats().tolist() == [0.0, 0.0, tiny, 0.0, 7.0]
    assert np.heaviside(a, 0.0).floats().tolist() == [0.0, 0.0, 1.0, 0.0, 1.0]


def test_rationals_keep_all_their_digits():
    text = "1.12384440100021348074215258050713402001729758364707656783949"
    for value in (Fraction(text), gmpy2.mpq(text)):
        assert units(Exact.of(value, 208), [mpmath.mpf(text)]) <= 1


def test_change_of_bits():
    a = numbers(9, 20, 208)
    assert values(Exact.of(a, 300)) == values(a)
    assert units(Exact.of(a, 104), values(a)) <= 0.5 + 1e-9


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e30, max_value=1e30), min_size=1, max_size=6)
)
def test_float_round_trip(given_floats):
    kept = [v if abs(v) >= 1e-40 else 0.0 for v in given_floats]
    assert Exact.of(np.array(kept), 300).floats().tolist() == kept


def test_floats_are_nearest():
    a = numbers(10, 500, 208)
    with mpmath.workprec(53):
        nearest = [float(v) for v in [+mpmath.mpf(v) for v in values(a)]]
    assert a.floats().tolist() == nearest


def test_floats_beyond_the_range_are_inf():
    a = Exact.of(np.array([1e300, -1e300]), 100)
    assert (a * a).floats().tolist() == [np.inf, np.inf]


def test_numbers_of_different_bits_do_not_meet():
    with pytest.raises(ValueError, match="meet"):
        Exact.of(np.ones(2), 100) + Exact.of(np.ones(2), 200)


@pytest.mark.parametrize("bits", [20, 26, 104, 2000])
def test_float64_arrays_are_taken_as_exact_down_to_the_last_bit(bits):
    rng = np.random.default_rng(bits)
    some = rng.normal(size=300) * 2.0 ** rng.integers(-300, 300, 300)
    ends = [0.0, -0.0, 1.0, -1.0, 2.0**25, -(2.0**25), 2.0**26 - 1, 2.0**1000, -5e-324, 1e-310, np.finfo(float).max]
    x = np.concatenate([some, ends])
    exact = Exact.of(x, bits)
    assert exact.integers() == [math.floor(Fraction(v) * 2**exact.bits) for v in x.tolist()]
    assert np.abs(exact.digits).max() <= 2**25
    assert Exact.of(x.reshape(1, -1, 1), bits).shape == (1, len(x), 1)
    assert Exact.of(np.zeros((0, 2)), bits).shape == (0, 2)
