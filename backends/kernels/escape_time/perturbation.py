"""Perturbation in float64: pixels as differences from reference orbits.

Perturbation with rebasing (Zhuoran 2021): Z_m is the reference orbit, z the difference from it, and the pixel's iterate
is W = Z_m + z. The pixel rebases where the reference ends, or where W is closer to the critical point, at which the
last reference orbit begins, than to Z_m. It then goes on as the difference from that orbit's beginning, m = 0. Rebasing
is exact. Where formulas take turns, there is such an orbit for each step of their cycle, and the pixel rebases to the
one that begins with its own next step (as in Fraktaler-3).

A pixel takes skips along the reference where they hold (``skip_tree.py``). This file is compiled as ``escape.py`` is.
"""

from __future__ import annotations

from math import inf

import numpy as np

from deepzoom.backends.kernels.arithmetic.lane_memory import borrowed
from deepzoom.backends.kernels.escape_time.centred import beyond_radius, rebased_x, rebased_y, turn_before, turn_of
from deepzoom.backends.kernels.escape_time.distance_estimate import first_slope, slope_after_skip, slope_after_step
from deepzoom.backends.kernels.escape_time.error_bound import (
    OF_A_STEP,
    OF_THE_PARTS,
    ROUNDING,
    UNDERFLOW,
    repeated,
    steepest,
)
from deepzoom.backends.kernels.escape_time.escape import UNKNOWN, in_doubt, is_close, reached, read_out, stepped
from deepzoom.backends.kernels.escape_time.formula_placeholder import (
    DISTANCE,
    POLES,
    RX,
    RY,
    STILL,
    TARGETS,
    TURN_COUNT,
    bounds,
    difference,
    parts,
    slopes,
    stretch,
    value,
)
from deepzoom.backends.kernels.escape_time.series_skips import skip
from deepzoom.backends.kernels.pixel_queue import taken
from deepzoom.compiling.jit import inner, kernel, within

ENDED, PAUSED, BELOW = 1, 0, -1
"""How ``iterate_near`` returns: the pixel has ended, is paused, or is too small for float64."""
ALL = np.int64(1) << 62
FEW = ALL if TARGETS or STILL > 0.0 or TURN_COUNT > 1 else np.int64(1) << 6
"""Rebases of a pixel that may be drawn to a cycle. Most that escape have fewer than ten. Maps with attractors of their
own are not asked, and formulas that take turns neither."""
UNFINISHED = 2
"""The trust of a pixel that ``run_perturbed`` leaves to ``run_drawn``."""
CLOSE = 2.0**-20
"""After its exit, an iterate with |z|**2 - radius**2 below this is still close to the radius."""


@inner
def _without_reference(at, cx, cy, da, db, fixed, wx, wy, error, turn):
    """(x, y, error) of W, from the iterate before it (x, y, error) by f itself, where that has the smaller error.

    Where the reference passed a pole closer than the pixel did, the reference is far out, and its sum with z keeps no
    digits of W.
    """
    x, y, before = at
    by_z, by_c = stretch(x, y, cx + da, cy + db, turn)
    u, v = value(x, y, cx + da, cy + db, turn)
    before += ROUNDING * (abs(x) + abs(y))
    by_z = steepest(by_z, x, y, cx + da, cy + db, before, turn)
    moved = by_z * before + by_c * (fixed + ROUNDING * (abs(cx) + abs(cy)))
    moved += OF_THE_PARTS * parts(x, y, cx + da, cy + db, turn)
    return (u, v, moved) if moved < error else (wx, wy, error)


@inner
def no_past(state):
    """What ``iterate_near`` remembers of a pixel, before its first step.

    It is the iterate before and its error; then, for maps that end where they stand still, the n from which the pixel
    may skip again, and the state before the last skip.
    """
    return inf, inf, inf, np.int64(0), state


