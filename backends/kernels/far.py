"""Pixels as differences from reference orbits that lie below float64's range: each carries an exponent while it does.

A pixel begins far below, z = (x + iy) 2**e, and grows into float64's range, where ``perturbed.py`` takes over; a rebase
can bring it back. This file is compiled as ``escape_time.py`` is.
"""

from __future__ import annotations

import math
from math import inf

import numpy as np

from deepzoom.backends.kernels.centred import true_x, true_y
from deepzoom.backends.kernels.distance import NO_SLOPE
from deepzoom.backends.kernels.escape_time import OF_A_STEP, ROUNDING, UNKNOWN, reached
from deepzoom.backends.kernels.formula import RX, RY, bounds, difference, wide_difference
from deepzoom.backends.kernels.perturbed import BELOW, ENDED, PAUSED, iterate_near, no_past, read_out_near
from deepzoom.backends.kernels.queue import taken
from deepzoom.backends.kernels.series_skips import dropped, skip_wide
from deepzoom.backends.kernels.wide import (
    NOTHING,
    two_to,
    wide,
    wide_abs,
    wide_add,
    wide_less,
    widened,
)
from deepzoom.compiled import inner, kernel

_FAR = -460
"""Exponent below which a difference does not move an iterate that is not tiny."""
_UNSEEN = 80  # exponents: a difference that much smaller does not change |W|**2 - radius**2
_WITHIN = 2.0**-30, 2.0**30
_TO_GO_ON = -3


@inner
def _scaled(x, y, e):
    """x + iy times 2**e, with the larger part between 1/2 and 1 where it was far from it."""
    largest = max(abs(x), abs(y))
    if _WITHIN[0] <= largest <= _WITHIN[1]:
        return x, y, e
    if largest == 0.0:
        return 0.0, 0.0, NOTHING
    _, k = math.frexp(largest)
    return math.ldexp(x, -k), math.ldexp(y, -k), e + np.int64(k)


@inner
def _outside(excess_m, excess_e, zx, zy, x, y, e):
    """The sign of |Z + z|**2 - radius**2, Z less K and z = (x + iy) 2**e."""
    zx, zy = true_x(zx), true_y(zy)
    if e < excess_e - _UNSEEN:
        return excess_m > 0.0
    moved = wide_add(wide((zx + zx) * x + (zy + zy) * y, e), wide(x * x + y * y, e + e))
    return wide_add((excess_m, excess_e), moved)[0] > 0.0


@inner
def _reference_trail(zx, zy, here, m, trail):
    """The trail of a pixel that is not to be told from the reference at its step m > 0; trail: the one before."""
    length = math.hypot(zx[here] - zx[here - 1], zy[here] - zy[here - 1])
    before = math.hypot(zx[here - 1] - zx[here - 2], zy[here - 1] - zy[here - 2]) if m > 1 else trail[0]
    return length, before, 0.0, 0.0


@inner
def _iterate_far(pixel, state, trail, orbits, tiny, skips, ends, until):
    """Iterate a pixel until it ends, is in float64's range, or n is at least ``until``; the error is in units of 2**e.

    Returns its state, how it ended, and its trail. Ends: 1 + the target's index, 0 where it is in range, -1 at the
    limit, -2 beyond the radius, -3 where it is to go on.
    """
    da, db, ec, ga, gb = pixel
    x, y, e, error, orbit, m, n = state
    cx, cy, zx, zy, kept, _, start, length = orbits
    is_tiny, tiny_at, tiny_m, tiny_e, excess_m, excess_e = tiny
    shortest, index, begin, rows, linear_c, exponents, radii = skips
    limit, _, targets = ends
    critical = start.size - 1
    one = np.int64(1)
    below = (one << shortest) - one
    wcx, wcy = widened(cx), widened(cy)
    first, last = start[orbit], length[orbit]
    end = -1
    while n < until:
        here = first + m
        if m > 0:
            trail = _reference_trail(zx, zy, here, m, trail)
        end = reached(zx[here], zy[here], trail, targets)
        if _outside(excess_m[here], excess_e[here], zx[here], zy[here], x, y, e):
            end = -2
        if end != 0:
            break
        end = -1
        if is_tiny[here] or m == last:
            # W and z as wide numbers, to compare them
            i = np.searchsorted(tiny_at, here) if is_tiny[here] else -1
            ox = (tiny_m[i, 0], tiny_e[i, 0]) if i >= 0 else widened(zx[here])
            oy = (tiny_m[i, 1], tiny_e[i, 1]) if i >= 0 else widened(zy[here])
            vx, vy = wide(x, e), wide(y, e)
            ux, uy = wide_add(ox, vx), wide_add(oy, vy)
            if RX != 0.0 or RY != 0.0:
                ux, uy = wide_add(ux, widened(-RX)), wide_add(uy, widened(-RY))
            closer = wide_less(wide_add(wide_abs(ux), wide_abs(uy)), wide_add(wide_abs(vx), wide_abs(vy)))
            if m == last or closer:
                before = e
                e = max(ux[1], uy[1])
                x, y, e = _scaled(ux[0] * two_to(ux[1] - e), uy[0] * two_to(uy[1] - e), e)
                error = (error + 2.0 * ROUNDING) * two_to(before - e) + 2.0 * ROUNDING
                m, orbit = np.int64(0), critical
                first, last = start[orbit], length[orbit]
                here = first
        if e > _FAR:
            end = 0
            break
        size = abs(x) + abs(y)
        block, span = np.int64(-1), one
        if m > 0 and (m - 1) & below == 0:
            q = begin[orbit] + ((m - 1) >> shortest)
            at, steps = index[q], one << shortest
            while at < index[q + 1] and radii[at] > 0.0 and n + steps <= limit:
                over = e - exponents[at, 0]
                if over > 40 or size * two_to(over) >= radii[at]:
                    break
                block, span = at, steps
                at += 1
                steps <<= 1
        before = e
        if block >= 0:
            u, v, unit, drop = skip_wide(
                rows[block], linear_c[block], exponents[block, 2], radii[block], exponents[block, 0],
                exponents[block, 1], x, y, e, ga, gb,
            )  # fmt: skip
            share = OF_A_STEP + dropped(rows[block])
            x, y, e = _scaled(u, v, unit)
            error = rows[block, 1] * two_to(exponents[block, 3] + before - e) * (error + share * size)
            error += share * drop * two_to(unit - e)
        elif is_tiny[here]:
            i = np.searchsorted(tiny_at, here)
            error = 2.0 * error / size + 2.0 * OF_A_STEP
            ux, uy = wide_difference(
                (tiny_m[i, 0], tiny_e[i, 0]), (tiny_m[i, 1], tiny_e[i, 1]), wcx, wcy,
                wide(x, e), wide(y, e), wide(da, ec), wide(db, ec), kept, here,
            )  # fmt: skip
            e = max(ux[1], uy[1])
            x, y, e = _scaled(ux[0] * two_to(ux[1] - e), uy[0] * two_to(uy[1] - e), e)
            # of z, a step near 0 keeps the relative error but for a small factor (z and Z are alike in size)
            error *= abs(x) + abs(y)
        else:
            unit = max(e, ec)
            p1, p2 = two_to(e - unit), two_to(ec - unit)
            x, y, u, v, shared = x * p1, y * p1, da * p2, db * p2, two_to(unit)
            by_z, by_c, more = bounds(zx[here], zy[here], cx, cy, x, y, u, v, kept, here, shared)
            error = (by_z * error + (by_z + more) * OF_A_STEP * size) * p1 + by_c * ROUNDING * p2
            u, v = difference(zx[here], zy[here], cx, cy, x, y, u, v, kept, here, shared)
            x, y, e = _scaled(u, v, unit)
            error *= two_to(unit - e)
        m += span
        n += span
    if end == -1 and n < limit:
        end = _TO_GO_ON
    return x, y, e, error, orbit, m, n, end, trail


