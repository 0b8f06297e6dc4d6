"""What a formula's code is made of beside + - * /: mostly functions of ``s * a``, divided by the scale s.

s may be 0 (a scale below float64's range): what is left is the linear part.
"""

from __future__ import annotations

import math

from deepzoom.compiling.jit import inner


@inner
def sign(x):
    """-1, 0 or 1."""
    return 1.0 if x > 0.0 else (-1.0 if x < 0.0 else 0.0)


@inner
def folded(A, a, s):
    """(|A + s a| - |A|) / s, by cases (Kalles Fraktaler's diffabs)."""
    there = A + s * a
    if A > 0.0:
        return a if there >= 0.0 else -(a + 2.0 * A / s)
    if A < 0.0:
        return -a if there <= 0.0 else a + 2.0 * A / s
    return abs(a)


@inner
def small_expm1(a, s):
    """(exp(s a) - 1) / s."""
    return a if s == 0.0 else math.expm1(s * a) / s


@inner
def small_sin(a, s):
    """sin(s a) / s."""
    return a if s == 0.0 else math.sin(s * a) / s


@inner
def half_sine_squared(a, s):
    """sin(s a / 2)**2 / s."""
    if s == 0.0:
        return 0.0
    half = math.sin(0.5 * s * a)
    return half * (half / s)
