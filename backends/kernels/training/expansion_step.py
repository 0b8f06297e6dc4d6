"""One training step of a small network in expansions of any number of limbs: ``plain_step.py`` in higher precision.

Tests hold it equal to the one definition of the step in ``deepzoom/systems/training_step.py``, evaluated exactly. Each
place of the workspace holds the limbs of one expansion; each limb is a vector with one value per pixel. The length of
``kind``, a tuple of float64 numbers, tells the compiler how many limbs there are.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.kernels.arithmetic.expansion import (
    leading,
    load_expansion,
    masked,
    minus,
    over,
    plus,
    store_expansion,
    times,
)
from deepzoom.backends.kernels.arithmetic.expansion_functions import expansion_select
from deepzoom.backends.kernels.arithmetic.expansion_tanh import tanh_of_array
from deepzoom.backends.kernels.arithmetic.simd import LANES, fma, splat, where_less
from deepzoom.compiling.jit import inner

from .expansion_products import contract_expansions, contract_shared
from .matrix_products import ADD, SET, UNIT
from .network_arrays import RELU, TANH, hidden_count, weight_count
from .plain_layout import BLOCK, layout
from .plain_step import PER_LANE, largest_size

_TINY = 1e-300
"""The value of a ReLU unit that counts as above 0 and is not."""


class ExpansionWorkspace(NamedTuple):
    """Where the matrices of a step begin: those of ``Workspace``, and the slopes beside the hidden values."""

    weights: int
    factors: int
    gradient: int
    hidden: int
    output: int
    back: int
    inputs: int
    targets: int
    rates: int
    offset: int
    slopes: int
    size: int


class ExpansionConstants(NamedTuple):
    """A network's constants as expansions, (layers, limbs) or (limbs,)."""

    scales: NDArray[np.float64]
    """Factor of each layer's product."""
    factors: NDArray[np.float64]
    """The scales, times the scale of tanh's argument where a tanh follows."""
    argument: NDArray[np.float64]
    """The scale of tanh's argument; 1 for other activations."""


@inner
def constant_of(values, row, kind):
    """A row of constants as an expansion."""
    result = plus(kind, splat(0.0))
    for limb in range(len(kind)):
        result = plus(result, splat(values[row, limb]))
    return result


@inner
def expansion_layout(widths, kind):
    """The workspace of a step: as of a plain step, but each place holds as many vectors as there are limbs."""
    at = layout(widths)
    n = len(kind)
    return ExpansionWorkspace(
        at.weights * n, at.factors * n, at.gradient * n, at.hidden * n, at.output * n, at.back * n, at.inputs * n,
        at.targets * n, at.rates * n, at.offset * n, at.size * n, (at.size + at.output - at.hidden) * n,
    )  # fmt: skip


@inner
def _activate(lanes, start, slopes, count, activation, below, kind):
    """Turn hidden inputs into values, in place, and write the slopes of tanh.

    below: what the input of a ReLU unit has to be above, in each lane (``tracing/doubts.py`` says why it is not 0).
    """
    place = LANES * len(kind)
    stop = start + count * place
    if activation == TANH:
        tanh_of_array(lanes, start, start, slopes, count, kind)
    elif activation == RELU:
        for i in range(start, stop, place):
            z = load_expansion(lanes, i, kind)
            first = leading(z)
            on = expansion_select(where_less(first, _TINY, 1.0, 0.0), splat(_TINY), z)
            off = where_less(first, math.inf, 0.0, first)  # so that NaN comes through
            store_expansion(lanes, i, expansion_select(where_less(below, first, 1.0, 0.0), on, off))


@inner
def _forward(lanes, at, widths, activation, x, x0, rows, largest, doubt, kind):
    """Hidden values and outputs of ``rows`` data rows; x is shared but where x0 is PER_LANE.

    largest: of the size of all inputs. doubt: as of ``tracing/doubts.py``, in each lane.
    """
    place = LANES * len(kind)
    w, h, before = at.factors, at.hidden, at.inputs
    for layer in range(widths.size - 1):
        n_in, n_out = widths[layer], widths[layer + 1]
        last = layer == widths.size - 2
        target = at.output if last else h
        row = n_out * place
        if layer == 0 and x0 >= 0:
            contract_shared(lanes, target, row, place, x, x0, n_in, UNIT, w, row, place, rows, n_out, n_in, SET, kind)
        else:
            contract_expansions(
                lanes, target, row, place, lanes, before, n_in * place, place, w, row, place,
                rows, n_out, n_in, SET, kind,
            )  # fmt: skip
        if not last:
            below = splat(0.0)
            if activation == RELU:
                inputs = splat(largest) if layer == 0 else largest_size(lanes, before, rows * n_in, place)
                below = doubt * float(n_in) * inputs * largest_size(lanes, w, n_in * n_out, place)
            _activate(lanes, h, at.slopes + h - at.hidden, rows * n_out, activation, below, kind)
            before = h
            h += rows * row
        w += n_in * row


