"""Perturbation in float64, eight pixels at a time in the lanes of vectors.

A step of ``iterate_near`` is short, and each waits for the one before. Here, eight pixels take it together. As pixels
do not do the same for long, some dozens are on their way, and each waits in a queue for what it does next: its first
look, single steps, a skip, or a rebase. Eight of the fullest queue go on together (``lane_steps.py``).

This file is compiled as ``escape.py`` is, for the same formulas as ``lane_steps.py``.
"""

from __future__ import annotations

from math import inf

import numpy as np

from deepzoom.backends.kernels.arithmetic.lane_memory import address, load, store
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
from deepzoom.backends.kernels.escape_time.perturbation import UNFINISHED, begun_near, read_out_near
from deepzoom.backends.kernels.escape_time.series_skips import ROW
from deepzoom.compiling.jit import inner, kernel

_FREE, _FIRST, _STEPS, _SKIP, _REBASE = 0, 1, 2, 3, 4
"""Queues: of free slots, and of pixels, by what they do next."""
_QUEUES = 5
_PLACES = SLOTS + 8
_LENGTHS = SPARE + 24
_WAITING = _LENGTHS + _QUEUES
"""Where the queues' lengths stand among the integers, and the slots in them."""


@inner
def _put(which, slot, counts):
    """Put a slot in a queue."""
    length = counts[_LENGTHS + which]
    counts[_WAITING + which * _PLACES + length] = slot
    counts[_LENGTHS + which] = length + 1


@inner
def _fullest(counts):
    """The queue in which most pixels wait."""
    found = _FIRST
    for which in range(_FIRST + 1, _QUEUES):
        if counts[_LENGTHS + which] > counts[_LENGTHS + found]:
            found = which
    return found


@inner
def _taken_from(which, counts):
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
def _go_on(which, slots, numbers, counts, along, tree, ends, live):
    """Let eight pixels of a queue do what they wait for: those that end, rebase and skip next, as bits."""
    if which == _STEPS:
        return single_steps(slots, numbers, counts, along, ends, live)
    if which == _SKIP:
        return skips(slots, numbers, counts, along, tree, ends)
    if which == _REBASE:
        return rebases(slots, numbers, counts, along, ends)
    return first_looks(slots, numbers, counts, along, ends)


@inner
def _queued(slots, following, live, counts):
    """Put each pixel in the queue of what it does next; returns how many have ended, whose slots stand in between."""
    ending, rebasing, skipping = following[0] & live, following[1] & live, following[2] & live
    stepping = live & ~(ending | rebasing | skipping)
    store(counts, SPARE, slots)
    ended, steps, skip, rebase = 0, counts[_LENGTHS + _STEPS], counts[_LENGTHS + _SKIP], counts[_LENGTHS + _REBASE]
    for lane in range(8):
        slot = counts[SPARE + lane] >> 2
        # written in all queues, and kept in one: the processor would guess a branch wrong too often
        counts[SPARE + 8 + ended] = slot
        counts[_WAITING + _STEPS * _PLACES + steps] = slot
        counts[_WAITING + _SKIP * _PLACES + skip] = slot
        counts[_WAITING + _REBASE * _PLACES + rebase] = slot
        ended += (ending >> lane) & 1
        steps += (stepping >> lane) & 1
        skip += (skipping >> lane) & 1
        rebase += (rebasing >> lane) & 1
    counts[_LENGTHS + _STEPS], counts[_LENGTHS + _SKIP], counts[_LENGTHS + _REBASE] = steps, skip, rebase
    return ended


@inner
def _placed(p, slot, numbers, counts, starts, given):
    """Give a slot to pixel p before its first step."""
    place, state, _, _, _ = begun_near(p, *starts, *given)
    at = 4 * slot
    numbers[STATE + at], numbers[STATE + at + 1], numbers[STATE + at + 2] = state[0], state[1], state[2]
    numbers[PLACE + at], numbers[PLACE + at + 1] = place[0], place[1]
    numbers[PLACE + at + 2], numbers[PLACE + at + 3] = place[2], place[3]
    numbers[SEEN + at], numbers[SEEN + at + 1], numbers[SEEN + at + 2] = inf, inf, 0.0
    for i in range(4):
        counts[COUNT + at + i] = 0
    counts[TURNS + at], counts[TURNS + at + 1], counts[TURNS + at + 2], counts[TURNS + at + 3] = 0, 1, p, 0


@inner
def _read_out_slot(slot, numbers, counts, orbits, least_error, radius, law, targets, out):
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


@inner
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
        _put(_FREE, slot, counts)
    p = 0
    while True:
        while p < out[0].size and counts[_LENGTHS + _FREE] > 0:
            counts[_LENGTHS + _FREE] -= 1
            slot = counts[_WAITING + _FREE * _PLACES + counts[_LENGTHS + _FREE]]
            _placed(p, slot, numbers, counts, starts, given)
            _put(_FIRST, slot, counts)
            p += 1
        which = _fullest(counts)
        if counts[_LENGTHS + which] == 0:
            break
        slots, live = _taken_from(which, counts)
        following = _go_on(which, slots, numbers, counts, along, skipping, (limit, radius), live)
        for i in range(_queued(slots, following, live, counts)):
            slot = counts[SPARE + 8 + i]
            _read_out_slot(slot, numbers, counts, orbits_there, given[3], radius, law_there, targets, out_there)
            _put(_FREE, slot, counts)


@kernel()
def run_lanes(
    dzx, dzy, dcx, dcy, pixel, of_start, reach, least_error, table, orbits, tree, limit, radius, law, targets, out
):  # fmt: skip
    """``run_perturbed`` for formulas without targets, poles and turns, and without distances.

    table: of each step of all orbits, zx, zy, excess, and the radius of the shortest skip that begins there, or 0; it
    has ``LONGEST`` rows more. tree: as skips of ``run_perturbed``, with seven more radii.
    """
    space, whole = np.zeros(ROWS + 8 * ROW), np.zeros(_WAITING + _QUEUES * _PLACES, np.int64)
    given = pixel, of_start, reach, least_error
    _through_queues(
        space, whole, (dzx, dzy, dcx, dcy), given, table, orbits, tree, limit, radius, law, targets, out
    )  # fmt: skip
