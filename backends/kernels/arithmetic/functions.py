"""exp, log and what follows from them, in every lane: no branch, and no lane influences another.

With ``x = k ln 2 + r``, ``|r| <= ln 2 / 2``, ``s = 2**k`` and ``p = exp(r) - 1``, a polynomial without constant term,

    exp x = s + s p,   exp(x) - 1 = (s - 1) + s p,

so that nothing cancels near zero. With ``u = 2**k (1 + f)``, ``1 + f`` between sqrt(1/2) and sqrt(2), and
``s = f / (2 + f)``,

    log u = k ln 2 + 2 artanh s,   2 artanh s = f - f**2 / 2 + s (f**2 / 2 + R(s**2)),

as in the C library fdlibm (Sun Microsystems, 1993). ``log(1 + x)`` is the same for ``u = 1 + x``; what this sum loses
in rounding, divided by u, is added to it.

Measured against mpmath: at most 2 units in the last place.
"""

from __future__ import annotations

import math

from deepzoom.arithmetic.saturation import LEAST
from deepzoom.compiling.jit import inner

from .simd import clamp, fma, magnitude, maximum, power_of_two, quotient, where_less
from .simd_parts import exponent, fraction

# Minimax coefficients, highest first (made by mpmath.chebyfit at 400 bits): of (exp(r) - 1 - r) / r**2 in r on
# |r| <= ln 2 / 2, error 1.4e-18; of (log((1 + s) / (1 - s)) / s - 2) / s**2 in s**2, error 3.1e-16, times s**2 < 0.03.
_E10, _E9, _E8 = 2.091467944897855e-09, 2.5105206475334834e-08, 2.7557273661174726e-07
_E7, _E6, _E5, _E4 = 2.75572554255029e-06, 2.4801587325533502e-05, 0.00019841269874800683, 0.0013888888888883752
_E3, _E2, _E1, _E0 = 0.008333333333326141, 0.04166666666666667, 0.1666666666666667, 0.5
_L6, _L5, _L4, _L3 = 0.14616491109391985, 0.1533171824913993, 0.18182889226088433, 0.22222211133411196
_L2, _L1, _L0 = 0.28571428625983963, 0.3999999999989949, 0.666666666666667

_LN2, _LN2_REST = 0.6931471805601177, -1.7239444525614835e-13  # the first has 13 bits to spare: k times it is exact
_PER_LN2 = 1.4426950408889634
_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding and subtracting it rounds to an integer
_LOWEST, _HIGHEST = -746.0, 710.0  # exp is 0 below the first, infinite above the second
_BEYOND = 708.0  # exp is a normal number up to here, on both sides of 0
_WIDE = 700.0  # exp(A) is nothing beside exp(A + a) if a is larger
_TINY = 1e-20  # exp(x) - 1 and log(1 + x) are x below it
_NORMAL, _LIFT = 2.0**-1022, 2.0**54
_LARGE = 1e300


@inner
def _reduced(x):
    """(p, k in the low bits of a float64, k) of x, which is between -746 and 710 or NaN."""
    k_bits = fma(x, _PER_LN2, _ROUND)
    k = k_bits - _ROUND
    r = fma(k, -_LN2_REST, fma(k, -_LN2, x))
    y = r * r
    even = fma(fma(fma(fma(fma(y, _E10, _E8), y, _E6), y, _E4), y, _E2), y, _E0)
    odd = fma(fma(fma(fma(y, _E9, _E7), y, _E5), y, _E3), y, _E1)
    return fma(fma(odd, r, even), y, r), k_bits, k


@inner
def exp(x):
    """The exponential in each lane: infinity above 709.78, numbers below 2**-1022 to their last bit."""
    p, _, k = _reduced(clamp(x, _LOWEST, _HIGHEST))
    half_bits = fma(k, 0.5, _ROUND)  # two factors, as 2**k need not be a normal number
    s = power_of_two(half_bits)
    return fma(p, s, s) * power_of_two(k - (half_bits - _ROUND) + _ROUND)


