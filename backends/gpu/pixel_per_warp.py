"""Data rows and the reference's values of them, in the order in which the lanes of a warp hold them.

The kernels: ``kernels/gpu/pixel_per_warp_plain.py`` and ``pixel_per_warp_delta.py``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.kernels.gpu.pixel_per_warp_delta import TileRecord
from deepzoom.backends.kernels.gpu.pixel_per_warp_plain import ROWS, WIDTH
from deepzoom.backends.kernels.training.delta_layout import RecordLayout
from deepzoom.backends.kernels.training.network_arrays import NetworkArrays

Floats = NDArray[np.float64]

_LANE = np.arange(32)
_G, _Q = _LANE // 4, _LANE % 4
_HALF, _ODD = np.arange(4) // 2, np.arange(4) % 2
"""u and b of the elements of C that a lane holds, with the letters of ``kernels/gpu/tensor_cores.py``."""


def fits(net: NetworkArrays) -> bool:
    """Whether a network fits these kernels."""
    drawn = net.batches.shape[1] if net.batches.size else 0
    return net.widths.tolist() == [WIDTH, WIDTH, 1] and net.rows % ROWS == 0 and drawn % ROWS == 0


def in_pairs(values: Floats) -> Floats:
    """Numbers of lanes (..., 32, n), n even, flat as ``tensor_cores.packed`` reads them: two of each lane at a time."""
    pairs = values.reshape(*values.shape[:-1], values.shape[-1] // 2, 2)
    return np.ascontiguousarray(np.swapaxes(pairs, -3, -2)).ravel()


def tiled(net: NetworkArrays) -> NetworkArrays:
    """The network, in whose inputs the inputs and targets of each tile of rows stand side by side.

    Tiles of all rows come first, then tiles of the rows drawn at each step.
    """
    order = np.concatenate([np.arange(net.rows), net.batches.ravel()])
    x, y = net.x.reshape(-1, WIDTH)[order].reshape(-1, ROWS, WIDTH), net.y[order].reshape(-1, ROWS)
    forward = x[:, _G[:, None], 4 * _Q[:, None] + np.arange(4)]
    rows = 2 * _Q[:, None] + _ODD
    inputs = 4 * (_G[:, None] // 2) + 2 * _HALF + _G[:, None] % 2
    targets = y[:, rows[:, :2]]
    return net._replace(x=in_pairs(np.concatenate([forward, x[:, rows, inputs], targets], axis=-1)))


def record_in_tiles(record: Floats, layout: RecordLayout, net: NetworkArrays) -> tuple[Floats, TileRecord]:
    """The record of a reference run (steps, size), as ``pixel_per_warp_delta.py`` takes it."""
    steps = len(record)
    of_rows, units = 2 * _Q[:, None] + _ODD, _G[:, None] + 8 * _HALF
    drawn = np.zeros((steps, 0), np.int64)
    if net.batches.size:
        drawn = net.batches[np.minimum(np.arange(steps), len(net.batches) - 1)]

    def by_row(start: int, width: int) -> Floats:
        """Values (steps, rows + rows drawn, width)."""
        found = record[:, start : start + net.rows * width].reshape(steps, net.rows, width)
        return np.concatenate([found, np.take_along_axis(found, drawn[:, :, None], axis=1)], axis=1)

    def of_lanes(values: Floats) -> Floats:
        return values.reshape(steps, -1, ROWS, WIDTH)[:, :, of_rows, units]

    values = by_row(layout.hidden[0], WIDTH)
    # for the identity, nothing stands beside the values
    side = by_row(layout.side[0], WIDTH) if layout.back[0] > layout.side[0] else values
    back = np.zeros_like(values)  # only of rows whose gradient is taken
    there = net.rows if drawn.shape[1] == 0 else drawn.shape[1]
    back[:, -there:] = record[:, layout.back[0] : layout.back[0] + there * WIDTH].reshape(steps, there, WIDTH)
    errors = by_row(layout.residual, 1).reshape(steps, -1, ROWS)[:, :, of_rows[:, :2]]
    tiles = in_pairs(np.concatenate([of_lanes(values), of_lanes(side), of_lanes(back), errors], axis=-1))
    gradient = record[:, layout.gradient : layout.gradient + WIDTH * (WIDTH + 1)]
    whole = np.concatenate([tiles.reshape(steps, -1), gradient], axis=1)
    return whole, TileRecord(whole.shape[1] - gradient.shape[1], whole.shape[1])
