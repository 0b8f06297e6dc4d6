"""Truncated power series in two variables, on which a formula's code computes its own Taylor polynomial.

A series stands in a row of ``COEFFICIENTS`` numbers: that of s**i t**j, of degree d = i + j, at d (d + 1) / 2 + j. Rows
are of an array w; each routine fills row k from others, whose degrees are at most those given.
"""

from __future__ import annotations

import math

from deepzoom.compiled import inner

ORDER = 4
"""Degree of a skip's polynomial."""
TOP = ORDER + 1
"""Degree kept: the first that a skip drops tells how much it drops."""
COEFFICIENTS = (TOP + 1) * (TOP + 2) // 2


@inner
def at(d):
    """Where the coefficients of degree d begin."""
    return d * (d + 1) // 2


@inner
def series_constant(w, k, value):
    for n in range(COEFFICIENTS):
        w[k, n] = 0.0
    w[k, 0] = value


@inner
def series_variable(w, k, value, which):
    """value + s (which = 0) or value + t (which = 1)."""
    series_constant(w, k, value)
    w[k, 1 + which] = 1.0


@inner
def series_add(w, k, i, j, sign):
    """w[i] + sign w[j]."""
    for n in range(COEFFICIENTS):
        w[k, n] = w[i, n] + sign * w[j, n]


@inner
def series_scale(w, k, i, factor):
    for n in range(COEFFICIENTS):
        w[k, n] = factor * w[i, n]


@inner
def _gathered(w, k, i, j, d, e, factor):
    """Add factor times the product of w[i]'s degree d with w[j]'s degree e to w[k]."""
    for p in range(d + 1):
        for q in range(e + 1):
            w[k, at(d + e) + p + q] += factor * w[i, at(d) + p] * w[j, at(e) + q]


@inner
def series_multiply(w, k, i, j, most_i, most_j):
    for n in range(COEFFICIENTS):
        w[k, n] = 0.0
    for d in range(most_i + 1):
        for e in range(min(most_j, TOP - d) + 1):
            _gathered(w, k, i, j, d, e, 1.0)


@inner
def series_divide(w, k, i, j):
    """q = a / b by b q = a, degree by degree."""
    for d in range(TOP + 1):
        for p in range(d + 1):
            w[k, at(d) + p] = w[i, at(d) + p]
        for e in range(1, d + 1):
            _gathered(w, k, j, k, e, d - e, -1.0)
        for p in range(d + 1):
            w[k, at(d) + p] /= w[j, 0]


@inner
def series_sqrt(w, k, i):
    """r by r r = a."""
    w[k, 0] = math.sqrt(w[i, 0])
    for d in range(1, TOP + 1):
        for p in range(d + 1):
            w[k, at(d) + p] = w[i, at(d) + p]
        for e in range(1, d):
            _gathered(w, k, k, k, e, d - e, -1.0)
        for p in range(d + 1):
            w[k, at(d) + p] /= 2.0 * w[k, 0]


@inner
def series_exp(w, k, i):
    """e by the homogeneous parts of e' = a' e: d e_d = sum of n a_n e_(d - n)."""
    w[k, 0] = math.exp(w[i, 0])
    for d in range(1, TOP + 1):
        for p in range(d + 1):
            w[k, at(d) + p] = 0.0
        for n in range(1, d + 1):
            _gathered(w, k, i, k, n, d - n, n / d)


@inner
def series_sin_cos(w, k, m, i):
    """Sine to row k and cosine to row m, likewise."""
    w[k, 0], w[m, 0] = math.sin(w[i, 0]), math.cos(w[i, 0])
    for d in range(1, TOP + 1):
        for p in range(d + 1):
            w[k, at(d) + p] = w[m, at(d) + p] = 0.0
        for n in range(1, d + 1):
            _gathered(w, k, i, m, n, d - n, n / d)
            _gathered(w, m, i, k, n, d - n, -n / d)
