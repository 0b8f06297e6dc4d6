"""Floatexp numbers: pairs (mantissa, exponent) of a float64 and an int64, for numbers below 1e-308.

The mantissa is between 1/2 and 1 in magnitude, or 0 with the exponent ``NOTHING``. Names say *wide* for such a number.
A formula computes its difference with them where float64 with a shared scale fails (``deepzoom/formula/source.py``).
The operations have no branches: a formula uses hundreds of them, and branches make compilers slow.
"""

from __future__ import annotations

import math

import numpy as np

from deepzoom.backends.kernels.arithmetic.exponent_bits import normal_split, power_of_two, split, two_to
from deepzoom.backends.kernels.arithmetic.singular_value import largest_singular_value
from deepzoom.compiling.jit import inner

NOTHING = np.int64(-(1 << 40))
WIDE_ZERO = (0.0, NOTHING)
_LN2, _LN2_LESS = 0.6931471805582987, 1.6465949582897082e-12  # log 2; the first has 16 bits to spare
_FAR = 128  # a number whose exponent is less by more than this does not change a sum


@inner
def wide(m, e):
    """m * 2**e as a floatexp number."""
    if m == 0.0:
        return 0.0, NOTHING
    f, k = split(m)
    return f, e + k


@inner
def widened(x):
    """A float64 as a floatexp number."""
    return wide(x, np.int64(0))


@inner
def widened_two_to(e):
    """2**e as a floatexp number."""
    return 0.5, e + 1


@inner
def narrowed(a):
    """The nearest float64."""
    if a[1] < -1080:
        return 0.0
    return math.ldexp(a[0], np.int32(min(a[1], np.int64(2000))))


@inner
def wide_add(a, b):
    first = a[1] >= b[1]
    apart = min(abs(a[1] - b[1]), np.int64(_FAR))
    m = (a[0] if first else b[0]) + (b[0] if first else a[0]) * power_of_two(-apart)
    f, k = normal_split(m)
    return f, ((a[1] if first else b[1]) + k if m != 0.0 else NOTHING)


@inner
def wide_negative(a):
    return -a[0], a[1]


@inner
def wide_multiply(a, b):
    m = a[0] * b[0]
    low = abs(m) < 0.5
    return (m + m if low else m), (a[1] + b[1] - np.int64(low) if m != 0.0 else NOTHING)


@inner
def wide_divide(a, b):
    m = a[0] / b[0]
    high = abs(m) >= 1.0
    return (0.5 * m if high else m), (a[1] - b[1] + np.int64(high) if m != 0.0 else NOTHING)


@inner
def wide_abs(a):
    return abs(a[0]), a[1]


@inner
def wide_less(a, b):
    """Whether a < b; neither may be negative."""
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
    x = narrowed(a)
    if abs(x) < 700.0:
        return widened(math.exp(x))
    turns = np.floor(x / _LN2)
    return wide(math.exp(x - turns * _LN2 - turns * _LN2_LESS), np.int64(min(max(turns, -1e12), 1e12)))


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
def wide_larger(a, b):
    """The larger of two numbers; neither may be negative."""
    return b if wide_less(a, b) else a


@inner
def wide_sign(a):
    return (math.copysign(0.5, a[0]), np.int64(1)) if a[0] != 0.0 else WIDE_ZERO


@inner
def wide_largest_singular_value(a, b, c, d):
    """Of a real 2x2 matrix, row by row."""
    e = max(max(a[1], b[1]), max(c[1], d[1]))
    ae, be, ce, de = two_to(a[1] - e), two_to(b[1] - e), two_to(c[1] - e), two_to(d[1] - e)
    return wide(largest_singular_value(a[0] * ae, b[0] * be, c[0] * ce, d[0] * de), e)


@inner
def wide_kept(F, i, M, E, j, k):
    """Number k that is kept of the reference: from row j of the floatexp ones, or as a float64 if j < 0."""
    if j < 0:
        return widened(F[i, k])
    return M[j, 2 + k], E[j, 2 + k]
