"""Skips along a reference orbit (bilinear approximation): many steps of a pixel at once, where they are linear.

Block k of level l spans ``2**(shortest + l)`` steps from m = 1 + k * that; its map is
z -> A z + B c, with real 2x2 matrices, for |z| below its radius. Their derivation: docs/escape-time.md.

This file is compiled together with the code of a formula, as ``escape_time.py`` is.
"""

from __future__ import annotations

import math
from math import inf

import numpy as np

from deepzoom.backends.kernels.formula import curvature, fold_distance, tangent
from deepzoom.backends.kernels.scaled import largest_singular_value
from deepzoom.backends.kernels.wide import (
    NOTHING,
    WIDE_ZERO,
    narrowed,
    wide,
    wide_add,
    wide_divide,
    wide_less,
    wide_multiply,
    wide_negative,
    widened,
)
from deepzoom.compiled import inner, kernel

ROUNDING = 2.0**-53
EPSILON = ROUNDING
"""Share of |A z| that one step of a skip may drop."""


@inner
def _singular_values(a, b, c, d):
    """Largest and smallest singular value."""
    largest = largest_singular_value(a, b, c, d)
    return largest, (abs(a * d - b * c) / largest if largest > 0.0 else 0.0)


@inner
def _normal(m, e):
    """Scale a row of four mantissas in place so that the largest is between 1/2 and 1; returns the new exponent."""
    largest = max(max(abs(m[0]), abs(m[1])), max(abs(m[2]), abs(m[3])))
    if largest == 0.0:
        return NOTHING
    _, k = math.frexp(largest)
    for i in range(4):
        m[i] = math.ldexp(m[i], -k)
    return e + np.int64(k)


@inner
def _product(m, n, out):
    """Matrix product of two rows of four."""
    a = m[0] * n[0] + m[1] * n[2]
    b = m[0] * n[1] + m[1] * n[3]
    c = m[2] * n[0] + m[3] * n[2]
    d = m[2] * n[1] + m[3] * n[3]
    out[0], out[1], out[2], out[3] = a, b, c, d


@inner
def _sum(m, me, n, ne, out):
    """Sum of two rows with exponents to ``out``; returns its exponent."""
    e = max(me, ne)
    up = math.ldexp(1.0, np.int32(max(me - e, np.int64(-2000))))
    vp = math.ldexp(1.0, np.int32(max(ne - e, np.int64(-2000))))
    for i in range(4):
        out[i] = m[i] * up + n[i] * vp
    return _normal(out, e)


@inner
def _followed(a1, ea1, b1, eb1, r1, a2, ea2, b2, eb2, r2, size, a, b):
    """The skip that takes one after the other, its matrices to a and b; returns (exponent, exponent, radius).

    A = A2 A1, B = A2 B1 + B2, R = min(R1, (R2 - |B1| |c|) / |A1|). May write over its first operand.
    """
    norm_a = wide(_singular_values(a1[0], a1[1], a1[2], a1[3])[0], ea1)
    norm_b = wide(_singular_values(b1[0], b1[1], b1[2], b1[3])[0], eb1)
    left = wide_add(r2, wide_negative(wide_multiply(norm_b, size)))
    radius = WIDE_ZERO
    if left[0] > 0.0 and r1[0] > 0.0 and norm_a[0] > 0.0:
        after = wide_divide(left, norm_a)
        radius = r1 if wide_less(r1, after) else after
    _product(a2, b1, b)
    eb = _sum(b, ea2 + eb1, b2, eb2, b)
    _product(a2, a1, a)
    ea = _normal(a, ea1 + ea2)
    return ea, eb, radius


@inner
def _single(x, y, cx, cy, size, folds, at, a, b):
    """The skip of one step from the reference's x + iy: its matrices to a and b, and its radius."""
    a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3] = tangent(x, y, cx, cy)
    by_z, mixed, by_c = curvature(x, y, cx, cy)
    _, least = _singular_values(a[0], a[1], a[2], a[3])
    _, least_c = _singular_values(b[0], b[1], b[2], b[3])
    room = EPSILON * least - mixed * size
    radius = 0.0
    if room > 0.0 and by_c * size <= EPSILON * least_c:
        radius = room / by_z if by_z > 0.0 else inf
        radius = min(radius, fold_distance(x, y, cx, cy, size, folds, at))
    if not radius > 0.0:
        return WIDE_ZERO
    return widened(min(radius, 1e300))


@kernel()
def build_skips(zx, zy, folds, tiny, first, length, shortest, cx, cy, size_m, size_e, a, ea, b, eb, rm, re, norms):
    """Fill the levels of skips along a reference orbit.

    zx, zy, folds, tiny: orbits, of which this one stands at first .. first + length; shortest: log2 of the first
    level's steps; size: largest |c| of a pixel, as a wide number. Out, blocks of all levels one after the other: a, b
    (blocks, 4) with exponents ea, eb, radius rm, re, and the norm of a.
    """
    size = (size_m, size_e)
    narrow = narrowed(size)
    a1, b1 = np.zeros(4), np.zeros(4)
    steps = np.int64(1) << shortest
    count = (length - 1) >> shortest
    for k in range(count):
        ea0, eb0, radius = np.int64(0), np.int64(0), WIDE_ZERO
        for i in range(steps):
            m = first + 1 + k * steps + i
            single = _single(zx[m], zy[m], cx, cy, narrow, folds, m, a1, b1)
            if tiny[m]:
                single = WIDE_ZERO
            if i == 0:
                a[k, :], b[k, :] = a1, b1
                ea0, eb0, radius = _normal(a[k], np.int64(0)), _normal(b[k], np.int64(0)), single
            else:
                ea1, eb1 = _normal(a1, np.int64(0)), _normal(b1, np.int64(0))
                ea0, eb0, radius = _followed(a[k], ea0, b[k], eb0, radius, a1, ea1, b1, eb1, single, size, a[k], b[k])
        ea[k], eb[k], rm[k], re[k] = ea0, eb0, radius[0], radius[1]
    below, filled = 0, count
    while count >= 2:
        for k in range(count // 2):
            i, j, t = below + 2 * k, below + 2 * k + 1, filled + k
            a[t], b[t] = a[i], b[i]
            ea[t], eb[t], radius = _followed(
                a[t], ea[i], b[t], eb[i], (rm[i], re[i]), a[j], ea[j], b[j], eb[j], (rm[j], re[j]), size, a[t], b[t]
            )
            rm[t], re[t] = radius
        below, count = filled, count // 2
        filled += count
    for t in range(filled):
        norms[t] = largest_singular_value(a[t, 0], a[t, 1], a[t, 2], a[t, 3])