@inner
def _backward(lanes, at, widths, activation, x, x0, rows, argument, kind):
    """Add these rows to the gradient, which still lacks each layer's scale; overwrites the hidden values."""
    place = LANES * len(kind)
    layers = widths.size - 1
    w = weight_count(widths) * place
    h = at.hidden + hidden_count(widths) * rows * place
    d = at.output
    for layer in range(layers - 1, -1, -1):
        n_in, n_out = widths[layer], widths[layer + 1]
        row = n_out * place
        w -= n_in * row
        g = at.gradient + w
        if layer == 0 and x0 >= 0:
            contract_shared(lanes, g, row, place, x, x0, UNIT, n_in, d, row, place, n_in, n_out, rows, ADD, kind)
            break
        h = at.inputs if layer == 0 else h - n_in * rows * place
        contract_expansions(
            lanes, g, row, place, lanes, h, place, n_in * place, d, row, place, n_in, n_out, rows, ADD, kind
        )
        if layer > 0:
            contract_expansions(
                lanes, at.back, n_in * place, place, lanes, d, row, place, at.factors + w, place, row,
                rows, n_in, n_out, SET, kind,
            )  # fmt: skip
            for i in range(0, rows * n_in * place, place):
                p = load_expansion(lanes, at.back + i, kind)
                if layer < layers - 1:
                    p = over(p, argument)  # the factors hold the argument's scale
                if activation == TANH:
                    p = times(p, load_expansion(lanes, at.slopes + h - at.hidden + i, kind))
                elif activation == RELU:
                    p = masked(p, load_expansion(lanes, h + i, kind))
                store_expansion(lanes, h + i, p)
        d = h


@inner
def _residual(lanes, out, count, twice, kind):
    """Turn errors into the loss's derivative by the outputs, in place."""
    place = LANES * len(kind)
    for i in range(out, out + count * place, place):
        store_expansion(lanes, i, times(load_expansion(lanes, i, kind), twice))


@inner
def _errors(lanes, out, y, y0, count, loss, kind):
    """Subtract targets from outputs, in place; returns loss, a float64 vector, plus the squares of the errors."""
    place = LANES * len(kind)
    for i in range(count):
        e = minus(load_expansion(lanes, out + i * place, kind), y[y0 + i])
        store_expansion(lanes, out + i * place, e)
        loss = fma(leading(e), leading(e), loss)
    return loss


@inner
def _draw(net, t, first, rows, lanes, at, kind):
    """Put the rows drawn at each lane's own step into the workspace."""
    place = LANES * len(kind)
    n, k = net.widths[0], net.widths[-1]
    zero = plus(kind, splat(0.0))
    for i in range(rows * n):
        store_expansion(lanes, at.inputs + i * place, zero)
    for i in range(rows * k):
        store_expansion(lanes, at.targets + i * place, zero)
    for r in range(rows):
        for lane in range(LANES):
            drawn = net.batches[min(t[lane], net.batches.shape[0] - 1), first + r]
            for i in range(n):
                lanes[at.inputs + (r * n + i) * place + lane] = net.x[drawn * n + i]
            for i in range(k):
                lanes[at.targets + (r * k + i) * place + lane] = net.y[drawn * k + i]


@inner
def _prepare(net, constants, lanes, at, kind):
    """Make the factors from the weights (where the offset comes before each step, with it), and clear the gradient."""
    place = LANES * len(kind)
    zero = plus(kind, splat(0.0))
    i = 0
    for layer in range(net.widths.size - 1):
        f = constant_of(constants.factors, layer, kind)
        for _ in range(net.widths[layer] * net.widths[layer + 1]):
            if layer == 0 and net.offset_every_step:
                moved = plus(load_expansion(lanes, at.weights + i, kind), load_expansion(lanes, at.offset, kind))
                store_expansion(lanes, at.weights + i, moved)
            store_expansion(lanes, at.factors + i, times(load_expansion(lanes, at.weights + i, kind), f))
            store_expansion(lanes, at.gradient + i, zero)
            i += place


@inner
def expansion_step(net, constants, t, lanes, at, doubt, kind):
    """One step of training in each lane, in place; t (LANES,) is each lane's step; doubt: as of ``_forward``.

    Returns the vector of losses before the update, in float64.
    """
    place = LANES * len(kind)
    widths = net.widths
    n, k = widths[0], widths[-1]
    _prepare(net, constants, lanes, at, kind)
    argument = constant_of(constants.argument, 0, kind)
    full_batch = net.batches.size == 0
    loss = splat(0.0)
    total = net.rows * k
    twice = over(plus(kind, splat(2.0)), splat(float(total)))
    for r in range(0, net.rows, BLOCK):
        rows = min(BLOCK, net.rows - r)
        _forward(lanes, at, widths, net.activation, net.x, r * n, rows, net.largest, doubt, kind)
        loss = _errors(lanes, at.output, net.y, r * k, rows * k, loss, kind)
        if full_batch:
            _residual(lanes, at.output, rows * k, twice, kind)
            _backward(lanes, at, widths, net.activation, net.x, r * n, rows, argument, kind)
    if not full_batch:
        batch = net.batches.shape[1]
        twice = over(plus(kind, splat(2.0)), splat(float(batch * k)))
        for r in range(0, batch, BLOCK):
            rows = min(BLOCK, batch - r)
            _draw(net, t, r, rows, lanes, at, kind)
            _forward(lanes, at, widths, net.activation, net.x, PER_LANE, rows, net.largest, doubt, kind)
            for i in range(0, rows * k * place, place):
                e = minus(load_expansion(lanes, at.output + i, kind), load_expansion(lanes, at.targets + i, kind))
                store_expansion(lanes, at.output + i, times(e, twice))
            _backward(lanes, at, widths, net.activation, net.x, PER_LANE, rows, argument, kind)
    i = 0
    for layer in range(widths.size - 1):
        rate = times(load_expansion(lanes, at.rates + layer * place, kind), constant_of(constants.scales, layer, kind))
        for _ in range(widths[layer] * widths[layer + 1]):
            change = times(rate, load_expansion(lanes, at.gradient + i, kind))
            store_expansion(lanes, at.weights + i, minus(load_expansion(lanes, at.weights + i, kind), change))
            i += place
    return loss * (1.0 / total)
