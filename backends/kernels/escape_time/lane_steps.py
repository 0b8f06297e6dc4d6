"""What eight pixels do together in the lanes of vectors: looks, single steps, skips and rebases.

Each pixel has a slot, which holds its state between two calls; ``lane_queues.py`` says which eight go on together.
Every lane does what ``iterate_near`` does, with the same bits. This file is compiled as ``escape.py`` is, for formulas
whose steps are made of + - * and a few functions.
"""

from __future__ import annotations

from deepzoom.backends.kernels.arithmetic.lane_memory import columns, four, gathered, load, put_four, store
from deepzoom.backends.kernels.arithmetic.lanes import bits, ones, spread, where, zeros_above, zeros_below
from deepzoom.backends.kernels.escape_time.centred import beyond_radius, rebased_x, rebased_y
from deepzoom.backends.kernels.escape_time.error_bound import (
    BENDING,
    OF_A_STEP,
    ROUNDING,
    UNDERFLOW,
    steepest,
)
from deepzoom.backends.kernels.escape_time.formula_placeholder import BEND, RX, RY, lane_bounds, lane_difference
from deepzoom.backends.kernels.escape_time.series_skips import ROW, skip
from deepzoom.compiling.jit import inner

SLOTS = 40
"""Pixels on their way."""
LONGEST = 16
"""The most single steps in a row. The table of steps must go on for so many rows."""
TOGETHER = 4
"""Lanes step together while so many still do."""
STATE, PLACE, SEEN, ROWS = 0, 4 * SLOTS, 8 * SLOTS, 12 * SLOTS
"""Where numbers stand, four of each slot: x, y, error; da, db, ga, gb; the z kept for comparison, its error. Then, in
lanes, coefficients of skips."""
COUNT, TURNS, SPARE = 0, 4 * SLOTS, 8 * SLOTS
"""Where integers stand, four of each slot: where the pixel is along all orbits, n, whether it is unsure, its orbit;
rebases, the one at which to keep z, the pixel, whether it is left unfinished. Then 32 for use in between."""


@inner
def _number(truth):
    return where(truth, 1, 0)


@inner
def _looked(x, y, error, row, ends):
    """Of iterates: whether they are inside, rebase, may skip, are too small, and are inside but in doubt."""
    _, radius, least, _ = ends
    wx, wy = row[0] + x, row[1] + y
    beyond = beyond_radius(row[2], row[0], row[1], x, y)
    size = abs(x) + abs(y)
    inside = beyond <= 0.0
    rebases = abs(rebased_x(wx)) + abs(rebased_y(wy)) < size
    return inside, rebases, size + error < row[3], size < least, inside & (beyond > -4.0 * radius * error)


@inner
def _next(live, looks, here, last, n, limit):
    """Which lanes end or become too small, which rebase and which skip next, as bits."""
    inside, rebases, skips, small = looks
    ends = live & (~inside | (n >= limit))
    rebases = live & ~ends & (rebases | (here >= last))
    ends |= live & ~rebases & small
    return bits(ends), bits(rebases), bits(live & ~ends & ~rebases & skips)


@inner
def lane_steepest(by_z, x, y, cx, cy, error, numbers):
    """``steepest`` in lanes."""
    if BEND > 0.0:
        return by_z + BEND * error
    low = bits(by_z < BENDING * error)
    if low != 0:
        store(numbers, ROWS, by_z)
        store(numbers, ROWS + 8, x)
        store(numbers, ROWS + 16, y)
        store(numbers, ROWS + 24, error)
        while low != 0:
            at = ROWS + zeros_below(low)
            numbers[at] = steepest(numbers[at], numbers[at + 8], numbers[at + 16], cx, cy, numbers[at + 24], 0)
            low &= low - 1
        by_z = load(numbers, ROWS)
    return by_z


@inner
def _stepped(z, w, place, row, numbers, fixed, least_error):
    """(x, y, error) after a single step."""
    x, y, error = z
    da, db, cx, cy = place
    by_z, by_c, rounding = lane_bounds(row[0], row[1], cx, cy, x, y, da, db, 0, 0, 1.0, 0)
    by_z = lane_steepest(by_z, w[0], w[1], cx, cy, error, numbers)
    moved = by_z * error + (rounding * (OF_A_STEP * (abs(x) + abs(y))) + (by_c * fixed + least_error))
    u, v = lane_difference(row[0], row[1], cx, cy, x, y, da, db, 0, 0, 1.0, 0)
    return u, v, moved


