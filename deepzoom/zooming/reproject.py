"""Values at any points of a view, from the keyframes that cover them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..field import Field
from ..scene import View
from .keyframes import Keyframes
from .path import mapping

Floats = NDArray[np.float64]


@dataclass
class Samples:
    """Values at points: measure float64 (NaN where nothing is known), fate int8, and attractor and distance, or None.

    distance is in pixels of the view that was asked for.
    """

    measure: Floats
    fate: NDArray[np.int8]
    attractor: NDArray[np.int16] | None = None
    distance: Floats | None = None

    def reshaped(self, *shape: int) -> Samples:
        """The same in another shape."""
        return Samples(*(None if v is None else v.reshape(shape) for v in vars(self).values()))  # type: ignore[arg-type]


def frame(view: View, keyframes: Keyframes) -> Samples:
    """Values (height, width) of the pixels of a view on the keyframes' way."""
    u = (np.arange(view.width) + 0.5 - view.width / 2) / view.height
    v = (view.height / 2 - 0.5 - np.arange(view.height)) / view.height
    points = np.stack([a.ravel() for a in np.meshgrid(u, v)])
    return sample(view, points, keyframes).reshaped(view.height, view.width)


def sample(view: View, points: Floats, keyframes: Keyframes) -> Samples:
    """Values at points (2, n), the (u, v) of a view: of the nearest pixel of the deepest keyframe that covers each.

    Where a keyframe is smaller than half a pixel of the view, one of its own pixels stands for what lies deeper.
    """
    descent = keyframes.descent
    n, last = points.shape[1], descent.count - 1
    k = _covering(view, points, keyframes)
    field = keyframes.get(k)
    result = Samples(
        np.full(n, np.nan),
        np.zeros(n, np.int8),
        None if field.attractor is None else np.zeros(n, np.int16),
        None if field.distance is None else np.full(n, -1.0),
    )
    left = np.arange(n)
    while True:
        own = keyframes.descent.keyframe(k).view
        row, column = _pixels(mapping(view, own) @ points[:, left], own)
        inside = (row >= 0) & (row < own.height) & (column >= 0) & (column < own.width)
        left, row, column = left[inside], row[inside], column[inside]
        known = field.done[row, column]
        _take(result, left[known], field, row[known], column[known], own, view)
        if k == last or not len(left):
            return result
        if own.depth * view.height < view.depth / 2:
            rest = left[~known]
            corner = np.zeros(len(rest), np.int64)
            _take(result, rest, field, corner, corner, own, view)
            return result
        k += 1
        field = keyframes.get(k)


def _pixels(at: Floats, view: View) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of the pixels in which the (u, v) of a view lie."""
    row = np.floor(view.height / 2 - at[1] * view.height)
    column = np.floor(at[0] * view.height + view.width / 2)
    return row.astype(np.int64), column.astype(np.int64)


def _covering(view: View, points: Floats, keyframes: Keyframes) -> int:
    """The deepest keyframe that covers all points, or the first."""
    corners = np.array([[low, high] for low, high in zip(points.min(axis=1), points.max(axis=1), strict=True)])
    box = np.array([[corners[0, i], corners[1, j]] for i in (0, 1) for j in (0, 1)]).T
    descent = keyframes.descent
    k = min(descent.count - 1, max(0, int(descent.position(view.depth)) + 1))
    while k > 0:
        own = descent.keyframe(k).view
        row, column = _pixels(mapping(view, own) @ box, own)
        if ((row >= 0) & (row < own.height) & (column >= 0) & (column < own.width)).all():
            break
        k -= 1
    return k


def _take(
    result: Samples, at: NDArray[np.int64], field: Field, row: NDArray[np.int64], column: NDArray[np.int64],
    own: View, view: View,
) -> None:  # fmt: skip
    """Put the values of a keyframe's pixels at some points of the result."""
    result.measure[at] = field.measure[row, column]
    result.fate[at] = field.fate[row, column]
    if result.attractor is not None and field.attractor is not None:
        result.attractor[at] = field.attractor[row, column]
    if result.distance is not None:
        found = np.full(len(at), -1.0) if field.distance is None else field.distance[row, column]
        pixel = float(own.depth / view.depth) * view.height / own.height
        result.distance[at] = np.where(found < 0, found, found * pixel)
