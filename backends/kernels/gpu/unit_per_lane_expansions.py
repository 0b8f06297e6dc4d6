"""Training runs in expansions with a hidden unit in each lane of a group: the same step as ``expansion_step.py``'s.

It is for the same networks as ``unit_per_lane_plain.py``, and works in the same way: a lane holds the weights into its
unit and out of it, and their gradients, each as an expansion.
"""

from __future__ import annotations

from deepzoom.backends.kernels.arithmetic.expansion import masked, over, plus, rectified, times
from deepzoom.backends.kernels.arithmetic.expansion_tanh import tanh_and_slope_expansion
from deepzoom.backends.kernels.arithmetic.simd import fma
from deepzoom.backends.kernels.training.convergence_measure import sums_of
from deepzoom.backends.kernels.training.network_arrays import RELU, TANH
from deepzoom.compiling.jit import inner, kernel

from .lane_columns import shared_row
from .lane_group import any_group, first_of, in_lanes, next_pixel
from .lane_group_expansions import (
    add_products,
    dot_expansions,
    expansion_at,
    expansion_columns,
    expansions,
    expansions_only_below,
    leading_row,
    minus_each,
    plus_one,
    sum_over_lanes,
    times_one,
    zeros_like,
)
from .unit_per_lane_plain import after_step


@inner
def _activated(v, shape):
    """(hidden value, the slope of tanh there; for other kinds the value again)."""
    if len(shape.kind) == TANH:
        return tanh_and_slope_expansion(v)
    if len(shape.kind) == RELU:
        v = rectified(v)
    return v, v


@inner
def _through_slope(p, h, slope, shape):
    """The loss's derivative by a hidden input, from its derivative by the hidden value."""
    if len(shape.kind) == TANH:
        return times(p, slope)
    if len(shape.kind) == RELU:
        return masked(p, h)
    return p


@inner
def _row(net, row, below, above, g_below, g_above, loss, twice, trained, shape):
    """Add a data row to loss and gradients. below, above: factors; g_below, g_above: levels of their gradients."""
    xs = shared_row(net.x, row * len(shape.inputs), shape.inputs)
    h, slope = _activated(dot_expansions(xs, below), shape)
    e = minus_each(
        sum_over_lanes(times_one(above, h), shape.distances),
        shared_row(net.y, row * len(shape.outputs), shape.outputs),
    )
    for error in leading_row(e):
        loss = fma(error, error, loss)
    if trained:
        d = times_one(e, twice)
        p = _through_slope(dot_expansions(d, above), h, slope, shape)
        g_below, g_above = add_products(xs, p, g_below), add_products(d, h, g_above)
    return loss, g_below, g_above


@inner
def _twice_over(count, kind, distances):
    """2 / count as an expansion in every lane."""
    return over(plus(kind, in_lanes(2.0, distances)), in_lanes(float(count), distances))


@inner
def unit_per_lane_expansions_step(net, t, below, above, rate_below, rate_above, offset, shape, kind):
    """One step of training; returns the loss before it, in float64 and the same in all lanes, and the new factors.

    Factors are the weights times the constant ``factors`` of their layer; rates and offset are those of the factors.
    """
    width, lanes, k = net.widths[1], shape.distances, len(shape.outputs)
    if net.offset_every_step:
        below = expansions_only_below(plus_one(below, offset), width, lanes)
    g_below, g_above = zeros_like(below), zeros_like(above)
    full_batch = net.batches.size == 0
    loss = in_lanes(0.0, lanes)
    nothing = loss
    twice = _twice_over(net.rows * k, kind, lanes)
    for r in range(net.rows):
        loss, g_below, g_above = _row(net, r, below, above, g_below, g_above, loss, twice, full_batch, shape)
    if not full_batch:
        batch = net.batches.shape[1]
        drawn = min(t, net.batches.shape[0] - 1)
        twice = _twice_over(batch * k, kind, lanes)
        for b in range(batch):
            _, g_below, g_above = _row(
                net, net.batches[drawn, b], below, above, g_below, g_above, nothing, twice, True, shape,
            )  # fmt: skip
    below = minus_each(below, times_one(expansions(g_below), rate_below))
    above = minus_each(above, times_one(expansions(g_above), rate_above))
    return (
        loss * (1.0 / (net.rows * k)),
        expansions_only_below(below, width, lanes),
        expansions_only_below(above, width, lanes),
    )


@inner
def _rate(rates, number, constants, layer, factor, kind, distances):
    """The learning rate of a layer's factors, from the one of its weights."""
    scale = expansion_at(constants.scales, layer, kind, distances)
    return times(times(expansion_at(rates, number, kind, distances), scale), factor)


@inner
def expansion_factors(net, constants, weights, rates, offsets, p, shape, kind):
    """Factors of a pixel below and above, their learning rates, and the offset of those below."""
    n, width, k, lanes = len(shape.inputs), net.widths[1], len(shape.outputs), shape.distances
    start = p * (n + k) * width
    first = expansion_at(constants.factors, 0, kind, lanes)
    second = expansion_at(constants.factors, 1, kind, lanes)
    below = expansion_columns(weights, start, width, 1, width, shape.inputs, kind, lanes)
    above = expansion_columns(weights, start + n * width, 1, k, width, shape.outputs, kind, lanes)
    return (
        times_one(below, first),
        times_one(above, second),
        _rate(rates, 2 * p, constants, 0, first, kind, lanes),
        _rate(rates, 2 * p + 1, constants, 1, second, kind, lanes),
        times(expansion_at(offsets, p, kind, lanes), first),
    )


@kernel()
def run_unit_per_lane_expansions(queue, net, constants, steps, weights, rates, offsets, step, sums, shape, kind):
    """Run pixels from their step to the end, as ``run_expansions``; changes step and sums in place, but not weights.

    queue and shape: as of ``run_unit_per_lane``; all else as of ``run_expansions``.
    """
    pixels = step.size
    lanes = shape.distances
    pixel = 0
    t = 0
    over = True
    own = False
    row = (0.0, 0.0, 0.0, 0.0)
    below = expansion_columns(weights, 0, 0, 0, 0, shape.inputs, kind, lanes)  # zeros, as no lane is below 0
    above = expansion_columns(weights, 0, 0, 0, 0, shape.outputs, kind, lanes)
    rate_below = plus(kind, in_lanes(0.0, lanes))
    rate_above = rate_below
    offset = rate_below
    while True:
        pixel = next_pixel(queue, over, pixel, lanes)
        if over:
            own = pixel < pixels
            p = min(pixel, pixels - 1)
            below, above, rate_below, rate_above, offset = expansion_factors(
                net, constants, weights, rates, offsets, p, shape, kind,
            )  # fmt: skip
            row = sums_of(sums, p)
            t = step[p]
            over = own and t >= steps
        if not any_group(own):
            return
        loss, below, above = unit_per_lane_expansions_step(
            net, t, below, above, rate_below, rate_above, offset, shape, kind
        )
        if own and not over:
            row, t, over = after_step(first_of(loss), row, t, steps, pixel, step, sums)
