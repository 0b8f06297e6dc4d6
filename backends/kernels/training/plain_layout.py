"""The workspace of a plain step: where its matrices begin."""

from __future__ import annotations

from typing import NamedTuple

from deepzoom.backends.kernels.arithmetic.simd import LANES, SIXTEEN_REGISTERS
from deepzoom.compiling.jit import inner

from .network_arrays import hidden_count, weight_count

BLOCK = 48 if SIXTEEN_REGISTERS else 32
"""Data rows taken at a time: measured best for the published network, of 4 to 136 with AVX-512, of 8 to 48 without."""


class Workspace(NamedTuple):
    """Where a step's matrices begin in the one array that holds everything with a value per lane.

    With one array instead of many, a kernel passes numbers around and counts no references.
    """

    weights: int
    factors: int
    """The weights, each layer times its constants (``factor``): what the products use."""
    gradient: int
    hidden: int
    output: int
    back: int
    inputs: int
    """Rows drawn for a minibatch, different in each lane."""
    targets: int
    rates: int
    offset: int
    unsure: int
    """Of each layer, the size below which a ReLU unit's input has no sure sign, by the largest input."""
    size: int


@inner
def layout(widths):
    """The workspace of a plain step."""
    widest = widths[-1]
    for layer in range(1, widths.size):
        widest = max(widest, widths[layer])
    weights = 0
    factors = weights + weight_count(widths) * LANES
    gradient = factors + weight_count(widths) * LANES
    hidden = gradient + weight_count(widths) * LANES
    output = hidden + BLOCK * hidden_count(widths) * LANES
    back = output + BLOCK * widths[-1] * LANES
    inputs = back + BLOCK * widest * LANES
    targets = inputs + BLOCK * widths[0] * LANES
    rates = targets + BLOCK * widths[-1] * LANES
    offset = rates + (widths.size - 1) * LANES
    unsure = offset + LANES
    size = unsure + (widths.size - 1) * LANES
    return Workspace(weights, factors, gradient, hidden, output, back, inputs, targets, rates, offset, unsure, size)
