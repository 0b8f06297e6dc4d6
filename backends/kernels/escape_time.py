"""Iterating a formula until it escapes: in float64, and as a difference from reference orbits.

This file is compiled together with the generated code of one formula, whose functions take the place of those of
``formula.py``: see ``generated.py``. The formula's parts are real: z = x + iy.

Perturbation with rebasing (Zhuoran 2021): Z_m is the reference orbit, z the difference from it, and the pixel stands at
W = Z_m + z. Where W is closer to 0, the critical point at which reference orbits begin, than to Z_m, or where the
reference ends, it goes on as the difference W from the orbit's beginning, m = 0. Nothing is approximated by that.

Skips (bilinear approximation): block k of level l spans ``SPAN * 2**l`` steps from m = 1 + k * that; its map is
z -> A z + B c, with real 2x2 matrices, for |z| below its radius. Their derivation: docs/escape-time.md.
"""

from __future__ import annotations

import math
from math import inf, sqrt

import numpy as np

from deepzoom.backends.kernels.formula import curvature, difference, fold_distance, tangent, value, wide_difference
from deepzoom.backends.kernels.wide import (
    NOTHING,
    WIDE_ZERO,
    narrowed,
    wide,
    wide_abs,
    wide_add,
    wide_divide,
    wide_less,
    wide_multiply,
    wide_negative,
    widened,
)
from deepzoom.compiled import inner, kernel

FAR = 1e10
"""The smooth count is read off at the first iterate beyond this radius."""
_MOST_BEYOND = 100
SPAN = np.int64(4)
"""Steps of the smallest skip; shorter ones cost what they save."""
EPSILON = 2.0**-53
"""Share of |A z| that one step of a skip may drop."""
_FAR_BELOW = 80  # exponents: a difference that much smaller does not change |W| - radius
_APART = 460  # exponents: a difference below 2**-460 does not move a W that is not tiny


@inner
def smooth_count(x, y, a, b, n, degree):
    """Smooth count of a pixel that escaped at z_n = x + iy: k + 1 - log(log|z_k| / log 2) / log(degree).

    k is the first iterate beyond ``FAR``; n where there is none.
    """
    k = n
    while math.hypot(x, y) <= FAR and k < n + _MOST_BEYOND:
        x, y = value(x, y, a, b)
        k += 1
    size = math.hypot(x, y)
    if not size > FAR or size == inf:
        return float(n)
    return k + 1 - math.log(math.log(size) / math.log(2.0)) / math.log(degree)


@kernel()
def run_float64(zx, zy, cx, cy, limit, radius, degree, iterations, smooth):
    """Iterate pixels from z (P,) with c (P,): the n of their escape beyond radius, or -1, and the smooth count."""
    for p in range(zx.size):
        x, y, a, b = zx[p], zy[p], cx[p], cy[p]
        n = 0
        while x * x + y * y <= radius * radius and n < limit:
            x, y = value(x, y, a, b)
            n += 1
        if x * x + y * y <= radius * radius:
            iterations[p] = -1
        else:
            iterations[p] = n
            smooth[p] = smooth_count(x, y, a, b, n, degree)


@inner
def _singular_values(a, b, c, d):
    """Largest and smallest singular value of a real 2x2 matrix."""
    s = a * a + b * b + c * c + d * d
    det = abs(a * d - b * c)
    largest = sqrt(0.5 * (s + sqrt(max(0.0, s * s - 4.0 * det * det))))
    return largest, (det / largest if largest > 0.0 else 0.0)


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
def _single(x, y, cx, cy, size, a, b):
    """The skip of one step from the reference's x + iy: its matrices to a and b, and its radius."""
    a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3] = tangent(x, y, cx, cy)
    by_z, mixed, by_c = curvature(x, y, cx, cy)
    _, least = _singular_values(a[0], a[1], a[2], a[3])
    _, least_c = _singular_values(b[0], b[1], b[2], b[3])
    room = EPSILON * least - mixed * size
    radius = 0.0
    if room > 0.0 and by_c * size <= EPSILON * least_c:
        radius = room / by_z if by_z > 0.0 else inf
        radius = min(radius, fold_distance(x, y, cx, cy, size))
    if not radius > 0.0:
        return WIDE_ZERO
    return widened(min(radius, 1e300))


