"""What eight pixels whose differences are below float64's range do together in the lanes of vectors.

Each lane does what ``iterate_far`` does, with the same bits, where nothing is out of the ordinary: neither its
iterate nor a step's result is tiny, the reference does not end, the pixel is far from the exit and from float64's
range. All else is left to that function. This file is compiled as ``escape.py`` is, for the same formulas as
``lane_steps.py``.
"""

from __future__ import annotations

import math

import numpy as np

from deepzoom.backends.kernels.arithmetic.exponent_bits import two_to
from deepzoom.backends.kernels.arithmetic.lane_memory import four, gathered, load, put_four, store
from deepzoom.backends.kernels.arithmetic.lanes import as_bits, bits, ones, spread, where, zeros_below
from deepzoom.backends.kernels.escape_time.error_bound import OF_A_STEP, ROUNDING, UNDERFLOW
from deepzoom.backends.kernels.escape_time.floatexp_perturbation import ENOUGH, NEARLY
from deepzoom.backends.kernels.escape_time.floatexp_step import LEAST_NOISE, SMALL, WITHIN, scaled
from deepzoom.backends.kernels.escape_time.formula_placeholder import lane_bounds, lane_difference
from deepzoom.backends.kernels.escape_time.lane_functions import lane_two_to
from deepzoom.backends.kernels.escape_time.lane_queues import BEHIND_QUEUES
from deepzoom.backends.kernels.escape_time.lane_steps import (
    COUNT,
    LONGEST,
    PLACE,
    ROWS,
    SLOTS,
    SPARE,
    STATE,
    TOGETHER,
    lane_steepest,
    rows_of_skips,
)
from deepzoom.backends.kernels.escape_time.series_skips import ONLY_LINEAR, ROW, SHARE, length_of, polynomial
from deepzoom.compiling.jit import inner

FAR_PLACE = ROWS + 8 * ROW
FAR_ROWS = FAR_PLACE + 4 * SLOTS
"""Where da and db of each slot stand among the numbers, in the unit 2**ec; and the end of the numbers."""
UNITS = BEHIND_QUEUES
FAR_COUNTS = UNITS + 4 * SLOTS
"""Where e, ec and whether a pixel has made a step below float64's range stand among the integers; and their end."""
_FAR = -420
"""Exponents up to this are those of pixels that rebase nowhere but at tiny iterates."""


@inner
def _far_looked(x, y, e, error, row, here, last, n, limit, noise):
    """Which lanes are left to ``iterate_far``, are in float64's range, and may skip, by the rows of ``run_far_lanes``.

    A lane that is in range is not left, and one that is either does not skip.
    """
    left = (row[2] < 0.0) | (here >= last) | (n >= limit) | (e > _FAR) | (noise - e >= LEAST_NOISE)
    size, over = abs(x) + abs(y) + error, e - as_bits(row[3])
    near = ~left & (e > NEARLY) & (size * lane_two_to(e) > ENOUGH)
    return left, near, ~left & ~near & (row[2] > 0.0) & (over <= 40) & (size * lane_two_to(over) < row[2])


@inner
def _lane_scaled(x, y, e, error, numbers, counts):
    """``scaled`` in lanes."""
    largest = max(max(abs(x), abs(y)), error)
    outside = bits(~((largest >= WITHIN[0]) & (largest <= WITHIN[1])))
    if outside != 0:
        store(numbers, ROWS, x)
        store(numbers, ROWS + 8, y)
        store(numbers, ROWS + 16, error)
        store(counts, SPARE, e)
        while outside != 0:
            lane = zeros_below(outside)
            at = ROWS + lane
            numbers[at], numbers[at + 8], counts[SPARE + lane], numbers[at + 16] = scaled(
                numbers[at], numbers[at + 8], counts[SPARE + lane], numbers[at + 16]
            )
            outside &= outside - 1
        x, y, e, error = load(numbers, ROWS), load(numbers, ROWS + 8), load(counts, SPARE), load(numbers, ROWS + 16)
    return x, y, e, error


