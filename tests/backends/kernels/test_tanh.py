"""tanh in vectors, and its differences, against mpmath."""

from __future__ import annotations

import mpmath
import numba
import numpy as np

from deepzoom.backends.kernels.arithmetic.simd import LANES, load, store
from deepzoom.backends.kernels.arithmetic.tanh import ARGUMENT_SCALE, tanh, tanh_difference


@numba.njit
def tanh_of(x, out):
    for i in range(0, x.size, LANES):
        store(out, i, tanh(load(x, i) * ARGUMENT_SCALE))


@numba.njit
def tanh_difference_of(t, complement, a, out):
    for i in range(t.size):
        store(out, i * LANES, tanh_difference(t[i], complement[i], load(a, i * LANES) * ARGUMENT_SCALE))


def test_tanh_is_right_to_two_units():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=4000) * s for s in (1e-9, 0.1, 1.0, 8.0)] + [np.linspace(-30, 30, 4000)])
    out = np.empty_like(x)
    tanh_of(x, out)
    with mpmath.workprec(120):
        true = np.array([float(mpmath.tanh(mpmath.mpf(v))) for v in x])
    assert np.all(np.abs(out - true) <= 2 * np.spacing(np.abs(true)))
    assert np.all(np.abs(out) <= 1) and np.all(np.abs(out[np.abs(x) > 20]) == 1)


def test_tanh_keeps_odd_symmetry_zero_nan_and_infinity():
    x = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -1.0, 1e-300])
    x = np.resize(x, 8 * LANES)
    out = np.empty_like(x)
    tanh_of(x, out)
    assert np.array_equal(out[:8], [0.0, 0.0, np.nan, 1.0, -1.0, out[5], -out[5], 1e-300], equal_nan=True)


def test_tanh_difference_keeps_its_digits():
    at = np.array([0.0, 0.4, -1.3, 6.0, -17.0, 40.0, -110.0, 319.0, -1500.0])
    changes = np.array([1e-280, -1e-17, 1e-4, -0.3, 2.0, -5.0, 60.0, -300.0] + [0.0] * 8)[: max(8, LANES)]
    changes = np.concatenate(
        [changes, np.array([110.0, -330.0, -638.0, 1498.0, 1520.0, -1e5, 1e300, -1e-30] + [0.0] * 8)[: max(8, LANES)]]
    )
    with mpmath.workprec(6000):
        t = np.array([float(mpmath.tanh(mpmath.mpf(v))) for v in at])
        side = np.array([float(1 - abs(mpmath.tanh(mpmath.mpf(v)))) for v in at])
        side[-1] = -1180 * 2 / mpmath.log(2)  # beyond 320
        for first in range(0, len(changes), LANES):
            part = changes[first : first + LANES]
            a, out = np.tile(part, len(at)), np.empty(len(at) * LANES)
            tanh_difference_of(t, side, a, out)
            for i, v in enumerate(at):
                least = 1e-277 if abs(v) > 300 else 1e-307
                for lane, change in enumerate(part):
                    true = mpmath.tanh(mpmath.mpf(v) + mpmath.mpf(change)) - mpmath.tanh(mpmath.mpf(v))
                    rounded = 4e-16 * abs(change) if abs(v) > 100 else 0.0  # what the last bit of v moves exp(2 a) by
                    assert abs(out[i * LANES + lane] - true) <= (3e-15 + rounded) * abs(true) + least, (v, change)