@kernel()
def build_skips(zx, zy, tiny, first, length, cx, cy, size_m, size_e, a, ea, b, eb, rm, re):
    """Fill the levels of skips along a reference orbit.

    zx, zy, tiny: orbits, of which this one stands at first .. first + length; size: largest |c| of a pixel, as a wide
    number. Out, blocks of all levels one after the other: a, b (blocks, 4) with exponents ea, eb, and radius rm, re.
    Returns the number of blocks.
    """
    size = (size_m, size_e)
    narrow = narrowed(size)
    a1, b1 = np.zeros(4), np.zeros(4)
    count = (length - 1) // SPAN
    for k in range(count):
        ea0, eb0, radius = np.int64(0), np.int64(0), WIDE_ZERO
        for i in range(SPAN):
            m = first + 1 + k * SPAN + i
            single = _single(zx[m], zy[m], cx, cy, narrow, a1, b1)
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
    return filled


@inner
def _beyond(excess, zx, zy, x, y):
    """|Z + z|**2 - radius**2 from |Z|**2 - radius**2: right however close to the radius."""
    return excess + ((zx + zx + x) * x + (zy + zy + y) * y)


@kernel()
def run_perturbed(
    dzx, dzy, dcx, dcy, cx, cy, zx, zy, excess, start, length, levels, a, b, radii, limit, radius, degree, iterations,
    smooth,
):  # fmt: skip
    """Iterate pixels as differences in float64.

    dz, dc (P,): their differences from the reference's start and c; zx, zy: orbits, of which orbit r stands at start[r]
    .. start[r] + length[r]; the first is the one pixels begin at, the last the critical one, to which they rebase;
    excess: |Z|**2 - radius**2, from high precision.
    levels (orbits, most + 1): first block of each level, then the end. Results as for ``run_float64``.
    """
    critical = start.size - 1
    for p in range(dzx.size):
        x, y, da, db = dzx[p], dzy[p], dcx[p], dcy[p]
        orbit, m, n = 0, np.int64(0), np.int64(0)
        first, last = start[0], length[0]
        wx, wy = zx[first] + x, zy[first] + y
        beyond = _beyond(excess[first], zx[first], zy[first], x, y)
        while beyond <= 0.0 and n < limit:
            size = abs(x) + abs(y)
            if m == last or abs(wx) + abs(wy) < size:
                x, y, m, orbit = wx, wy, np.int64(0), critical
                first, last = start[orbit], length[orbit]
                size = abs(x) + abs(y)
            block, span = np.int64(-1), np.int64(1)
            if m > 0:
                k, level, wider = m - 1, 0, SPAN
                while k & (wider - 1) == 0 and n + wider <= limit and level + 1 < levels.shape[1]:
                    here = levels[orbit, level] + k // wider
                    if here >= levels[orbit, level + 1] or size >= radii[here]:
                        break
                    block, span = here, wider
                    level += 1
                    wider *= 2
            if block >= 0:
                u = a[block, 0] * x + a[block, 1] * y + (b[block, 0] * da + b[block, 1] * db)
                y = a[block, 2] * x + a[block, 3] * y + (b[block, 2] * da + b[block, 3] * db)
                x = u
            else:
                x, y = difference(zx[first + m], zy[first + m], cx, cy, x, y, da, db, 1.0)
            m += span
            n += span
            wx, wy = zx[first + m] + x, zy[first + m] + y
            beyond = _beyond(excess[first + m], zx[first + m], zy[first + m], x, y)
        if beyond <= 0.0:
            iterations[p] = -1
        else:
            iterations[p] = n
            smooth[p] = smooth_count(wx, wy, cx + da, cy + db, n, degree)


@inner
def _scaled(x, y, e):
    """x + iy times 2**e with the larger part between 1/2 and 1."""
    largest = max(abs(x), abs(y))
    if largest == 0.0:
        return 0.0, 0.0, NOTHING
    _, k = math.frexp(largest)
    return math.ldexp(x, -k), math.ldexp(y, -k), e + np.int64(k)


@inner
def _two_to(e):
    return math.ldexp(1.0, np.int32(max(e, np.int64(-1100))))


@inner
def _beyond_wide(excess_m, excess_e, zx, zy, x, y, e):
    """The sign of |Z + z|**2 - radius**2, z = (x + iy) 2**e."""
    if e < excess_e - _FAR_BELOW:
        return excess_m
    s = _two_to(e)
    moved = wide((zx + zx + s * x) * x + (zy + zy + s * y) * y, e)
    return wide_add((excess_m, excess_e), moved)[0]


