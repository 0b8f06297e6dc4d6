"""A field's values as a relief: how they change from a pixel to its neighbours, never across a border between kinds.

All arrays are (height, width), row 0 at the top. ``height`` is float64, NaN where there is nothing; ``kind`` says which
pixels belong together (attractors, fates): a neighbour of another kind, or with NaN, counts as missing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def _ahead_and_behind(height: Floats, kind: NDArray[np.generic], axis: int) -> tuple[Floats, Floats]:
    """Change to the next pixel along an axis, and from the one before; NaN where that one is missing."""
    change = np.where(np.diff(kind, axis=axis) == 0, np.diff(height, axis=axis), np.nan)
    missing = np.full_like(np.take(height, [0], axis=axis), np.nan)
    return np.concatenate([change, missing], axis), np.concatenate([missing, change], axis)


def _mean(a: Floats, b: Floats) -> Floats:
    """Mean of those that are not NaN; 0 where both are."""
    count = (~np.isnan(a)).astype(np.float64) + ~np.isnan(b)
    return (np.nan_to_num(a) + np.nan_to_num(b)) / np.maximum(count, 1)


def gradient(height: Floats, kind: NDArray[np.generic]) -> tuple[Floats, Floats]:
    """(rightward, upward) change per pixel; 0 along an axis where both neighbours are missing."""
    return _mean(*_ahead_and_behind(height, kind, 1)), -_mean(*_ahead_and_behind(height, kind, 0))


def steepness(height: Floats, kind: NDArray[np.generic]) -> Floats:
    """Root mean square change per pixel.

    It is the gradient's size where the relief is smooth, and does not vanish in noise, where changes to both sides
    cancel in the gradient.
    """
    squares = [_mean(*(change**2 for change in _ahead_and_behind(height, kind, axis))) for axis in (0, 1)]
    return np.sqrt(squares[0] + squares[1])


def beside_another(kind: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Whether one of a pixel's four neighbours is of another kind."""
    found = np.zeros(kind.shape, np.bool_)
    for axis in (0, 1):
        other = np.diff(kind, axis=axis) != 0
        none = np.zeros_like(np.take(found, [0], axis=axis))
        found |= np.concatenate([other, none], axis) | np.concatenate([none, other], axis)
    return found
