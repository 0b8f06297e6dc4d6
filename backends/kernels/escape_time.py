"""Iterating a formula until it escapes: in float64, and as a difference from reference orbits.

This file and ``skips.py`` are compiled together with the generated code of one formula, whose functions take the place
of those of ``formula.py``: see ``generated.py``. The formula's parts are real: z = x + iy.

Perturbation with rebasing (Zhuoran 2021): Z_m is the reference orbit, z the difference from it, and the pixel stands at
W = Z_m + z. Where W is closer to 0, the critical point at which reference orbits begin, than to Z_m, or where the
reference ends, it goes on as the difference W from the orbit's beginning, m = 0. Nothing is approximated by that.

Skips along a reference are taken where they hold: ``skips.py``.
"""

from __future__ import annotations

import math
from math import inf

import numpy as np

from deepzoom.backends.kernels.formula import difference, stretch, value, wide_difference
from deepzoom.backends.kernels.skips import EPSILON, ROUNDING
from deepzoom.backends.kernels.wide import (
    NOTHING,
    wide,
    wide_abs,
    wide_add,
    wide_less,
    widened,
)
from deepzoom.compiled import inner, kernel
from deepzoom.systems.escape_time import NEAR

FAR = 1e10
"""The smooth count is read off at the first iterate beyond this radius."""
_MOST_BEYOND = 100
_OF_A_STEP = 8.0 * ROUNDING
"""Share of |A z| that rounding changes in one step: of Z, of the products and of their sums."""
_FAR_BELOW = 80  # exponents: a difference that much smaller does not change |W| - radius
_APART = 460  # exponents: a difference below 2**-460 does not move a W that is not tiny


@inner
def reached(x, y, targets):
    """1 + the index of the target (targets, 2) that x + iy is near to, 0 where there is none."""
    for i in range(targets.shape[0]):
        dx, dy = x - targets[i, 0], y - targets[i, 1]
        if dx * dx + dy * dy < NEAR * NEAR:
            return i + 1
    return 0


@inner
def smooth_count(x, y, a, b, n, degree, gain):
    """Smooth count of a pixel that escaped at z_n = x + iy; n where no iterate k soon after is beyond ``FAR``.

    k + 1 - log((log|z_k| + log(gain) / (degree - 1)) / log 2) / log(degree).
    """
    k = n
    while math.hypot(x, y) <= FAR and k < n + _MOST_BEYOND:
        x, y = value(x, y, a, b)
        k += 1
    size = math.hypot(x, y)
    if not size > FAR or size == inf:
        return float(n)
    return k + 1 - math.log((math.log(size) + math.log(gain) / (degree - 1.0)) / math.log(2.0)) / math.log(degree)


@inner
def read_out(p, x, y, a, b, n, hit, beyond, error, unsure, law, targets, out):
    """Write down how a pixel ended, at z_n = x + iy, which is off by about ``error``.

    law: degree, gain and order of the map (``Iteration``). out: iterations (n of the exit, or -1), smooth count,
    attractor (1 + the target's index, or 0) and trust: 1 where the error moves neither the count nor the smooth count
    by 1e-7, else -1. unsure: whether an earlier iterate was within its error of the exit.
    """
    degree, gain, order = law
    iterations, smooth, attractor, trust = out
    attractor[p] = hit
    if hit > 0:
        distance = max(math.hypot(x - targets[hit - 1, 0], y - targets[hit - 1, 1]), 1e-300)
        iterations[p] = n
        if order > 1.0:
            smooth[p] = n - math.log(math.log(distance) / math.log(NEAR)) / math.log(order)
            moved = error / (distance * -math.log(distance))
        else:
            smooth[p] = max(0.0, n - math.log(distance / NEAR) / math.log(order))
            moved = error / (distance * -math.log(order))
        moved = max(moved, error / NEAR)
    elif beyond <= 0.0:
        iterations[p] = -1
        moved = error * 1e-4  # whether it stays inside shows only when the error is as large as the plane
    else:
        iterations[p] = n
        smooth[p] = smooth_count(x, y, a, b, n, degree, gain)
        size = max(math.hypot(x, y), 1.0 + NEAR)
        moved = max(error / (size * math.log(size)), error * size / beyond * 1e-7)
    trust[p] = 1 if moved <= 1e-7 and not unsure else -1