@kernel()
def run_wide(
    dzx, dzy, dcx, dcy, exponent, cx, cy, zx, zy, tiny, tiny_at, tiny_m, tiny_e, excess_m, excess_e, start, length,
    levels, a, ea, b, eb, rm, re, limit, radius, degree, iterations, smooth,
):  # fmt: skip
    """The same for differences below float64's range: each carries an exponent, ``exponent`` at the start.

    tiny (bool) marks iterates of an orbit that float64 does not serve; their values stand in tiny_m (tiny, 2), tiny_e
    (tiny, 2), and where they stand in tiny_at. excess_m, excess_e: |Z|**2 -
    radius**2 as wide numbers. Skips as ``build_skips`` leaves them.
    """
    critical = start.size - 1
    wcx, wcy = widened(cx), widened(cy)
    for p in range(dzx.size):
        x, y, e = _scaled(dzx[p], dzy[p], exponent)
        da, db, ec = _scaled(dcx[p], dcy[p], exponent)
        orbit, m, n = 0, np.int64(0), np.int64(0)
        first, last = start[0], length[0]
        beyond = _beyond_wide(excess_m[first], excess_e[first], zx[first], zy[first], x, y, e)
        while beyond <= 0.0 and n < limit:
            here = first + m
            if tiny[here] or e > -_APART or m == last:
                # W and z as wide numbers, to compare them
                i = np.searchsorted(tiny_at, here) if tiny[here] else -1
                ox = (tiny_m[i, 0], tiny_e[i, 0]) if i >= 0 else widened(zx[here])
                oy = (tiny_m[i, 1], tiny_e[i, 1]) if i >= 0 else widened(zy[here])
                vx, vy = wide(x, e), wide(y, e)
                ux, uy = wide_add(ox, vx), wide_add(oy, vy)
                closer = wide_less(wide_add(wide_abs(ux), wide_abs(uy)), wide_add(wide_abs(vx), wide_abs(vy)))
                if m == last or closer:
                    e = max(ux[1], uy[1])
                    x, y, e = _scaled(ux[0] * _two_to(ux[1] - e), uy[0] * _two_to(uy[1] - e), e)
                    m, orbit = np.int64(0), critical
                    first, last = start[orbit], length[orbit]
            size = abs(x) + abs(y)
            block, span = np.int64(-1), np.int64(1)
            if m > 0:
                k, level, wider = m - 1, 0, SPAN
                while k & (wider - 1) == 0 and n + wider <= limit and level + 1 < levels.shape[1]:
                    at = levels[orbit, level] + k // wider
                    if at >= levels[orbit, level + 1]:
                        break
                    over = e - re[at]
                    if rm[at] == 0.0 or over >= 1 or (over > -2 and size * _two_to(over) >= rm[at]):
                        break
                    block, span = at, wider
                    level += 1
                    wider *= 2
            here = first + m
            if block >= 0:
                by_z, by_c = ea[block] + e, eb[block] + ec
                e = max(by_z, by_c)
                p1, p2 = _two_to(by_z - e), _two_to(by_c - e)
                u = p1 * (a[block, 0] * x + a[block, 1] * y) + p2 * (b[block, 0] * da + b[block, 1] * db)
                v = p1 * (a[block, 2] * x + a[block, 3] * y) + p2 * (b[block, 2] * da + b[block, 3] * db)
                x, y, e = _scaled(u, v, e)
            elif tiny[here]:
                i = np.searchsorted(tiny_at, here)
                ux, uy = wide_difference(
                    (tiny_m[i, 0], tiny_e[i, 0]), (tiny_m[i, 1], tiny_e[i, 1]), wcx, wcy,
                    wide(x, e), wide(y, e), wide(da, ec), wide(db, ec),
                )  # fmt: skip
                e = max(ux[1], uy[1])
                x, y, e = _scaled(ux[0] * _two_to(ux[1] - e), uy[0] * _two_to(uy[1] - e), e)
            else:
                unit = max(e, ec)
                p1, p2 = _two_to(e - unit), _two_to(ec - unit)
                u, v = difference(zx[here], zy[here], cx, cy, x * p1, y * p1, da * p2, db * p2, _two_to(unit))
                x, y, e = _scaled(u, v, unit)
            m += span
            n += span
            here = first + m
            beyond = _beyond_wide(excess_m[here], excess_e[here], zx[here], zy[here], x, y, e)
        if beyond <= 0.0:
            iterations[p] = -1
        else:
            iterations[p] = n
            wx, wy = zx[first + m] + x * _two_to(e), zy[first + m] + y * _two_to(e)
            smooth[p] = smooth_count(wx, wy, cx + da * _two_to(ec), cy + db * _two_to(ec), n, degree)
