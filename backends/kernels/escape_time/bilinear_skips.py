"""Skips along a reference orbit, for maps that fold: many steps of a pixel at once, by a bilinear approximation.

A skip is z -> A z + B c, with real 2x2 matrices, for |z| below its radius R. z is in units of R, c in units of the
largest |c| of a pixel, and values in units of 2**eo, as in ``series_skips.py``. Derivation: docs/escape-time.md.

``bilinear_first_step.py`` makes the skips of one step.
"""

from __future__ import annotations

from deepzoom.backends.kernels.arithmetic.exponent_bits import two_to, unit_of
from deepzoom.backends.kernels.arithmetic.floatexp import (
    NOTHING,
    WIDE_ZERO,
    wide,
    wide_add,
    wide_divide,
    wide_less,
    wide_negative,
)
from deepzoom.backends.kernels.arithmetic.singular_value import largest_singular_value
from deepzoom.backends.kernels.escape_time.skip_sizes import LINEAR
from deepzoom.compiling.jit import inner

ROW, TOP, KEPT = LINEAR
OF_A_SKIP = 2.0**-50
"""Rounding error of a skip with exact coefficients, as a share of A z and of B c."""
SHARE = ROW - 1
"""Index in a row: the share of A z and of B c that a skip is off by, from what it drops and from rounding."""


@inner
def skip(row, x, y, error, ga, gb):
    """A skip's value at z = x + iy and gamma = ga + i gb: (real part, imaginary part, slope, error added).

    slope: a bound of the map's slope.
    """
    size = row[1] * row[0] * (abs(x) + abs(y))
    x, y = x * row[0], y * row[0]
    u, v = row[6] * ga + row[7] * gb, row[8] * ga + row[9] * gb
    slope = row[1] * row[0] * (1.0 + 2.0 * row[SHARE])
    return row[2] * x + row[3] * y + u, row[4] * x + row[5] * y + v, slope, row[SHARE] * (size + abs(u) + abs(v))


@inner
def skip_slopes(row, x, y, ga, gb):
    """A skip's derivatives by z and by gamma there, as real matrices row by row."""
    unit = row[0]
    return (row[2] * unit, row[3] * unit, row[4] * unit, row[5] * unit), (row[6], row[7], row[8], row[9])


@inner
def skip_wide(row, b, eb, rm, re, eo, x, y, e, error, ga, gb):
    """The same where z = (x + iy) 2**e: (real part, imaginary part, their exponent, slope, what it adds to the error).

    slope: in units of 2**(eo - re).
    """
    ez = eo + e - re
    top = max(ez, eb)
    p, q = two_to(ez - top) / rm, two_to(eb - top)
    u, v = q * (b[0] * ga + b[1] * gb), q * (b[2] * ga + b[3] * gb)
    more = row[SHARE] * (p * row[1] * (abs(x) + abs(y)) + abs(u) + abs(v))
    slope = row[1] * (1.0 + 2.0 * row[SHARE]) / rm
    return p * (row[2] * x + row[3] * y) + u, p * (row[4] * x + row[5] * y) + v, top, slope, more


@inner
def singular_values(a, b, c, d):
    """Largest and smallest singular value."""
    largest = largest_singular_value(a, b, c, d)
    return largest, (abs(a * d - b * c) / largest if largest > 0.0 else 0.0)


@inner
def normal(m, e):
    """Scale four mantissas in place so that the largest is between 1/2 and 1; returns the new exponent."""
    largest = max(max(abs(m[0]), abs(m[1])), max(abs(m[2]), abs(m[3])))
    if largest == 0.0:
        return NOTHING
    unit, k = unit_of(largest)
    for i in range(4):
        m[i] *= unit
    return e + k


@inner
def _product(m, n, out):
    """Matrix product of two rows of four."""
    out[0], out[1], out[2], out[3] = (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
    )


@inner
def followed(first, second, t, size, tree, space):
    """Make the skip t from two: the second after the first. t may be the first.

    A = A2 A1, B = A2 B1 + B2, R = min(R1, (R2 - |B1| |c|) / |A1|).
    """
    rows, bs, exponents, radii, _ = tree
    rows[t, SHARE] = rows[first, SHARE] + rows[second, SHARE]
    a1, b1, a2, b2 = rows[first, 2:6], bs[first], rows[second, 2:6], bs[second]
    ea1, eb1, ea2, eb2 = exponents[first, 1], exponents[first, 2], exponents[second, 1], exponents[second, 2]
    norm_a = wide(singular_values(a1[0], a1[1], a1[2], a1[3])[0], ea1)
    norm_b = wide(singular_values(b1[0], b1[1], b1[2], b1[3])[0], eb1)
    r1, r2 = (radii[first], exponents[first, 0]), (radii[second], exponents[second, 0])
    left = wide_add(r2, wide_negative(norm_b))
    radius = WIDE_ZERO
    if left[0] > 0.0 and r1[0] > 0.0 and norm_a[0] > 0.0:
        after = wide_divide(left, norm_a)
        radius = r1 if wide_less(r1, after) else after
    _product(a2, b1, space)
    top = max(ea2 + eb1, eb2)
    p, q = two_to(ea2 + eb1 - top), two_to(eb2 - top)
    for i in range(4):
        bs[t, i] = p * space[i] + q * b2[i]
    _product(a2, a1, space)
    for i in range(4):
        rows[t, 2 + i] = space[i]
    radii[t] = radius[0]
    exponents[t, 0] = radius[1]
    exponents[t, 1], exponents[t, 2] = normal(rows[t, 2:6], ea1 + ea2), normal(bs[t], top)


@inner
def finished(t, tree, space):
    """Bring A and B to the units that ``skip`` takes."""
    rows, bs, exponents, radii, _ = tree
    if radii[t] == 0.0:
        return
    row = rows[t]
    row[0] = 1.0 / radii[t]
    row[1] = largest_singular_value(row[2], row[3], row[4], row[5]) * radii[t]
    row[SHARE] += OF_A_SKIP
    exponents[t, 1] += exponents[t, 0]
    exponents[t, 3] = exponents[t, 1] - exponents[t, 0]
    unit = two_to(exponents[t, 2] - exponents[t, 1])
    for i in range(4):
        row[2 + i] *= radii[t]
        row[6 + i] = bs[t, i] * unit
