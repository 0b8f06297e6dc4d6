"""Numbers of any size: pairs (mantissa, exponent) of a float64 and an int64, for what lies below 1e-308.

The mantissa is between 1/2 and 1 in magnitude, or 0 with the exponent ``NOTHING``. Differences of a formula are made
of these where float64 with a shared scale does not serve (``deepzoom/formula/source.py``).
"""

from __future__ import annotations

import math

import numpy as np

from deepzoom.compiled import inner

NOTHING = np.int64(-(1 << 40))
WIDE_ZERO = (0.0, NOTHING)
_FAR = 64  # exponents further apart than this leave the larger number as it is


@inner
def wide(m, e):
    """m * 2**e with its mantissa in range."""
    if m == 0.0:
        return 0.0, NOTHING
    f, k = math.frexp(m)
    return f, e + np.int64(k)


@inner
def widened(x):
    """A float64 as a wide number."""
    return wide(x, np.int64(0))


_POWERS = np.ldexp(1.0, np.arange(-1100, 1021))


@inner
def two_to(e):
    """2**e as a float64, within its range."""
    return _POWERS[min(max(e, np.int64(-1100)), np.int64(1020)) + 1100]


@inner
def widened_two_to(e):
    """2**e as a wide number."""
    return 0.5, e + 1


@inner
def narrowed(a):
    """The nearest float64."""
    if a[1] < -1080:
        return 0.0
    return math.ldexp(a[0], np.int32(min(a[1], np.int64(2000))))


@inner
def wide_add(a, b):
    apart = a[1] - b[1]
    if apart > _FAR:
        return a
    if apart < -_FAR:
        return b
    if apart >= 0:
        return wide(a[0] + math.ldexp(b[0], np.int32(-apart)), a[1])
    return wide(b[0] + math.ldexp(a[0], np.int32(apart)), b[1])


@inner
def wide_negative(a):
    return -a[0], a[1]


@inner
def wide_multiply(a, b):
    return wide(a[0] * b[0], a[1] + b[1])


@inner
def wide_divide(a, b):
    return wide(a[0] / b[0], a[1] - b[1])


@inner
def wide_abs(a):
    return abs(a[0]), a[1]


@inner
def wide_less(a, b):
    """Whether a < b, both not negative."""
    if a[1] != b[1]:
        return a[1] < b[1]
    return a[0] < b[0]


@inner
def wide_sqrt(a):
    if a[1] & 1:
        return wide(math.sqrt(2.0 * a[0]), (a[1] - 1) >> 1)
    return wide(math.sqrt(a[0]), a[1] >> 1)


@inner
def wide_exp(a):
    return widened(math.exp(narrowed(a)))


@inner
def wide_sin(a):
    return widened(math.sin(narrowed(a))) if a[1] > -500 else a


@inner
def wide_cos(a):
    return widened(math.cos(narrowed(a)))


@inner
def wide_folded(A, a):
    """|A + a| - |A|."""
    there = wide_add(A, a)
    if A[0] > 0.0:
        return a if there[0] >= 0.0 else wide_negative(wide_add(a, (A[0], A[1] + 1)))
    if A[0] < 0.0:
        return wide_negative(a) if there[0] <= 0.0 else wide_add(a, (A[0], A[1] + 1))
    return wide_abs(a)


@inner
def wide_small_expm1(a):
    """exp(a) - 1."""
    return widened(math.expm1(narrowed(a))) if a[1] > -500 else a


@inner
def wide_small_sin(a):
    return wide_sin(a)


@inner
def wide_half_sine_squared(a):
    """sin(a / 2)**2."""
    half = wide_sin((a[0], a[1] - 1))
    return wide_multiply(half, half)


@inner
def wide_given(x, computed):
    """The float64 x from high precision; where it ends, what was computed from numbers that go on."""
    return computed if abs(x) < 1e-290 and computed[1] < -900 else widened(x)