@kernel()
def run_float64(zx, zy, cx, cy, limit, radius, law, targets, out):
    """Iterate pixels from z (P,) with c (P,), to the results of ``read_out``."""
    for p in range(zx.size):
        x, y, a, b = zx[p], zy[p], cx[p], cy[p]
        n, keep, kept_x, kept_y = 0, 64, inf, inf
        fixed = ROUNDING * math.hypot(a, b)
        error, unsure = ROUNDING * math.hypot(x, y), False
        beyond = x * x + y * y - radius * radius
        hit = reached(x, y, targets)
        while beyond <= 0.0 and hit == 0 and n < limit:
            unsure |= beyond > -4.0 * radius * error
            by_z, by_c = stretch(x, y, a, b)
            x, y = value(x, y, a, b)
            error = by_z * error + by_c * fixed
            error += _OF_A_STEP * (abs(x) + abs(y))
            n += 1
            if x == kept_x and y == kept_y:  # the same number again: so it goes on for ever
                n = limit
            if n == keep:
                kept_x, kept_y, keep = x, y, 2 * n
            beyond = x * x + y * y - radius * radius
            hit = reached(x, y, targets)
        read_out(p, x, y, a, b, n, hit, beyond, error, unsure, law, targets, out)


@inner
def _beyond(excess, zx, zy, x, y):
    """|Z + z|**2 - radius**2 from |Z|**2 - radius**2: right however close to the radius."""
    return excess + ((zx + zx + x) * x + (zy + zy + y) * y)


@kernel()
def run_perturbed(
    dzx, dzy, dcx, dcy, cx, cy, zx, zy, folds, kx, ky, excess, start, length, shortest, levels, a, b, radii, norms,
    limit, radius, law, targets, out,
):  # fmt: skip
    """Iterate pixels as differences in float64.

    dz, dc (P,): their differences from the reference's start and c; zx, zy: orbits, of which orbit r stands at start[r]
    .. start[r] + length[r]; the first is the one pixels begin at, the last the critical one, to which they rebase;
    kx, ky: Z less the critical point K, folds (.., folds): what f folds, and excess: |Z|**2 - radius**2, all from high
    precision.
    levels (orbits, most + 1): first block of each level, then the end; shortest: log2 of the first level's steps;
    norms: |A| of each block. Results: ``read_out``.

    The error is followed along: a step makes |A| (error + _OF_A_STEP |z|) + ROUNDING |B| |c| of it; a skip of k steps
    drops EPSILON of |A z| k times.
    """
    critical = start.size - 1
    one = np.int64(1)
    for p in range(dzx.size):
        x, y, da, db = dzx[p], dzy[p], dcx[p], dcy[p]
        error, unsure = ROUNDING * (abs(x) + abs(y)), False
        fixed = ROUNDING * (abs(da) + abs(db))
        rebased, keep, kept_x, kept_y = 0, 1, inf, inf
        orbit, m, n = 0, np.int64(0), np.int64(0)
        first, last = start[0], length[0]
        wx, wy = zx[first] + x, zy[first] + y
        beyond = _beyond(excess[first], zx[first], zy[first], x, y)
        hit = reached(wx, wy, targets)
        while beyond <= 0.0 and hit == 0 and n < limit:
            unsure |= beyond > -4.0 * radius * error
            size = abs(x) + abs(y)
            ux, uy = kx[first + m] + x, ky[first + m] + y
            if m == last or abs(ux) + abs(uy) < size:
                error += ROUNDING * (abs(kx[first + m]) + abs(ky[first + m]))
                x, y, m, orbit = ux, uy, np.int64(0), critical
                first, last = start[orbit], length[orbit]
                size = abs(x) + abs(y)
                if x == kept_x and y == kept_y:  # back at the same difference: so it goes on for ever
                    n = limit
                    break
                rebased += 1
                if rebased == keep:
                    kept_x, kept_y, keep = x, y, 2 * rebased
            block, span = np.int64(-1), np.int64(1)
            if m > 0:
                k, level, shift = m - 1, 0, shortest
                while k & ((one << shift) - one) == 0 and n + (one << shift) <= limit and level + 1 < levels.shape[1]:
                    here = levels[orbit, level] + (k >> shift)
                    if here >= levels[orbit, level + 1] or size >= radii[here]:
                        break
                    block, span = here, one << shift
                    level += 1
                    shift += 1
            if block >= 0:
                u, v = b[block, 0] * da + b[block, 1] * db, b[block, 2] * da + b[block, 3] * db
                error = norms[block] * (error + (_OF_A_STEP + span * EPSILON) * size) + _OF_A_STEP * (abs(u) + abs(v))
                u += a[block, 0] * x + a[block, 1] * y
                y = a[block, 2] * x + a[block, 3] * y + v
                x = u
            else:
                by_z, by_c = stretch(wx, wy, cx + da, cy + db)
                error = by_z * (error + _OF_A_STEP * size) + by_c * fixed
                x, y = difference(zx[first + m], zy[first + m], cx, cy, x, y, da, db, folds, first + m, 1.0)
            m += span
            n += span
            wx, wy = zx[first + m] + x, zy[first + m] + y
            beyond = _beyond(excess[first + m], zx[first + m], zy[first + m], x, y)
            hit = reached(wx, wy, targets)
        error += ROUNDING * (abs(wx) + abs(wy))
        read_out(p, wx, wy, cx + da, cy + db, n, hit, beyond, error, unsure, law, targets, out)


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
    moved = wide_add(wide((zx + zx) * x + (zy + zy) * y, e), wide(x * x + y * y, e + e))
    return wide_add((excess_m, excess_e), moved)[0]


