"""Truncated power series in two variables, on which a formula's code computes its own Taylor polynomial.

A series stands in an array of ``COEFFICIENTS`` numbers: that of s**i t**j, of degree d = i + j, at d (d + 1) / 2 + j.
Each routine fills its first argument from others, whose degrees are at most those given. They take arrays, not rows'
numbers: Numba compiles a routine anew for each number that it is called with.
"""

from __future__ import annotations

import math

from deepzoom.backends.kernels.escape_time.skip_sizes import SERIES
from deepzoom.compiling.jit import inner

TOP = SERIES.top
"""Degree kept: the first that a skip drops tells how much it drops."""
COEFFICIENTS = (TOP + 1) * (TOP + 2) // 2


@inner
def at(d):
    """Where the coefficients of degree d begin."""
    return d * (d + 1) // 2


@inner
def series_constant(out, value):
    for n in range(COEFFICIENTS):
        out[n] = 0.0
    out[0] = value


@inner
def series_variable(out, value, which):
    """value + s (which = 0) or value + t (which = 1)."""
    series_constant(out, value)
    out[1 + which] = 1.0


@inner
def series_add(out, a, b, sign):
    """a + sign b."""
    for n in range(COEFFICIENTS):
        out[n] = a[n] + sign * b[n]


@inner
def series_scale(out, a, factor):
    for n in range(COEFFICIENTS):
        out[n] = factor * a[n]


@inner
def _gathered(out, a, b, d, e, factor):
    """Add factor times the product of a's degree d with b's degree e."""
    for p in range(d + 1):
        for q in range(e + 1):
            out[at(d + e) + p + q] += factor * a[at(d) + p] * b[at(e) + q]


@inner
def series_multiply(out, a, b, most_a, most_b):
    for n in range(COEFFICIENTS):
        out[n] = 0.0
    for d in range(most_a + 1):
        for e in range(min(most_b, TOP - d) + 1):
            _gathered(out, a, b, d, e, 1.0)


@inner
def series_divide(out, a, b):
    """q = a / b by b q = a, degree by degree."""
    for d in range(TOP + 1):
        for p in range(d + 1):
            out[at(d) + p] = a[at(d) + p]
        for e in range(1, d + 1):
            _gathered(out, b, out, e, d - e, -1.0)
        for p in range(d + 1):
            out[at(d) + p] /= b[0]


@inner
def series_sqrt(out, a):
    """r by r r = a."""
    out[0] = math.sqrt(a[0])
    for d in range(1, TOP + 1):
        for p in range(d + 1):
            out[at(d) + p] = a[at(d) + p]
        for e in range(1, d):
            _gathered(out, out, out, e, d - e, -1.0)
        for p in range(d + 1):
            out[at(d) + p] /= 2.0 * out[0]


@inner
def series_exp(out, a):
    """e by the homogeneous parts of e' = a' e: d e_d = sum of n a_n e_(d - n)."""
    out[0] = math.exp(a[0])
    for d in range(1, TOP + 1):
        for p in range(d + 1):
            out[at(d) + p] = 0.0
        for n in range(1, d + 1):
            _gathered(out, a, out, n, d - n, n / d)


@inner
def series_sin_cos(sine, cosine, a):
    """Likewise."""
    sine[0], cosine[0] = math.sin(a[0]), math.cos(a[0])
    for d in range(1, TOP + 1):
        for p in range(d + 1):
            sine[at(d) + p] = cosine[at(d) + p] = 0.0
        for n in range(1, d + 1):
            _gathered(sine, a, cosine, n, d - n, n / d)
            _gathered(cosine, a, sine, n, d - n, -n / d)
