"""One training step of a small network as a difference from a recorded reference step, for ``LANES`` pixels at once.

The rules are those of ``deepzoom/arithmetic/delta.py``, fused; tests hold this kernel equal to the definition of the
step evaluated in that arithmetic. Capital letters are the reference's values, shared by all lanes and rounded from
high precision; small letters are differences, one value per lane. With Z, H, P, R as in ``systems/training_step.py``:

    z = f (H a + h (W + a)),    h = tanh(Z + z) - tanh(Z),    r = f (H a + h (W + a)),
    p = r (W + a)' + R a',      d = P s + p (S + s),          S + s = 1 - (H + h)**2,   s = -(2 H + h) h,
    g = H' d + h' D,            a <- a - (rate g + (rate's difference) (G + g)).

In the first layer H is the data X, which has no difference: that product costs what the plain one costs.
"""

from __future__ import annotations

import numpy as np

from deepzoom.backends.kernels.arithmetic.simd import LANES, fma, load, splat, store, where_less
from deepzoom.backends.kernels.arithmetic.tanh import ARGUMENT_SCALE, tanh_difference, tanh_slope, tanh_slope_difference
from deepzoom.backends.kernels.gpu.lane_group import together
from deepzoom.compiling.jit import inner

from .last_layer import backward_last_difference, forward_last_difference, fuses
from .matrix_products import ADD, SET, UNIT, contract_shared, contract_vector
from .network_arrays import RELU, TANH, factor, hidden_count, weight_count
from .plain_layout import BLOCK


@inner
def _activate(lanes, h, count, activation, reference, hidden, side):
    """Turn the difference of each hidden input into that of its value, in place."""
    if activation == TANH:
        for i in range(count):
            v = load(lanes, h + i * LANES)
            store(lanes, h + i * LANES, tanh_difference(reference[hidden + i], reference[side + i], v))
    elif activation == RELU:
        for i in range(count):
            v = load(lanes, h + i * LANES)
            z = reference[side + i]
            there = v + z
            if z > 0.0:
                store(lanes, h + i * LANES, where_less(there, 0.0, -z, v))
            else:
                store(lanes, h + i * LANES, where_less(0.0, there, there, 0.0))


@inner
def _forward(lanes, at, widths, activation, x, x0, reference, layout, r, rows):
    """Differences of hidden values and outputs of ``rows`` data rows, from row r of the reference on."""
    layers = widths.size - 1
    w = 0
    h = at.hidden
    before = h
    fused = fuses(widths, activation == TANH)
    for layer in range(layers):
        n_in, n_out = widths[layer], widths[layer + 1]
        last = layer == layers - 1
        if fused and last:
            start = r * n_in
            forward_last_difference(
                lanes, h, at.scaled + w, at.totals + w, at.output, at.back, reference,
                layout.hidden[0] + start, layout.side[0] + start, rows, n_in,
            )  # fmt: skip
            break
        target = at.output if last else h
        row = n_out * LANES
        scaled = at.scaled + w
        if layer == 0:
            contract_shared(lanes, target, row, LANES, x, x0, n_in, UNIT, scaled, row, LANES, rows, n_out, n_in, SET)
        else:
            value = layout.hidden[layer - 1] + r * n_in
            contract_shared(
                lanes, target, row, LANES, reference, value, n_in, UNIT, scaled, row, LANES, rows, n_out, n_in, SET
            )
            contract_vector(
                lanes, target, row, LANES, lanes, before, n_in * LANES, LANES, at.totals + w, row, LANES,
                rows, n_out, n_in, ADD,
            )  # fmt: skip
        if fused:
            w += n_in * row
            continue
        if not last:
            start = r * n_out
            _activate(
                lanes, h, rows * n_out, activation, reference, layout.hidden[layer] + start, layout.side[layer] + start
            )
            before = h
            h += rows * row
        w += n_in * row


