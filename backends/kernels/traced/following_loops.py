"""The loops that follow runs and note what is read out of them; each generated module has its own copy.

Tangents grow beyond any float64 in a long run. So each lane has an exponent, and its tangents are kept near 1.
"""

from __future__ import annotations

import math

import numpy as np

from deepzoom.backends.kernels.arithmetic.simd import LANES, lane_array, load, magnitude, maximum, splat, store
from deepzoom.backends.kernels.pixel_queue import next_unfinished
from deepzoom.backends.kernels.traced.following_placeholder import (
    DELTA_SIZE,
    FIXED,
    PER_STEP,
    PLAIN_SIZE,
    STATE,
    TANGENTS,
    delta_step,
    plain_step,
)
from deepzoom.backends.kernels.traced.loops import largest_share
from deepzoom.backends.kernels.training.plain_run import put, take
from deepzoom.compiling.jit import inner, kernel

MOVING = STATE + TANGENTS + 1
LOSS, BEST, BEST_STEP, GROWTH, GROWN, OUTPUT = 0, 1, 2, 3, 4, 5
"""Columns of what is noted of a pixel (P, 6): the last finite loss, the lowest and its step; the natural logarithm of
the largest singular value of the tangents, and after how many steps it is that; the output."""
EXTRA = 5
"""How many vectors the loops need besides the workspace of a step."""
_ROOM, _MOST = 30, 900
"""Binary exponents: tangents are scaled when they are so far from 1, and no more than so far up."""


@inner
def scaled(lanes, extra, exponents):
    """Bring the tangents of each lane near 1 by a power of two; ``exponents`` (LANES,) int64 keeps account of it."""
    largest = splat(0.0)
    for i in range(STATE, STATE + TANGENTS):
        largest = maximum(largest, magnitude(load(lanes, i * LANES)))
    store(lanes, extra, largest)
    for lane in range(LANES):
        size, factor = lanes[extra + lane], 1.0
        if math.isfinite(size) and size > 0.0:
            shift = max(math.frexp(size)[1], -_MOST - exponents[lane])
            if abs(shift) > _ROOM:
                factor = math.ldexp(1.0, -shift)
                exponents[lane] += shift
        lanes[extra + lane] = factor
    factors = load(lanes, extra)
    for i in range(STATE, STATE + TANGENTS):
        store(lanes, i * LANES, load(lanes, i * LANES) * factors)
    for i in range(MOVING + 2, MOVING + FIXED):
        store(lanes, i * LANES, load(lanes, i * LANES) * factors)


@inner
def grown(lanes, extra, exponents):
    """Write the growth of each lane's tangents, as of ``GROWTH``, to the vector at ``extra``; NaN if not finite.

    It comes from the 2x2 matrix of products of the tangents by x and by y. ``EXTRA`` - 2 vectors begin at ``extra``.
    """
    if TANGENTS == 0:
        return
    scaled(lanes, extra, exponents)
    xx, yy, xy = splat(0.0), splat(0.0), splat(0.0)
    for i in range(STATE, 2 * STATE):
        by_x, by_y = load(lanes, i * LANES), load(lanes, (i + STATE) * LANES)
        xx = xx + by_x * by_x
        yy = yy + by_y * by_y
        xy = xy + by_x * by_y
    store(lanes, extra, xx)
    store(lanes, extra + LANES, yy)
    store(lanes, extra + 2 * LANES, xy)
    for lane in range(extra, extra + LANES):
        a, b, c = lanes[lane], lanes[lane + LANES], lanes[lane + 2 * LANES]
        square = (a + b) / 2.0 + math.hypot((a - b) / 2.0, c)
        growth = math.nan
        if square == 0.0:
            growth = -math.inf
        elif math.isfinite(square):
            growth = 0.5 * math.log(square) + exponents[lane - extra] * math.log(2.0)
        lanes[lane] = growth


@inner
def noted(found, pixel, t, loss, growth, output):
    """Note what step t of a pixel gave; its loss is finite."""
    found[pixel, LOSS] = loss
    if loss < found[pixel, BEST]:
        found[pixel, BEST] = loss
        found[pixel, BEST_STEP] = t
    if not math.isnan(growth):
        found[pixel, GROWTH] = growth
        found[pixel, GROWN] = t + 1
    found[pixel, OUTPUT] = output


