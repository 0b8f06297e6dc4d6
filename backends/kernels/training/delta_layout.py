"""Where a step of differences keeps its numbers: the reference step's record, and the workspace of the lanes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.kernels.arithmetic.simd import LANES
from deepzoom.compiling.jit import inner

from .network_arrays import hidden_count, weight_count
from .plain_layout import BLOCK


class RecordLayout(NamedTuple):
    """Where the values of one reference step stand in its flat float64 record."""

    hidden: NDArray[np.int64]
    """First element of each hidden layer's values H, rows x width."""
    side: NDArray[np.int64]
    """Beside them: ``tanh_side`` for tanh, the input Z for relu, nothing for identity."""
    back: NDArray[np.int64]
    """The loss's derivative by H, on the rows drawn."""
    residual: int
    gradient: int
    size: int


class _Workspace(NamedTuple):
    differences: int
    scaled: int
    """Differences of the weights times each layer's factor."""
    totals: int
    """Reference plus difference of the weights, times the factor; not used in the first layer."""
    gradient: int
    hidden: int
    change: int
    """Difference of the loss's derivative by a layer's input, and below it the derivative itself."""
    whole: int
    back: int
    residual: int
    """Difference of the derivative by the outputs, and the derivative itself."""
    output: int
    rates: int
    offset: int
    size: int


@inner
def delta_workspace(widths):
    count = weight_count(widths) * LANES
    widest = widths[-1]
    for layer in range(1, widths.size):
        widest = max(widest, widths[layer])
    hidden = 4 * count
    change = hidden + BLOCK * hidden_count(widths) * LANES
    whole = change + BLOCK * widest * LANES
    back = whole + BLOCK * widest * LANES
    residual = back + BLOCK * widest * LANES
    output = residual + BLOCK * widths[-1] * LANES
    rates = output + BLOCK * widths[-1] * LANES
    offset = rates + (widths.size - 1) * LANES
    return _Workspace(
        0, count, 2 * count, 3 * count, hidden, change, whole, back, residual, output, rates, offset, offset + LANES
    )
