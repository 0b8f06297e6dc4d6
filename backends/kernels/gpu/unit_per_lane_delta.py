"""Differences from a reference run with a hidden unit in each lane of a group: the same step as ``delta_step.py``'s.

It is for the same networks as ``unit_per_lane_plain.py``, with the letters of ``delta_step.py``. Each lane reads the
reference's values of its own unit; neighbouring lanes read neighbouring values.
"""

from __future__ import annotations

import math

from deepzoom.backends.kernels.arithmetic.last_bit import OF_DIFFERENCES, OF_HAND_OFF
from deepzoom.backends.kernels.arithmetic.simd import where_less
from deepzoom.backends.kernels.arithmetic.tanh import tanh_difference, tanh_slope, tanh_slope_difference
from deepzoom.backends.kernels.training.convergence_measure import FIRST, put_sums, sums_of, with_difference, with_loss
from deepzoom.backends.kernels.training.network_arrays import RELU, TANH, factor
from deepzoom.compiling.jit import implemented, inner, kernel

from .lane_columns import (
    columns,
    dot,
    fma_each,
    largest_of,
    only_below,
    shared_row,
    sum_each,
    times_each,
    unaligned_row,
)
from .lane_group import any_group, first_of, group_maximum, in_lanes, next_pixel
from .unit_per_lane_plain import Shape, disturbed, no_weights, put_weights, weights_at

ONE = (1.0,)


@inner
def _value(record, start, width, distances):
    """The value of each lane's unit in the record, from ``start`` on."""
    return columns(record, start, 0, 1, width, ONE, distances)[0]


@inner
def activated_difference(v, value, side, shape):
    """The difference of a hidden value, from the difference v of its input; side: as in the record."""
    if len(shape.kind) == TANH:
        return tanh_difference(value, side, v)
    if len(shape.kind) == RELU:
        there = v + side
        return where_less(0.0, side, where_less(there, 0.0, -side, v), where_less(0.0, there, there, 0.0))
    return v


@inner
def through_slope(p, whole, h, value, side, shape):
    """The difference of the loss's derivative by a hidden input; p, whole: difference and reference by its value."""
    if len(shape.kind) == TANH:
        s = tanh_slope_difference(value, h)
        return s * whole + p * (s + tanh_slope(side))
    if len(shape.kind) == RELU:
        now, before = where_less(0.0, h + value, 1.0, 0.0), where_less(0.0, value, 1.0, 0.0)
        return now * p + (now - before) * whole
    return p


@inner
def moved(record, start, net, learning, below, above, g_below, g_above, rate_below, rate_above, shape):
    """Differences of the weights after a step, from those before it and from differences of the gradients.

    The reference's gradients begin at ``start`` of the record.
    """
    G_below, G_above = weights_at(record, start, net, shape)
    return (
        fma_each(g_below, -learning[0], fma_each(fma_each(g_below, 1.0, G_below), -rate_below, below)),
        fma_each(g_above, -learning[1], fma_each(fma_each(g_above, 1.0, G_above), -rate_above, above)),
    )


@inner
def factors_of_differences(net, t, weights, below, above, shape):
    """(differences below, unscaled; the scale below; scaled differences above; scaled weights above)."""
    scale = factor(net.scales, 1, net.activation)
    _, reference = weights_at(weights, t * weights.shape[1], net, shape)
    scaled, totals = times_each(above, scale), times_each(fma_each(above, 1.0, reference), scale)
    return below, factor(net.scales, 0, net.activation), scaled, totals


@inner
def _forward(net, record, base, layout, row, factors, shape):
    """The forward pass of a row: (inputs, the reference's hidden value, its ``side``, h, what h adds to each output).

    factors: as of ``factors_of_differences``.
    """
    below, scale, scaled, totals = factors
    width = net.widths[1]
    xs = shared_row(net.x, row * len(shape.inputs), shape.inputs)
    value = _value(record, base + layout.hidden[0] + row * width, width, shape.distances)
    side = value
    if len(shape.kind) == TANH or len(shape.kind) == RELU:
        side = _value(record, base + layout.side[0] + row * width, width, shape.distances)
    h = activated_difference(dot(xs, below) * scale, value, side, shape)
    return xs, value, side, h, fma_each(scaled, value, times_each(totals, h))


