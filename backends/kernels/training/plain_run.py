"""Training runs in plain float64 to their end: a queue of pixels through the lanes.

A lane whose run is over takes the next pixel. A run is over after its last step, when its loss is NaN (it then stays
NaN), or when it has *frozen*: every hidden unit is saturated to the last bit, so that all layers below the last stand
still for good. The rest of a frozen run is linear and costs a fraction. ``run_frozen`` makes it by the same operations
as the full step, so that its losses are the same to the last bit. (Where they overflow, the full step turns weights
into NaN sooner, but that does not change the read-out.)
"""

from __future__ import annotations

import math

import numpy as np

from deepzoom.backends.kernels.arithmetic.simd import LANES, first_lane, lane_array, load, past_lane, splat, store
from deepzoom.backends.kernels.pixel_queue import next_unfinished
from deepzoom.compiling.jit import inner, kernel

from .convergence_measure import add_loss
from .matrix_products import ADD, SET, UNIT, contract_vector
from .network_arrays import IDENTITY, TANH, hidden_count, weight_count
from .plain_layout import layout
from .plain_step import forward, plain_step, prepare, residual


@inner
def put(lanes, start, lane, values, pixel):
    """Copy a pixel's row of values into its lane."""
    for i in range(values.shape[1]):
        lanes[start + i * LANES + lane] = values[pixel, i]


@inner
def take(lanes, start, lane, values, pixel):
    """Copy a lane's values back into the pixel's row."""
    for i in range(values.shape[1]):
        values[pixel, i] = lanes[start + i * LANES + lane]


PLAIN_EXTRA = 2
"""How many vectors ``run_through`` needs besides the workspace of the plain step."""


@inner
def run_through(queue, net, steps, weights, rates, offsets, step, sums, frozen, lanes, t, holds):
    """Run the pixels of a queue (1,) int64 through the lanes until it is empty; arguments as of ``run_plain``.

    weights: (P, n), or (1, n) where all pixels begin with the same, which stay. lanes: ``layout`` and ``PLAIN_EXTRA``
    vectors; t and holds (LANES,): int64, each lane's step and pixel. frozen (P,): those that froze; none where it is
    empty. Returns how many steps of single pixels were computed, of this thread's lanes.
    """
    at = layout(net.widths)
    losses, moved = at.size, at.size + LANES
    for i in range(0, at.size, LANES):
        store(lanes, i, splat(0.0))
    own = weights.shape[0] == step.size
    can_freeze = net.activation != IDENTITY and net.widths.size > 2 and not net.offset_every_step and frozen.size > 0
    done_steps = 0
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
                    put(lanes, at.weights, lane, weights, pixel if own else 0)
                    put(lanes, at.rates, lane, rates, pixel)
                    put(lanes, at.offset, lane, offsets, pixel)
            if holds[lane] >= 0:
                active += 1
        if active == 0:
            return done_steps
        loss, change = plain_step(net, t, lanes, at)
        store(lanes, losses, loss)
        store(lanes, moved, change)
        done_steps += active
        for lane in range(first_lane(), past_lane()):
            pixel = holds[lane]
            if pixel < 0:
                continue
            value = lanes[losses + lane]
            add_loss(sums, pixel, t[lane], steps, value)
            t[lane] += 1
            over = math.isnan(value) or t[lane] == steps
            freezes = can_freeze and lanes[moved + lane] == 0.0 and not over
            if freezes:
                frozen[pixel] = True
            if over or freezes:
                step[pixel] = steps if over else t[lane]
                if own:
                    take(lanes, at.weights, lane, weights, pixel)
                holds[lane] = -1


