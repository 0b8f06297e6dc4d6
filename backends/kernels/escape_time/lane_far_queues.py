"""Perturbation in floatexp and in float64, eight pixels at a time in the lanes of vectors.

Pixels begin below float64's range, come into it, and may leave it again. Those below it wait in queues of their own
(``lane_far_steps.py``). What happens seldom, one pixel does alone: the step at a tiny iterate, a rebase far below the
range, and all up to its exit or up to float64's range. This file is compiled as ``escape.py`` is, for the same formulas
as ``lane_steps.py``.
"""

from __future__ import annotations

import numpy as np

from deepzoom.backends.kernels.arithmetic.exponent_bits import two_to
from deepzoom.backends.kernels.arithmetic.lane_memory import address, borrowed
from deepzoom.backends.kernels.escape_time.centred import beyond_radius
from deepzoom.backends.kernels.escape_time.distance_estimate import NO_SLOPE
from deepzoom.backends.kernels.escape_time.error_bound import UNDERFLOW
from deepzoom.backends.kernels.escape_time.escape import UNKNOWN
from deepzoom.backends.kernels.escape_time.floatexp_perturbation import (
    LEAST,
    NEVER,
    TO_GO_ON,
    begun_far,
    iterate_far,
)
from deepzoom.backends.kernels.escape_time.floatexp_step import scaled
from deepzoom.backends.kernels.escape_time.lane_far_steps import (
    FAR_COUNTS,
    FAR_PLACE,
    FAR_ROWS,
    UNITS,
    far_looks,
    far_skips,
    far_steps,
    into_range,
)
from deepzoom.backends.kernels.escape_time.lane_queues import (
    FIRST,
    FREE,
    MOST_QUEUES,
    STEPS,
    ended_slot,
    free_slot,
    fullest,
    go_on,
    placed,
    put_in,
    queued,
    read_out_slot,
    taken_from,
)
from deepzoom.backends.kernels.escape_time.lane_steps import COUNT, PLACE, SLOTS, STATE, TURNS
from deepzoom.backends.kernels.escape_time.perturbation import ALL, read_out_near
from deepzoom.compiling.jit import inner, kernel, within

_FAR_LOOK, _FAR_STEPS, _FAR_SKIP, _INTO_RANGE = 5, 6, 7, 8
"""Queues of pixels below float64's range, the last of those that come into it."""


@inner
def _is_small(slot, numbers, counts, table, limit):
    """Whether a pixel that stands among those that have ended goes on below float64's range."""
    at = 4 * slot
    x, y, row = numbers[STATE + at], numbers[STATE + at + 1], 4 * counts[COUNT + at]
    inside = beyond_radius(table[row + 2], table[row], table[row + 1], x, y) <= 0.0
    return inside and counts[COUNT + at + 1] < limit and abs(x) + abs(y) < LEAST


@inner
def _put_far(slot, x, y, e, error, stepped, numbers, counts):
    """Write down a difference below float64's range."""
    at = 4 * slot
    numbers[STATE + at], numbers[STATE + at + 1], numbers[STATE + at + 2] = x, y, error
    counts[UNITS + at], counts[UNITS + at + 2] = e, stepped


@within
def _alone(slot, numbers, counts, orbits, tiny, skips, ends, law, out):
    """Let a pixel below float64's range go on alone by one step, or to its exit; returns its next queue."""
    _, radius, targets = ends
    at = 4 * slot
    x, y, error = numbers[STATE + at], numbers[STATE + at + 1], numbers[STATE + at + 2]
    da, db = numbers[FAR_PLACE + at], numbers[FAR_PLACE + at + 1]
    ga, gb = numbers[PLACE + at + 2], numbers[PLACE + at + 3]
    here, n, unsure, orbit = counts[COUNT + at], counts[COUNT + at + 1], counts[COUNT + at + 2], counts[COUNT + at + 3]
    e, ec, stepped = counts[UNITS + at], counts[UNITS + at + 1], counts[UNITS + at + 2] > 0
    pixel = da, db, ec, ga, gb
    state = x, y, e, error, unsure > 0, orbit, here - orbits[6][orbit], n
    left, until, count = False, n + 1, n
    while True:
        x, y, e, error, doubt, orbit, m, n, end, _ = iterate_far(
            pixel, state, UNKNOWN, orbits, tiny, skips, ends, until, left, stepped
        )
        if left or end != -2:
            break
        left, until, count, state = True, NEVER, n, (x, y, e, error, doubt, orbit, m, n)
    counts[COUNT + at], counts[COUNT + at + 1] = orbits[6][orbit] + m, n
    counts[COUNT + at + 2], counts[COUNT + at + 3] = np.int64(doubt), orbit
    if not left and end == TO_GO_ON:
        _put_far(slot, x, y, e, error, np.int64(1), numbers, counts)
        return _FAR_LOOK
    unit = two_to(e)
    x, y, error = x * unit, y * unit, error * unit + UNDERFLOW
    if not left and end == 0:
        numbers[STATE + at], numbers[STATE + at + 1], numbers[STATE + at + 2] = x, y, error
        return FIRST
    place = numbers[PLACE + at], numbers[PLACE + at + 1], ga, gb, two_to(tiny[7]), 0.0
    beyond, count = (1.0, count) if left else (-1.0, n)
    read_out_near(
        counts[TURNS + at + 2], place, (x, y, error, doubt, orbit, m, n), count, beyond, 0, UNKNOWN, NO_SLOPE, orbits,
        radius, law, targets, out,
    )  # fmt: skip
    return FREE


