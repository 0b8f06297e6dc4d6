"""tanh in every lane, and its exact difference, from one rational form.

The argument is given as ``v = 2 x / ln 2``; callers put this factor into the weights. With ``v = k + r``,
``|r| <= 1/2``, ``s = 2**k`` and ``q = tanh(r ln 2 / 2)``,

    exp(2 x) - 1 = n / (1 - q),   exp(2 x) + 1 = d / (1 - q),   n = (s - 1) + q (s + 1),   d = (s + 1) + q (s - 1),

so that ``tanh x = n / d`` for every x: no branch, no cancellation near zero, and one division. q is odd in r, which
halves its polynomial. Measured against mpmath: at most 2 units in the last place, and exactly odd.

The difference ``tanh(A + a) - tanh A`` is, for ``a >= 0`` and ``E = exp(2 a) - 1``, ``T = tanh A``,

    (1 - T) (1 + T) E / (2 + E (1 + T)),

a quotient of positive terms: nothing cancels, however large a is or however saturated T. For ``a < 0`` the mirror
image holds. It needs 1 - |T| from high precision (``arithmetic/saturation.py``).
"""

from __future__ import annotations

import numba

from deepzoom.arithmetic.saturation import LAST_ROOM, SCALE

from .simd import clamp, fma, magnitude, maximum, power_of_two, quotient, where_less, where_opposed, with_sign, within

ARGUMENT_SCALE = SCALE
"""2 / ln 2: the functions here take their argument multiplied by it."""

# Minimax coefficients of tanh(r ln 2 / 2) / r in r**2 on |r| <= 1/2, highest first; relative error 1.4e-18
# (made by mpmath.chebyfit at 250 bits).
_Q6 = 3.5829542024199024e-09
_Q5 = -7.67435619947053e-08
_Q4 = 1.577594296846273e-06
_Q3 = -3.241205854328879e-05
_Q2 = 0.0006666779072884674
_Q1 = -0.013876027166204879
_Q0 = 0.34657359027997264

_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding and subtracting it rounds to an integer
_SATURATED = 57.0  # tanh(57 ln 2 / 2) rounds to 1
_OVERFLOW = 1000.0  # 2**1000 is still finite


@numba.njit(inline="always")
def reduced(v):
    """The first half of ``tanh``: q and k of each lane, k in the low bits of a float64."""
    k_bits = v + _ROUND
    r = v - (k_bits - _ROUND)
    y = r * r
    q = fma(fma(fma(fma(fma(fma(y, _Q6, _Q5), y, _Q4), y, _Q3), y, _Q2), y, _Q1), y, _Q0) * r
    return q, k_bits


@numba.njit(inline="always")
def _parts(v):
    q, k_bits = reduced(v)
    s = power_of_two(k_bits)
    return q, s - 1.0, s + 1.0


@numba.njit(inline="always")
def reduced_for_tanh(v):
    """``reduced`` of the argument of ``tanh``; NaN stays NaN."""
    return reduced(within(v, _SATURATED))


@numba.njit(inline="always")
def tanh_of_reduced(q, k_bits):
    """The second half of ``tanh``."""
    s = power_of_two(k_bits)
    below, above = s - 1.0, s + 1.0
    return quotient(fma(q, above, below), fma(q, below, above))


@numba.njit(inline="always")
def tanh(v):
    """Compute tanh, of v ln 2 / 2 in each lane, to 2 units in the last place; NaN stays NaN."""
    q, k_bits = reduced_for_tanh(v)
    return tanh_of_reduced(q, k_bits)


@numba.njit(inline="always")
def tanh_and_slope(v):
    """(tanh, 1 - tanh**2); the second has all its digits where tanh is 1 to the last bit, and is 0 from v = 1000 on.

    In the terms above, ``1 - tanh(x)**2 = 4 s (1 - q**2) / d**2``.
    """
    clamped = clamp(v, -_OVERFLOW, _OVERFLOW)
    q, below, above = _parts(clamped)
    d = fma(q, below, above)
    slope = quotient(2.0 * (below + above), d) * quotient((1.0 - q) * (1.0 + q), d)  # 1 / d**2 would underflow
    return quotient(fma(q, above, below), d), where_less(_OVERFLOW, magnitude(v), 0.0, slope)


@numba.njit(inline="always")
def tanh_slope(side):
    """1 - tanh(A)**2 from ``tanh_side`` of A."""
    complement = maximum(side, LAST_ROOM)
    return complement * (2.0 - complement)


@numba.njit(inline="always")
def tanh_slope_difference(t, h):
    """The change of tanh's slope where tanh goes from t to t + h."""
    return -fma(h, h, h * (2.0 * t))


@numba.njit(inline="always")
def from_within(t, side, v):
    """The difference v from a reference that stands at ``LAST`` at most (``arithmetic/saturation.py``)."""
    return fma(t, maximum(-side, 0.0), v)  # t is 1 or -1 where side is negative


@numba.njit(inline="always")
def reduced_for_difference(v):
    """``reduced`` of the magnitude of the difference that ``tanh_difference_of_reduced`` takes."""
    return reduced(within(magnitude(v), _OVERFLOW))


@numba.njit(inline="always")
def tanh_difference_of_reduced(t, side, v, q, k_bits):
    """The second half of ``tanh_difference``; v, q and k_bits after ``from_within``."""
    s = power_of_two(k_bits)
    complement = maximum(side, LAST_ROOM)
    n = fma(q, s + 1.0, s - 1.0)
    nearer = complement * n
    farther = fma(2.0, n, -nearer)  # n (1 + |t|)
    ahead = where_opposed(v, t, nearer, farther)  # n (1 + T), T seen in the direction of a
    return with_sign(quotient(complement * farther, ahead + fma(-2.0, q, 2.0)), v)


@numba.njit(inline="always")
def tanh_difference(t, side, v):
    """tanh(A + a) - tanh(A) from t = tanh(A), side = ``tanh_side`` of A (both float64) and the vector v = 2 a / ln 2.

    Relative error about 1e-15 for every a, also where t is saturated: then beside an absolute one of 1e-278.
    """
    v = from_within(t, side, v)
    q, k_bits = reduced_for_difference(v)
    return tanh_difference_of_reduced(t, side, v, q, k_bits)