@inner
def far_looks(slots, numbers, counts, far, limit):
    """What pixels do next; the arguments and results are as of the functions of ``lane_steps.py``.

    far: c, the table of ``run_far_lanes``, where orbits begin and their lengths, the skips, and the exponent of the
    reference's rounding error. Lanes that "end" are left to ``iterate_far``, those that "rebase" come into float64's
    range.
    """
    _, _, table, start, length, _, noise = far
    x, y, error, _ = four(numbers, slots, STATE)
    here, n, _, orbit = four(counts, slots, COUNT)
    e, _, stepped, _ = four(counts, slots, UNITS)
    last = gathered(start, orbit) + gathered(length, orbit)
    left, near, skips = _far_looked(x, y, e, error, four(table, here * 4, 0), here, last, n, limit, noise)
    return bits(left | (near & (stepped == 0))), bits(near & (stepped > 0)), bits(skips)


@inner
def far_steps(slots, numbers, counts, far, limit, live):
    """Single steps, until few lanes go on with them. live: those that count, as bits."""
    cx, cy, table, start, length, _, noise = far
    x, y, error, _ = four(numbers, slots, STATE)
    da, db, _, _ = four(numbers, slots, FAR_PLACE)
    here, n, unsure, orbit = four(counts, slots, COUNT)
    e, ec, _, _ = four(counts, slots, UNITS)
    last = gathered(start, orbit) + gathered(length, orbit)
    active, left, near, skips, k = spread(True), spread(False), spread(False), spread(False), 0
    few = min(TOGETHER, ones(live))
    still = (da == 0.0) & (db == 0.0)
    row = four(table, here * 4, 0)
    while k < LONGEST:
        unit = where(e > ec, e, ec)
        p1, p2, scale = lane_two_to(e - unit), lane_two_to(ec - unit), lane_two_to(unit)
        px, py, pa, pb, off = x * p1, y * p1, da * p2, db * p2, error * p1
        size = abs(x) + abs(y)
        by_z, by_c, rounding = lane_bounds(row[0], row[1], cx, cy, px, py, pa, pb, 0, 0, scale, 0)
        by_z = lane_steepest(by_z, row[0], row[1], cx, cy, off * scale, numbers)
        off = by_z * off + (rounding * (OF_A_STEP * p1 * size) + by_c * (ROUNDING * (abs(pa) + abs(pb))))
        u, v = lane_difference(row[0], row[1], cx, cy, px, py, pa, pb, 0, 0, scale, 0)
        served = (abs(u) + abs(v) >= SMALL) | ((size == 0.0) & still)
        left |= active & ~served
        active &= served
        u, v, unit, off = _lane_scaled(where(active, u, 1.0), v, unit, off, numbers, counts)
        x, y, e, error = where(active, u, x), where(active, v, y), where(active, unit, e), where(active, off, error)
        here, n = where(active, here + 1, here), where(active, n + 1, n)
        k += 1
        row = four(table, here * 4, 0)
        does_leave, is_near, may_skip = _far_looked(x, y, e, error, row, here, last, n, limit, noise)
        left |= active & does_leave
        near |= active & is_near
        skips |= active & may_skip
        active &= ~does_leave & ~is_near & ~may_skip
        if ones(bits(active) & live) < few:
            break
    put_four(numbers, slots, STATE, x, y, error, x)
    put_four(counts, slots, COUNT, here, n, unsure, orbit)
    put_four(counts, slots, UNITS, e, ec, spread(1), spread(0))
    return bits(left), bits(near), bits(skips)


@inner
def _longest_far_skips(counts, numbers, exponents, radii, shortest, limit):
    """``_longest_skips`` of ``lane_steps.py`` for floatexp; the lanes' e stand behind their n."""
    for lane in range(8):
        at, most = counts[SPARE + lane], counts[SPARE + 8 + lane]
        n, e, size = counts[SPARE + 16 + lane], counts[SPARE + 24 + lane], numbers[ROWS + lane]
        steps, taken = np.int64(1) << shortest, np.int64(0)
        while at < most and radii[at] > 0.0 and n + steps <= limit:
            over = e - exponents[4 * at]
            if over > 40 or size * two_to(over) >= radii[at]:
                break
            taken = steps
            at += 1
            steps <<= 1
        counts[SPARE + lane] = max(at - 1, counts[SPARE + lane])
        counts[SPARE + 8 + lane] = taken


