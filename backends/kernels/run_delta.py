"""Pixels as differences from a reference run, from a step they share to each one's hand-off."""

from __future__ import annotations

import numpy as np

from deepzoom.compiled import inner, kernel

from .network import BLOCK
from .network_delta import delta_step, delta_workspace
from .readout import COLUMNS, FIRST, add_difference, add_loss
from .run_plain import put, take
from .simd import LANES, lane_array, load, magnitude, maximum, splat, store


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


@inner
def _own_sums(sums, pixel, totals, t):
    """Turn a pixel's differences from the reference's sums before step t into its own sums."""
    for i in range(COLUMNS):
        sums[pixel, i] += totals[t, i]


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
    ``threshold`` of the reference's weights, or at step ``last``, where the reference ends. Not later: where the
    reference explodes, a pixel that does not is a difference of two large numbers. Returns the step of each pixel's
    hand-off (P,).
    """
    pixels = differences.shape[0]
    at = delta_workspace(net.widths)
    lanes = lane_array(at.size // LANES)
    lanes[:] = 0.0
    widest = 1
    for width in net.widths:
        widest = max(widest, width)
    shared = np.empty(BLOCK * widest)
    drawn = np.empty(drawn_layout.size)
    xs = np.empty(net.batches.shape[1] * net.widths[0])
    changes = np.empty(LANES)
    shares = np.empty(LANES)
    step = np.full(pixels, first, np.int64)
    for start in range(0, pixels, LANES):
        group = min(LANES, pixels - start)
        for lane in range(LANES):
            pixel = start + min(lane, group - 1)
            put(lanes, at.differences, lane, differences, pixel)
            put(lanes, at.rates, lane, rate_differences, pixel)
            put(lanes, at.offset, lane, offset_differences, pixel)
        left = np.zeros(LANES, np.bool_)
        left[group:] = True
        for t in range(first, last):
            change = delta_step(net, t, lanes, at, record, layout, weights, learning, drawn, drawn_layout, xs, shared)
            store(changes, 0, change)
            store(shares, 0, _largest_share(net, lanes, at, weights, t + 1))
            for lane in range(group):
                pixel = start + lane
                if left[lane]:
                    continue
                finite = np.isfinite(changes[lane])
                if finite:
                    add_difference(sums, pixel, t, steps, ratios[t], totals[last, FIRST], changes[lane])
                left[lane] = not finite or shares[lane] >= threshold or t + 1 == last
                if left[lane]:
                    take(lanes, at.differences, lane, differences, pixel)
                    _own_sums(sums, pixel, totals, t + 1 if finite else t)
                    step[pixel] = t + 1 if finite else steps
                    if not finite:  # its loss is no number any more, which stands for all that follow
                        add_loss(sums, pixel, t, steps, np.nan)
            if left.all():
                break
        if first >= last:  # nothing to run
            for lane in range(group):
                _own_sums(sums, start + lane, totals, first)
    return step