@kernel()
def run_plain(net, steps, weights, rates, offsets, step, sums):
    """Run pixels from their step to the end, in place.

    weights (P, n), rates (P, layers), offsets (P, 1), step (P,) int64 and sums (P, 4) hold one row per pixel.
    Returns (frozen, pixel_steps): which pixels froze on the way (bool; their rows say where they stand), and how
    many steps of single pixels were computed.
    """
    frozen = np.zeros(weights.shape[0], np.bool_)
    lanes = lane_array(layout(net.widths).size // LANES + PLAIN_EXTRA)
    t, holds = np.empty(LANES, np.int64), np.empty(LANES, np.int64)
    queue = np.zeros(1, np.int64)
    done_steps = run_through(queue, net, steps, weights, rates, offsets, step, sums, frozen, lanes, t, holds)
    return frozen, done_steps


@inner
def _last_hidden(net, lanes, at, values, running):
    """Write the last hidden layer of all rows to ``values``; clear running[lane] where a unit still has a slope."""
    n, hidden = net.widths[0], net.widths[-2]
    per_row = hidden_count(net.widths)
    first = at.hidden + (per_row - hidden) * LANES
    for r in range(net.rows):
        forward(lanes, at, net.widths, net.activation, net.x, r * n, UNIT)
        for i in range(per_row):
            for lane in range(LANES):
                v = lanes[at.hidden + i * LANES + lane]
                if (v * v != 1.0) if net.activation == TANH else (v != 0.0):
                    running[lane] = False
        for i in range(hidden * LANES):
            lanes[values + r * hidden * LANES + i] = lanes[first + i]


@inner
def _draw_frozen(net, t, lanes, values, out, drawn, errors):
    """Copy last hidden values and errors of the rows drawn at each lane's own step to ``drawn`` and ``errors``."""
    h_row, k_row = net.widths[-2] * LANES, net.widths[-1] * LANES
    for b in range(net.batches.shape[1]):
        for lane in range(LANES):
            row = net.batches[min(t[lane], net.batches.shape[0] - 1), b]
            for i in range(0, h_row, LANES):
                lanes[drawn + b * h_row + i + lane] = lanes[values + row * h_row + i + lane]
            for i in range(0, k_row, LANES):
                lanes[errors + b * k_row + i + lane] = lanes[out + row * k_row + i + lane]


@inner
def _into_lanes(net, steps, weights, rates, step, first, lanes, at, t, running):
    """Put the pixels from ``first`` on into the lanes; running[lane] where one has steps left."""
    group = min(LANES, weights.shape[0] - first)
    for lane in range(LANES):
        pixel = first + min(lane, group - 1)
        put(lanes, at.weights, lane, weights, pixel)
        put(lanes, at.rates, lane, rates, pixel)
        t[lane] = step[pixel]
        running[lane] = lane < group and step[pixel] < steps
    prepare(net, lanes, at)


@kernel()
def run_frozen(net, steps, weights, rates, step, sums):
    """Run frozen pixels to the end: their layers below the last stand still. Arguments as of ``run_plain``.

    A pixel that turns out not to be frozen is left as it is: its row in ``step`` stays below ``steps``.
    Returns the steps of single pixels that were computed.
    """
    pixels = weights.shape[0]
    hidden, k = net.widths[-2], net.widths[-1]
    full_batch = net.batches.size == 0
    batch = net.rows if full_batch else net.batches.shape[1]
    at = layout(net.widths)
    values = at.size
    out = values + net.rows * hidden * LANES
    drawn = out + net.rows * k * LANES
    errors = drawn + batch * hidden * LANES
    lanes = lane_array((errors + batch * k * LANES) // LANES)
    h_row, k_row = hidden * LANES, k * LANES
    last = (weight_count(net.widths) - hidden * k) * LANES
    w, f, g = at.weights + last, at.factors + last, at.gradient
    rate = at.rates + (net.widths.size - 2) * LANES
    losses, t = np.empty(LANES), np.zeros(LANES, np.int64)
    scale = net.scales[-1]
    done_steps = 0
    for first in range(0, pixels, LANES):
        running = np.zeros(LANES, np.bool_)
        _into_lanes(net, steps, weights, rates, step, first, lanes, at, t, running)
        _last_hidden(net, lanes, at, values, running)
        while running.any():
            loss = splat(0.0)
            contract_vector(
                lanes, out, k_row, LANES, lanes, values, h_row, LANES, f, k_row, LANES, net.rows, k, hidden, SET
            )
            loss = residual(lanes, out, net.y, 0, net.rows * k, batch * k, loss)
            for i in range(g, g + hidden * k_row, LANES):
                store(lanes, i, splat(0.0))
            source, error = values, out
            if not full_batch:
                source, error = drawn, errors
                _draw_frozen(net, t, lanes, values, out, drawn, errors)
            contract_vector(
                lanes, g, k_row, LANES, lanes, source, LANES, h_row, error, k_row, LANES, hidden, k, batch, ADD
            )
            last_rate = load(lanes, rate) * scale
            for i in range(0, hidden * k_row, LANES):
                updated = load(lanes, w + i) - last_rate * load(lanes, g + i)
                store(lanes, w + i, updated)
                store(lanes, f + i, updated * scale)
            store(losses, 0, loss * (1.0 / (net.rows * k)))
            for lane in range(LANES):
                if not running[lane]:
                    continue
                pixel = first + lane
                add_loss(sums, pixel, t[lane], steps, losses[lane])
                done_steps += 1
                t[lane] += 1
                if np.isnan(losses[lane]) or t[lane] == steps:
                    step[pixel] = steps
                    running[lane] = False
                    take(lanes, at.weights, lane, weights, pixel)
    return done_steps