@inner
def _backward(net, record, base, layout, row, drawn, factors, ahead, r, sums, twice, trained, shape):
    """Add a row to the differences of loss and gradients; the gradients above still lack a factor.

    r: differences of the outputs; ahead: the result of ``_forward``; drawn: the row's number among the step's rows.
    """
    loss, g_below, g_above = sums
    _, _, scaled, totals = factors
    xs, value, side, h, _ = ahead
    before = unaligned_row(record, base + layout.residual + row * len(shape.outputs), shape.outputs)
    error = fma_each(r, 1.0, before)
    loss = loss + dot(fma_each(error, 1.0, before), r)
    if trained:
        p = (dot(r, totals) + dot(before, scaled)) * twice
        width = net.widths[1]
        back = _value(record, base + layout.back[0] + drawn * width, width, shape.distances)
        g_below = fma_each(xs, through_slope(p, back, h, value, side, shape), g_below)
        g_above = fma_each(r, value, fma_each(error, h, g_above))
    return loss, g_below, g_above


@inner
def _pair(net, record, base, layout, first, second, factors, sums, twice, trained, shape):
    """Add two rows. The sums of both over the lanes are made at the same time, to wait less."""
    one = _forward(net, record, base, layout, first, factors, shape)
    two = _forward(net, record, base, layout, second, factors, shape)
    r1, r2 = sum_each(one[4], shape.distances), sum_each(two[4], shape.distances)
    sums = _backward(net, record, base, layout, first, first, factors, one, r1, sums, twice, trained, shape)
    return _backward(net, record, base, layout, second, second, factors, two, r2, sums, twice, trained, shape)


@inner
def _single(net, record, base, layout, row, drawn, factors, sums, twice, trained, shape):
    """Add one row."""
    ahead = _forward(net, record, base, layout, row, factors, shape)
    r = sum_each(ahead[4], shape.distances)
    return _backward(net, record, base, layout, row, drawn, factors, ahead, r, sums, twice, trained, shape)


def unit_per_lane_delta_step(
    net, t, record, layout, weights, learning, below, above, rate_below, rate_above, offset, shape,
):  # fmt: skip
    """One step; returns the differences of the loss before it, in all lanes, and of the weights below and above.

    ``implemented`` gives it an implementation for each class of shapes, as to ``unit_per_lane_step``.
    """
    raise NotImplementedError(shape)


def _delta_step(
    net, t, record, layout, weights, learning, below, above, rate_below, rate_above, offset, shape,
):  # fmt: skip
    width, k = net.widths[1], len(shape.outputs)
    lanes = shape.distances
    nothing = in_lanes(0.0, lanes)
    if net.offset_every_step:
        below = only_below(fma_each(below, 1.0, offset), width, lanes)
    base = t * layout.size
    factors = factors_of_differences(net, t, weights, below, above, shape)
    g_below, g_above = no_weights(shape)
    full_batch = net.batches.size == 0
    sums = nothing, g_below, g_above
    twice = 2.0 / (net.rows * k)
    r = 0
    while r + 1 < net.rows:
        sums = _pair(net, record, base, layout, r, r + 1, factors, sums, twice, full_batch, shape)
        r += 2
    if r < net.rows:
        sums = _single(net, record, base, layout, r, r, factors, sums, twice, full_batch, shape)
    loss, g_below, g_above = sums
    if not full_batch:
        batch = net.batches.shape[1]
        twice = 2.0 / (batch * k)
        for b in range(batch):
            row = net.batches[t, b]
            sums = nothing, g_below, g_above
            _, g_below, g_above = _single(net, record, base, layout, row, b, factors, sums, twice, True, shape)
    g_below, g_above = times_each(g_below, net.scales[0]), times_each(g_above, net.scales[1] * twice)
    below, above = moved(
        record, base + layout.gradient, net, learning, below, above, g_below, g_above, rate_below, rate_above, shape,
    )  # fmt: skip
    return (
        loss * (1.0 / (net.rows * k)),
        only_below(below, width, lanes),
        only_below(above, width, lanes),
    )


implemented(unit_per_lane_delta_step, Shape, _delta_step)


