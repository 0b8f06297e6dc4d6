"""Sine and cosine in every lane.

With ``x = k pi / 2 + r``, ``|r| <= pi / 4``, the last two bits of k say which of sin r, cos r, -sin r, -cos r is the
result. pi / 2 stands as a sum of three numbers, and r of two, so that r keeps its digits beside a multiple of pi / 2
up to |x| = 1e5. Larger x go to the C library, in lanes of their own.

Measured against mpmath: at most 1 unit in the last place.
"""

from __future__ import annotations

from deepzoom.compiling.jit import inner

from .simd import fma
from .simd_parts import cosine_where_far, sine_where_far, where_odd, where_second_bit

# Minimax coefficients in y = r**2 for |r| <= pi / 4, highest first (made by mpmath.chebyfit at 400 bits): of
# (sin(r) / r - 1) / y, error 2.1e-17, and of (cos r - 1 + y / 2) / y**2, error 1.3e-18.
_S5, _S4, _S3 = 1.5918120730525138e-10, -2.5051131726126885e-08, 2.755731610198204e-06
_S2, _S1, _S0 = -0.00019841269836757476, 0.008333333333330948, -0.16666666666666666
_C5, _C4, _C3 = -1.1382627067744405e-11, 2.087614619403547e-09, -2.755731727137296e-07
_C2, _C1, _C0 = 2.4801587298765e-05, -0.0013888888888887398, 0.041666666666666664

_PER_HALF_PI = 0.6366197723675814
_HALF_PI, _HALF_PI_2, _HALF_PI_3 = 1.5707963267923333, 2.5633441515839558e-12, 1.0562999066987428e-23
"""A sum; k times the first or the second is exact for |k| < 2**17."""
_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding and subtracting it rounds to an integer


@inner
def _reduced(x):
    """(r, what r lacks, k in the low bits of a float64)."""
    k_bits = fma(x, _PER_HALF_PI, _ROUND)
    k = k_bits - _ROUND
    first = fma(k, -_HALF_PI, x)
    second = fma(k, -_HALF_PI_2, first)
    rest = fma(k, -_HALF_PI_3, fma(k, -_HALF_PI_2, first - second))
    r = second + rest
    return r, (second - r) + rest, k_bits


@inner
def _turned(r, rest, k_bits):
    """sin(r + k pi / 2)."""
    y = r * r
    s = fma(fma(fma(fma(fma(y, _S5, _S4), y, _S3), y, _S2), y, _S1), y, _S0)
    sine = r + fma(r * y, s, fma(-0.5 * y, rest, rest))
    c = fma(fma(fma(fma(fma(y, _C5, _C4), y, _C3), y, _C2), y, _C1), y, _C0)
    half = 0.5 * y
    most = 1.0 - half
    cosine = most + (((1.0 - most) - half) + fma(y * y, c, -(r * rest)))
    found = where_odd(k_bits, cosine, sine)
    return where_second_bit(k_bits, -found, found)


@inner
def sine(x):
    """sin(x) in each lane: NaN of an infinity."""
    return sine_where_far(x, _turned(*_reduced(x)))


@inner
def cosine(x):
    """cos(x) in each lane: NaN of an infinity."""
    r, rest, k_bits = _reduced(x)
    return cosine_where_far(x, _turned(r, rest, k_bits + 1.0))
