"""The loops around a traced step; each generated module has its own copy, with the steps of its graph."""

from __future__ import annotations

import math

import numpy as np

from deepzoom.backends.kernels.arithmetic.simd import LANES, lane_array, load, magnitude, maximum, splat, store
from deepzoom.backends.kernels.traced.steps_placeholder import (
    DELTA_SIZE,
    EXPANSION_SIZE,
    PER_STEP,
    PLAIN_SIZE,
    SLOPED_SIZE,
    STATE,
    add_difference,
    add_loss,
    delta_step,
    expansion_step,
    plain_step,
    sloped_step,
)
from deepzoom.backends.kernels.training.convergence_measure import COLUMNS, FIRST
from deepzoom.backends.kernels.training.plain_run import put, take
from deepzoom.compiling.jit import inner, kernel


@inner
def one_step(lanes, numbers, sloped, kind):
    """A step of every lane; returns the loss before it. Numba drops the branch that ``kind`` does not take."""
    if len(kind) > 1:
        return expansion_step(lanes, numbers, kind)
    if sloped:
        return sloped_step(lanes, numbers, kind)
    return plain_step(lanes, numbers, kind)


@kernel()
def run_pixels(steps, state, parameters, step, sums, numbers, tables, sloped, kind):
    """Run pixels from their step to the end, in place: a queue of pixels through the lanes.

    kind: a tuple of as many float64 as a number has limbs. One row per pixel, limb after limb: state (P, n * limbs),
    parameters (P, 2 * limbs); step (P,) int64 and sums (P, 4). numbers: constants of the graph, limb after limb;
    tables (steps, m): what is different at each step. sloped: of one limb, compute the slopes of tanh to all digits;
    expansions always do.
    """
    pixels = step.size
    limbs = len(kind)
    place = LANES * limbs
    size = max(PLAIN_SIZE, SLOPED_SIZE) if limbs == 1 else EXPANSION_SIZE
    lanes = lane_array(size * limbs + 1)
    lanes[:] = 0.0
    losses = np.empty(LANES)
    t, holds = np.zeros(LANES, np.int64), np.full(LANES, -1, np.int64)
    queue = 0
    while True:
        active = 0
        for lane in range(LANES):
            while holds[lane] < 0 and queue < pixels:
                if step[queue] < steps:
                    holds[lane] = queue
                    t[lane] = step[queue]
                    put(lanes, 0, lane, state, queue)
                    put(lanes, STATE * place, lane, parameters, queue)
                queue += 1
            if holds[lane] >= 0:
                active += 1
            row = min(t[lane], tables.shape[0] - 1)
            for i in range(PER_STEP):  # float64, so further limbs stay 0
                lanes[(STATE + 2 + i) * place + lane] = tables[row, i]
        if active == 0:
            return
        store(losses, 0, one_step(lanes, numbers, sloped, kind))
        for lane in range(LANES):
            pixel = holds[lane]
            if pixel < 0:
                continue
            add_loss(sums, pixel, t[lane], steps, losses[lane])
            t[lane] += 1
            if math.isnan(losses[lane]) or t[lane] == steps:
                step[pixel] = steps
                take(lanes, 0, lane, state, pixel)
                holds[lane] = -1


@inner
def largest_share(lanes, ends, weights):
    """Per lane: the largest difference in any array of the state, relative to the array's largest number."""
    share = splat(0.0)
    i = 0
    for end in ends:
        largest = splat(0.0)
        size = 0.0
        while i < end:
            largest = maximum(largest, magnitude(load(lanes, i * LANES)))
            size = max(size, abs(weights[i]))
            i += 1
        if size > 0.0:  # what begins at zero has not moved yet
            share = maximum(share, largest * (1.0 / size))
    return share


@kernel()
def run_delta(
    steps, first, last, threshold, record, weights, ratios, totals, ends, numbers, differences, parameters, step, sums
):
    """Run pixels as differences from step ``first`` until their hand-off, in place.

    Of the reference: record (steps, m), weights (steps + 1, n), ratios (steps,) of its losses to the first, totals
    (steps + 1, 4): its sums before each step; ends: of the arrays of the state. One row per pixel: differences (P, n)
    of the state, parameters (P, 2): differences, step (P,): of the hand-off, sums (P, 4): differences on entry, the
    pixel's own on return. A pixel is handed off when its difference has reached ``threshold``, or at step ``last``.
    """
    pixels = step.size
    lanes = lane_array(DELTA_SIZE + 1)
    lanes[:] = 0.0
    changes, shares = np.empty(LANES), np.empty(LANES)
    running = np.zeros(LANES, np.bool_)
    for start in range(0, pixels, LANES):
        for lane in range(LANES):
            pixel = min(start + lane, pixels - 1)
            put(lanes, 0, lane, differences, pixel)
            put(lanes, STATE * LANES, lane, parameters, pixel)
            running[lane] = start + lane < pixels
            if first >= last and running[lane]:
                step[pixel] = first
                for i in range(COLUMNS):
                    sums[pixel, i] += totals[first, i]
        for t in range(first, last):
            store(changes, 0, delta_step(lanes, numbers, record[t]))
            store(shares, 0, largest_share(lanes, ends, weights[t + 1]))
            goes_on = False
            for lane in range(LANES):
                if not running[lane]:
                    continue
                pixel = start + lane
                change = changes[lane]
                finite = math.isfinite(change)
                if finite:
                    add_difference(sums, pixel, t, steps, ratios[t], totals[last, FIRST], change)
                if finite and shares[lane] < threshold and t + 1 < last:
                    goes_on = True
                    continue
                running[lane] = False
                take(lanes, 0, lane, differences, pixel)
                for i in range(COLUMNS):
                    sums[pixel, i] += totals[t + 1 if finite else t, i]
                step[pixel] = t + 1 if finite else steps
                if not finite:  # a loss that is not finite stands for all that follow
                    add_loss(sums, pixel, t, steps, math.nan)
            if not goes_on:
                break