@inner
def first_looks(slots, numbers, counts, along, ends):
    """What pixels do first; slots: four times those of eight pixels, as in the functions below.

    numbers, counts: addresses of the slots' states; along: c, the table of steps (``run_lanes``), where orbits begin
    and their lengths, the orbit that pixels rebase to, and the reference's rounding error; ends: limit, radius, the
    size below which differences are too small, and the rebase after which a pixel is left. Returns which lanes end,
    rebase, and skip next, as bits; the others take single steps.
    """
    _, _, table, start, length, _, _ = along
    x, y, error, _ = four(numbers, slots, STATE)
    here, n, unsure, orbit = four(counts, slots, COUNT)
    inside, rebases, skips, small, doubt = _looked(x, y, error, four(table, here * 4, 0), ends)
    put_four(counts, slots, COUNT, here, n, _number((unsure > 0) | doubt), orbit)
    last = gathered(start, orbit) + gathered(length, orbit)
    return _next(spread(True), (inside, rebases, skips, small), here, last, n, ends[0])


@inner
def single_steps(slots, numbers, counts, along, ends, live):
    """Single steps, until few lanes go on with them. live: those that count, as bits."""
    cx, cy, table, start, length, _, least_error = along
    limit = ends[0]
    x, y, error, _ = four(numbers, slots, STATE)
    da, db, _, _ = four(numbers, slots, PLACE)
    here, n, was_unsure, orbit = four(counts, slots, COUNT)
    last = gathered(start, orbit) + gathered(length, orbit)
    left = where(limit - n < last - here, limit - n, last - here)
    fixed, least = ROUNDING * (abs(da) + abs(db)) + least_error, least_error + UNDERFLOW
    inside, rebases, skips, small, unsure = spread(True), spread(False), spread(False), spread(False), was_unsure > 0
    active, taken, k = inside, spread(0), 0
    few = min(TOGETHER, ones(live))
    end_x, end_y, end_error = x, y, error
    row = four(table, here * 4, 0)
    while k < LONGEST:
        w = row[0] + x, row[1] + y
        x, y, error = _stepped((x, y, error), w, (da, db, cx, cy), row, numbers, fixed, least)
        k += 1
        end_x, end_y, end_error = where(active, x, end_x), where(active, y, end_y), where(active, error, end_error)
        taken = where(active, spread(k), taken)
        row = four(table, here * 4, 4 * k)
        is_inside, does_rebase, may_skip, is_small, doubt = _looked(x, y, error, row, ends)
        unsure |= active & doubt
        inside &= is_inside | ~active
        rebases |= does_rebase & active
        skips |= may_skip & active
        small |= is_small & active
        active &= is_inside & ~does_rebase & ~may_skip & ~is_small & (left > k)
        if ones(bits(active) & live) < few:
            break
    here, n = here + taken, n + taken
    put_four(numbers, slots, STATE, end_x, end_y, end_error, end_x)
    put_four(counts, slots, COUNT, here, n, _number(unsure), orbit)
    return _next(spread(True), (inside, rebases, skips, small), here, last, n, limit)


@inner
def _longest_skips(counts, numbers, radii, shortest, limit):
    """Replace, of each lane, the first skip and the one behind the last by the longest that holds and its steps.

    They stand in counts, with the lanes' n; in numbers stands |z| with its error. Where none holds, steps are 0.
    """
    for lane in range(8):
        first, room = counts[SPARE + lane], (limit - counts[SPARE + 16 + lane]) >> shortest
        most = min(counts[SPARE + 8 + lane] - first, 64 - zeros_above(room)) if room > 0 else 0
        held, found = 0, 8
        while found == 8 and held < most:
            found = zeros_below(~bits(spread(numbers[ROWS + lane]) < load(radii, first + held)))
            held += found
        held = min(held, most)
        counts[SPARE + lane] = first + max(held - 1, 0)
        counts[SPARE + 8 + lane] = ((1 << shortest) << held) >> 1 if held > 0 else 0


