"""Elementary functions in lanes, against MPFR and mpmath."""

from __future__ import annotations

from functools import lru_cache

import gmpy2
import mpmath
import numba
import numpy as np
import pytest
from helpers.far_references import pairs, worst

from deepzoom.arithmetic.saturation import rounded_exp, tanh_side
from deepzoom.backends.kernels.arithmetic import circular, functions, simd_parts
from deepzoom.backends.kernels.arithmetic.simd import LANES, load, store

COUNT = 25_000
"""Random arguments in each of the ranges below: at least 10**5 for each function."""


@lru_cache
def in_lanes(function):
    """Compiled once for all tests."""

    @numba.njit
    def run(x, out):
        for i in range(0, x.size, LANES):
            store(out, i, function(load(x, i)))

    def called(x):
        padded = np.resize(x, -(-len(x) // LANES) * LANES)
        out = np.empty_like(padded)
        run(padded, out)
        return out[: len(x)]

    return called


def normal(*scales):
    rng = np.random.default_rng(len(scales))
    return np.concatenate([rng.normal(size=COUNT) * s for s in scales])


def uniform(low, high, count=COUNT):
    return np.random.default_rng(int(high)).uniform(low, high, count)


def softplus(z):
    return gmpy2.log1p(gmpy2.exp(z)) if z < 100 else z + gmpy2.exp(-z)


POSITIVE = np.exp(uniform(-744, 709))
QUARTERS = np.round(uniform(-63_000, 63_000)) * (np.pi / 2)
CIRCULAR = np.concatenate([normal(1e-300, 1.0, 1e3), uniform(-1e5, 1e5), QUARTERS, normal(1e7)[:999]])
CASES = {
    "exp": (functions.exp, gmpy2.exp, np.concatenate([normal(1e-9, 1, 30), uniform(-745.1, 709.78)])),
    "log": (functions.log, gmpy2.log, np.concatenate([POSITIVE, 1 + normal(1e-9, 1e-3, 0.1), np.abs(normal(1.0))])),
    "softplus": (functions.softplus, softplus, np.concatenate([normal(1e-9, 1, 30), uniform(-744, 1e3)])),
    "sine": (circular.sine, gmpy2.sin, CIRCULAR),
    "cosine": (circular.cosine, gmpy2.cos, CIRCULAR),
    "square_root": (simd_parts.square_root, gmpy2.sqrt, np.abs(normal(1e-300, 1e-9, 1, 1e9))),
}


@pytest.mark.parametrize("name", CASES)
def test_right_to_two_units(name):
    function, true, x = CASES[name]
    assert x.size >= 99_999
    found = in_lanes(function)(x)
    with gmpy2.context(precision=120):
        exact = [true(gmpy2.mpfr(v)) for v in x.tolist()]
        unit = np.spacing(np.abs(np.array(exact, dtype=np.float64)))
        wrong = [float(abs(gmpy2.mpfr(f) - e)) for f, e in zip(found.tolist(), exact, strict=True)]
    worst = int(np.argmax(wrong / unit))
    assert wrong[worst] <= 2 * unit[worst], (x[worst], found[worst])


@pytest.mark.parametrize(
    ("function", "arguments", "results"),
    [
        (functions.exp, [0.0, -0.0, np.inf, -np.inf, np.nan, 1e308, -1e308, -746.0],
         [1.0, 1.0, np.inf, 0.0, np.nan, np.inf, 0.0, 0.0]),
        (functions.log, [0.0, -0.0, 1.0, np.inf, -np.inf, np.nan, -1e-300],
         [-np.inf, -np.inf, 0.0, np.inf, np.nan, np.nan, np.nan]),
        (functions.softplus, [-np.inf, np.inf, np.nan, -800.0, 1e300], [0.0, np.inf, np.nan, 0.0, 1e300]),
        (circular.sine, [0.0, np.inf, -np.inf, np.nan], [0.0, np.nan, np.nan, np.nan]),
        (circular.cosine, [0.0, np.inf, -np.inf, np.nan], [1.0, np.nan, np.nan, np.nan]),
        (simd_parts.square_root, [0.0, 4.0, np.inf, -1.0, np.nan], [0.0, 2.0, np.inf, np.nan, np.nan]),
    ],
    ids=lambda v: getattr(v, "__name__", None),
)  # fmt: skip
def test_special_values(function, arguments, results):
    assert np.array_equal(in_lanes(function)(np.array(arguments)), results, equal_nan=True)


def test_overflow_begins_beyond_the_largest_number():
    last = 709.782712893384  # log of the largest float64, rounded down
    found = in_lanes(functions.exp)(np.array([last, np.nextafter(last, 1e3), 710.0]))
    with mpmath.workprec(120):
        assert abs(found[0] - mpmath.exp(mpmath.mpf(last))) <= 2 * np.spacing(found[0])
    assert found[0] < np.inf and found[1] == found[2] == np.inf


def test_a_lane_does_not_depend_on_the_others():
    x = np.resize([1e300, 1.0, 2e5, -0.5, 3e4], 5 * LANES)
    for function in (circular.sine, circular.cosine):
        found = in_lanes(function)(x)
        alone = np.concatenate([in_lanes(function)(np.full(LANES, v))[:1] for v in x[:5]])
        assert np.array_equal(found[: 5 * LANES], np.resize(alone, 5 * LANES))


@numba.njit
def differences(z, value, side, a, out):
    """Of exp, log and softplus, from references z, their values, ``tanh_side`` of z / 2, and differences a."""
    for i in range(0, a.shape[1], LANES):
        zero, one, two = load(a[0], i), load(a[1], i), load(a[2], i)
        store(out[0], i, functions.exp_difference(load(value[0], i), load(z[0], i), zero))
        store(out[1], i, functions.log_difference(load(z[1], i), load(value[1], i), one))
        store(out[2], i, functions.softplus_difference(load(z[2], i), load(side, i), two))


def all_differences(cases):
    """Differences of exp, log and softplus of (references, differences) for each."""
    size = -(-max(len(z) for z, _ in cases) // LANES) * LANES
    z, a = np.array([[np.resize(part, size) for part in case] for case in cases]).transpose(1, 0, 2).copy()
    out = np.empty_like(a)
    with np.errstate(all="ignore"):
        values = np.array([rounded_exp(z[0]), np.log(z[1])])
        differences(z, values, tanh_side(z[2] / 2, np.tanh(z[2] / 2)), a, out)
    return [row[: len(case[0])] for row, case in zip(out, cases, strict=True)]


def test_differences_of_references_far_out():
    names = "exp", "log", "softplus"
    for name, found in zip(names, all_differences([pairs(name) for name in names]), strict=True):
        error, where = worst(name, found)
        assert error <= 1, (name, error, where)


def test_differences_keep_their_digits():
    rng = np.random.default_rng(0)
    z = np.concatenate([rng.normal(size=400) * s for s in (1, 30)] + [rng.uniform(-660, 660, 800)])
    sizes = [1.0, 0.1, 1e-2, 1e-5, 1e-17, 1e-100, 1e-280, 40.0, 650.0, 900.0]
    a = np.resize([s * v for v in sizes for s in (1, -1)], z.size) * rng.uniform(0.5, 1.5, z.size)
    positive = np.exp(z / 2)
    cases = [(z, np.minimum(a, np.minimum(650, 690 - z))), (positive, positive * np.maximum(a, -0.99)), (z, a)]
    found = all_differences(cases)
    with gmpy2.context(precision=3000):
        for row, (begin, change), function in zip(found, cases, (gmpy2.exp, gmpy2.log, wide_softplus), strict=True):
            ends = [(gmpy2.mpfr(z), gmpy2.mpfr(d)) for z, d in zip(begin.tolist(), change.tolist(), strict=True)]
            for got, (z, d) in zip(row.tolist(), ends, strict=True):
                true = function(z + d) - function(z)
                assert abs(got - true) <= 2e-15 * abs(true) + 1e-276, (function, z, d)


def wide_softplus(z):
    return gmpy2.log(1 + gmpy2.exp(z))


def test_differences_of_special_values():
    a = np.array([np.nan, np.inf, -np.inf, 0.0, -1e4, 1e4, 0.0, 0.0])
    z = np.array([0.0, 0.0, -np.log(3), 0.0, 800.0, 0.0, -5000.0, 500.0])
    positive = np.array([1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1e-300, 1e300])
    of_exp, of_log, of_softplus = all_differences([(z[:4], a[:4]), (positive, a), (z, a)])
    assert np.array_equal(of_exp, [np.nan, np.inf, -np.exp(z[2]), 0.0], equal_nan=True)
    assert np.array_equal(of_log, [np.nan, np.inf, np.nan, 0.0, np.nan, np.log(10001.0), 0.0, 0.0], equal_nan=True)
    wanted = [np.nan, np.inf, np.log(0.75), 0.0, -800.0, 1e4 - np.log(2), 0.0, 0.0]
    assert np.allclose(of_softplus, wanted, rtol=1e-15, atol=1e-300, equal_nan=True)
