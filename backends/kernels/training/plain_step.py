"""One training step of a small network in plain float64, fused, for ``LANES`` pixels at once.

Tests hold it equal to the one definition of the step in ``deepzoom/systems/training_step.py``. It takes data rows in
blocks, so that hidden values, residuals and derivatives of a block stay in the first-level cache.

A matrix with one value per pixel lies flat, rows first, ``LANES`` values in each place. The weights of all layers
lie one after the other in the same way.
"""

from __future__ import annotations

import numpy as np

from deepzoom.backends.kernels.arithmetic.last_bit import in_doubt
from deepzoom.backends.kernels.arithmetic.simd import (
    LANES,
    first_lane,
    fma,
    like,
    load,
    magnitude,
    maximum,
    past_lane,
    splat,
    store,
    where_less,
)  # fmt: skip
from deepzoom.backends.kernels.arithmetic.tanh import ARGUMENT_SCALE, tanh
from deepzoom.compiling.jit import inner

from .last_layer import backward_last, forward_last, fuses
from .matrix_products import ADD, SET, UNIT, contract_shared, contract_vector
from .network_arrays import RELU, TANH, factor, hidden_count, weight_count
from .plain_layout import BLOCK

PER_LANE = np.int64(-1)
"""In place of the index of shared inputs: each lane has inputs of its own, of the rows that it drew."""


@inner
def rectified(z):
    return where_less(z, 0.0, 0.0, z)  # so that NaN comes through


@inner
def _activate(lanes, start, count, activation, below):
    """Turn hidden inputs into values, in place. below: what the input of a ReLU unit has to be above, in each lane."""
    stop = start + count * LANES
    if activation == TANH:
        for i in range(start, stop, LANES):
            store(lanes, i, tanh(load(lanes, i)))
    elif activation == RELU:
        for i in range(start, stop, LANES):
            z = load(lanes, i)
            store(lanes, i, where_less(z, below, 0.0, z))  # so that NaN comes through


@inner
def largest_size(lanes, start, count, place):
    """The largest size of some numbers, in each lane, which stand ``place`` float64 apart."""
    found = splat(0.0)
    for i in range(start, start + count * place, place):
        found = maximum(found, magnitude(load(lanes, i)))
    return found


@inner
def forward(lanes, at, widths, activation, x, x0, rows):
    """Hidden values and outputs of ``rows`` data rows; x is shared but where x0 is PER_LANE."""
    layers = widths.size - 1
    w = at.factors
    h = at.hidden
    before = at.inputs
    fused = fuses(widths, activation == TANH)
    for layer in range(layers):
        n_in, n_out = widths[layer], widths[layer + 1]
        last = layer == layers - 1
        if fused and last:
            forward_last(lanes, at.hidden, w, at.output, at.back, rows, n_in)
            break
        target = at.output if last else h
        row = n_out * LANES
        if layer == 0 and x0 >= 0:
            contract_shared(lanes, target, row, LANES, x, x0, n_in, UNIT, w, row, LANES, rows, n_out, n_in, SET)
        else:
            contract_vector(
                lanes, target, row, LANES, lanes, before, n_in * LANES, LANES, w, row, LANES, rows, n_out, n_in, SET
            )
        if not last:
            if not fused:
                below = load(lanes, at.unsure + layer * LANES)
                if layer > 0 and activation == RELU:
                    below = below * largest_size(lanes, before, rows * n_in, LANES)
                _activate(lanes, h, rows * n_out, activation, below)
            before = h
            h += rows * row
        w += n_in * row


@inner
def residual(lanes, out, y, y0, count, total, loss):
    """Turn outputs into the loss's derivative by them, in place; returns loss plus the squared errors."""
    twice = 2.0 / total
    for i in range(count):
        e = load(lanes, out + i * LANES) - y[y0 + i]
        loss = fma(e, e, loss)
        store(lanes, out + i * LANES, e * twice)
    return loss


@inner
def slope(h, activation):
    """Slope of the nonlinearity, from its value."""
    if activation == TANH:
        return fma(h, -h, 1.0)
    if activation == RELU:
        return where_less(0.0, h, 1.0, 0.0)
    return like(1.0, h)


@inner
def _back_from_output(lanes, h, d, w, rows, n_in, n_out, activation):
    """Replace the last hidden values by the loss's derivative by their inputs (in place: the cache is small)."""
    for r in range(rows):
        for i in range(n_in):
            p = load(lanes, d + r * n_out * LANES) * load(lanes, w + i * n_out * LANES)
            for j in range(1, n_out):
                p = fma(load(lanes, d + (r * n_out + j) * LANES), load(lanes, w + (i * n_out + j) * LANES), p)
            place = h + (r * n_in + i) * LANES
            store(lanes, place, p * slope(load(lanes, place), activation))


@inner
def _back_from_hidden(lanes, h, p, count, activation):
    """The same for a lower layer; p holds the loss's derivative by its hidden values."""
    undo = 1.0 / ARGUMENT_SCALE if activation == TANH else 1.0  # the factors hold the argument's scale
    for i in range(0, count * LANES, LANES):
        store(lanes, h + i, load(lanes, p + i) * undo * slope(load(lanes, h + i), activation))