@inner
def _log_of_sum(u, rest):
    """log(u + rest u) for |rest| < 2**-52: NaN of a negative u, -infinity of 0."""
    lift = where_less(u, _NORMAL, _LIFT, 1.0)
    k = exponent(u * lift) + where_less(u, _NORMAL, -54.0, 0.0)
    f = fraction(u * lift) - 1.0
    s = quotient(f, f + 2.0)
    z = s * s
    w = z * z
    even = fma(fma(fma(w, _L6, _L4), w, _L2), w, _L0)
    odd = fma(fma(w, _L5, _L3), w, _L1)
    half_square = 0.5 * f * f
    upper = fma(s, half_square + fma(odd, z, even) * z, fma(k, _LN2_REST, rest))
    found = k * _LN2 - ((half_square - upper) - f)
    found = where_less(u, 5e-324, where_less(u, 0.0, math.nan, -math.inf), found)
    return where_less(u, math.inf, found, u)


@inner
def _lost(x, u):
    """What ``u = 1 + x`` lost in rounding, divided by u."""
    return quotient(x - (u - 1.0), clamp(u, 1.0 / _LARGE, _LARGE))


@inner
def log(x):
    """The natural logarithm in each lane: -infinity of 0, NaN of a negative number."""
    return _log_of_sum(x, 0.0)


@inner
def softplus(z):
    """log(1 + exp(z)) in each lane."""
    e = exp(-magnitude(z))
    u = e + 1.0
    return maximum(z, 0.0) + _log_of_sum(u, _lost(e, u))


@inner
def exp_difference(value, at, a):
    """exp(A + a) - exp(A) from value = exp(A), at = A and a: ``exp(A) expm1(a)``.

    Where that leaves float64, exp(A) is nothing beside exp(A + a), which is computed as it is. Relative error about
    1e-15 besides that of ``A + a``, and an absolute one of 1e-300.
    """
    total = at + a
    whole = where_less(where_less(at, LEAST, 1.0, _WIDE), a, 1.0, 0.0)
    p, k_bits, _ = _reduced(clamp(where_less(0.5, whole, total, a), -_BEYOND, _HIGHEST))
    half = power_of_two(k_bits - 1.0)
    grown = 2.0 * fma(p, half, where_less(0.5, whole, half, half - 0.5))
    small = where_less(magnitude(a), _TINY, a, grown)
    return where_less(0.5, whole, grown - value, small * value)


@inner
def log_difference(at, log_at, a):
    """log(A + a) - log(A) from at = A, log_at = log(A) and a: ``log(1 + x)`` for ``x = a / A``.

    Where x is below -1/2, ``A + a`` has no rounding error. Where x leaves float64, log(A) is subtracted.
    """
    x, total = a / at, at + a
    u = where_less(x, -0.5, total / at, x + 1.0)
    rest = where_less(x, -0.5, 0.0, _lost(x, u))
    found = _log_of_sum(where_less(_LARGE, x, total, u), where_less(_LARGE, x, 0.0, rest))
    return where_less(magnitude(x), _TINY, x, where_less(_LARGE, x, found - log_at, found))


@inner
def softplus_difference(at, side, a):
    """softplus(A + a) - softplus(A) from at = A, side = ``tanh_side`` of A / 2, and a.

    With ``s = 1 / (1 + exp(-A))`` it is ``log(1 + w)`` for ``w = s expm1(a)``, and where that is below -1/2, log of the
    sum of positive terms ``1 - s + s exp(a)``. Where float64 has no 1 - s, because softplus(A) is A or 0, it is
    softplus(A + a) less that. Relative error about 1e-15, beside an absolute one of 1e-277.
    """
    total, rest = at + a, 0.5 * maximum(side, 0.0)
    s, less = where_less(0.0, at, 1.0 - rest, rest), where_less(0.0, at, rest, 1.0 - rest)
    x = where_less(side, 0.0, -magnitude(total), a)
    p, k_bits, _ = _reduced(clamp(x, -_BEYOND, _BEYOND))
    half = power_of_two(k_bits - 1.0)
    grown = 2.0 * fma(p, half, half)
    w = where_less(side, 0.0, grown, s * (2.0 * fma(p, half, half - 0.5)))
    u = where_less(w, -0.5, fma(s, grown, less), w + 1.0)
    found = _log_of_sum(
        where_less(_BEYOND, x, s, u), where_less(_BEYOND, x, 0.0, where_less(w, -0.5, 0.0, _lost(w, u)))
    )
    jump = where_less(0.0, at, where_less(0.0, total, a, -at), maximum(total, 0.0))
    return found + where_less(side, 0.0, jump, where_less(_BEYOND, x, x, 0.0))
