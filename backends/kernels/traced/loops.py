"""The loops around a traced step; each generated module has its own copy, with the steps of its graph.

On a GPU, ``LANES`` neighbouring threads stand for the lanes of a vector, as in ``kernels/gpu/pixel_per_thread.py``.
"""

from __future__ import annotations

import math

import numpy as np

from deepzoom.backends.kernels.arithmetic.last_bit import (
    OF_DIFFERENCES,
    OF_HAND_OFF,
    disturb_row,
    disturbed_each,
    in_doubt,
)
from deepzoom.backends.kernels.arithmetic.simd import (
    LANES,
    first_lane,
    lane_array,
    load,
    magnitude,
    maximum,
    past_lane,
    splat,
    store,
)
from deepzoom.backends.kernels.gpu.lane_group import any_group, next_pixel, own_slot
from deepzoom.backends.kernels.pixel_queue import next_unfinished
from deepzoom.backends.kernels.traced.steps_placeholder import (
    CARRIED,
    DELTA_SIZE,
    EXPANSION_SIZE,
    MOVING,
    PER_STEP,
    PLAIN_SIZE,
    SLOPED_SIZE,
    STATE,
    add_loss,
    delta_step,
    expansion_step,
    own_sums,
    plain_step,
    sloped_step,
    some_go_on,
)
from deepzoom.backends.kernels.training.plain_run import put, take
from deepzoom.compiling.jit import inner, kernel, late_inner


@late_inner
def one_step(lanes, numbers, sloped, kind):
    """A step of every lane; returns the loss before it. Numba drops the branch that ``kind`` does not take."""
    if len(kind) > 1:
        return expansion_step(lanes, numbers, kind)
    if sloped:
        return sloped_step(lanes, numbers, kind)
    return plain_step(lanes, numbers, kind)


EXTRA, DELTA_EXTRA = 2, 3
"""How many vectors the loops need besides the workspace of a step: in float64 or expansions, and of differences."""


@inner
def move_on(lanes, seeds):
    """Move the state of all lanes before a step, as a second run does: by a unit in the last place of each number.

    Arrays that only count stay. seeds: where the workspace has a vector of each lane's step times ``STATE``. Once,
    before the first step, would not do: where runs draw closer and part later, as with a rate that grows, the two would
    meet at the same numbers, and then agree for good.
    """
    for begin, end in MOVING:
        for i in range(begin, end):
            at = i * LANES
            store(lanes, at, disturbed_each((load(lanes, at),), (load(lanes, seeds) + float(i),), 0)[0])


@inner
def move_expansions_on(lanes, lane, t, kind):
    """The same for one lane and numbers of several float64, by some units of their last limb."""
    limbs = len(kind)
    for begin, end in MOVING:
        for i in range(begin, end):
            at = i * LANES * limbs + lane
            up = disturbed_each((1.0,), (float(i),), t * STATE)[0] > 1.0
            unit = lanes[at] * 2.0 ** (2 - 53 * limbs)
            lanes[at + (limbs - 1) * LANES] += unit if up else -unit


@late_inner
def run_through(queue, steps, state, parameters, step, sums, numbers, tables, second, kind, lanes, t, holds):
    """Run the pixels of a queue (1,) int64 through the lanes until it is empty; arguments as of ``run_pixels``.

    lanes: the step's workspace and ``EXTRA`` vectors, zero at first; t and holds (LANES,): int64, each lane's step and
    pixel.
    """
    place = LANES * len(kind)
    parameters_at, losses, seeds = (STATE + CARRIED) * place, lanes.size - LANES, lanes.size - 2 * LANES
    for lane in range(first_lane(), past_lane()):
        t[lane] = 0
        holds[lane] = -1
    while True:
        active = 0
        for lane in range(first_lane(), past_lane()):
            if holds[lane] < 0:
                pixel = next_unfinished(queue, step, steps)
                if pixel >= 0:
                    holds[lane] = pixel
                    t[lane] = step[pixel]
                    put(lanes, 0, lane, state, pixel)
                    for i in range(STATE * place + lane, parameters_at, LANES):
                        lanes[i] = 0.0
                    put(lanes, parameters_at, lane, parameters, pixel)
            if holds[lane] >= 0:
                active += 1
            row = min(t[lane], tables.shape[0] - 1)
            for i in range(PER_STEP):  # float64, so further limbs stay 0
                lanes[parameters_at + (2 + i) * place + lane] = tables[row, i]
            doubt = in_doubt(len(kind))
            lanes[parameters_at + (2 + PER_STEP) * place + lane] = -doubt if holds[lane] >= second else doubt
        if active == 0:
            return
        store(lanes, losses, one_step(lanes, numbers, second == 0, kind))
        if second == 0 and len(kind) == 1:
            for lane in range(first_lane(), past_lane()):
                lanes[seeds + lane] = float((t[lane] + 1) * STATE)
            move_on(lanes, seeds)
        for lane in range(first_lane(), past_lane()):
            pixel = holds[lane]
            if pixel < 0:
                continue
            loss = lanes[losses + lane]
            add_loss(sums, pixel, t[lane], steps, loss)
            t[lane] += 1
            if pixel >= second and len(kind) > 1:
                move_expansions_on(lanes, lane, t[lane], kind)
            if math.isnan(loss) or t[lane] == steps:
                step[pixel] = steps
                take(lanes, 0, lane, state, pixel)
                holds[lane] = -1