# long: one function of 94 lines: divided into its stages, it took 80% longer (e50, one core with AVX-512)
@within
def iterate_near(pixel, state, seen, past, trail, slope, orbits, skips, ends, until, least, pause):
    """Iterate a pixel until it ends, n is at least ``until``, |z| is below ``least``, or its rebase ``pause``.

    pixel: c as a difference, and in units of the largest |c|; the reference's rounding error; how much c changes from
    pixel to pixel, in units of the largest. state: x, y, their error bound, whether an iterate was within its error of
    an exit, orbit, m and n. seen: as of ``seen_before``; past: as of ``no_past``; ends: limit, radius, targets. Returns
    (ENDED, PAUSED or BELOW, state, seen, past, |W|**2 - radius**2, target, trail, slope). Called again with what it
    returned as PAUSED, it goes on as if it had not paused.

    The error bound after a step is |A| (error + OF_A_STEP |z|) + ROUNDING |B| |c|, plus what is lost below float64's
    range. A skip has its own bounds.
    """
    da, db, ga, gb, least_error, g_pixel = pixel
    x, y, error, unsure, orbit, m, n = state
    rebased, keep, kept_x, kept_y, kept_turn, kept_error = seen
    cx, cy, zx, zy, kept, excess, start, length = orbits
    shortest, index, begin, rows, radii = skips
    at_x, at_y, at_error, barred, before = past
    limit, radius, targets = ends
    critical = start.size - TURN_COUNT
    one = np.int64(1)
    below = (one << shortest) - one
    fixed, least_error = ROUNDING * (abs(da) + abs(db)) + least_error, least_error + UNDERFLOW
    first, last = start[orbit], length[orbit]
    wx, wy = zx[first + m] + x, zy[first + m] + y
    beyond = beyond_radius(excess[first + m], zx[first + m], zy[first + m], x, y)
    hit = reached(wx, wy, trail, targets)
    while beyond <= 0.0 and hit == 0 and n < until:
        unsure |= beyond > -4.0 * radius * error or in_doubt(wx, wy, trail, error, targets)
        size = abs(x) + abs(y)
        if m == last or abs(rebased_x(wx)) + abs(rebased_y(wy)) < size:
            error += ROUNDING * (abs(zx[first + m]) + abs(zy[first + m]) + abs(RX) + abs(RY))
            if POLES and at_error < inf:
                wx, wy, error = _without_reference(
                    (at_x, at_y, at_error), cx, cy, da, db, fixed, wx, wy, error, turn_before(n)
                )
            x, y, m, orbit = rebased_x(wx), rebased_y(wy), np.int64(0), critical + turn_of(n)
            first, last = start[orbit], length[orbit]
            size = abs(x) + abs(y)
            if x == kept_x and y == kept_y and turn_of(n) == kept_turn:
                ever, error = repeated(error, kept_error)
                kept_error = error
                if ever:
                    n = limit
                    break
            rebased += 1
            if rebased == keep:
                kept_x, kept_y, kept_turn, kept_error, keep = x, y, turn_of(n), error, 2 * rebased
            if rebased == pause:
                state, seen = (x, y, error, unsure, orbit, m, n), (rebased, keep, kept_x, kept_y, kept_turn, kept_error)
                return PAUSED, state, seen, no_past(state), beyond, hit, trail, slope
        if size < least:
            state, seen = (x, y, error, unsure, orbit, m, n), (rebased, keep, kept_x, kept_y, kept_turn, kept_error)
            return BELOW, state, seen, no_past(state), beyond, hit, trail, slope
        block, span = np.int64(-1), one
        if m > 0 and (m - 1) & below == 0 and (STILL == 0.0 or n >= barred):
            q = begin[orbit] + ((m - 1) >> shortest)
            here, steps = index[q], one << shortest
            end = index[q + 1] - (n == 1)  # one skip for all of the first period rounds what c adds too often
            while here < end and size + error < radii[here] and n + steps <= limit:
                block, span = here, steps
                here += 1
                steps <<= 1
            span = min(span, last - m)
        if POLES or STILL > 0.0:
            at_x, at_y, at_error = wx, wy, (inf if block >= 0 else error)
        if block >= 0:
            if STILL > 0.0:
                before = x, y, error, unsure, orbit, m, n
            slope = slope_after_skip(slope, rows[block], x, y, ga, gb, g_pixel)
            u, v, steep, more = skip(rows[block], x, y, error, ga, gb)
            moved = steep * error + (more + least_error)
        else:
            here, turn = first + m, turn_of(n)
            if DISTANCE:
                slope = slope_after_step(slope, slopes(zx[here], zy[here], cx, cy, x, y, da, db, kept, here, 1.0, turn))
            by_z, by_c, rounding = bounds(zx[here], zy[here], cx, cy, x, y, da, db, kept, here, 1.0, turn)
            by_z = steepest(by_z, wx, wy, cx, cy, error, turn)
            moved = by_z * error + (rounding * (OF_A_STEP * size) + (by_c * fixed + least_error))
            u, v = difference(zx[here], zy[here], cx, cy, x, y, da, db, kept, here, 1.0, turn)
        x, y, error = u, v, moved
        m += span
        n += span
        wx, wy = zx[first + m] + x, zy[first + m] + y
        beyond = beyond_radius(excess[first + m], zx[first + m], zy[first + m], x, y)
        trail = UNKNOWN if block >= 0 else stepped(trail, at_x, at_y, at_error, wx, wy)
        hit = reached(wx, wy, trail, targets)
        if STILL > 0.0 and hit > 0 and trail[1] == inf and n > 1:
            # a skip hid the step before the last: go back, and on without the skip
            barred = n
            x, y, error, unsure, orbit, m, n = before
            first, last = start[orbit], length[orbit]
            wx, wy = zx[first + m] + x, zy[first + m] + y
            beyond = beyond_radius(excess[first + m], zx[first + m], zy[first + m], x, y)
            trail, hit = UNKNOWN, 0
    unsure |= hit > 0 and in_doubt(wx, wy, trail, error, targets)
    how = PAUSED if beyond <= 0.0 and hit == 0 and n < limit else ENDED
    state, seen = (x, y, error, unsure, orbit, m, n), (rebased, keep, kept_x, kept_y, kept_turn, kept_error)
    return how, state, seen, (at_x, at_y, at_error, barred, before), beyond, hit, trail, slope