@kernel()
def run_wide(
    dzx, dzy, dcx, dcy, exponent, cx, cy, zx, zy, folds, tiny, tiny_at, tiny_m, tiny_e, excess_m, excess_e, start,
    length, shortest, levels, a, ea, b, eb, rm, re, norms, limit, radius, law, targets, out,
):  # fmt: skip
    """The same for differences below float64's range: each carries an exponent, ``exponent`` at the start. K is 0.

    tiny (bool) marks iterates of an orbit that float64 does not serve; their values stand in tiny_m (tiny, 2), tiny_e
    (tiny, 2), and where they stand in tiny_at. excess_m, excess_e: |Z|**2 - radius**2 as wide numbers. Skips as
    ``build_skips`` leaves them; norms: |A| of each block over 2**ea. The error is in units of the pixel's exponent.
    """
    critical = start.size - 1
    one = np.int64(1)
    wcx, wcy = widened(cx), widened(cy)
    for p in range(dzx.size):
        x, y, e = _scaled(dzx[p], dzy[p], exponent)
        da, db, ec = _scaled(dcx[p], dcy[p], exponent)
        error, unsure = 2.0 * ROUNDING, False
        orbit, m, n = 0, np.int64(0), np.int64(0)
        first, last = start[0], length[0]
        beyond = _beyond_wide(excess_m[first], excess_e[first], zx[first], zy[first], x, y, e)
        wx, wy = zx[first] + x * _two_to(e), zy[first] + y * _two_to(e)
        hit = reached(wx, wy, targets)
        while beyond <= 0.0 and hit == 0 and n < limit:
            here = first + m
            unsure |= beyond > -4.0 * radius * error * _two_to(e) and e > -_APART
            if tiny[here] or e > -_APART or m == last:
                # W and z as wide numbers, to compare them
                i = np.searchsorted(tiny_at, here) if tiny[here] else -1
                ox = (tiny_m[i, 0], tiny_e[i, 0]) if i >= 0 else widened(zx[here])
                oy = (tiny_m[i, 1], tiny_e[i, 1]) if i >= 0 else widened(zy[here])
                vx, vy = wide(x, e), wide(y, e)
                ux, uy = wide_add(ox, vx), wide_add(oy, vy)
                closer = wide_less(wide_add(wide_abs(ux), wide_abs(uy)), wide_add(wide_abs(vx), wide_abs(vy)))
                if m == last or closer:
                    before = e
                    e = max(ux[1], uy[1])
                    x, y, e = _scaled(ux[0] * _two_to(ux[1] - e), uy[0] * _two_to(uy[1] - e), e)
                    error = (error + 2.0 * ROUNDING) * _two_to(before - e) + 2.0 * ROUNDING
                    m, orbit = np.int64(0), critical
                    first, last = start[orbit], length[orbit]
            size = abs(x) + abs(y)
            block, span = np.int64(-1), np.int64(1)
            if m > 0:
                k, level, shift = m - 1, 0, shortest
                while k & ((one << shift) - one) == 0 and n + (one << shift) <= limit and level + 1 < levels.shape[1]:
                    at = levels[orbit, level] + (k >> shift)
                    if at >= levels[orbit, level + 1]:
                        break
                    over = e - re[at]
                    if rm[at] == 0.0 or over >= 1 or (over > -2 and size * _two_to(over) >= rm[at]):
                        break
                    block, span = at, one << shift
                    level += 1
                    shift += 1
            here = first + m
            error += (_OF_A_STEP + (span - 1) * EPSILON) * size
            if block >= 0:
                by_z, by_c = ea[block] + e, eb[block] + ec
                e = max(by_z, by_c)
                p1, p2 = _two_to(by_z - e), _two_to(by_c - e)
                u, v = p2 * (b[block, 0] * da + b[block, 1] * db), p2 * (b[block, 2] * da + b[block, 3] * db)
                error = p1 * norms[block] * error + _OF_A_STEP * (abs(u) + abs(v))
                u += p1 * (a[block, 0] * x + a[block, 1] * y)
                v += p1 * (a[block, 2] * x + a[block, 3] * y)
                before = e
                x, y, e = _scaled(u, v, e)
                error *= _two_to(before - e)
            elif tiny[here]:
                i = np.searchsorted(tiny_at, here)
                ux, uy = wide_difference(
                    (tiny_m[i, 0], tiny_e[i, 0]), (tiny_m[i, 1], tiny_e[i, 1]), wcx, wcy,
                    wide(x, e), wide(y, e), wide(da, ec), wide(db, ec), folds, here,
                )  # fmt: skip
                e = max(ux[1], uy[1])
                x, y, e = _scaled(ux[0] * _two_to(ux[1] - e), uy[0] * _two_to(uy[1] - e), e)
                # of z, a step near 0 keeps the relative error but for a small factor (z and Z are alike in size)
                error = (2.0 * error / size + _OF_A_STEP) * (abs(x) + abs(y))
            else:
                unit = max(e, ec)
                p1, p2 = _two_to(e - unit), _two_to(ec - unit)
                by_z, by_c = stretch(wx, wy, cx, cy)
                error = by_z * error * p1 + by_c * ROUNDING * p2
                u, v = difference(
                    zx[here], zy[here], cx, cy, x * p1, y * p1, da * p2, db * p2, folds, here, _two_to(unit)
                )
                x, y, e = _scaled(u, v, unit)
                error *= _two_to(unit - e)
            m += span
            n += span
            here = first + m
            beyond = _beyond_wide(excess_m[here], excess_e[here], zx[here], zy[here], x, y, e)
            wx, wy = zx[here] + x * _two_to(e), zy[here] + y * _two_to(e)
            hit = reached(wx, wy, targets)
        u, v = cx + da * _two_to(ec), cy + db * _two_to(ec)
        error = error * _two_to(e) + ROUNDING * (abs(wx) + abs(wy))
        read_out(p, wx, wy, u, v, n, hit, beyond, error, unsure, law, targets, out)