@kernel()
def run_pixels(steps, state, parameters, step, sums, numbers, tables, second, kind):
    """Run pixels from their step to the end, in place: a queue of pixels through the lanes.

    kind: a tuple of as many float64 as a number has limbs. One row per pixel, limb after limb: state (P, n * limbs),
    parameters (P, 2 * limbs); step (P,) int64 and sums (P, 4). numbers: constants of the graph, limb after limb;
    tables (steps, m): what is different at each step. second: rows from this one on are second runs, which move on
    between steps. Of one limb, it is the first row or none; second runs then compute the slopes of tanh to all digits,
    as expansions always do.
    """
    limbs = len(kind)
    size = max(PLAIN_SIZE, SLOPED_SIZE) if limbs == 1 else EXPANSION_SIZE
    lanes = lane_array(size * limbs + EXTRA)
    lanes[:] = 0.0
    queue, t, holds = np.zeros(1, np.int64), np.empty(LANES, np.int64), np.empty(LANES, np.int64)
    run_through(queue, steps, state, parameters, step, sums, numbers, tables, second, kind, lanes, t, holds)


@kernel()
def run_pixels_lanes(
    queue, counter, steps, state, parameters, step, sums, numbers, tables, second, kind, lanes, own, group
):
    """The same on a GPU, a pixel in each thread; kind: of one limb.

    queue, counter (1,): int64, zero before the first call. lanes: (slots, numbers of ``run_through``), zero; own
    (slots, 2, LANES) int64: room for each lane's step and pixel. group: ``GROUP``.
    """
    slot = own_slot(counter, group)
    if slot < lanes.shape[0]:
        t, holds = own[slot, 0], own[slot, 1]
        run_through(queue, steps, state, parameters, step, sums, numbers, tables, second, kind, lanes[slot], t, holds)


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


@late_inner
def to_hand_off(
    steps, first, last, threshold, record, weights, ratios, totals, ends, numbers, differences, parameters, step, sums,
    start, lanes,
):  # fmt: skip
    """Run the pixels from ``start`` on, one in each lane, to their hand-offs; arguments as of ``run_delta``.

    lanes: the workspace of the delta step and ``DELTA_EXTRA`` vectors, zero at first.
    """
    changes = lanes.size - DELTA_EXTRA * LANES
    shares, running = changes + LANES, changes + 2 * LANES
    for lane in range(first_lane(), past_lane()):
        pixel = min(start + lane, step.size - 1)
        put(lanes, 0, lane, differences, pixel)
        put(lanes, STATE * LANES, lane, parameters, pixel)
        lanes[running + lane] = 1.0 if start + lane < step.size else 0.0
        if first >= last and start + lane < step.size:  # nothing to run
            own_sums(sums, pixel, totals, first)
            step[pixel] = first
    for t in range(first, last):
        store(lanes, changes, delta_step(lanes, numbers, record[t]))
        store(lanes, shares, largest_share(lanes, ends, weights[t + 1]))
        goes_on = some_go_on(
            steps, t, last, threshold, ratios, totals, differences, step, sums, start, lanes, 0, changes
        )
        if not any_group(goes_on):
            break


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
    lanes = lane_array(DELTA_SIZE + DELTA_EXTRA)
    lanes[:] = 0.0
    for start in range(0, step.size, LANES):
        to_hand_off(
            steps, first, last, threshold, record, weights, ratios, totals, ends, numbers, differences, parameters,
            step, sums, start, lanes,
        )  # fmt: skip


@kernel()
def run_delta_lanes(
    queue, counter, steps, first, last, threshold, record, weights, ratios, totals, ends, numbers, differences,
    parameters, step, sums, moved, lanes, group,
):  # fmt: skip
    """The same on a GPU, a pixel in each thread; on return ``differences`` holds the pixels' own states.

    moved: (0,), or in a second run the pixels' numbers (P,) int64: differences at the beginning and states at the
    hand-off are then moved by a unit in the last place. lanes: (slots, numbers of ``to_hand_off``), zero, of whole
    warps. queue, counter, group: as of ``run_pixels_lanes``.
    """
    slot = own_slot(counter, group)
    if slot >= lanes.shape[0]:
        return
    batch = 0
    while True:
        batch = next_pixel(queue, True, batch, group)
        start = batch * LANES
        if not any_group(start < step.size):
            return
        past = min(start + past_lane(), step.size)
        for pixel in range(start + first_lane(), past):
            if moved.size > 0:
                disturb_row(differences, pixel, moved[pixel], OF_DIFFERENCES)
        to_hand_off(
            steps, first, last, threshold, record, weights, ratios, totals, ends, numbers, differences, parameters,
            step, sums, start, lanes[slot],
        )  # fmt: skip
        for pixel in range(start + first_lane(), past):
            t = min(step[pixel], weights.shape[0] - 1)
            for i in range(STATE):
                differences[pixel, i] += weights[t, i]
            if moved.size > 0:
                disturb_row(differences, pixel, moved[pixel], OF_HAND_OFF)
