"""A field's values as a relief: how they change from a pixel to its neighbours of the same kind.

All arrays are (height, width), row 0 at the top. ``height`` is float64, NaN where there is no value. ``kind``
(attractor or fate) says which pixels belong together: a neighbour of another kind, or with NaN, counts as missing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def _ahead_and_behind(height: Floats, kind: NDArray[np.generic], axis: int) -> tuple[Floats, Floats]:
    """The change to the next pixel along an axis, and the change from the one before; NaN where that is missing."""
    change = np.where(np.diff(kind, axis=axis) == 0, np.diff(height, axis=axis), np.nan)
    missing = np.full_like(np.take(height, [0], axis=axis), np.nan)
    return np.concatenate([change, missing], axis), np.concatenate([missing, change], axis)


def _mean(a: Floats, b: Floats) -> Floats:
    """The mean of the two, without NaN; 0 where both are NaN."""
    count = (~np.isnan(a)).astype(np.float64) + ~np.isnan(b)
    return (np.nan_to_num(a) + np.nan_to_num(b)) / np.maximum(count, 1)


def gradient(height: Floats, kind: NDArray[np.generic]) -> tuple[Floats, Floats]:
    """(rightward, upward) change per pixel; 0 along an axis on which both neighbours are missing."""
    return _mean(*_ahead_and_behind(height, kind, 1)), -_mean(*_ahead_and_behind(height, kind, 0))


def steepness(height: Floats, kind: NDArray[np.generic]) -> Floats:
    """The root mean square change per pixel.

    Where the relief is smooth, it is the size of the gradient. In noise it does not vanish, while in the gradient the
    changes to both sides cancel.
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


def estimated_distance(smooth: Floats, attractor: NDArray[Any], degree: Floats | float = 2.0) -> Floats:
    """Distance to the set's border in pixels, from the smooth counts of neighbouring pixels; -1 where there is none.

    It is 1 / (log(degree) |grad count|), which equals |z| log|z| / |dz| of an escaping orbit; for powers of z this is
    within a factor of 2 of the true distance near the set. degree: the power to which a step raises |z| far out, or the
    distance to an attractor near it. Beside a pixel of another attractor, or of none, the distance is at most 1; where
    counts do not change, it is inf. Distances well below one pixel are not resolved.
    """
    height = np.where(smooth < 0, np.nan, smooth)
    kind = np.where(smooth < 0, -1, attractor)
    with np.errstate(divide="ignore"):
        distance = 1 / (np.log(degree) * steepness(height, attractor))
    distance = np.where(beside_another(kind), np.minimum(distance, 1.0), distance)
    return np.where(np.isnan(height), -1.0, distance)
