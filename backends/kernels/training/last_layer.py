"""A layer of tanh units and the one output above it, fused: the upper part of the published networks.

Used on CPUs with few registers, where loads, stores and waiting take most of the time. Each tanh waits most of its
time, so its two halves are loops of their own: then more units are under way at once.
"""

from __future__ import annotations

from deepzoom.backends.kernels.arithmetic.simd import LANES, fma, load, splat, spread, store, vectors
from deepzoom.backends.kernels.arithmetic.tanh import (
    from_within,
    reduced_for_difference,
    reduced_for_tanh,
    tanh_difference_of_reduced,
    tanh_of_reduced,
    tanh_slope,
)
from deepzoom.compiling.jit import inner


@inner
def fuses(widths, of_tanh):
    """Whether a network has one hidden layer, of tanh units (``of_tanh``), and one output."""
    return vectors() and of_tanh and widths.size == 3 and widths[2] == 1


@inner
def forward_last(lanes, h, w, out, room, rows, n):
    """Turn the inputs of rows x n hidden units into their values, in place, and those into each row's output.

    h, w, out: first elements of the hidden values, of the weights (n) and of the outputs (rows). room: of n vectors.
    """
    for r in range(rows):
        for i in range(0, n * LANES, LANES):
            q, k = reduced_for_tanh(load(lanes, h + i))
            store(lanes, h + i, q)
            store(lanes, room + i, k)
        total = splat(0.0)
        for i in range(0, n * LANES, LANES):
            value = tanh_of_reduced(load(lanes, h + i), load(lanes, room + i))
            store(lanes, h + i, value)
            total = fma(value, load(lanes, w + i), total)
        store(lanes, out + r * LANES, total)
        h += n * LANES


@inner
def backward_last(lanes, h, w, g, d, rows, n):
    """Add to the gradient g by the weights w, and turn the hidden values into the loss's derivative by their inputs.

    d: the derivative by the outputs (rows).
    """
    for r in range(rows):
        by_output = load(lanes, d + r * LANES)
        for i in range(0, n * LANES, LANES):
            value = load(lanes, h + i)
            store(lanes, g + i, fma(value, by_output, load(lanes, g + i)))
            store(lanes, h + i, by_output * load(lanes, w + i) * fma(value, -value, 1.0))
        h += n * LANES


@inner
def forward_last_difference(lanes, h, scaled, totals, out, room, reference, hidden, side, rows, n):
    """As ``forward_last``, of differences; the reference's values begin at ``hidden``, their ``tanh_side`` at ``side``.

    scaled, totals: the weights' differences and the weights. room: of 2 n vectors.
    """
    more = room + n * LANES
    for r in range(rows):
        for j in range(n):
            i = j * LANES
            v = load(lanes, h + i)
            if reference[side + j] < 0.0:
                v = from_within(reference[hidden + j], reference[side + j], v)
                store(lanes, h + i, v)
            q, k = reduced_for_difference(v)
            store(lanes, room + i, q)
            store(lanes, more + i, k)
        by_weight, by_value = splat(0.0), splat(0.0)
        for j in range(n):
            i = j * LANES
            value = spread(reference, hidden + j)
            difference = tanh_difference_of_reduced(
                value, spread(reference, side + j), load(lanes, h + i), load(lanes, room + i), load(lanes, more + i)
            )
            store(lanes, h + i, difference)
            by_weight = fma(value, load(lanes, scaled + i), by_weight)
            by_value = fma(difference, load(lanes, totals + i), by_value)
        store(lanes, out + r * LANES, by_weight + by_value)
        h += n * LANES
        hidden += n
        side += n


@inner
def backward_last_difference(
    lanes, h, scaled, totals, g, change, whole, reference, hidden, side, back, residual, rows, n
):  # fmt: skip
    """As ``backward_last``, of differences; back: first of the reference's derivatives by the hidden values.

    change, whole: the difference of the derivative by the outputs, and the derivative. residual (rows,): the derivative
    of the reference.
    """
    for r in range(rows):
        changed, now, before = load(lanes, change + r * LANES), load(lanes, whole + r * LANES), spread(residual, r)
        for j in range(n):
            i = j * LANES
            value, difference = spread(reference, hidden + j), load(lanes, h + i)
            store(lanes, g + i, fma(difference, now, fma(value, changed, load(lanes, g + i))))
            p = fma(before, load(lanes, scaled + i), changed * load(lanes, totals + i))
            flatter = difference * fma(2.0, value, difference)  # by how much the slope is less at the new value
            slope = tanh_slope(spread(reference, side + j)) - flatter
            store(lanes, h + i, p * slope - flatter * spread(reference, back + j))
        h += n * LANES
        hidden += n
        side += n
        back += n
