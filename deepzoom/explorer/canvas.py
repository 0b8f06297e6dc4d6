"""What a page shows of a view: pixels that are done, and for the others the nearest values of the view before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.colouring.colour import coloured
from deepzoom.rendering import horizon
from deepzoom.rendering.field import PASSES, Field
from deepzoom.scene.scene import Scene

from .moves import Grid

Bytes = NDArray[np.uint8]
_NAMES = ("measure", "fate", "trust", "iterations", "attractor")
_POPULATION = 1 << 14
"""Values among which provisional colours are ranked."""


class Canvas:
    """A view, its field while it fills, and the values of earlier views at its pixels.

    size (height, width) float32: how many pixels wide that is, at each pixel, which the page showed before this view;
    inf where it showed nothing. stride (height * width) uint8: the pass in which a pixel runs.
    """

    def __init__(self, scene: Scene, earlier: Canvas | None = None) -> None:
        self.field, self._guess = Field.empty(scene), Field.empty(scene)
        self.size = np.full(self.field.done.shape, np.inf, np.float32)
        self.stride = np.ones(self.field.done.size, np.uint8)
        self._painted = np.zeros(self.field.done.size, np.bool_)
        self.complete = False
        self.reused = 0
        if earlier is not None and same_values(earlier.scene, scene):
            self._take(earlier)

    @property
    def scene(self) -> Scene:
        return self.field.scene

    def recolour(self, scene: Scene) -> None:
        """Show the same values in another scene's colours."""
        self.field.scene = self._guess.scene = scene

    def _take(self, earlier: Canvas) -> None:
        """Take the values of an earlier view, each pixel those of the nearest one there."""
        grid = Grid.of(self.scene.view, earlier.scene.view)
        if grid is None:
            return
        height, width = earlier.field.done.shape
        rows, columns = (
            np.rint(grid.ratio * np.arange(n) + first) for n, first in zip(self.field.done.shape, (grid.top, grid.left))
        )
        inside = np.ix_((rows >= 0) & (rows < height), (columns >= 0) & (columns < width))
        at = np.ix_(*(v[(v >= 0) & (v < n)].astype(np.int64) for v, n in zip((rows, columns), (height, width))))
        if not at[0].size or not at[1].size:
            return
        done, guessed = earlier.field.done[at], earlier._guess.done[at]
        for name in _NAMES:
            own = getattr(self._guess, name)
            if own is not None:
                own[inside] = np.where(done, getattr(earlier.field, name)[at], getattr(earlier._guess, name)[at])
        self._guess.done[inside] = done | guessed
        self.size[inside] = np.where(done, 1, earlier.shown_size()[at]) / np.float32(grid.ratio)
        self.reused = int(np.count_nonzero(self._guess.done))

    def shown_size(self) -> NDArray[np.float32]:
        """``size`` with what is done of this view."""
        found = self.size.copy()
        numbers = (np.arange(n) for n in self.field.done.shape)
        rows, columns = np.ix_(*numbers)
        for stride in PASSES:
            there = self.field.done[rows // stride * stride, columns // stride * stride]
            found[there] = np.minimum(found[there], stride)
        return found

    def value(self, column: int, row: int) -> tuple[Field, bool] | None:
        """The field that has values at a pixel, and whether they are its own; None where there are none."""
        if self.field.done[row, column]:
            return self.field, True
        return (self._guess, False) if self._guess.done[row, column] else None

    def whole(self) -> tuple[tuple[int, int, int, int, int], Bytes]:
        """((left, top, width, height, stride), RGBA (height, width, 4)) of everything; clear where nothing is known.

        Colours of a finished field are those of ``deepzoom render``.
        """
        self._painted[:] = self.field.done.ravel()
        rgb = coloured(self.field if self.complete else self._merged())
        height, width = self.field.done.shape
        rgba = np.full((height, width, 4), 255, np.uint8)
        rgba[..., :3] = levels(rgb)
        if not self.complete:
            known = ~np.isnan(self.field.shown()) | self._guess.done
            rgba[~known] = 0
        return (0, 0, width, height, 1), rgba

    def _merged(self) -> Field:
        """The best known values of all pixels; done where there are any."""
        there = ~np.isnan(self.field.shown())
        merged = replace(self.field, done=there | self._guess.done, samples=None, sampled=None, distance=None)
        finer = self._guess.done & ~self.field.done & (self.size <= 16)
        for name in _NAMES:
            values = getattr(self.field, name)
            if values is not None:
                filled = self.field.shown(name)
                use = np.isnan(filled) | finer
                filled = np.where(use, getattr(self._guess, name), filled)
                setattr(merged, name, filled.astype(values.dtype))
        merged.horizon = None if self.field.horizon is None else self.field.horizon.copy()
        return merged

    def fresh(self) -> list[tuple[tuple[int, int, int, int, int], Bytes]]:
        """What is new since the last call, coarse to fine: as ``whole``, for parts of the picture."""
        new = np.flatnonzero(self.field.done.ravel() & ~self._painted)
        if not len(new):
            return []
        self._painted[new] = True
        rgb = self._provisional(new)
        found, strides = [], self.stride[new]
        for stride in PASSES:
            own = strides == stride
            if own.any():
                found.append(self._block(new[own], rgb[own], stride))
        return found

    def _block(self, pixels: NDArray[np.int64], rgb: Bytes, stride: int) -> tuple[tuple[int, ...], Bytes]:  # type: ignore[type-arg]
        rows, columns = np.divmod(pixels, self.field.done.shape[1])
        rows, columns = rows // stride, columns // stride
        top, left = int(rows.min()), int(columns.min())
        rgba = np.zeros((int(rows.max()) - top + 1, int(columns.max()) - left + 1, 4), np.uint8)
        rgba[rows - top, columns - left, :3] = rgb
        rgba[rows - top, columns - left, 3] = 255
        height, width = rgba.shape[:2]
        return (left * stride, top * stride, width, height, stride), rgba

    def _provisional(self, pixels: NDArray[np.int64]) -> Bytes:
        """Colours (n, 3) of pixels, ranked among a part of all that is known, without shading."""
        scene, some = self.scene, max(1, int((self.field.done.size / _POPULATION) ** 0.5))
        at = np.s_[::some, ::some]
        done, guessed = self.field.done[at], self._guess.done[at]
        parts: dict[str, Any] = {}
        for name in _NAMES:
            values = getattr(self.field, name)
            if values is not None:
                among = np.where(done, values[at], getattr(self._guess, name)[at])[done | guessed]
                parts[name] = np.concatenate([values.ravel()[pixels], among])[None]
        how = scene.colouring
        by = "rank" if how.by in ("distance", "horizon") else how.by
        plain = replace(scene, colouring=replace(how, slope=None, by=by), horizon=False)
        parts["done"] = np.ones(parts["measure"].shape, np.bool_)
        return levels(coloured(Field(plain, **parts))[0, : len(pixels)])


def levels(rgb: NDArray[np.float64]) -> Bytes:
    """Colours in 0 .. 1 as a PNG stores them."""
    return np.rint(rgb * 255).astype(np.uint8)


def same_values(one: Scene, other: Scene) -> bool:
    """Whether two scenes have the same values wherever they show the same point."""
    return _plain(one, other) == other


def _plain(one: Scene, other: Scene) -> Scene:
    """A scene with another one's view, checks and colours."""
    return replace(
        one, view=other.view, palette=other.palette, colouring=other.colouring, trust=other.trust, bits=other.bits,
        backend=other.backend, distance=other.distance, horizon=other.horizon,
    )  # fmt: skip


def only_colours_differ(one: Scene, other: Scene) -> bool:
    """Whether the values of one scene serve the other one, too."""

    def wants_distance(scene: Scene) -> bool:
        return scene.distance or scene.colouring.by == "distance"

    plain = replace(one, palette=other.palette, colouring=other.colouring)
    return (
        plain == other
        and wants_distance(one) >= wants_distance(other)
        and horizon.is_wanted(one) >= horizon.is_wanted(other)
    )


