"""Pixels as differences from reference orbits, in float64.

Perturbation with rebasing (Zhuoran 2021): Z_m is the reference orbit, z the difference from it, and the pixel stands at
W = Z_m + z. Where W is closer to the critical point at which the last reference orbit begins than to Z_m, or where the
reference ends, it goes on as the difference from that orbit's beginning, m = 0. Nothing is approximated by that.

Skips along a reference are taken where they hold: ``skip_tree.py``. This file is compiled as ``escape.py`` is.
"""

from __future__ import annotations

from math import inf

import numpy as np

from deepzoom.backends.kernels.escape_time.centred import rebased_x, rebased_y, true_x, true_y
from deepzoom.backends.kernels.escape_time.distance_estimate import first_slope, slope_after_skip, slope_after_step
from deepzoom.backends.kernels.escape_time.error_bound import (
    OF_A_STEP,
    OF_THE_PARTS,
    ROUNDING,
    UNDERFLOW,
    seen_before,
    steepest,
)
from deepzoom.backends.kernels.escape_time.escape import UNKNOWN, in_doubt, is_close, reached, read_out, stepped
from deepzoom.backends.kernels.escape_time.formula_placeholder import (
    DISTANCE,
    POLES,
    RX,
    RY,
    STILL,
    bounds,
    difference,
    parts,
    slopes,
    stretch,
    value,
)
from deepzoom.backends.kernels.escape_time.series_skips import dropped, skip
from deepzoom.backends.kernels.pixel_queue import taken
from deepzoom.compiling.jit import inner, kernel

ENDED, PAUSED, BELOW = 1, 0, -1
"""How ``iterate_near`` left a pixel: for good, for now, or too small for float64."""
CLOSE = 2.0**-20
"""|z|**2 - radius**2 of an iterate that is still close to the radius after its exit."""


@inner
def _beyond(excess, zx, zy, x, y):
    """|Z + z|**2 - radius**2 from |Z|**2 - radius**2, Z less K: right however close to the radius."""
    zx, zy = true_x(zx), true_y(zy)
    return excess + ((zx + zx + x) * x + (zy + zy + y) * y)


@inner
def _without_reference(at, cx, cy, da, db, fixed, wx, wy, error):
    """W as f of the iterate before (x, y, its error), where that is closer: (x, y, error).

    Where the reference passed a pole closer than the pixel did, it is far out, and the sum of it and z holds nothing.
    """
    x, y, before = at
    by_z, by_c = stretch(x, y, cx + da, cy + db)
    u, v = value(x, y, cx + da, cy + db)
    before += ROUNDING * (abs(x) + abs(y))
    moved = steepest(by_z, x, y, cx + da, cy + db, before) * before + by_c * (fixed + ROUNDING * (abs(cx) + abs(cy)))
    moved += OF_THE_PARTS * parts(x, y, cx + da, cy + db)
    return (u, v, moved) if moved < error else (wx, wy, error)


@inner
def no_past(state):
    """What ``iterate_near`` remembers of a pixel's way where it has made none: the iterate before and its error; then
    for maps that end where they stand still, from which n on it may skip again, and the state before the last skip.
    """
    return inf, inf, inf, np.int64(0), state


@inner
def _iterate_of(zx, zy, excess, here, x, y):
    """(W less K, |W|**2 - radius**2) of a pixel at the reference's row ``here``."""
    return zx[here] + x, zy[here] + y, _beyond(excess[here], zx[here], zy[here], x, y)


@inner
def _longest_skip(m, n, orbit, reach, limit, skips):
    """The longest skip that holds at the reference's step m, and its steps; -1 and 1 where none does.

    reach: |z| and its error.
    """
    shortest, index, begin, _, radii = skips
    one = np.int64(1)
    block, span = np.int64(-1), one
    if m > 0 and (m - 1) & ((one << shortest) - one) == 0:
        q = begin[orbit] + ((m - 1) >> shortest)
        here, steps = index[q], one << shortest
        while here < index[q + 1] and reach < radii[here] and n + steps <= limit:
            block, span = here, steps
            here += 1
            steps <<= 1
    return block, span


@inner
def _skipped(row, x, y, error, ga, gb, least_error):
    """A pixel's z after a skip, and its error, to which the skip adds its share of |A z| and |B c|."""
    u, v, by_c = skip(row, x, y, ga, gb)
    share = OF_A_STEP + dropped(row)
    return u, v, row[1] * (error + share * (abs(x) + abs(y))) + (share * by_c + least_error)


