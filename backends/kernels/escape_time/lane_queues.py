"""Perturbation in float64, eight pixels at a time in the lanes of vectors.

A step of ``iterate_near`` is short, and each waits for the one before. Here, eight pixels take it together. As pixels
do not do the same for long, some dozens are on their way, and each waits in a queue for what it does next: its first
look, single steps, a skip, or a rebase. Eight of the fullest queue go on together (``lane_steps.py``).

This file is compiled as ``escape.py`` is, for the same formulas as ``lane_steps.py``.
"""

from __future__ import annotations

from math import inf

import numpy as np

from deepzoom.backends.kernels.arithmetic.lane_memory import address, borrowed, load, store
from deepzoom.backends.kernels.escape_time.centred import beyond_radius
from deepzoom.backends.kernels.escape_time.distance_estimate import NO_SLOPE
from deepzoom.backends.kernels.escape_time.escape import UNKNOWN
from deepzoom.backends.kernels.escape_time.lane_steps import (
    COUNT,
    PLACE,
    ROWS,
    SEEN,
    SLOTS,
    SPARE,
    STATE,
    TURNS,
    first_looks,
    rebases,
    single_steps,
    skips,
)
from deepzoom.backends.kernels.escape_time.perturbation import FEW, UNFINISHED, begun_near, read_out_near
from deepzoom.backends.kernels.escape_time.series_skips import ROW
from deepzoom.compiling.jit import inner, kernel, within

FREE, FIRST, STEPS, SKIP, REBASE, QUEUES = 0, 1, 2, 3, 4, 5
"""Queues: of free slots, and of pixels, by what they do next. ``lane_far_queues.py`` has more of them."""
MOST_QUEUES = 9
_PLACES = SLOTS + 8
_LENGTHS = SPARE + 32
_WAITING = _LENGTHS + MOST_QUEUES
"""Where the queues' lengths stand among the integers, and the slots in them."""
BEHIND_QUEUES = _WAITING + MOST_QUEUES * _PLACES


@inner
def put_in(which, slot, counts):
    """Put a slot in a queue."""
    length = counts[_LENGTHS + which]
    counts[_WAITING + which * _PLACES + length] = slot
    counts[_LENGTHS + which] = length + 1


@inner
def free_slot(counts):
    """Take a free slot; -1 where there is none."""
    length = counts[_LENGTHS + FREE] - 1
    if length < 0:
        return length
    counts[_LENGTHS + FREE] = length
    return counts[_WAITING + FREE * _PLACES + length]


@inner
def fullest(counts, queues):
    """The queue in which most pixels wait, and how many."""
    found, most = FIRST, counts[_LENGTHS + FIRST]
    for which in range(FIRST + 1, queues):
        length = counts[_LENGTHS + which]
        if length > most:
            found, most = which, length
    return found, most


@inner
def taken_from(which, counts):
    """(four times the slots of eight pixels of a queue, those that count as bits).

    If it has fewer, the first stands in the other lanes, too: what it does twice, it does the same way.
    """
    length = counts[_LENGTHS + which]
    take = min(length, 8)
    begin = _WAITING + which * _PLACES + length - take
    for lane in range(take, 8):
        counts[begin + lane] = counts[begin]
    counts[_LENGTHS + which] = length - take
    return load(counts, begin) * 4, (np.int64(1) << take) - 1


@inner
def go_on(which, slots, numbers, counts, along, tree, ends, live):
    """Let eight pixels of a queue do what they wait for: those that end, rebase and skip next, as bits."""
    if which == STEPS:
        return single_steps(slots, numbers, counts, along, ends, live)
    if which == SKIP:
        return skips(slots, numbers, counts, along, tree, ends)
    if which == REBASE:
        return rebases(slots, numbers, counts, along, ends)
    return first_looks(slots, numbers, counts, along, ends)


@inner
def queued(slots, following, live, counts, first):
    """Put each pixel in the queue of what it does next; returns how many have ended, of which ``ended_slot`` tells.

    first: the queue of those that take single steps; those of skips and of rebases follow it.
    """
    ending, rebasing, skipping = following[0] & live, following[1] & live, following[2] & live
    stepping = live & ~(ending | rebasing | skipping)
    store(counts, SPARE, slots)
    lengths, waiting = _LENGTHS + first, _WAITING + first * _PLACES
    ended, steps, skip, rebase = 0, counts[lengths], counts[lengths + 1], counts[lengths + 2]
    for lane in range(8):
        slot = counts[SPARE + lane] >> 2
        # written in all queues, and kept in one: the processor would guess a branch wrong too often
        counts[SPARE + 8 + ended] = slot
        counts[waiting + steps] = slot
        counts[waiting + _PLACES + skip] = slot
        counts[waiting + 2 * _PLACES + rebase] = slot
        ended += (ending >> lane) & 1
        steps += (stepping >> lane) & 1
        skip += (skipping >> lane) & 1
        rebase += (rebasing >> lane) & 1
    counts[lengths], counts[lengths + 1], counts[lengths + 2] = steps, skip, rebase
    return ended