@inner
def _start(p, differences, terms, coefficients, net, shape):
    """Differences (below, above) in each lane, where a pixel begins."""
    if terms.shape[1] == 0:
        return weights_at(differences, p * differences.shape[1], net, shape)
    below, above = no_weights(shape)
    for m in range(terms.shape[1]):
        these, those = weights_at(coefficients, m * coefficients.shape[1], net, shape)
        below, above = fma_each(these, terms[p, m], below), fma_each(those, terms[p, m], above)
    return below, above


@inner
def _own(row, totals, t):
    """A pixel's own sums before step t, from their differences from the reference's."""
    return row[0] + totals[t, 0], row[1] + totals[t, 1], row[2] + totals[t, 2], row[3] + totals[t, 3]


@inner
def _largest_share(below, above, sizes, t):
    """The largest difference of the weights before step t, relative to the reference's largest weight of its layer."""
    share = 0.0
    if sizes[t, 0] > 0.0:  # weights that begin at zero have not moved yet
        share = below / sizes[t, 0]
    if sizes[t, 1] > 0.0:
        share = max(share, above / sizes[t, 1])
    return share


@inner
def _own_weights(below, above, weights, t, pixel, numbers, places, net, shape):
    """A pixel's own weights before step t, from their differences; moved in a second run."""
    reference_below, reference_above = weights_at(weights, t * weights.shape[1], net, shape)
    whole = fma_each(below, 1.0, reference_below), fma_each(above, 1.0, reference_above)
    if numbers.size > 0:
        whole = disturbed(whole, numbers[pixel], OF_HAND_OFF, places, net, shape)
    return whole


@kernel()
def run_unit_per_lane_delta(
    queue, net, steps, first, last, threshold, record, layout, weights, sizes, learning, ratios, totals,
    differences, rates, offsets, step, sums, terms, coefficients, numbers,
    places, shape,
):  # fmt: skip
    """Run pixels as differences from step ``first`` < ``last`` until their hand-off, as ``run_delta``, in place.

    sizes (steps + 1, layers): the largest weight of the reference in each layer. The differences begin as
    ``terms @ coefficients``, (P, m) and (m, n), if m > 0, else as ``differences``. On return ``differences`` holds the
    pixels' own weights, and step (P,) the steps of their hand-offs. numbers: (0,); in a second run, for which the
    kernel moves the differences at the beginning and the weights at the hand-off, the pixels' numbers (P,). queue,
    places, shape: as of ``run_unit_per_lane``; all else: as of ``run_delta``.
    """
    pixels = step.size
    lanes = shape.distances
    pixel = 0
    t = first
    over = True
    own = False
    row = (0.0, 0.0, 0.0, 0.0)
    rate_below, rate_above, offset = 0.0, 0.0, 0.0
    below, above = no_weights(shape)
    while True:
        pixel = next_pixel(queue, over, pixel, lanes)
        if over:
            own = pixel < pixels
            p = min(pixel, pixels - 1)
            begun = _start(p, differences, terms, coefficients, net, shape)
            if numbers.size > 0:
                begun = disturbed(begun, numbers[p], OF_DIFFERENCES, places, net, shape)
            below, above = begun
            rate_below, rate_above, offset = rates[p, 0], rates[p, 1], offsets[p, 0]
            row = sums_of(sums, p)
            t = first
            over = False
        if not any_group(own):
            return
        loss, below, above = unit_per_lane_delta_step(
            net, t, record, layout, weights, learning, below, above, rate_below, rate_above, offset, shape,
        )  # fmt: skip
        largest_below = first_of(group_maximum(largest_of(below), lanes))
        largest_above = first_of(group_maximum(largest_of(above), lanes))
        if own:
            change = first_of(loss)
            finite = math.isfinite(change)
            share = _largest_share(largest_below, largest_above, sizes, t + 1)
            if finite:
                row = with_difference(row, t, steps, ratios[t], totals[last, FIRST], change)
            over = not finite or share >= threshold or t + 1 == last
            if over:
                row = _own(row, totals, t + 1 if finite else t)
                if not finite:  # its loss is no number any more, which stands for all that follow
                    row = with_loss(row, t, steps, math.nan)
                step[pixel] = t + 1 if finite else steps
                put_sums(sums, pixel, row)
                below, above = _own_weights(below, above, weights, t + 1, pixel, numbers, places, net, shape)
                put_weights(differences, pixel * weights.shape[1], below, above, net, shape)
        t = t + 1 if t + 1 < last else first  # of a group without a pixel, too: it reads what is there