@inner
def _one_step(x, y, error, wx, wy, slope, da, db, fixed, least_error, orbits, here):
    """A pixel's z after a step, its error and its slope.

    Of the error the step makes |A| (error + OF_A_STEP |z|) + ROUNDING |B| |c|, and adds what is lost below float64's
    range.
    """
    cx, cy, zx, zy, kept, _, _, _ = orbits
    if DISTANCE:
        slope = slope_after_step(slope, slopes(zx[here], zy[here], cx, cy, x, y, da, db, kept, here, 1.0))
    by_z, by_c, rounding = bounds(zx[here], zy[here], cx, cy, x, y, da, db, kept, here, 1.0)
    by_z = steepest(by_z, wx, wy, cx, cy, error)
    error = by_z * error + (rounding * (OF_A_STEP * (abs(x) + abs(y))) + (by_c * fixed + least_error))
    x, y = difference(zx[here], zy[here], cx, cy, x, y, da, db, kept, here, 1.0)
    return x, y, error, slope


@inner
def iterate_near(pixel, state, seen, past, trail, slope, orbits, skips, ends, until, least):
    """Iterate a pixel until it ends, n is at least ``until``, or |z| is below ``least``.

    pixel: c as a difference, then in units of the largest; what rounding makes of the reference; what a pixel
    adds to it in units of the largest. state: x, y, the bound of their error, whether an iterate was within its error
    of the exit, orbit, m and n. seen: as of ``seen_before``; past: as ``no_past`` begins it. ends: limit, radius,
    targets. Returns (how it was left, state, seen, past, |W|**2 - radius**2, target, trail, slope); where that is
    PAUSED, called with these it goes on as if it had not been.
    """
    da, db, ga, gb, least_error, g_pixel = pixel
    x, y, error, unsure, orbit, m, n = state
    cx, cy, zx, zy, _, excess, start, length = orbits
    at_x, at_y, at_error, barred, before = past
    limit, radius, targets = ends
    fixed, least_error = ROUNDING * (abs(da) + abs(db)) + least_error, least_error + UNDERFLOW
    first, last = start[orbit], length[orbit]
    wx, wy, beyond = _iterate_of(zx, zy, excess, first + m, x, y)
    hit = reached(wx, wy, trail, targets)
    while beyond <= 0.0 and hit == 0 and n < until:
        unsure |= beyond > -4.0 * radius * error or in_doubt(wx, wy, trail, error, targets)
        if m == last or abs(rebased_x(wx)) + abs(rebased_y(wy)) < abs(x) + abs(y):
            error += ROUNDING * (abs(zx[first + m]) + abs(zy[first + m]) + abs(RX) + abs(RY))
            if POLES and at_error < inf:
                wx, wy, error = _without_reference((at_x, at_y, at_error), cx, cy, da, db, fixed, wx, wy, error)
            x, y, m, orbit = rebased_x(wx), rebased_y(wy), np.int64(0), np.int64(start.size - 1)
            first, last = start[orbit], length[orbit]
            ever, error, seen = seen_before(x, y, error, seen)
            if ever:
                n = limit
                break
        size = abs(x) + abs(y)
        if size < least:
            state = x, y, error, unsure, orbit, m, n
            return BELOW, state, seen, no_past(state), beyond, hit, trail, slope
        block, span = np.int64(-1), np.int64(1)
        if STILL == 0.0 or n >= barred:
            block, span = _longest_skip(m, n, orbit, size + error, limit, skips)
        if POLES or STILL > 0.0:
            at_x, at_y, at_error = wx, wy, (inf if block >= 0 else error)
        if block >= 0:
            if STILL > 0.0:
                before = x, y, error, unsure, orbit, m, n
            row = skips[3][block]
            slope = slope_after_skip(slope, row, x, y, ga, gb, g_pixel)
            x, y, error = _skipped(row, x, y, error, ga, gb, least_error)
        else:
            x, y, error, slope = _one_step(x, y, error, wx, wy, slope, da, db, fixed, least_error, orbits, first + m)
        m, n = m + span, n + span
        wx, wy, beyond = _iterate_of(zx, zy, excess, first + m, x, y)
        trail = UNKNOWN if block >= 0 else stepped(trail, at_x, at_y, at_error, wx, wy)
        hit = reached(wx, wy, trail, targets)
        if STILL > 0.0 and hit > 0 and trail[1] == inf and n > 1:  # a skip hid the step before the last: without it
            barred, (x, y, error, unsure, orbit, m, n) = n, before
            first, last = start[orbit], length[orbit]
            wx, wy, beyond = _iterate_of(zx, zy, excess, first + m, x, y)
            trail, hit = UNKNOWN, 0
    unsure |= hit > 0 and in_doubt(wx, wy, trail, error, targets)
    how = PAUSED if beyond <= 0.0 and hit == 0 and n < limit else ENDED
    past = at_x, at_y, at_error, barred, before
    return how, (x, y, error, unsure, orbit, m, n), seen, past, beyond, hit, trail, slope


