"""Training runs in expansions to their end: a queue of pixels through the lanes, as ``plain_run.py``."""

from __future__ import annotations

import numpy as np

from deepzoom.backends.kernels.arithmetic.last_bit import in_doubt
from deepzoom.backends.kernels.arithmetic.simd import LANES, lane_array, load, store
from deepzoom.backends.kernels.pixel_queue import next_unfinished
from deepzoom.compiling.jit import kernel

from .convergence_measure import add_loss
from .expansion_step import expansion_layout, expansion_step
from .plain_run import put, take


@kernel()
def run_expansions(net, constants, steps, weights, rates, offsets, step, sums, second, kind):
    """Run pixels from their step to the end, in place.

    kind: a tuple of as many float64 as there are limbs. One row per pixel, limb after limb: weights (P, n * limbs),
    rates (P, layers * limbs), offsets (P, limbs); step (P,) int64 and sums (P, 4). second: rows from this one on are
    second runs. Returns how many steps of single pixels were computed.
    """
    at = expansion_layout(net.widths, kind)
    lanes = lane_array(at.size // LANES)
    lanes[:] = 0.0
    t = np.zeros(LANES, np.int64)
    holds = np.full(LANES, -1, np.int64)
    losses, doubts = np.empty(LANES), np.zeros(LANES)
    queue = np.zeros(1, np.int64)
    done_steps = 0
    while True:
        active = 0
        for lane in range(LANES):
            if holds[lane] < 0:
                pixel = next_unfinished(queue, step, steps)
                if pixel >= 0:
                    holds[lane] = pixel
                    t[lane] = step[pixel]
                    put(lanes, at.weights, lane, weights, pixel)
                    put(lanes, at.rates, lane, rates, pixel)
                    put(lanes, at.offset, lane, offsets, pixel)
            doubts[lane] = -in_doubt(len(kind)) if holds[lane] >= second else in_doubt(len(kind))
            if holds[lane] >= 0:
                active += 1
        if active == 0:
            return done_steps
        store(losses, 0, expansion_step(net, constants, t, lanes, at, load(doubts, 0), kind))
        done_steps += active
        for lane in range(LANES):
            pixel = holds[lane]
            if pixel < 0:
                continue
            add_loss(sums, pixel, t[lane], steps, losses[lane])
            t[lane] += 1
            if np.isnan(losses[lane]) or t[lane] == steps:
                step[pixel] = steps
                take(lanes, at.weights, lane, weights, pixel)
                holds[lane] = -1