@inner
def _skipped(row, b, exponents, radius, z, g):
    """``skip_wide`` in lanes: (real part, imaginary part, their exponent, slope, what it adds to the error)."""
    (x, y, e, error), (ga, gb), (re, eo, eb) = z, g, exponents
    linear = e - re <= ONLY_LINEAR
    ez = eo + (e - re)
    top = where(linear, where(ez > eb, ez, eb), eo)
    p, q = lane_two_to(ez - top) / radius, lane_two_to(eb - top)
    cu, cv = q * (b[0] * ga - b[1] * gb), q * (b[1] * ga + b[0] * gb)
    u, v = p * (row[2] * x - row[3] * y) + cu, p * (row[3] * x + row[2] * y) + cv
    slope = math.sqrt(row[2] * row[2] + row[3] * row[3])
    more = row[SHARE] * (p * slope * length_of(x, y) + length_of(cu, cv))
    if bits(linear) != 255:
        unit = lane_two_to(e - re) / radius
        pu, pv, p_slope, p_more = polynomial(row, x * unit, y * unit, error * unit, ga, gb)
        u, v = where(linear, u, pu), where(linear, v, pv)
        slope, more = where(linear, slope, p_slope), where(linear, more, p_more)
    return u, v, top, slope / radius, more


@inner
def far_skips(slots, numbers, counts, far, limit):
    """One skip each, the longest that holds."""
    _, _, table, start, length, tree, noise = far
    shortest, index, begin, rows, by_c, exponents, radii = tree
    x, y, error, _ = four(numbers, slots, STATE)
    _, _, ga, gb = four(numbers, slots, PLACE)
    here, n, unsure, orbit = four(counts, slots, COUNT)
    e, ec, _, _ = four(counts, slots, UNITS)
    first = gathered(start, orbit)
    last = first + gathered(length, orbit)
    places = gathered(begin, orbit) + ((here - first - 1) >> shortest)
    size = abs(x) + abs(y)
    store(counts, SPARE, gathered(index, places))
    store(counts, SPARE + 8, gathered(index, places + 1) - where(n == 1, 1, 0))
    store(counts, SPARE + 16, n)
    store(counts, SPARE + 24, e)
    store(numbers, ROWS, size + error)
    _longest_far_skips(counts, numbers, exponents, radii, shortest, limit)
    at, span = load(counts, SPARE), load(counts, SPARE + 8)
    holds = span > 0
    span = where(span < last - here, span, last - here)
    re, eo, eb, ea = four(exponents, at * 4, 0)
    b0, b1, _, _ = four(by_c, at * 4, 0)
    row = rows_of_skips(rows, at * ROW, numbers)
    u, v, unit, slope, more = _skipped(row, (b0, b1), (re, eo, eb), gathered(radii, at), (x, y, e, error), (ga, gb))
    moved = slope * lane_two_to(ea + e - unit) * error + more
    u, v, unit, moved = _lane_scaled(u, v, unit, moved, numbers, counts)
    x, y, e, error = where(holds, u, x), where(holds, v, y), where(holds, unit, e), where(holds, moved, error)
    here, n = where(holds, here + span, here), where(holds, n + span, n)
    left, near, skips = _far_looked(x, y, e, error, four(table, here * 4, 0), here, last, n, limit, noise)
    put_four(numbers, slots, STATE, x, y, error, x)
    put_four(counts, slots, COUNT, here, n, unsure, orbit)
    put_four(counts, slots, UNITS, e, ec, spread(1), spread(0))
    return bits(left & holds), bits(near & holds), bits(skips & holds)


@inner
def into_range(slots, numbers, counts):
    """Bring differences into float64's range."""
    x, y, error, _ = four(numbers, slots, STATE)
    unit = lane_two_to(four(counts, slots, UNITS)[0])
    put_four(numbers, slots, STATE, x * unit, y * unit, error * unit + UNDERFLOW, x)
