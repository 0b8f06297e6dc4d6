"""Skips along a reference orbit, for complex-differentiable maps: many steps of a pixel at once, as a polynomial.

A skip is z -> P(z, c), of degree ``ORDER`` in both together, for |z| below its radius R. It is kept in units of R and
of the largest |c| of a pixel: zeta = z / R, gamma = c / c_max, its values in units of 2**eo. Beside its coefficients go
bounds of its terms of the next degree, which tell how much it drops. Derivation: docs/escape-time.md.

The steps that they are made of are those of ``series_first_step.py``.
"""

from __future__ import annotations

import math

import numpy as np

from deepzoom.backends.kernels.arithmetic.exponent_bits import two_to, unit_of
from deepzoom.backends.kernels.arithmetic.floatexp import (
    NOTHING,
    narrowed,
    wide,
    wide_add,
    wide_divide,
    wide_multiply,
    widened,
    widened_two_to,
)
from deepzoom.backends.kernels.escape_time.power_series import COEFFICIENTS, TOP, at
from deepzoom.backends.kernels.escape_time.skip_sizes import ORDER, SERIES
from deepzoom.compiling.jit import inner

DROPPED = 2.0**-50
"""Share of A z and of B c that a skip may drop: what rounding changes in a step."""
ROW = SERIES.row
SHARE = ROW - 1
"""Where the share of A z stands that rounding has made of the coefficients."""
_LEAST = 1e-30
_MOST_UNLIKE = 60  # exponents: a skip whose c outgrows its z so far is of no use
_ONLY_LINEAR = -200  # exponents: so far inside R all but the linear terms vanish


@inner
def dropped(row):
    """Share of A z that a skip drops at most, or that rounding makes of its coefficients."""
    return DROPPED + row[SHARE]


@inner
def skip(row, x, y, ga, gb):
    """A skip's value at z = x + iy and gamma = ga + i gb: (real part, imaginary part, size of what c alone adds)."""
    return _polynomial(row, x * row[0], y * row[0], ga, gb)


@inner
def _polynomial(row, x, y, ga, gb):
    """By Horner's rule in zeta, and in gamma for each power of it."""
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
    if e - re > _ONLY_LINEAR:
        unit = two_to(e - re) / rm
        u, v, by_c = _polynomial(row, x * unit, y * unit, ga, gb)
        return u, v, eo, by_c
    ez = eo + e - re
    top = max(ez, eb)
    p, q = two_to(ez - top) / rm, two_to(eb - top)
    cu, cv = q * (b[0] * ga - b[1] * gb), q * (b[1] * ga + b[0] * gb)
    return p * (row[2] * x - row[3] * y) + cu, p * (row[3] * x + row[2] * y) + cv, top, abs(cu) + abs(cv)


@inner
def magnitude(x, y):
    """|x + iy|; its square is in range."""
    return math.sqrt(x * x + y * y)


@inner
def made(t, radius, eo, b, eb, tree, space):
    """Make the skip t of coefficients and bounds in ``space``, within what it may drop.

    Where its radius is s times as large, the terms z**i c**j are s**i times as large. It may drop ``DROPPED`` of A z
    and of B c each, which a sum of products holds everywhere if it holds in the corners of |zeta| <= s, |gamma| <= 1.
    """
    rows, bs, exponents, radii, bounds = tree
    coefficients, dropping = space[3], space[4]
    first = at(TOP)
    most = DROPPED * magnitude(coefficients[1].real, coefficients[1].imag)
    own = dropping[first + TOP]
    left = most - dropping[first + TOP - 1]
    exponents[t, 0] = exponents[t, 1] = exponents[t, 2] = 0
    radii[t] = 0.0
    if not (left > 0.0 and own <= DROPPED * magnitude(coefficients[2].real, coefficients[2].imag)):
        return
    s = 1.0
    for i in range(2, TOP + 1):
        over = (TOP - 1) * dropping[first + TOP - i]
        if over > left:
            s = min(s, math.exp(math.log(left / over) / (i - 1)))
    if s < _LEAST:
        return
    largest, unit = 0.0, 1.0
    for i in range(TOP + 1):
        for j in range(TOP + 1 - i):
            n = at(i + j) + j
            if i + j == TOP:
                bounds[t, j] = dropping[n] * unit
            elif n > 0:
                u, v = coefficients[n].real * unit, coefficients[n].imag * unit
                rows[t, 2 * n], rows[t, 2 * n + 1] = u, v
                largest = max(largest, max(abs(u), abs(v)))
        unit *= s
    unit, k = unit_of(largest)
    for n in range(2, SHARE):
        rows[t, n] *= unit
    for j in range(TOP + 1):
        bounds[t, j] *= unit
    radius = wide_multiply(radius, widened(s))
    radii[t] = radius[0]
    exponents[t, 0], exponents[t, 1], exponents[t, 2] = radius[1], eo + k, eb
    bs[t, 0], bs[t, 1] = b.real, b.imag


@inner
def mantissa_of(value, e):
    """A complex mantissa with the larger part between 1/2 and 1, and its exponent."""
    largest = max(abs(value.real), abs(value.imag))
    if largest == 0.0:
        return value, NOTHING
    unit, k = unit_of(largest)
    return complex(value.real * unit, value.imag * unit), e + k


