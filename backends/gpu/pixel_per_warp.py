"""Data rows, and a reference's values of them, as the lanes of a warp hold them (``gpu/pixel_per_warp_plain.py``)."""

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
"""u and b of a lane's elements of C, in the terms of ``gpu/tensor_cores.py``."""


def fits(net: NetworkArrays) -> bool:
    """Whether these kernels serve a network."""
    drawn = net.batches.shape[1] if net.batches.size else 0
    return net.widths.tolist() == [WIDTH, WIDTH, 1] and net.rows % ROWS == 0 and drawn % ROWS == 0


def in_pairs(values: Floats) -> Floats:
    """(..., 32, n) of what lanes hold, n even, as ``fragments.packed`` reads it: flat, two at a time of each lane."""
    pairs = values.reshape(*values.shape[:-1], values.shape[-1] // 2, 2)
    return np.ascontiguousarray(np.swapaxes(pairs, -3, -2)).ravel()


def tiled(net: NetworkArrays) -> NetworkArrays:
    """The network with inputs and targets of a tile side by side, in place of the inputs.

    Tiles of all rows, then those of the rows drawn at each step.
    """
    order = np.concatenate([np.arange(net.rows), net.batches.ravel()])
    x, y = net.x.reshape(-1, WIDTH)[order].reshape(-1, ROWS, WIDTH), net.y[order].reshape(-1, ROWS)
    forward = x[:, _G[:, None], 4 * _Q[:, None] + np.arange(4)]
    rows = 2 * _Q[:, None] + _ODD
    inputs = 4 * (_G[:, None] // 2) + 2 * _HALF + _G[:, None] % 2
    targets = y[:, rows[:, :2]]
    return net._replace(x=in_pairs(np.concatenate([forward, x[:, rows, inputs], targets], axis=-1)))


def record_in_tiles(record: Floats, layout: RecordLayout, net: NetworkArrays) -> tuple[Floats, TileRecord]:
    """A reference's record (steps, size) as ``pixel_per_warp_delta.py`` takes it."""
    steps = len(record)
    of_rows, units = 2 * _Q[:, None] + _ODD, _G[:, None] + 8 * _HALF
    drawn = np.zeros((steps, 0), np.int64)
    if net.batches.size:
        drawn = net.batches[np.minimum(np.arange(steps), len(net.batches) - 1)]

    def by_row(start: int, width: int) -> Floats:
        """Values (steps, rows and those drawn, width) of one part of the record."""
        found = record[:, start : start + net.rows * width].reshape(steps, net.rows, width)
        return np.concatenate([found, np.take_along_axis(found, drawn[:, :, None], axis=1)], axis=1)

    def of_lanes(values: Floats) -> Floats:
        return values.reshape(steps, -1, ROWS, WIDTH)[:, :, of_rows, units]

    values = by_row(layout.hidden[0], WIDTH)
    # the identity has nothing beside its values
    side = by_row(layout.side[0], WIDTH) if layout.back[0] > layout.side[0] else values
    back = np.zeros_like(values)  # only where a row's gradient is taken
    there = net.rows if drawn.shape[1] == 0 else drawn.shape[1]
    back[:, -there:] = record[:, layout.back[0] : layout.back[0] + there * WIDTH].reshape(steps, there, WIDTH)
    errors = by_row(layout.residual, 1).reshape(steps, -1, ROWS)[:, :, of_rows[:, :2]]
    tiles = in_pairs(np.concatenate([of_lanes(values), of_lanes(side), of_lanes(back), errors], axis=-1))
    gradient = record[:, layout.gradient : layout.gradient + WIDTH * (WIDTH + 1)]
    whole = np.concatenate([tiles.reshape(steps, -1), gradient], axis=1)
    return whole, TileRecord(whole.shape[1] - gradient.shape[1], whole.shape[1])