@inner
def backward(lanes, at, widths, activation, x, x0, rows):
    """Add these rows to the workspace's gradient, which still lacks each layer's scale.

    The workspace's output holds the loss's derivative by the outputs. Hidden values are overwritten.
    """
    layers = widths.size - 1
    w = weight_count(widths) * LANES
    h = at.hidden + hidden_count(widths) * rows * LANES
    d = at.output
    for layer in range(layers - 1, -1, -1):
        n_in, n_out = widths[layer], widths[layer + 1]
        row = n_out * LANES
        w -= n_in * row
        g = at.gradient + w
        if layer == 0 and x0 >= 0:
            contract_shared(lanes, g, row, LANES, x, x0, UNIT, n_in, d, row, LANES, n_in, n_out, rows, ADD)
            break
        h = at.inputs if layer == 0 else h - n_in * rows * LANES
        if layer == 1 and fuses(widths, activation == TANH):
            backward_last(lanes, h, at.factors + w, g, d, rows, n_in)
            d = h
            continue
        contract_vector(lanes, g, row, LANES, lanes, h, LANES, n_in * LANES, d, row, LANES, n_in, n_out, rows, ADD)
        if layer == layers - 1 and layer > 0:
            _back_from_output(lanes, h, d, at.factors + w, rows, n_in, n_out, activation)
        elif layer > 0:
            contract_vector(
                lanes, at.back, n_in * LANES, LANES, lanes, d, row, LANES, at.factors + w, LANES, row,
                rows, n_in, n_out, SET,
            )  # fmt: skip
            _back_from_hidden(lanes, h, at.back, rows * n_in, activation)
        d = h


@inner
def draw(net, t, first, rows, lanes, at):
    """Put the rows drawn at each lane's own step into the workspace."""
    n, k = net.widths[0], net.widths[-1]
    for r in range(rows):
        for lane in range(first_lane(), past_lane()):
            drawn = net.batches[min(t[lane], net.batches.shape[0] - 1), first + r]
            for i in range(n):
                lanes[at.inputs + (r * n + i) * LANES + lane] = net.x[drawn * n + i]
            for i in range(k):
                lanes[at.targets + (r * k + i) * LANES + lane] = net.y[drawn * k + i]


@inner
def prepare(net, lanes, at):
    """Make the factors from the weights, and clear the gradient."""
    i = 0
    for layer in range(net.widths.size - 1):
        f = factor(net.scales, layer, net.activation)
        end = i + net.widths[layer] * net.widths[layer + 1] * LANES
        while i < end:
            store(lanes, at.factors + i, load(lanes, at.weights + i) * f)
            store(lanes, at.gradient + i, splat(0.0))
            i += LANES
    if net.activation == RELU:
        _find_unsure(net, lanes, at)


@inner
def _find_unsure(net, lanes, at):
    """The sizes below which the inputs of ReLU units have no sure sign: this run takes them as below 0.

    A second run takes them as above 0 (``tracing/doubts.py``).
    """
    w = at.factors
    for layer in range(net.widths.size - 1):
        n_in, count = net.widths[layer], net.widths[layer] * net.widths[layer + 1]
        share = in_doubt(1) * n_in * (net.largest if layer == 0 else 1.0)
        store(lanes, at.unsure + layer * LANES, largest_size(lanes, w, count, LANES) * share)
        w += count * LANES


@inner
def plain_step(net, t, lanes, at):
    """One step of training in each lane, in place.

    t (LANES,) is each lane's step. Returns two vectors: the loss before the update, and the largest gradient below
    the last layer (zero: what lies below the last layer stands still).
    """
    widths = net.widths
    n, k, layers = widths[0], widths[-1], widths.size - 1
    if net.offset_every_step:
        offset = load(lanes, at.offset)
        for i in range(at.weights, at.weights + n * widths[1] * LANES, LANES):
            store(lanes, i, load(lanes, i) + offset)
    prepare(net, lanes, at)
    full_batch = net.batches.size == 0
    loss = splat(0.0)
    for r in range(0, net.rows, BLOCK):
        rows = min(BLOCK, net.rows - r)
        forward(lanes, at, widths, net.activation, net.x, r * n, rows)
        loss = residual(lanes, at.output, net.y, r * k, rows * k, net.rows * k, loss)
        if full_batch:
            backward(lanes, at, widths, net.activation, net.x, r * n, rows)
    if not full_batch:
        batch = net.batches.shape[1]
        twice = 2.0 / (batch * k)
        for r in range(0, batch, BLOCK):
            rows = min(BLOCK, batch - r)
            draw(net, t, r, rows, lanes, at)
            forward(lanes, at, widths, net.activation, net.x, PER_LANE, rows)
            for i in range(0, rows * k * LANES, LANES):
                e = load(lanes, at.output + i) - load(lanes, at.targets + i)
                store(lanes, at.output + i, e * twice)
            backward(lanes, at, widths, net.activation, net.x, PER_LANE, rows)

    moved = splat(0.0)
    i = 0
    for layer in range(layers):
        rate = load(lanes, at.rates + layer * LANES) * net.scales[layer]
        end = i + widths[layer] * widths[layer + 1] * LANES
        while i < end:
            g = load(lanes, at.gradient + i)
            if layer < layers - 1:
                moved = maximum(moved, magnitude(g))
            store(lanes, at.weights + i, load(lanes, at.weights + i) - rate * g)
            i += LANES
    return loss * (1.0 / (net.rows * k)), moved