@inner
def _through_slope(lanes, at, h, count, activation, reference, hidden, side, back):
    """From the difference p in ``back`` make that of the derivative by the hidden inputs, and the derivative itself."""
    for i in range(count):
        p = load(lanes, at.back + i * LANES)
        whole = reference[back + i]
        if activation == TANH:
            value, complement = reference[hidden + i], reference[side + i]
            slope = tanh_slope(complement)
            s = tanh_slope_difference(value, load(lanes, h + i * LANES))
            store(lanes, at.change + i * LANES, s * whole + p * (s + slope))
            store(lanes, at.whole + i * LANES, (p + whole) * (s + slope))
        elif activation == RELU:
            value = reference[hidden + i]
            there = load(lanes, h + i * LANES) + value
            now = where_less(0.0, there, 1.0, 0.0)
            store(lanes, at.whole + i * LANES, now * (p + whole))
            store(lanes, at.change + i * LANES, now * p + (now - (1.0 if value > 0.0 else 0.0)) * whole)
        else:
            store(lanes, at.change + i * LANES, p)
            store(lanes, at.whole + i * LANES, p + whole)


@inner
def _derivative_below(widths, layer, activation, reference, layout, r, rows, out):
    """Write to ``out`` the reference's derivative by the inputs of a hidden layer (1-based), without its scale."""
    n = widths[layer]
    for i in range(rows * n):
        hidden = reference[layout.hidden[layer - 1] + r * n + i]
        slope = 1.0
        if activation == TANH:
            complement = reference[layout.side[layer - 1] + r * n + i]
            slope = tanh_slope(complement)
        elif activation == RELU:
            slope = 1.0 if hidden > 0.0 else 0.0
        out[i] = reference[layout.back[layer - 1] + r * n + i] * slope


@inner
def _backward(lanes, at, widths, activation, x, x0, reference, layout, r, rows, total, shared):
    """Add these rows to the differences of the gradient, which still lack each layer's scale."""
    layers = widths.size - 1
    w = weight_count(widths) * LANES
    h = at.hidden + hidden_count(widths) * rows * LANES
    change, whole = at.residual, at.output
    k = widths[-1]
    together()
    for i in range(rows * k):
        shared[i] = reference[layout.residual + r * k + i] * (2.0 / total)
    together()
    for layer in range(layers - 1, -1, -1):
        n_in, n_out = widths[layer], widths[layer + 1]
        row = n_out * LANES
        w -= n_in * row
        g = at.gradient + w
        if layer == 0:
            contract_shared(lanes, g, row, LANES, x, x0, UNIT, n_in, change, row, LANES, n_in, n_out, rows, ADD)
            return
        start = r * n_in
        value = layout.hidden[layer - 1] + start
        h -= n_in * rows * LANES
        if fuses(widths, activation == TANH):
            backward_last_difference(
                lanes, h, at.scaled + w, at.totals + w, g, change, whole, reference, value,
                layout.side[0] + start, layout.back[0] + start, shared, rows, n_in,
            )  # fmt: skip
            change = h
            continue
        contract_shared(lanes, g, row, LANES, reference, value, UNIT, n_in, change, row, LANES, n_in, n_out, rows, ADD)
        contract_vector(lanes, g, row, LANES, lanes, h, LANES, n_in * LANES, whole, row, LANES, n_in, n_out, rows, ADD)
        contract_vector(
            lanes, at.back, n_in * LANES, LANES, lanes, change, row, LANES, at.totals + w, LANES, row,
            rows, n_in, n_out, SET,
        )  # fmt: skip
        contract_shared(
            lanes, at.back, n_in * LANES, LANES, shared, np.int64(0), n_out, UNIT, at.scaled + w, LANES, row,
            rows, n_in, n_out, ADD,
        )  # fmt: skip
        if layer < layers - 1 and activation == TANH:
            for i in range(0, rows * n_in * LANES, LANES):
                store(lanes, at.back + i, load(lanes, at.back + i) * (1.0 / ARGUMENT_SCALE))
        _through_slope(
            lanes, at, h, rows * n_in, activation, reference, value, layout.side[layer - 1] + start,
            layout.back[layer - 1] + start,
        )  # fmt: skip
        change, whole = at.change, at.whole
        if layer > 1:
            together()
            _derivative_below(widths, layer, activation, reference, layout, r, rows, shared)
            together()


@inner
def _residual(lanes, at, reference, residual, count, total, loss):
    """Turn differences of the outputs into the loss's derivatives; returns loss plus differences of the squares."""
    twice = 2.0 / total
    for i in range(count):
        r = load(lanes, at.output + i * LANES)
        e = r + reference[residual + i]
        loss = fma(e + reference[residual + i], r, loss)
        store(lanes, at.residual + i * LANES, r * twice)
        store(lanes, at.output + i * LANES, e * twice)
    return loss