@inner
def _left(pixel, state, slope, orbits):
    """Go on from a pixel's exit while it is ``CLOSE`` to the circle and its reference lasts: (state, slope) then.

    So close, float64 cannot tell the pixel from one that stays inside.
    """
    da, db, _, _, least_error, _ = pixel
    x, y, error, unsure, orbit, m, n = state
    cx, cy, zx, zy, kept, excess, start, length = orbits
    first = start[orbit]
    here, end = first + m, first + length[orbit]
    fixed, least_error = ROUNDING * (abs(da) + abs(db)) + least_error, least_error + UNDERFLOW
    while here < end and 0.0 < beyond_radius(excess[here], zx[here], zy[here], x, y) < CLOSE:
        turn = turn_of(n)
        if DISTANCE:
            slope = slope_after_step(slope, slopes(zx[here], zy[here], cx, cy, x, y, da, db, kept, here, 1.0, turn))
        by_z, by_c, rounding = bounds(zx[here], zy[here], cx, cy, x, y, da, db, kept, here, 1.0, turn)
        error = by_z * error + rounding * (OF_A_STEP * (abs(x) + abs(y))) + by_c * fixed + least_error
        x, y = difference(zx[here], zy[here], cx, cy, x, y, da, db, kept, here, 1.0, turn)
        here += 1
        n += 1
    return (x, y, error, unsure, orbit, here - first, n), slope


