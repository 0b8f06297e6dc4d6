"""Runs of differences from a reference run: from a common step to the hand-off of each pixel."""

from __future__ import annotations

import math

import numpy as np

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
from deepzoom.backends.kernels.gpu.lane_group import any_group
from deepzoom.compiling.jit import inner, kernel

from .convergence_measure import COLUMNS, FIRST, add_difference, add_loss
from .delta_layout import delta_workspace
from .delta_step import delta_step
from .plain_layout import BLOCK
from .plain_run import put, take


@inner
def _largest_share(net, lanes, at, weights, t):
    """Per lane: the largest difference of any layer's weights, relative to that layer's largest weight."""
    share = splat(0.0)
    i = 0
    for layer in range(net.widths.size - 1):
        largest = splat(0.0)
        size = 0.0
        for _ in range(net.widths[layer] * net.widths[layer + 1]):
            largest = maximum(largest, magnitude(load(lanes, at.differences + i * LANES)))
            size = max(size, abs(weights[t, i]))
            i += 1
        if size > 0.0:  # weights that begin at zero have not moved yet
            share = maximum(share, largest * (1.0 / size))
    return share


DELTA_EXTRA = 3
"""How many vectors ``to_hand_off`` needs besides the workspace of the delta step."""


@inner
def own_sums(sums, pixel, totals, t):
    """Turn a pixel's differences from the reference's sums before step t into its own sums."""
    for i in range(COLUMNS):
        sums[pixel, i] += totals[t, i]


@inner
def some_go_on(steps, t, last, threshold, ratios, totals, differences, step, sums, start, lanes, begin, changes):
    """Note what a delta step of each lane has changed, and hand pixels off; whether a lane has more steps to take.

    begin: of the differences in ``lanes``. changes: the first of three vectors there: the difference of the loss, the
    largest share of a difference, and 1 for a lane that runs. All else: as of ``run_delta``.
    """
    goes_on = False
    shares, running = changes + LANES, changes + 2 * LANES
    for lane in range(first_lane(), past_lane()):
        if lanes[running + lane] == 0.0:
            continue
        pixel = start + lane
        change = lanes[changes + lane]
        finite = math.isfinite(change)
        if finite:
            add_difference(sums, pixel, t, steps, ratios[t], totals[last, FIRST], change)
        if finite and lanes[shares + lane] < threshold and t + 1 < last:
            goes_on = True
            continue
        lanes[running + lane] = 0.0
        take(lanes, begin, lane, differences, pixel)
        own_sums(sums, pixel, totals, t + 1 if finite else t)
        step[pixel] = t + 1 if finite else steps
        if not finite:  # a loss that is not finite stands for all that follow
            add_loss(sums, pixel, t, steps, math.nan)
    return goes_on


@inner
def rooms(net, drawn_layout):
    """How many float64 numbers ``to_hand_off`` needs for a block's derivatives, rows drawn, and their inputs."""
    widest = 1
    for width in net.widths:
        widest = max(widest, width)
    drawn = drawn_layout.size if net.batches.size > 0 else 0
    return BLOCK * widest, drawn, net.batches.shape[1] * net.widths[0]


@inner
def to_hand_off(
    net, steps, first, last, threshold, record, layout, drawn_layout, weights, learning, ratios, totals,
    differences, rate_differences, offset_differences, step, sums, start, lanes, shared, drawn, xs,
):  # fmt: skip
    """Run the pixels from ``start`` on, one in each lane, to their hand-offs; arguments as of ``run_delta``.

    lanes: ``delta_workspace`` and ``DELTA_EXTRA`` vectors. shared, drawn, xs: as large as ``rooms``, of all lanes.
    """
    pixels = differences.shape[0]
    at = delta_workspace(net.widths)
    changes, shares, running = at.size, at.size + LANES, at.size + 2 * LANES
    for lane in range(first_lane(), past_lane()):
        pixel = min(start + lane, pixels - 1)
        put(lanes, at.differences, lane, differences, pixel)
        put(lanes, at.rates, lane, rate_differences, pixel)
        put(lanes, at.offset, lane, offset_differences, pixel)
        lanes[running + lane] = 1.0 if start + lane < pixels else 0.0
        if first >= last and start + lane < pixels:  # nothing to run
            own_sums(sums, pixel, totals, first)
            step[pixel] = first
    for t in range(first, last):
        change = delta_step(net, t, lanes, at, record, layout, weights, learning, drawn, drawn_layout, xs, shared)
        store(lanes, changes, change)
        store(lanes, shares, _largest_share(net, lanes, at, weights, t + 1))
        goes_on = some_go_on(
            steps, t, last, threshold, ratios, totals, differences, step, sums, start, lanes, at.differences, changes
        )
        if not any_group(goes_on):
            break


@kernel()
def run_delta(
    net, steps, first, last, threshold, record, layout, drawn_layout, weights, learning, ratios, totals,
    differences, rate_differences, offset_differences, sums,
):  # fmt: skip
    """Run pixels as differences from step ``first`` until their hand-off, in place.

    Of the reference: record, layout and drawn_layout as for ``delta_step``, weights, learning; ratios (steps,): its
    losses over the first; totals (steps + 1, 4): its sums before each step. One row per pixel: differences (P, n) of
    the weights, rate_differences (P, layers), offset_differences (P, 1), and sums (P, 4), which are differences from
    the reference's on entry and the pixel's own on return. A pixel is handed off when its difference has reached
    ``threshold`` of the reference's weights, or at step ``last``, where the reference ends. A later hand-off would
    lose digits: where the reference explodes and a pixel does not, the pixel is a difference of large numbers.
    Returns the step of each pixel's hand-off (P,).
    """
    pixels = differences.shape[0]
    size = delta_workspace(net.widths).size
    lanes = lane_array(size // LANES + DELTA_EXTRA)
    lanes[:size] = 0.0
    shared_size, drawn_size, xs_size = rooms(net, drawn_layout)
    shared, drawn, xs = np.empty(shared_size), np.empty(drawn_size), np.empty(xs_size)
    step = np.full(pixels, first, np.int64)
    for start in range(0, pixels, LANES):
        to_hand_off(
            net, steps, first, last, threshold, record, layout, drawn_layout, weights, learning, ratios, totals,
            differences, rate_differences, offset_differences, step, sums, start, lanes, shared, drawn, xs,
        )  # fmt: skip
    return step