@inner
def ended_slot(i, counts):
    """The slot of the i-th pixel that has ended."""
    return counts[SPARE + 8 + i]


@inner
def placed(p, slot, place, state, numbers, counts):
    """Give a slot to pixel p, whose place and state are as of ``begun_near``."""
    at = 4 * slot
    numbers[STATE + at], numbers[STATE + at + 1], numbers[STATE + at + 2] = state[0], state[1], state[2]
    numbers[PLACE + at], numbers[PLACE + at + 1] = place[0], place[1]
    numbers[PLACE + at + 2], numbers[PLACE + at + 3] = place[2], place[3]
    numbers[SEEN + at], numbers[SEEN + at + 1], numbers[SEEN + at + 2] = inf, inf, 0.0
    for i in range(4):
        counts[COUNT + at + i] = 0
    counts[TURNS + at], counts[TURNS + at + 1], counts[TURNS + at + 2], counts[TURNS + at + 3] = 0, 1, p, 0


@inner
def read_out_slot(slot, numbers, counts, orbits, least_error, radius, law, targets, out):
    """Write down how the pixel of a slot ended."""
    at = 4 * slot
    p = counts[TURNS + at + 2]
    if counts[TURNS + at + 3] > 0:
        out[3][p] = UNFINISHED
        return
    x, y, error = numbers[STATE + at], numbers[STATE + at + 1], numbers[STATE + at + 2]
    here, n, unsure, orbit = counts[COUNT + at], counts[COUNT + at + 1], counts[COUNT + at + 2], counts[COUNT + at + 3]
    place = numbers[PLACE + at], numbers[PLACE + at + 1], 0.0, 0.0, least_error, 0.0
    beyond = beyond_radius(orbits[5][here], orbits[2][here], orbits[3][here], x, y)
    state = x, y, error, unsure > 0, orbit, here - orbits[6][orbit], n
    read_out_near(p, place, state, n, beyond, 0, UNKNOWN, NO_SLOPE, orbits, radius, law, targets, out)


@within
def _through_queues(space, whole, starts, given, table, orbits, tree, limit, radius, law, targets, out):
    """Run pixels through the queues until all have ended. space, whole: the numbers and integers of all slots."""
    cx, cy, zx, zy, kept, excess, start, length = orbits
    shortest, index, begin, rows, radii = tree
    numbers, counts = address(space), address(whole)
    along = cx, cy, address(table), address(start), address(length), start.size - 1, given[3]
    skipping = shortest, address(index), address(begin), address(rows), address(radii)
    # with addresses in place of arrays, whose users would be counted for each pixel
    orbits_there = cx, cy, address(zx), address(zy), address(kept), address(excess), along[3], along[4]
    law_there = address(law[0]), address(law[1]), law[2]
    out_there = address(out[0]), address(out[1]), address(out[2]), address(out[3]), out[4]
    for slot in range(SLOTS):
        put_in(FREE, slot, counts)
    p, ends = 0, (limit, radius, 0.0, FEW)
    while True:
        while p < out[0].size:
            slot = free_slot(counts)
            if slot < 0:
                break
            place, state, _, _, _ = begun_near(p, *starts, *given)
            placed(p, slot, place, state, numbers, counts)
            put_in(FIRST, slot, counts)
            p += 1
        which, waiting = fullest(counts, QUEUES)
        if waiting == 0:
            break
        slots, live = taken_from(which, counts)
        following = go_on(which, slots, numbers, counts, along, skipping, ends, live)
        for i in range(queued(slots, following, live, counts, STEPS)):
            slot = ended_slot(i, counts)
            read_out_slot(slot, numbers, counts, orbits_there, given[3], radius, law_there, targets, out_there)
            put_in(FREE, slot, counts)


@kernel()
def run_lanes(
    dzx, dzy, dcx, dcy, pixel, of_start, reach, least_error, table, orbits, tree, limit, radius, law, targets, out
):  # fmt: skip
    """``run_perturbed`` for formulas without targets, poles and turns, and without distances.

    table: of each step of all orbits, zx, zy, excess, and the radius of the shortest skip that begins there, or 0; it
    has ``LONGEST`` rows more. tree: as skips of ``run_perturbed``, with seven more radii.
    """
    space, whole = np.zeros(ROWS + 8 * ROW), np.zeros(BEHIND_QUEUES, np.int64)
    given = pixel, of_start, reach, least_error
    orbits, law, targets, out = borrowed((orbits, law, targets, out))
    _through_queues(
        space, whole, (dzx, dzy, dcx, dcy), given, table, orbits, tree, limit, radius, law, targets, out
    )  # fmt: skip
