"""Networks as training kernels take them: shapes, data and constants."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.kernels.arithmetic.tanh import ARGUMENT_SCALE
from deepzoom.compiling.jit import inner

IDENTITY, RELU, TANH = 0, 1, 2


class NetworkArrays(NamedTuple):
    """What a kernel needs to know of a network: shapes, data, constants."""

    x: NDArray[np.float64]
    """Inputs, rows x widths[0], flat."""
    y: NDArray[np.float64]
    """Targets, rows x widths[-1], flat."""
    widths: NDArray[np.int64]
    """Width of the input, of each hidden layer, and of the output."""
    scales: NDArray[np.float64]
    """Factor of each layer's product (with the gain of its nonlinearity)."""
    activation: int
    rows: int
    batches: NDArray[np.int64]
    """Rows drawn at each step, (steps, batch); (0, 0) for full batch."""
    offset_every_step: bool
    largest: float
    """The largest size of an input."""


@inner
def weight_count(widths):
    count = 0
    for layer in range(widths.size - 1):
        count += widths[layer] * widths[layer + 1]
    return count


@inner
def hidden_count(widths):
    """Hidden values of one data row, over all layers."""
    count = 0
    for layer in range(1, widths.size - 1):
        count += widths[layer]
    return count


@inner
def factor(scales, layer, activation):
    """The factor of a layer's weights before a product: the layer's scale, and for tanh also that of its argument."""
    if activation == TANH and layer < scales.size - 1:
        return scales[layer] * ARGUMENT_SCALE
    return scales[layer]