@kernel()
def share_far(
    queue, stride, dzx, dzy, dcx, dcy, exponent, reach_m, reach_e, orbits, tiny, skips, near_radii, limit, radius, law,
    targets, out,
):  # fmt: skip
    """As ``run_perturbed``, z and c times 2**exponent; without distances.

    tiny: (bool) which iterates float64 does not serve, where they stand, their values (tiny, 2) as mantissas and
    exponents; then |Z|**2 - radius**2 of all iterates as wide numbers. skips as ``build_skips`` leaves them, but rows
    of those that float64 serves, which have a radius in near_radii, are scaled for ``skip``. reach: as a wide number.
    """
    shortest, index, begin, rows, _, _, _ = skips
    near = shortest, index, begin, rows, near_radii
    ends = limit, radius, targets
    how, within = ENDED, False
    while True:
        if how == ENDED:
            p = taken(queue)
            if p >= dzx.size:
                break
            x, y, e = _scaled(dzx[p], dzy[p], exponent)
            da, db, ec = _scaled(dcx[p], dcy[p], exponent)
            share = two_to(ec - reach_e) / reach_m if reach_m > 0.0 else 0.0
            ga, gb = da * share, db * share
            nda, ndb = da * two_to(ec), db * two_to(ec)
            # the reference itself: nothing here tells how far its own bits carry
            unsure = x == 0.0 and y == 0.0 and da == 0.0 and db == 0.0
            orbit, m, n = np.int64(0), np.int64(0), np.int64(0)
            seen = np.int64(0), np.int64(1), inf, inf
            error = ROUNDING * (abs(x) + abs(y))
            state = x, y, error, unsure, orbit, m, n
            how, within, past, trail = PAUSED, False, no_past(state), UNKNOWN
        until = min(limit, n + stride)
        if within:
            how, state, seen, past, beyond, hit, trail, _ = iterate_near(
                (nda, ndb, ga, gb, 0.0, 0.0), state, seen, past, trail, NO_SLOPE, orbits, near, ends, until,
                two_to(np.int64(_FAR)),
            )  # fmt: skip
            x, y, error, unsure, orbit, m, n = state
            if how == BELOW:
                _, k = math.frexp(max(abs(x), abs(y)))
                e, within = np.int64(k), False
                x, y, error = math.ldexp(x, -k), math.ldexp(y, -k), math.ldexp(error, -k)
        else:
            x, y, e, error, orbit, m, n, end, trail = _iterate_far(
                (da, db, ec, ga, gb), (x, y, e, error, orbit, m, n), trail, orbits, tiny, skips, ends, until
            )
            unit = two_to(e)
            state = x * unit, y * unit, error * unit, unsure, orbit, m, n
            if end == 0:
                within, past = True, no_past(state)
            elif end != _TO_GO_ON:
                how, beyond, hit = ENDED, (1.0 if end == -2 else -1.0), max(end, 0)
        if how == ENDED:
            read_out_near(p, nda, ndb, state, beyond, hit, trail, NO_SLOPE, orbits, law, targets, out)
