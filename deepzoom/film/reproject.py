"""Takes the values at points of a view from the keyframes that cover them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepzoom.colouring import course
from deepzoom.rendering.antialiasing import values
from deepzoom.rendering.field import Field
from deepzoom.scene.colours import COURSE
from deepzoom.scene.sample_positions import nearest
from deepzoom.scene.view import View

from .keyframes import Keyframes
from .zoom_path import mapping

Floats = NDArray[np.float64]


@dataclass
class Samples:
    """Values at points: measure float64 (NaN where unknown), fate int8; and, or None, attractor and those of a field.

    distance is in pixels of the view asked for. course: what the film's colouring shows of the course of a run, NaN
    where it is not known.
    """

    measure: Floats
    fate: NDArray[np.int8]
    attractor: NDArray[np.int16] | None = None
    distance: Floats | None = None
    direction: NDArray[np.float32] | None = None
    phase: NDArray[np.float32] | None = None
    course: Floats | None = None

    def reshaped(self, *shape: int) -> Samples:
        """The same values in arrays of another shape."""
        return Samples(*(None if v is None else v.reshape(shape) for v in vars(self).values()))  # type: ignore[arg-type]


def frame(view: View, keyframes: Keyframes, shift: tuple[float, float] = (0.0, 0.0)) -> Samples:
    """Values (height, width) at the pixels of a view on the zoom path, each shifted by ``shift`` pixels (right, up)."""
    u = (np.arange(view.width) + 0.5 - view.width / 2 + shift[0]) / view.height
    v = (view.height / 2 - 0.5 - np.arange(view.height) + shift[1]) / view.height
    points = np.stack([a.ravel() for a in np.meshgrid(u, v)])
    return sample(view, points, keyframes).reshaped(view.height, view.width)


def sample(view: View, points: Floats, keyframes: Keyframes) -> Samples:
    """Values at points (2, n), given as (u, v) of a view: those of the nearest pixel of the deepest covering keyframe.

    If that pixel has samples, the nearest sample counts. If a keyframe is smaller than half a pixel of the view, one of
    its pixels stands for everything deeper.
    """
    descent = keyframes.descent
    n, last = points.shape[1], descent.count - 1
    channel = COURSE.get(descent.scene.colouring.by)
    k = _covering(view, points, keyframes)
    field = keyframes.get(k)
    result = Samples(
        np.full(n, np.nan), np.zeros(n, np.int8), None if field.attractor is None else np.zeros(n, np.int16),
        *(None if v is None else np.full(n, -1, v.dtype) for v in (field.distance, field.direction, field.phase)),
    )  # fmt: skip
    result.course = None if channel is None else np.full(n, np.nan)
    left = np.arange(n)
    while True:
        own = keyframes.descent.keyframe(k).view
        at = _places(mapping(view, own) @ points[:, left], own)
        inside = np.all((at >= 0) & (at < [[own.height], [own.width]]), axis=0)
        left, at = left[inside], at[:, inside]
        row, column = at.astype(np.int64)
        known = field.done[row, column]
        _take(result, left[known], field, _numbers(field, at[:, known]), own, view, channel)
        if k == last or not len(left):
            return result
        if own.depth * view.height < view.depth / 2:
            rest = left[~known]
            _take(result, rest, field, np.zeros(len(rest), np.int64), own, view, channel)
            return result
        k += 1
        field = keyframes.get(k)


def _places(at: Floats, view: View) -> Floats:
    """(2, n): rows and columns, from the upper left corner, of points (u, v) of a view; their floors are pixels."""
    return np.stack([view.height / 2 - at[1] * view.height, at[0] * view.height + view.width / 2])


def _numbers(field: Field, at: Floats) -> NDArray[np.int64]:
    """The flat numbers of the pixels or samples nearest to some places of a field; their pixels are done."""
    view = field.scene.view
    row, column = at.astype(np.int64)
    numbers = row * view.width + column
    if field.sampled is not None and field.samples is not None and len(field.sampled):
        place = np.minimum(np.searchsorted(field.sampled, numbers), len(field.sampled) - 1)
        some = field.sampled[place] == numbers
        down, right = at[:, some] % 1.0
        done = field.samples.done[place[some]].sum(axis=1)
        of = np.zeros(len(done), np.int64)
        for count in np.unique(done):
            own = done == count
            of[own] = nearest(int(count) + 1, right[own], down[own])
        numbers[some] += view.pixels * of
    return numbers


def _covering(view: View, points: Floats, keyframes: Keyframes) -> int:
    """The deepest keyframe that covers all points, or the first."""
    corners = np.array([[low, high] for low, high in zip(points.min(axis=1), points.max(axis=1), strict=True)])
    box = np.array([[corners[0, i], corners[1, j]] for i in (0, 1) for j in (0, 1)]).T
    descent = keyframes.descent
    k = min(descent.count - 1, max(0, int(descent.position(view.depth)) + 1))
    while k > 0:
        own = descent.keyframe(k).view
        at = _places(mapping(view, own) @ box, own)
        if np.all((at >= 0) & (at < [[own.height], [own.width]])):
            break
        k -= 1
    return k


def _take(
    result: Samples, at: NDArray[np.int64], field: Field, numbers: NDArray[np.int64], own: View, view: View,
    channel: str | None,
) -> None:  # fmt: skip
    """Copy the values at flat numbers of a keyframe to some points of the result. channel: of the course, if any."""
    result.measure[at] = values(field, "measure", numbers)
    result.fate[at] = values(field, "fate", numbers)
    if result.attractor is not None and field.attractor is not None:
        result.attractor[at] = values(field, "attractor", numbers)
    if result.distance is not None:
        found = np.full(len(at), -1.0) if field.distance is None else values(field, "distance", numbers)
        pixel = float(own.depth / view.depth) * view.height / own.height
        result.distance[at] = np.where(found < 0, found, found * pixel)
    for name in ("direction", "phase"):
        into = getattr(result, name)
        if into is not None:
            into[at] = -1.0 if getattr(field, name) is None else values(field, name, numbers)
    if result.course is not None and channel is not None:
        result.course[at] = course.known(channel, values(field, channel, numbers))