@inner
def rows_of_skips(rows, at, numbers):
    """The rows of skips in lanes, by number; at: where they begin."""
    for k in range((ROW + 3) // 4):
        which = min(4 * k, ROW - 4)
        a, b, c, d = four(rows, at, which)
        store(numbers, ROWS + 8 * which, a)
        store(numbers, ROWS + 8 * which + 8, b)
        store(numbers, ROWS + 8 * which + 16, c)
        store(numbers, ROWS + 8 * which + 24, d)
    return columns(numbers, ROWS)


@inner
def skips(slots, numbers, counts, along, tree, ends):
    """One skip each, the longest that holds."""
    _, _, table, start, length, _, least_error = along
    shortest, index, begin, rows, radii = tree
    limit = ends[0]
    x, y, error, _ = four(numbers, slots, STATE)
    _, _, ga, gb = four(numbers, slots, PLACE)
    here, n, unsure, orbit = four(counts, slots, COUNT)
    first = gathered(start, orbit)
    last = first + gathered(length, orbit)
    places = gathered(begin, orbit) + ((here - first - 1) >> shortest)
    size = abs(x) + abs(y)
    store(counts, SPARE, gathered(index, places))
    store(counts, SPARE + 8, gathered(index, places + 1) - _number(n == 1))
    store(counts, SPARE + 16, n)
    store(numbers, ROWS, size + error)
    _longest_skips(counts, numbers, radii, shortest, limit)
    at, span = load(counts, SPARE) * ROW, load(counts, SPARE + 8)
    holds = span > 0
    span = where(span < last - here, span, last - here)
    row = rows_of_skips(rows, at, numbers)
    u, v, slope, more = skip(row, x, y, error, ga, gb)
    moved = slope * error + (more + (least_error + UNDERFLOW))
    x, y, error = where(holds, u, x), where(holds, v, y), where(holds, moved, error)
    here, n = where(holds, here + span, here), where(holds, n + span, n)
    inside, rebases, again, small, doubt = _looked(x, y, error, four(table, here * 4, 0), ends)
    put_four(numbers, slots, STATE, x, y, error, x)
    put_four(counts, slots, COUNT, here, n, _number((unsure > 0) | (holds & doubt)), orbit)
    return _next(holds, (inside, rebases, again, small), here, last, n, limit)


@inner
def rebases(slots, numbers, counts, along, ends):
    """A rebase each, and the step that follows it."""
    cx, cy, table, start, length, critical, least_error = along
    limit, _, least_size, few = ends
    x, y, error, _ = four(numbers, slots, STATE)
    da, db, _, _ = four(numbers, slots, PLACE)
    kept_x, kept_y, kept_error, _ = four(numbers, slots, SEEN)
    here, n, unsure, _ = four(counts, slots, COUNT)
    rebased, keep, pixel, _ = four(counts, slots, TURNS)
    row = four(table, here * 4, 0)
    error = error + ROUNDING * (abs(row[0]) + abs(row[1]) + abs(RX) + abs(RY))
    w = row[0] + x, row[1] + y
    x, y = rebased_x(w[0]), rebased_y(w[1])
    again = (x == kept_x) & (y == kept_y)
    ever = again & ((error <= kept_error) | (error > 1.0))  # as ``repeated`` says
    error = where(again & ~ever, 4.0 * error, error)
    kept_error = where(again, error, kept_error)
    rebased = rebased + 1
    keeps = rebased == keep
    kept_x, kept_y, kept_error = where(keeps, x, kept_x), where(keeps, y, kept_y), where(keeps, error, kept_error)
    keep = where(keeps, rebased + rebased, keep)
    left = ~ever & (rebased == few)
    stays = ever | (abs(x) + abs(y) < least_size)
    put_four(numbers, slots, SEEN, kept_x, kept_y, kept_error, x)
    put_four(counts, slots, TURNS, rebased, keep, pixel, _number(left))
    orbit, here = spread(critical), spread(start[critical])
    last = here + length[critical]
    fixed, least = ROUNDING * (abs(da) + abs(db)) + least_error, least_error + UNDERFLOW
    u, v, moved = _stepped((x, y, error), w, (da, db, cx, cy), four(table, here * 4, 0), numbers, fixed, least)
    x, y, error = where(stays, x, u), where(stays, y, v), where(stays, error, moved)
    here, n = here + _number(~stays), where(ever, spread(limit), n + _number(~stays))
    inside, rebases, skips, small, doubt = _looked(x, y, error, four(table, here * 4, 0), ends)
    put_four(numbers, slots, STATE, x, y, error, x)
    put_four(counts, slots, COUNT, here, n, _number((unsure > 0) | (doubt & ~stays)), orbit)
    ended, rebases, skips = _next(spread(True), (inside, rebases, skips, small), here, last, n, limit)
    return ended | bits(left), rebases & ~bits(left), skips & ~bits(left)