@kernel()
def follow(steps, moving, fixed, exponents, step, found, numbers, tables):
    """Run pixels from their step to the end, or to the first loss that is not finite, and note what is read out.

    One row per pixel: moving (P, MOVING), fixed (P, FIXED) and the exponents (P,) int64 of their tangents, which are
    divided by 2**exponent; step (P,) int64; found (P, 6). All else as of ``run_pixels``.
    """
    lanes = lane_array(PLAIN_SIZE + EXTRA)
    lanes[:] = 0.0
    losses = lanes.size - LANES
    extra = losses - (EXTRA - 1) * LANES
    queue, holds = np.zeros(1, np.int64), np.full(LANES, -1)
    t, scale = np.zeros(LANES, np.int64), np.zeros(LANES, np.int64)
    while True:
        active = 0
        for lane in range(LANES):
            if holds[lane] < 0:
                pixel = next_unfinished(queue, step, steps)
                if pixel >= 0:
                    holds[lane], t[lane], scale[lane] = pixel, step[pixel], exponents[pixel]
                    put(lanes, 0, lane, moving, pixel)
                    put(lanes, MOVING * LANES, lane, fixed, pixel)
            if holds[lane] >= 0:
                active += 1
            row = min(t[lane], tables.shape[0] - 1)
            for i in range(PER_STEP):
                lanes[(MOVING + FIXED + i) * LANES + lane] = tables[row, i]
        if active == 0:
            return
        store(lanes, losses, plain_step(lanes, numbers, (0.0,)))
        grown(lanes, extra, scale)
        for lane in range(LANES):
            pixel = holds[lane]
            if pixel < 0:
                continue
            finite = math.isfinite(lanes[losses + lane])
            if finite:
                output = lanes[(MOVING - 1) * LANES + lane]
                noted(found, pixel, t[lane], lanes[losses + lane], lanes[extra + lane], output)
            t[lane] += 1
            if not finite or t[lane] == steps:
                step[pixel] = steps
                holds[lane] = -1


@kernel()
def follow_delta(
    steps, first, last, threshold, record, beside, weights, ends, numbers, moving, fixed, exponents, step, found
):
    """Run pixels as differences from step ``first`` until their hand-off, in place, and note what is read out.

    beside (last, k): what the steps need of the reference besides ``record``. moving: its first STATE numbers are
    differences on entry, the pixel's own on return. All else as of ``follow`` and ``run_delta``.
    """
    lanes = lane_array(DELTA_SIZE + EXTRA)
    lanes[:] = 0.0
    losses = lanes.size - LANES
    shares = losses - LANES
    extra = shares - (EXTRA - 2) * LANES
    row = np.empty(record.shape[1] + beside.shape[1])
    running, scale = np.zeros(LANES, np.bool_), np.zeros(LANES, np.int64)
    for start in range(0, step.size, LANES):
        some = min(LANES, step.size - start)
        for lane in range(LANES):
            pixel = start + min(lane, some - 1)
            put(lanes, 0, lane, moving, pixel)
            put(lanes, MOVING * LANES, lane, fixed, pixel)
            running[lane], scale[lane] = lane < some, exponents[pixel]
        for t in range(first, last):
            row[: record.shape[1]] = record[t]
            row[record.shape[1] :] = beside[t]
            store(lanes, losses, delta_step(lanes, numbers, row))
            store(lanes, shares, largest_share(lanes, ends, weights[t + 1]))
            grown(lanes, extra, scale)
            for lane in range(some):
                if not running[lane]:
                    continue
                pixel, loss = start + lane, lanes[losses + lane]
                if math.isfinite(loss):
                    noted(found, pixel, t, loss, lanes[extra + lane], lanes[(MOVING - 1) * LANES + lane])
                    if lanes[shares + lane] < threshold and t + 1 < last:
                        continue
                running[lane] = False
                step[pixel] = t + 1 if math.isfinite(loss) else steps
                exponents[pixel] = scale[lane]
                take(lanes, 0, lane, moving, pixel)
                take(lanes, MOVING * LANES, lane, fixed, pixel)
            if not running.any():
                break
        for pixel in range(start, start + some):
            if first >= last:
                step[pixel] = first
            for i in range(STATE):
                moving[pixel, i] += weights[min(step[pixel], weights.shape[0] - 1), i]
