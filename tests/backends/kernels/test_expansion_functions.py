"""Elementary functions of expansions, against mpmath."""

from __future__ import annotations

import math
from functools import lru_cache

import mpmath
import numba
import numpy as np
import pytest

from deepzoom.backends.kernels.arithmetic import expansion_functions as functions
from deepzoom.backends.kernels.arithmetic.expansion import load_expansion, store_expansion
from deepzoom.backends.kernels.arithmetic.simd import LANES

LIMBS = (1, 2, 4, 8)
WIDTH = int(LANES)


@pytest.fixture(autouse=True)
def _many_digits():
    with mpmath.workprec(1200):
        yield


def in_memory(values, limbs):
    """(groups, limbs, lanes), filled up with the last value."""
    out = np.zeros((-(-len(values) // WIDTH), limbs, WIDTH))
    for i in range(out.shape[0] * WIDTH):
        rest = mpmath.mpf(values[min(i, len(values) - 1)])
        for limb in range(limbs):
            part = float(rest)
            out[i // WIDTH, limb, i % WIDTH] = part
            if not math.isfinite(part):
                break
            rest -= part
    return out


def numbers(array, count):
    rows = array.transpose(0, 2, 1).reshape(-1, array.shape[1])[:count]
    return [mpmath.fsum(map(mpmath.mpf, row.tolist())) for row in rows]


@lru_cache
def compiled(function):
    """Compiled once for all tests."""

    @numba.njit
    def run(x, out, kind):
        for i in range(0, x.size, LANES * len(kind)):
            store_expansion(out, i, function(load_expansion(x, i, kind)))

    return run


def called(function, arguments, limbs):
    """Results as an array (groups, limbs, lanes)."""
    x = in_memory(arguments, limbs)
    out = np.zeros_like(x)
    compiled(function)(x.ravel(), out.ravel(), (1.0,) * limbs)
    return out


def between(low, high, count=40):
    """Random numbers with 600 bits."""
    rng = np.random.default_rng(count)
    with mpmath.workprec(600):
        return [
            low + (mpmath.mpf(high) - low) * mpmath.fsum(mpmath.ldexp(v, -52 * i) for i, v in enumerate(row))
            for row in rng.random((count, 12)).tolist()
        ]


def near_one():
    with mpmath.workprec(600):
        return [
            1 + s * mpmath.ldexp(mpmath.mpf(1) / 3, -k) for k in (3, 20, 40, 51, 52, 53, 54, 60, 100) for s in (1, -1)
        ]


def softplus(z):
    return mpmath.log1p(mpmath.exp(z))


ANGLES = [*between(-1, 1), *between(-1e5, 1e5), *(k * math.pi / 2 for k in (1, -2, 3, 5000, 60001))]
CASES = {
    "exp": (functions.exp_expansion, mpmath.exp, [*between(-1, 1), *between(-200, 650)]),
    "log": (functions.log_expansion, mpmath.log,
            [*near_one(), *between(0.5, 2), *between(1e-9, 1e-3), 1e-150, *between(1, 1e300), 1.7e308]),
    "sqrt": (functions.sqrt_expansion, mpmath.sqrt, [*near_one(), *between(0, 1), *between(1, 1e300), 1.7e308]),
    "sine": (functions.sine_expansion, mpmath.sin, ANGLES),
    "cosine": (functions.cosine_expansion, mpmath.cos, ANGLES),
    "softplus": (functions.softplus_expansion, softplus, [*between(-1, 1), *between(-200, 400), *between(-1e-20, 0)]),
}  # fmt: skip


@pytest.mark.parametrize("limbs", LIMBS)
@pytest.mark.parametrize("name", CASES)
def test_right_but_for_the_last_bits(name, limbs):
    function, true, arguments = CASES[name]
    found = called(function, arguments, limbs)
    taken = numbers(in_memory(arguments, limbs), len(arguments))
    for x, f in zip(taken, numbers(found, len(arguments)), strict=True):
        assert abs(f - true(x)) <= mpmath.ldexp(abs(true(x)), 6 - 53 * limbs), mpmath.nstr(x, 20)


@pytest.mark.parametrize("limbs", LIMBS)
@pytest.mark.parametrize(
    ("function", "arguments", "results"),
    [
        (functions.exp_expansion, [0, math.inf, -math.inf, math.nan, 800, -800, 1e300, -1e300],
         [1, math.inf, 0, math.nan, math.inf, 0, math.inf, 0]),
        (functions.log_expansion, [0, 1, math.inf, -math.inf, math.nan, -1],
         [-math.inf, 0, math.inf, math.nan, math.nan, math.nan]),
        (functions.sqrt_expansion, [0, 4, math.inf, -1, math.nan], [0, 2, math.inf, math.nan, math.nan]),
        (functions.sine_expansion, [0, math.inf, -math.inf, math.nan], [0, math.nan, math.nan, math.nan]),
        (functions.cosine_expansion, [0, math.inf, math.nan], [1, math.nan, math.nan]),
        (functions.softplus_expansion, [math.inf, -math.inf, math.nan, 1e9, -1e9], [math.inf, 0, math.nan, 1e9, 0]),
        (functions.positive_expansion, [0, -1, 1e-300, math.nan, math.inf], [0, 0, 1, math.nan, 1]),
    ],
    ids=lambda v: getattr(v, "__name__", None),
)  # fmt: skip
def test_special_values(function, arguments, results, limbs):
    found = called(function, arguments, limbs)[:, 0, :].ravel()[: len(results)]
    assert np.array_equal(found, results, equal_nan=True)


@pytest.mark.parametrize("limbs", LIMBS)
def test_sine_and_cosine_of_huge_numbers_are_those_of_the_leading_limb(limbs):
    x = [1e13, -3e200, 1.7e308]
    for function, true in ((functions.sine_expansion, mpmath.sin), (functions.cosine_expansion, mpmath.cos)):
        found = called(function, x, limbs)[0, 0, : len(x)]
        expected = [float(true(mpmath.mpf(v))) for v in x]
        assert np.abs(found - expected).max() <= 2e-16


def test_small_logarithms_keep_their_digits():
    """Numbers whose difference from 1 is one limb, or begins two limbs further down."""
    arguments = [1 + mpmath.ldexp(mpmath.mpf(s) / 7, -k) for k in (53, 90, 130, 200) for s in (1, -1)]
    taken = numbers(in_memory(arguments, 8), len(arguments))
    found = numbers(called(functions.log_expansion, arguments, 8), len(arguments))
    for x, f in zip(taken, found, strict=True):
        assert abs(f - mpmath.log(x)) <= mpmath.ldexp(abs(mpmath.log(x)), 6 - 53 * 8)


@numba.njit
def select_all(c, a, b, out, kind, short):
    n = LANES * len(kind)
    for i in range(0, c.size, n):
        condition, yes, no = load_expansion(c, i, kind), load_expansion(a, i, kind), load_expansion(b, i, kind)
        store_expansion(out, i, functions.expansion_select(condition, yes, no))
        store_expansion(short, i, functions.expansion_select(condition, yes, 2.0))


@pytest.mark.parametrize("limbs", LIMBS)
def test_select_takes_all_limbs(limbs):
    a, b = between(-1, 1, 2 * WIDTH), between(3, 4, 2 * WIDTH)
    c = [(1, 0, 0.5, math.nan)[i % 4] for i in range(2 * WIDTH)]
    first, second, which = (in_memory(v, limbs) for v in (a, b, c))
    out, short = np.zeros_like(first), np.zeros_like(first)
    select_all(which.ravel(), first.ravel(), second.ravel(), out.ravel(), (1.0,) * limbs, short.ravel())
    yes = which[:, :1, :] == 1
    unknown = np.isnan(which[:, :1, :])
    assert np.array_equal(out, np.where(unknown, np.nan, np.where(yes, first, second)), equal_nan=True)
    two = np.zeros_like(first)
    two[:, 0] = 2
    assert np.array_equal(short, np.where(unknown, np.nan, np.where(yes, first, two)), equal_nan=True)