@inner
def _prepare(net, lanes, at, weights, t):
    """Multiply differences and totals of the weights by each layer's factor, and clear the gradient."""
    i = 0
    for layer in range(net.widths.size - 1):
        f = factor(net.scales, layer, net.activation)
        for _ in range(net.widths[layer] * net.widths[layer + 1]):
            a = load(lanes, at.differences + i * LANES)
            store(lanes, at.scaled + i * LANES, a * f)
            store(lanes, at.totals + i * LANES, (a + weights[t, i]) * f)
            store(lanes, at.gradient + i * LANES, splat(0.0))
            i += 1


@inner
def _gather(net, t, record, base, layout, drawn, drawn_layout, xs):
    """Copy the reference's values and the inputs of the rows drawn at step t."""
    batch = net.batches.shape[1]
    n, k = net.widths[0], net.widths[-1]
    for b in range(batch):
        row = net.batches[t, b]
        for i in range(n):
            xs[b * n + i] = net.x[row * n + i]
        for i in range(k):
            drawn[drawn_layout.residual + b * k + i] = record[base + layout.residual + row * k + i]
        for layer in range(layout.hidden.size):
            width = net.widths[layer + 1]
            for i in range(width):
                drawn[drawn_layout.hidden[layer] + b * width + i] = record[
                    base + layout.hidden[layer] + row * width + i
                ]
                if net.activation == TANH or net.activation == RELU:
                    drawn[drawn_layout.side[layer] + b * width + i] = record[
                        base + layout.side[layer] + row * width + i
                    ]
                drawn[drawn_layout.back[layer] + b * width + i] = record[base + layout.back[layer] + b * width + i]


@inner
def delta_step(net, t, lanes, at, record, layout, weights, learning, drawn, drawn_layout, xs, shared):
    """One step of the differences in each lane, in place; returns the vector of differences of the loss before it.

    record (steps, layout.size): the reference's steps; weights (steps + 1, n): its weights; learning (layers,): its
    learning rates. drawn, drawn_layout, xs: room for the rows of a minibatch; shared: room for one block's derivatives.
    All lanes write the same numbers there; on a GPU they wait for each other before and after.
    """
    widths = net.widths
    n, k = widths[0], widths[-1]
    if net.offset_every_step:
        offset = load(lanes, at.offset)
        for i in range(0, n * widths[1] * LANES, LANES):
            store(lanes, at.differences + i, load(lanes, at.differences + i) + offset)
    _prepare(net, lanes, at, weights, t)
    reference = record[t]
    full_batch = net.batches.size == 0
    loss = splat(0.0)
    for r in range(0, net.rows, BLOCK):
        rows = min(BLOCK, net.rows - r)
        _forward(lanes, at, widths, net.activation, net.x, r * n, reference, layout, r, rows)
        loss = _residual(lanes, at, reference, layout.residual + r * k, rows * k, net.rows * k, loss)
        if full_batch:
            _backward(lanes, at, widths, net.activation, net.x, r * n, reference, layout, r, rows, net.rows * k, shared)
    if not full_batch:
        batch = net.batches.shape[1]
        together()
        _gather(net, t, reference, 0, layout, drawn, drawn_layout, xs)
        together()
        for r in range(0, batch, BLOCK):
            rows = min(BLOCK, batch - r)
            _forward(lanes, at, widths, net.activation, xs, r * n, drawn, drawn_layout, r, rows)
            _residual(lanes, at, drawn, drawn_layout.residual + r * k, rows * k, batch * k, splat(0.0))
            _backward(lanes, at, widths, net.activation, xs, r * n, drawn, drawn_layout, r, rows, batch * k, shared)

    i = 0
    for layer in range(widths.size - 1):
        scale = net.scales[layer]
        change = load(lanes, at.rates + layer * LANES)
        for _ in range(widths[layer] * widths[layer + 1]):
            g = load(lanes, at.gradient + i * LANES) * scale
            moved = fma(g, learning[layer], change * (g + reference[layout.gradient + i]))
            store(lanes, at.differences + i * LANES, load(lanes, at.differences + i * LANES) - moved)
            i += 1
    return loss * (1.0 / (net.rows * k))
