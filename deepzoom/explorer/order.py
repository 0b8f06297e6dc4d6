"""In which order the pixels of a page's view run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from deepzoom.rendering.batches import Pixels
from deepzoom.rendering.field import PASSES

from .canvas import Canvas

_TILE = 16
"""Pixels are ordered by distance in tiles of this width."""
_SORTED = 1 << 13
"""About how many pixels are put in order at once."""


def in_order(canvas: Canvas, pointer: tuple[float, float]) -> Iterator[Pixels]:
    """Yield the pixels of a view, coarse to fine where that shows more than the page has, and then all others.

    Some thousand at a time, so that the first ones need not wait until all are in order. pointer: (column, row) that
    comes first.
    """
    left, shown = ~canvas.field.done.ravel(), canvas.size.ravel()
    height, width = canvas.field.done.shape
    tiles = _nearest(height, width, pointer)
    for stride, better in (*((stride, True) for stride in PASSES), (1, False)):  # exact ones come last
        if better and not (shown > stride).any():
            continue
        most = _SORTED * stride**2 // _TILE**2
        for first in range(0, len(tiles), most):
            pixels = _of_tiles(tiles[first : first + most], stride, height, width)
            wanted = left[pixels] & (shown[pixels] > stride) if better else left[pixels]
            pixels = pixels[wanted]
            left[pixels] = False
            canvas.stride[pixels] = stride
            yield pixels


def _nearest(height: int, width: int, pointer: tuple[float, float]) -> NDArray[np.int64]:
    """(row, column) of all tiles of a picture, the nearest to the pointer first."""
    rows, columns = (np.arange(0, n, _TILE) // _TILE for n in (height, width))
    far = np.hypot((rows - pointer[1] / _TILE)[:, None], columns - pointer[0] / _TILE)
    return np.stack(np.divmod(np.argsort(far.ravel(), kind="stable"), len(columns)), axis=1)


def _of_tiles(tiles: NDArray[np.int64], stride: int, height: int, width: int) -> Pixels:
    """Flat numbers of every ``stride``-th pixel of some tiles, one tile after the other."""
    inside = np.arange(0, _TILE, stride)
    rows, columns = (tiles[:, k, None] * _TILE + inside for k in (0, 1))
    pixels = rows[:, :, None] * width + columns[:, None]
    return pixels[(rows < height)[:, :, None] & (columns < width)[:, None]]