@inner
def _begun_in_slot(p, slot, numbers, counts, starts, given):
    """Give a slot to pixel p before its first step."""
    pixel, state, e, place = begun_far(p, *starts, *given)
    placed(p, slot, place, state, numbers, counts)
    at = 4 * slot
    numbers[FAR_PLACE + at], numbers[FAR_PLACE + at + 1] = pixel[0], pixel[1]
    counts[UNITS + at + 1] = pixel[2]
    _put_far(slot, state[0], state[1], e, state[2], np.int64(0), numbers, counts)


@inner
def _go_on_far(which, slots, numbers, counts, far, limit, live):
    if which == _FAR_STEPS:
        return far_steps(slots, numbers, counts, far, limit, live)
    if which == _FAR_SKIP:
        return far_skips(slots, numbers, counts, far, limit)
    return far_looks(slots, numbers, counts, far, limit)


@within
def _through_far_queues(space, whole, starts, given, tables, orbits, tiny, skips, near_radii, ends, law, out):
    """Run pixels through the queues until all have ended."""
    limit, radius, targets = ends
    cx, cy, zx, zy, kept, excess, start, length = orbits
    shortest, index, begin, rows, by_c, exponents, radii = skips
    noise = np.int64(tiny[7])
    least_error = two_to(noise)
    numbers, counts = address(space), address(whole)
    table, far_table = address(tables[0]), address(tables[1])
    at_start, lengths = address(start), address(length)
    along = cx, cy, table, at_start, lengths, start.size - 1, least_error
    near = shortest, address(index), address(begin), address(rows), address(near_radii)
    tree = shortest, near[1], near[2], near[3], address(by_c), address(exponents), address(radii)
    far = cx, cy, far_table, at_start, lengths, tree, noise
    orbits_there = cx, cy, address(zx), address(zy), address(kept), address(excess), at_start, lengths
    law_there = address(law[0]), address(law[1]), law[2]
    out_there = address(out[0]), address(out[1]), address(out[2]), address(out[3]), out[4]
    for slot in range(SLOTS):
        put_in(FREE, slot, counts)
    p, near_ends = 0, (limit, radius, LEAST, ALL)
    while True:
        while p < out[0].size:
            slot = free_slot(counts)
            if slot < 0:
                break
            _begun_in_slot(p, slot, numbers, counts, starts, given)
            put_in(_FAR_LOOK, slot, counts)
            p += 1
        which, waiting = fullest(counts, MOST_QUEUES)
        if waiting == 0:
            break
        slots, live = taken_from(which, counts)
        if which == _INTO_RANGE:
            into_range(slots, numbers, counts)
            which = FIRST
        if which < _FAR_LOOK:
            following = go_on(which, slots, numbers, counts, along, near, near_ends, live)
        else:
            following = _go_on_far(which, slots, numbers, counts, far, limit, live)
        for i in range(queued(slots, following, live, counts, STEPS if which < _FAR_LOOK else _FAR_STEPS)):
            slot = ended_slot(i, counts)
            if which >= _FAR_LOOK:
                put_in(_alone(slot, numbers, counts, orbits, tiny, skips, ends, law, out), slot, counts)
            elif _is_small(slot, numbers, counts, table, limit):
                at = STATE + 4 * slot
                x, y, e, error = scaled(numbers[at], numbers[at + 1], np.int64(0), numbers[at + 2])
                _put_far(slot, x, y, e, error, np.int64(0), numbers, counts)
                put_in(_FAR_LOOK, slot, counts)
            else:
                read_out_slot(slot, numbers, counts, orbits_there, least_error, radius, law_there, targets, out_there)
                put_in(FREE, slot, counts)


@kernel()
def run_far_lanes(
    dzx, dzy, dcx, dcy, exponent, reach_m, reach_e, tables, orbits, tiny, skips, near_radii, limit, radius, law,
    targets, out,
):  # fmt: skip
    """``share_floatexp`` for formulas without targets, poles and turns.

    tables: the one of ``run_lanes``; and of each step zx, zy, then the mantissa of the radius of the shortest skip that
    begins there, 0 without one, -1 where pixels go alone (tiny iterates, places close to the exit or beyond it), then
    that radius' exponent, whose bits stand in a float64. near_radii has seven more rows.
    """
    space, whole = np.zeros(FAR_ROWS), np.zeros(FAR_COUNTS, np.int64)
    given = exponent, reach_m, reach_e, np.int64(tiny[7])
    ends = limit, radius, borrowed(targets)
    _through_far_queues(
        space, whole, (dzx, dzy, dcx, dcy), given, tables, borrowed(orbits), borrowed(tiny), borrowed(skips),
        near_radii, ends, borrowed(law), borrowed(out),
    )  # fmt: skip
