"""Training runs in plain float64 with a hidden unit in each lane of a group: the same step as ``plain_step.py``'s.

It is for networks with one hidden layer that is no wider than a group. A lane holds in registers what belongs to its
unit: the weights into it and out of it, and their gradients. Only the outputs are sums over lanes. All lanes read a
data row at once, and nothing is written per row.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from deepzoom.backends.kernels.arithmetic.last_bit import OF_WEIGHTS, disturbed_each
from deepzoom.backends.kernels.arithmetic.tanh import tanh, tanh_and_slope
from deepzoom.backends.kernels.training.convergence_measure import put_sums, sums_of, with_loss
from deepzoom.backends.kernels.training.network_arrays import RELU, TANH, factor
from deepzoom.backends.kernels.training.plain_step import rectified, slope
from deepzoom.compiling.jit import implemented, inner, kernel

from .lane_columns import columns, dot, fma_each, only_below, put_columns, shared_row, sum_each, times_each
from .lane_group import any_group, first_of, in_lanes, next_pixel

SLOPED = TANH + 1
"""In place of TANH for shadows: its slope does not vanish where tanh is 1 to the last bit, as in higher precision."""


class Shape(NamedTuple):
    """What the compiler must know of a network and of the lanes that hold its units, as lengths of tuples."""

    kind: tuple[float, ...]
    """Its length is the number of the activation."""
    inputs: tuple[float, ...]
    outputs: tuple[float, ...]
    """All elements are 1, as in ``kind``."""
    distances: tuple[np.int64, ...]
    """1, 2, 4, ... (``lane_group.py``), for at least as many lanes as there are hidden units."""


@inner
def activated(z, shape):
    """A hidden value from its input, and its slope there."""
    if len(shape.kind) == SLOPED:
        return tanh_and_slope(z)
    if len(shape.kind) == TANH:
        z = tanh(z)
    elif len(shape.kind) == RELU:
        z = rectified(z)
    return z, slope(z, len(shape.kind))


@inner
def _forward(xs, below, above, shape):
    """Of a row, in each lane: the hidden value, its slope, and what it adds to each output. below, above: factors."""
    h, steep = activated(dot(xs, below), shape)
    return h, steep, times_each(above, h)


@inner
def _backward(xs, h, steep, e, above, g_below, g_above):
    """Add a row to the gradients, which still lack the layers' scales and the loss's factor; e: output errors."""
    return fma_each(xs, dot(e, above) * steep, g_below), fma_each(e, h, g_above)


@inner
def _pair(x, y, first, second, below, above, g_below, g_above, loss, trained, shape):
    """Add two rows to loss and gradients. The sums of both over the lanes are made at the same time, to wait less."""
    n, k = len(shape.inputs), len(shape.outputs)
    x1, x2 = shared_row(x, first * n, shape.inputs), shared_row(x, second * n, shape.inputs)
    h1, steep1, part1 = _forward(x1, below, above, shape)
    h2, steep2, part2 = _forward(x2, below, above, shape)
    sum1, sum2 = sum_each(part1, shape.distances), sum_each(part2, shape.distances)
    e1 = fma_each(shared_row(y, first * k, shape.outputs), -1.0, sum1)
    e2 = fma_each(shared_row(y, second * k, shape.outputs), -1.0, sum2)
    loss = loss + dot(e1, e1) + dot(e2, e2)
    if trained:
        g_below, g_above = _backward(x1, h1, steep1, e1, above, g_below, g_above)
        g_below, g_above = _backward(x2, h2, steep2, e2, above, g_below, g_above)
    return loss, g_below, g_above


@inner
def _single(x, y, row, below, above, g_below, g_above, loss, trained, shape):
    """Add one row to loss and gradients."""
    xs = shared_row(x, row * len(shape.inputs), shape.inputs)
    h, steep, part = _forward(xs, below, above, shape)
    e = fma_each(shared_row(y, row * len(shape.outputs), shape.outputs), -1.0, sum_each(part, shape.distances))
    if trained:
        g_below, g_above = _backward(xs, h, steep, e, above, g_below, g_above)
    return loss + dot(e, e), g_below, g_above


def no_weights(shape):
    """Zero in place of each weight that a lane holds, (below, above).

    ``implemented`` gives this function and the next three an implementation for each class of shapes.
    """
    raise NotImplementedError(shape)


def weights_at(array, start, net, shape):
    """(below, above): what each lane holds of the weights of a pixel, which begin at ``start`` of a flat array."""
    raise NotImplementedError(shape)


def put_weights(array, start, below, above, net, shape):
    """Write back what ``weights_at`` reads."""
    raise NotImplementedError(shape)


def unit_per_lane_step(net, t, below, above, rate_below, rate_above, offset, shape):
    """One step of training; returns the loss before it, the same in all lanes, and the new factors below and above.

    Factors are the weights times ``factor`` of their layer; rates and offset are those of the factors.
    """
    raise NotImplementedError(shape)


def _no_weights(shape):
    nothing = in_lanes(0.0, shape.distances)
    return times_each(shape.inputs, nothing), times_each(shape.outputs, nothing)


def _weights_at(array, start, net, shape):
    n, width, k = len(shape.inputs), net.widths[1], len(shape.outputs)
    below = columns(array, start, width, 1, width, shape.inputs, shape.distances)
    return below, columns(array, start + n * width, 1, k, width, shape.outputs, shape.distances)


def _put_weights(array, start, below, above, net, shape):
    n, width, k = len(shape.inputs), net.widths[1], len(shape.outputs)
    put_columns(array, start, width, 1, width, below, shape.distances)
    put_columns(array, start + n * width, 1, k, width, above, shape.distances)


def _plain_step(net, t, below, above, rate_below, rate_above, offset, shape):
    width = net.widths[1]
    lanes = shape.distances
    nothing = in_lanes(0.0, lanes)
    if net.offset_every_step:
        below = only_below(fma_each(below, 1.0, offset), width, lanes)
    g_below, g_above = no_weights(shape)
    full_batch = net.batches.size == 0
    loss = nothing
    k = len(shape.outputs)
    twice = 2.0 / (net.rows * k)
    r = 0
    while r + 1 < net.rows:
        loss, g_below, g_above = _pair(
            net.x, net.y, r, r + 1, below, above, g_below, g_above, loss, full_batch, shape,
        )  # fmt: skip
        r += 2
    if r < net.rows:
        loss, g_below, g_above = _single(
            net.x, net.y, r, below, above, g_below, g_above, loss, full_batch, shape,
        )  # fmt: skip
    if not full_batch:
        batch = net.batches.shape[1]
        drawn = min(t, net.batches.shape[0] - 1)
        twice = 2.0 / (batch * k)
        for b in range(batch):
            _, g_below, g_above = _single(
                net.x, net.y, net.batches[drawn, b], below, above, g_below, g_above, nothing, True, shape,
            )  # fmt: skip
    below = only_below(fma_each(g_below, -(rate_below * twice), below), width, lanes)
    above = only_below(fma_each(g_above, -(rate_above * twice), above), width, lanes)
    return loss * (1.0 / (net.rows * k)), below, above


implemented(no_weights, Shape, _no_weights)
implemented(weights_at, Shape, _weights_at)
implemented(put_weights, Shape, _put_weights)
implemented(unit_per_lane_step, Shape, _plain_step)


@inner
def factors_of(weights, net):
    """(below, above) times ``factor`` of their layer."""
    below, above = weights
    return (
        times_each(below, factor(net.scales, 0, net.activation)),
        times_each(above, factor(net.scales, 1, net.activation)),
    )


@inner
def disturbed(weights, number, seed, places, net, shape):
    """Weights (below, above) in the second run of a pixel: moved by the ``signs`` of this seed.

    places (n,): 0, 1, ..., n - 1, as float64.
    """
    below, above = weights
    place_below, place_above = weights_at(places, 0, net, shape)
    first = number * places.size + seed + 1
    return disturbed_each(below, place_below, first), disturbed_each(above, place_above, first)


@inner
def after_step(loss, row, t, steps, pixel, step, sums):
    """(sums of a pixel with the loss of step t, its next step, whether its run is over); if over, both are written."""
    row = with_loss(row, t, steps, loss)
    t += 1
    over = math.isnan(loss) or t == steps
    if over:
        put_sums(sums, pixel, row)
        step[pixel] = steps
    return row, t, over


@kernel()
def run_unit_per_lane(queue, net, steps, weights, rates, offsets, step, sums, numbers, places, shape):
    """Run pixels from their step to the end, as ``run_plain``; changes step and sums in place, but not weights.

    No pixel freezes. weights: (P, n), or (1, n) where all pixels begin with the same. numbers: (0,); in a second run,
    for which the kernel moves the weights, the pixels' numbers (P,). places: as of ``disturbed``. queue: (1,) int64,
    zero before the first call; several threads, or groups of a GPU, may share it.
    """
    pixels = step.size
    lanes = shape.distances
    apart = weights.shape[1] if weights.shape[0] > 1 else 0
    pixel = 0
    t = 0
    over = True
    own = False
    row = (0.0, 0.0, 0.0, 0.0)
    rate_below, rate_above, offset = 0.0, 0.0, 0.0
    below, above = no_weights(shape)
    factor_below, factor_above = factor(net.scales, 0, net.activation), factor(net.scales, 1, net.activation)
    while True:
        pixel = next_pixel(queue, over, pixel, lanes)
        if over:
            own = pixel < pixels
            p = min(pixel, pixels - 1)
            start = weights_at(weights, p * apart, net, shape)
            if numbers.size > 0:
                start = disturbed(start, numbers[p], OF_WEIGHTS, places, net, shape)
            below, above = factors_of(start, net)
            rate_below = rates[p, 0] * net.scales[0] * factor_below
            rate_above = rates[p, 1] * net.scales[1] * factor_above
            offset = offsets[p, 0] * factor_below
            row = sums_of(sums, p)
            t = step[p]
            over = own and t >= steps
        if not any_group(own):
            return
        loss, below, above = unit_per_lane_step(net, t, below, above, rate_below, rate_above, offset, shape)
        if own and not over:
            row, t, over = after_step(first_of(loss), row, t, steps, pixel, step, sums)
