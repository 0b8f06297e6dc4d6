"""Skips along a reference orbit, for complex-differentiable maps: many steps of a pixel at once, as a polynomial.

A skip is z -> P(z, c), of degree ``ORDER`` in both together, for |z| below its radius R. z is in units of R, c in units
of the largest |c| of a pixel (zeta = z / R, gamma = c / c_max), and values are in units of 2**eo. Beside the
coefficients stand bounds of the terms of the next degree, which tell how much a skip drops. Derivation:
docs/escape-time.md.

This file evaluates skips. ``series_first_step.py`` and ``series_composition.py`` make them.
"""

from __future__ import annotations

import math

from deepzoom.backends.kernels.arithmetic.exponent_bits import two_to
from deepzoom.backends.kernels.escape_time.power_series import at
from deepzoom.backends.kernels.escape_time.skip_sizes import ORDER, SERIES
from deepzoom.compiling.jit import inner

DROPPED = 2.0**-50
"""Share of A z and of B c that a skip may drop: about the rounding error of a step."""
ROW = SERIES.row
SHARE = ROW - 1
"""Index in a row: the rounding error of the coefficients, as a share of A z."""
ONLY_LINEAR = -200  # exponents: so far inside R all but the linear terms vanish


@inner
def dropped(row):
    """Bound of the error of a skip, as a share of A z: what it drops, and rounding of its coefficients."""
    return DROPPED + row[SHARE]


@inner
def skip(row, x, y, ga, gb):
    """A skip's value at z = x + iy and gamma = ga + i gb: (real part, imaginary part, size of what c alone adds)."""
    return polynomial(row, x * row[0], y * row[0], ga, gb)


@inner
def polynomial(row, x, y, ga, gb):
    """P(zeta, gamma) by Horner's rule in zeta, with Horner's rule in gamma for each coefficient."""
    u, v, p, q = 0.0, 0.0, 0.0, 0.0
    for down in range(ORDER + 1):
        i = ORDER - down
        p, q = 0.0, 0.0
        for less in range(down + 1):
            j = down - less
            p, q = p * ga - q * gb, p * gb + q * ga
            if i + j > 0:
                n = 2 * (at(i + j) + j)
                p += row[n]
                q += row[n + 1]
        u, v = u * x - v * y + p, u * y + v * x + q
    return u, v, abs(p) + abs(q)


@inner
def steepness(row, size):
    """A bound of |dP/dz| for |z| <= size, from the sizes of all coefficients, and for what is dropped."""
    zeta, power, found = size * row[0], 1.0, 0.0
    for i in range(1, ORDER + 1):
        for j in range(ORDER + 1 - i):
            n = 2 * (at(i + j) + j)
            found += i * power * math.sqrt(row[n] * row[n] + row[n + 1] * row[n + 1])
        power *= zeta
    return found * row[0] * (1.0 + 2.0**-40)


@inner
def skip_slopes(row, x, y, ga, gb):
    """A skip's derivatives by z and by gamma there, as real matrices row by row."""
    x, y = x * row[0], y * row[0]
    u, v, du, dv, eu, ev = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for down in range(ORDER + 1):
        i = ORDER - down
        p, q, dp, dq = 0.0, 0.0, 0.0, 0.0
        for less in range(down + 1):
            j = down - less
            dp, dq = dp * ga - dq * gb + p, dp * gb + dq * ga + q
            p, q = p * ga - q * gb, p * gb + q * ga
            if i + j > 0:
                n = 2 * (at(i + j) + j)
                p += row[n]
                q += row[n + 1]
        du, dv = du * x - dv * y + u, du * y + dv * x + v
        eu, ev = eu * x - ev * y + dp, eu * y + ev * x + dq
        u, v = u * x - v * y + p, u * y + v * x + q
    du, dv = du * row[0], dv * row[0]
    return (du, -dv, dv, du), (eu, -ev, ev, eu)


@inner
def skip_wide(row, b, eb, rm, re, eo, x, y, e, ga, gb):
    """The same where z = (x + iy) 2**e: (real part, imaginary part, their exponent, size of what c alone adds)."""
    if e - re > ONLY_LINEAR:
        unit = two_to(e - re) / rm
        u, v, by_c = polynomial(row, x * unit, y * unit, ga, gb)
        return u, v, eo, by_c
    ez = eo + e - re
    top = max(ez, eb)
    p, q = two_to(ez - top) / rm, two_to(eb - top)
    cu, cv = q * (b[0] * ga - b[1] * gb), q * (b[1] * ga + b[0] * gb)
    return p * (row[2] * x - row[3] * y) + cu, p * (row[3] * x + row[2] * y) + cv, top, abs(cu) + abs(cv)