@inner
def read_out_near(p, pixel, state, n, beyond, hit, trail, slope, orbits, radius, law, targets, out):
    """Write down how a pixel ended at z_n, by ``read_out``."""
    cx, cy, zx, zy, start = orbits[0], orbits[1], orbits[2], orbits[3], orbits[6]
    if hit == 0 and beyond > 0.0:
        here = start[state[4]] + state[5]
        close = is_close(beyond, zx[here] + state[0], zy[here] + state[1], radius, state[2])
        state = state[0], state[1], state[2], state[3] or close, state[4], state[5], state[6]
        state, slope = _left(pixel, state, slope, orbits)
    x, y, error, unsure, orbit, m, k = state
    wx, wy = zx[start[orbit] + m] + x, zy[start[orbit] + m] + y
    error += ROUNDING * (abs(wx) + abs(wy))
    a, b = cx + pixel[0], cy + pixel[1]
    read_out(p, wx, wy, a, b, n, k, 0, hit, beyond, error, unsure, trail, slope, law, targets, out)


@inner
def begun_near(p, dzx, dzy, dcx, dcy, pixel, of_start, reach, least_error):
    """(pixel, state, seen, past, slope) of ``iterate_near`` for a pixel before its first step."""
    x, y, da, db = dzx[p], dzy[p], dcx[p], dcy[p]
    ga, gb = (da / reach, db / reach) if reach > 0.0 else (0.0, 0.0)
    slope = first_slope(of_start, pixel)
    state = x, y, ROUNDING * (abs(x) + abs(y)) + least_error, np.bool_(False), np.int64(0), np.int64(0), np.int64(0)
    place = da, db, ga, gb, least_error, slope[4] / reach if reach > 0.0 else 0.0
    return place, state, (np.int64(0), np.int64(1), inf, inf, np.int64(0), 0.0), no_past(state), slope


@kernel()
def run_perturbed(
    dzx, dzy, dcx, dcy, pixel, of_start, reach, least_error, orbits, skips, limit, radius, law, targets,
    out,
):  # fmt: skip
    """Iterate pixels as differences in float64.

    dz, dc (P,): differences from the reference's start and c; pixel: a pixel's size; of_start: whether pixels are
    starting points z_0, else c; reach: largest |c|; least_error: rounding error of the reference's own z_0 and c.
    orbits: c; zx, zy (less K), kept and excess of all orbits one after the other; start and length: orbit r stands at
    start[r] .. start[r] + length[r]. Pixels begin at the first orbit and rebase to the last, the critical ones, of
    which there is one for each step of the cycle. kept (.., k): parts of f; excess: |Z|**2 - radius**2; both from high
    precision.
    skips: log2 of the shortest skips' steps; index: the first skip at each place where skips begin; begin: where in
    index the places of orbit r begin; rows and radii of skips. Results: as of ``read_out``.
    """
    orbits, skips, law, targets, out = borrowed((orbits, skips, law, targets, out))
    ends = limit, radius, targets
    for p in range(dzx.size):
        place, state, seen, past, slope = begun_near(p, dzx, dzy, dcx, dcy, pixel, of_start, reach, least_error)
        how, state, _, _, beyond, hit, trail, slope = iterate_near(
            place, state, seen, past, UNKNOWN, slope, orbits, skips, ends, limit, 0.0, FEW
        )
        if how == PAUSED:
            out[3][p] = UNFINISHED
        else:
            read_out_near(p, place, state, state[6], beyond, hit, trail, slope, orbits, radius, law, targets, out)


@kernel()
def share_perturbed(
    queue, stride, dzx, dzy, dcx, dcy, pixel, of_start, reach, least_error, orbits, skips, limit, radius, law, targets,
    out,
):  # fmt: skip
    """``run_perturbed`` for threads that share a queue (``pixel_queue.py``)."""
    ends = limit, radius, targets
    how = ENDED
    while True:
        if how == ENDED:
            p = taken(queue)
            if p >= dzx.size:
                break
            place, state, seen, past, slope = begun_near(p, dzx, dzy, dcx, dcy, pixel, of_start, reach, least_error)
            trail = UNKNOWN
        how, state, seen, past, beyond, hit, trail, slope = iterate_near(
            place, state, seen, past, trail, slope, orbits, skips, ends, min(limit, state[6] + stride), 0.0, ALL
        )
        if how == ENDED:
            read_out_near(p, place, state, state[6], beyond, hit, trail, slope, orbits, radius, law, targets, out)