@inner
def _left(pixel, state, slope, orbits):
    """Go on from a pixel's exit while it is ``CLOSE`` to the circle and its reference lasts, as there float64 does not
    tell it from one that stays: the state then, and its slope.
    """
    da, db, _, _, least_error, _ = pixel
    x, y, error, unsure, orbit, m, n = state
    cx, cy, zx, zy, kept, excess, start, length = orbits
    first = start[orbit]
    here, end = first + m, first + length[orbit]
    fixed, least_error = ROUNDING * (abs(da) + abs(db)) + least_error, least_error + UNDERFLOW
    while here < end and 0.0 < _beyond(excess[here], zx[here], zy[here], x, y) < CLOSE:
        if DISTANCE:
            slope = slope_after_step(slope, slopes(zx[here], zy[here], cx, cy, x, y, da, db, kept, here, 1.0))
        by_z, by_c, rounding = bounds(zx[here], zy[here], cx, cy, x, y, da, db, kept, here, 1.0)
        error = by_z * error + rounding * (OF_A_STEP * (abs(x) + abs(y))) + by_c * fixed + least_error
        x, y = difference(zx[here], zy[here], cx, cy, x, y, da, db, kept, here, 1.0)
        here += 1
        n += 1
    return (x, y, error, unsure, orbit, here - first, n), slope


@inner
def read_out_near(p, pixel, state, n, beyond, hit, trail, slope, orbits, radius, law, targets, out):
    """Write down how a pixel ended at z_n."""
    cx, cy, zx, zy, start = orbits[0], orbits[1], orbits[2], orbits[3], orbits[6]
    if hit == 0 and beyond > 0.0:
        here = start[state[4]] + state[5]
        close = is_close(beyond, zx[here] + state[0], zy[here] + state[1], radius, state[2])
        state = state[0], state[1], state[2], state[3] or close, state[4], state[5], state[6]
        state, slope = _left(pixel, state, slope, orbits)
    x, y, error, unsure, orbit, m, k = state
    wx, wy = zx[start[orbit] + m] + x, zy[start[orbit] + m] + y
    error += ROUNDING * (abs(wx) + abs(wy))
    read_out(p, wx, wy, cx + pixel[0], cy + pixel[1], n, k, hit, beyond, error, unsure, trail, slope, law, targets, out)


@inner
def _begun_near(p, dzx, dzy, dcx, dcy, pixel, of_start, reach, least_error):
    """What ``iterate_near`` takes of a pixel that has made no step: (pixel, state, seen, past, slope)."""
    x, y, da, db = dzx[p], dzy[p], dcx[p], dcy[p]
    ga, gb = (da / reach, db / reach) if reach > 0.0 else (0.0, 0.0)
    slope = first_slope(of_start, pixel)
    state = x, y, ROUNDING * (abs(x) + abs(y)) + least_error, np.bool_(False), np.int64(0), np.int64(0), np.int64(0)
    place = da, db, ga, gb, least_error, slope[4] / reach if reach > 0.0 else 0.0
    return place, state, (np.int64(0), np.int64(1), inf, inf, 0.0), no_past(state), slope


@kernel()
def run_perturbed(
    dzx, dzy, dcx, dcy, pixel, of_start, reach, least_error, orbits, skips, limit, radius, law, targets,
    out,
):  # fmt: skip
    """Iterate pixels as differences in float64.

    dz, dc (P,): their differences from the reference's start and c; pixel: a pixel's size;
    of_start: whether it is z that it moves; reach: largest |c|; least_error: what rounding makes of the reference's own
    z_0 and c.
    orbits: c, then zx, zy (less K), kept, excess of all orbits one after the other, start and length: orbit r stands
    at start[r] .. start[r] + length[r]. The first is the one pixels begin at, the last the critical one, to which they
    rebase. kept (.., k): parts of f, and excess: |Z|**2 - radius**2, all from high precision.
    skips: log2 of the shortest ones' steps; index: first skip of each place where some begin, begin: where in it orbit
    r's places begin; rows and radii of skips. Results: ``read_out``.
    """
    ends = limit, radius, targets
    for p in range(dzx.size):
        place, state, seen, past, slope = _begun_near(p, dzx, dzy, dcx, dcy, pixel, of_start, reach, least_error)
        _, state, _, _, beyond, hit, trail, slope = iterate_near(
            place, state, seen, past, UNKNOWN, slope, orbits, skips, ends, limit, 0.0
        )
        read_out_near(p, place, state, state[6], beyond, hit, trail, slope, orbits, radius, law, targets, out)


@kernel()
def share_perturbed(
    queue, stride, dzx, dzy, dcx, dcy, pixel, of_start, reach, least_error, orbits, skips, limit, radius, law, targets,
    out,
):  # fmt: skip
    """The same by threads that share a queue (``pixel_queue.py``)."""
    ends = limit, radius, targets
    how = ENDED
    while True:
        if how == ENDED:
            p = taken(queue)
            if p >= dzx.size:
                break
            place, state, seen, past, slope = _begun_near(p, dzx, dzy, dcx, dcy, pixel, of_start, reach, least_error)
            trail = UNKNOWN
        how, state, seen, past, beyond, hit, trail, slope = iterate_near(
            place, state, seen, past, trail, slope, orbits, skips, ends, min(limit, state[6] + stride), 0.0
        )
        if how == ENDED:
            read_out_near(p, place, state, state[6], beyond, hit, trail, slope, orbits, radius, law, targets, out)