@inner
def followed(first, second, t, size, tree, space):
    """Make the skip t that takes one after the other: P = P2(P1(z, c), c) to the degree kept. t may be the first."""
    rows, bs, exponents, radii, bounds = tree
    rows[t, SHARE] = rows[first, SHARE] + rows[second, SHARE]
    _, powers, sizes, coefficients, dropping = space
    if radii[first] == 0.0 or radii[second] == 0.0:
        radii[t] = 0.0
        return
    r1, r2 = (radii[first], exponents[first, 0]), (radii[second], exponents[second, 0])
    e1, e2 = exponents[first, 1], exponents[second, 1]
    b1, eb1 = complex(bs[first, 0], bs[first, 1]), exponents[first, 2]
    b2, eb2 = complex(bs[second, 0], bs[second, 1]), exponents[second, 2]
    # within |zeta| <= s the first skip ends inside R2
    by_z, by_c = 0.0, 0.0
    for d in range(1, ORDER + 1):
        for j in range(d + 1):
            n = 2 * (at(d) + j)
            size_of = magnitude(rows[first, n], rows[first, n + 1])
            if j < d:
                by_z += size_of
            elif d > 1:
                by_c += size_of
    unit = wide_divide(widened_two_to(e1), r2)
    linear_c = wide_divide(wide(abs(b1), eb1), r2)
    by_c_alone = narrowed(wide_add(wide_multiply(unit, widened(by_c)), linear_c))
    if not by_c_alone < 0.9:
        radii[t] = 0.0
        return
    whole = wide_multiply(unit, widened(by_z))
    s = wide_divide(widened(1.0 - by_c_alone), whole)
    if s[1] > 0:
        s = widened(1.0)
    slope2 = magnitude(rows[second, 2], rows[second, 3])
    unlike = wide_divide(wide(abs(b2), eb2), wide(slope2, e2))
    g = max(wide_multiply(whole, s)[1], max(linear_c[1], unlike[1]))
    if unlike[1] > _MOST_UNLIKE:
        radii[t] = 0.0
        return
    # the first skip in units of R2 2**g, and bounds of its terms
    factor = wide_multiply(unit, widened_two_to(-g))
    for i in range(TOP + 1):
        if i > 0:
            factor = wide_multiply(factor, s)
        f = math.ldexp(factor[0], np.int32(min(max(factor[1], np.int64(-1080)), np.int64(1000))))
        for j in range(TOP + 1 - i):
            n = at(i + j) + j
            if i + j == TOP:
                sizes[1, n] = bounds[first, j] * f
            elif i == 0 and j == 1:
                powers[1, n] = b1 * (two_to(eb1 - g - r2[1]) / r2[0])
            elif i + j > 0:
                powers[1, n] = complex(rows[first, 2 * n], rows[first, 2 * n + 1]) * f
            if 0 < i + j < TOP:
                sizes[1, n] = magnitude(powers[1, n].real, powers[1, n].imag)
    most = 1  # the highest power of z in the second that is not 0
    for i in range(2, TOP + 1):
        for j in range(TOP + 1 - i):
            n = 2 * (at(i + j) + j)
            if (bounds[second, j] if i + j == TOP else abs(rows[second, n]) + abs(rows[second, n + 1])) > 0.0:
                most = i
    for i in range(2, most + 1):
        _multiplied(i, powers, sizes)
    for n in range(1, COEFFICIENTS):
        coefficients[n] = 0j
        dropping[n] = 0.0
    for i in range(most + 1):
        f = two_to(g * (i - 1))
        for j in range(TOP + 1 - i):
            n = at(i + j) + j
            if i + j == 0:
                continue
            if i + j == TOP:
                bound = bounds[second, j] * f
                value = 0j
            else:
                value = complex(rows[second, 2 * n], rows[second, 2 * n + 1]) * f
                if i == 0 and j == 1:
                    value = b2 * two_to(eb2 - e2 - g)
                bound = magnitude(value.real, value.imag)
            if bound == 0.0:
                continue
            if i == 0:
                if j == TOP:
                    dropping[n] += bound
                else:
                    coefficients[n] += value
                continue
            for p in range(TOP - j + 1):
                dropping[at(TOP) + p + j] += bound * sizes[i, at(TOP - j) + p]
            if i + j < TOP:
                for d in range(i, ORDER - j + 1):
                    for p in range(d + 1):
                        coefficients[at(d + j) + p + j] += value * powers[i, at(d) + p]
    slope = mantissa_of(complex(rows[second, 2], rows[second, 3]) * b1, e2 - r2[1] + eb1)
    b, eb = _wide_sum(slope[0] / r2[0], slope[1], b2, eb2)
    made(t, wide_multiply(r1, s), e2 + g, b, eb, tree, space)


@inner
def _wide_sum(m, e, n, f):
    top = max(e, f)
    return mantissa_of(m * two_to(e - top) + n * two_to(f - top), top)


@inner
def _multiplied(i, powers, sizes):
    """Power i of the first skip, and bounds of its terms, from power i - 1."""
    for n in range(COEFFICIENTS):
        sizes[i, n] = 0.0
        if i <= ORDER:
            powers[i, n] = 0j
    for d in range(i - 1, TOP):
        for e in range(1, TOP - d + 1):
            for p in range(d + 1):
                for q in range(e + 1):
                    n, k, m = at(d + e) + p + q, at(d) + p, at(e) + q
                    sizes[i, n] += sizes[i - 1, k] * sizes[1, m]
                    if d + e < TOP:
                        powers[i, n] += powers[i - 1, k] * powers[1, m]


@inner
def finished(t, tree):
    """Fill in what ``skip`` needs beside the coefficients."""
    rows, bs, exponents, radii, _ = tree
    if radii[t] == 0.0:
        return
    rows[t, 0] = 1.0 / radii[t]
    rows[t, 1] = magnitude(rows[t, 2], rows[t, 3]) / radii[t]
    exponents[t, 3] = exponents[t, 1] - exponents[t, 0]
    unit = two_to(exponents[t, 2] - exponents[t, 1])
    rows[t, 4], rows[t, 5] = bs[t, 0] * unit, bs[t, 1] * unit
