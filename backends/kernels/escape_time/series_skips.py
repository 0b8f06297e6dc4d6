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
BEYOND, TAIL, SHARE = 1, ROW - 2, ROW - 1
"""Indices in a row. A skip adds BEYOND |zeta|**2 + SHARE (|A z| + |B c|) to the error. TAIL bounds how much terms of
degree 3 and more in z, and dropped ones, change slopes by zeta."""
ONLY_LINEAR = -200  # exponents: so far inside R all but the linear terms vanish


@inner
def skip(row, x, y, error, ga, gb):
    """A skip's value at z = x + iy and gamma = ga + i gb: (real part, imaginary part, slope, error added).

    slope: a bound of |dP/dz|, and of the true map's slope, within ``error`` of z.
    """
    u, v, slope, more = polynomial(row, x * row[0], y * row[0], error * row[0], ga, gb)
    return u, v, slope * row[0], more


@inner
def length_of(x, y):
    """A bound of |x + iy|, up to an eighth too large."""
    x, y = abs(x), abs(y)
    return 0.5 * (x + y + max(x, y))


@inner
def polynomial(row, x, y, error, ga, gb):
    """``skip`` in units: by Horner's rule in zeta, with Horner's rule in gamma for each coefficient.

    Let p_i be the coefficient of zeta**i, and u_i = p_i + zeta u_(i+1). Then 2 u_1 - p_1 is dP/dzeta but for terms of
    degree 3 and more in z, and 2 u_2 its derivative.
    """
    u, v, p, q = 0.0, 0.0, 0.0, 0.0
    slope, bend = 0.0, 0.0
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
        if i == 2:
            bend = abs(u) + abs(v)
        elif i == 1:
            re, im = u + u - p, v + v - q
            slope = math.sqrt(re * re + im * im) + row[TAIL] + error * (2.0 * bend + 3.0 * row[TAIL])
    size = length_of(x, y)
    more = row[SHARE] * (length_of(row[2], row[3]) * size + length_of(p, q)) + row[BEYOND] * (size * size)
    return u, v, slope, more


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
def skip_wide(row, b, eb, rm, re, eo, x, y, e, error, ga, gb):
    """The same where z = (x + iy) 2**e: (real part, imaginary part, their exponent, slope, what it adds to the error).

    error: in the unit of z; slope: in units of 2**(eo - re).
    """
    if e - re > ONLY_LINEAR:
        unit = two_to(e - re) / rm
        u, v, slope, more = polynomial(row, x * unit, y * unit, error * unit, ga, gb)
        return u, v, eo, slope / rm, more
    ez = eo + e - re
    top = max(ez, eb)
    p, q = two_to(ez - top) / rm, two_to(eb - top)
    cu, cv = q * (b[0] * ga - b[1] * gb), q * (b[1] * ga + b[0] * gb)
    slope = math.sqrt(row[2] * row[2] + row[3] * row[3])
    more = row[SHARE] * (p * slope * length_of(x, y) + length_of(cu, cv))
    return p * (row[2] * x - row[3] * y) + cu, p * (row[3] * x + row[2] * y) + cv, top, slope / rm, more
