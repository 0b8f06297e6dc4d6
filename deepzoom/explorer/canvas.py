"""What a page shows of a view: pixels that are done, and for the others the nearest values of the view before."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import ReadOut
from deepzoom.colouring.colour import coloured
from deepzoom.rendering.field import PASSES, Field
from deepzoom.scene.colours import OF_ORBITS, OF_TRAINING, PERIOD, PHASES
from deepzoom.scene.scene import Scene

from .alike import DISTANCE, needed, same_pixels, same_values
from .earlier_view import Source, crossing

Bytes = NDArray[np.uint8]
TILE = 16
"""Blocks in a row and in a column of a tile."""
_NAMES = ("done", "measure", "fate", "trust", "iterations", "attractor")
_MOST_BEHIND = 4
_POPULATION = 1 << 14
"""Values among which provisional colours are ranked."""


@dataclass(frozen=True)
class Tiles:
    """Parts of a picture: tiles of TILE x TILE blocks, each of stride x stride pixels.

    corners (n, 2): the (left, top) pixel of each. rgba (n, TILE, TILE, 4); clear where a block is not painted.
    """

    stride: int
    corners: NDArray[np.int64]
    rgba: Bytes


class Canvas:
    """A view, its field while it fills, and the values of earlier views at its pixels.

    size (height, width) float32: how many pixels wide that is, at each pixel, which the page showed before this view;
    inf where it showed nothing. stride (height * width) uint8: the pass in which a pixel runs.
    """

    def __init__(self, scene: Scene, earlier: Canvas | None = None) -> None:
        self.complete = False
        self._promised = needed(scene)
        self.field = Field.empty(scene)
        if earlier is not None and earlier.has_pixels_of(scene):
            self._promised |= earlier.gives
            self.field = _continued(earlier.field, scene)
        self.size = np.full(self.field.done.shape, np.inf, np.float32)
        self.stride = np.ones(self.field.done.size, np.uint8)
        self._painted = np.zeros(self.field.done.size, np.bool_)
        self._source: Source | None = None
        self._guess: Field | None = None
        self._guessing = threading.Lock()
        self._behind = 0
        """How many earlier views in a row are kept alive by this one."""
        if earlier is not None and same_values(earlier.scene, scene):
            if earlier._behind >= _MOST_BEHIND:
                earlier.settle()
            self._source = Source.of(earlier, scene)
        if self._source is not None:
            self._behind = 1 + self._source.canvas._behind
            self.size[self._source.inside] = self._source.shown_size()
        self._repaints = list(PASSES[:-1]) if self._source is None else []
        """Passes at whose end everything is painted again: the first colours were ranked among few values."""

    @property
    def scene(self) -> Scene:
        return self.field.scene

    @property
    def guess(self) -> Field:
        """The values of earlier views at this one's pixels."""
        with self._guessing:
            if self._guess is None:
                guess = Field.empty(self.scene)
                if self._source is not None:
                    for name, values in self._source.values().items():
                        getattr(guess, name)[self._source.inside] = values
                self._guess, self._source, self._behind = guess, None, 0
            return self._guess

    def settle(self) -> None:
        """Let go of earlier views: keep their values only where this one needs them."""
        if not self.complete:
            _ = self.guess
        self._source, self._behind = None, 0

    @property
    def gives(self) -> frozenset[str]:
        """The channels of ``needed`` that this view has, or will have when it is complete."""
        if not self.complete:
            return self._promised
        return frozenset(n for n in self._promised if n == DISTANCE or getattr(self.field, n) is not None)

    def serves(self, scene: Scene) -> bool:
        """Whether it has all values that another scene's colours need, or will have them."""
        return same_pixels(self.scene, scene) and needed(scene) <= self.gives

    def has_pixels_of(self, scene: Scene) -> bool:
        """Whether it is complete, and another scene's pixels are these, if not all that is to be known of them."""
        return self.complete and same_pixels(self.scene, scene) and needed(scene) & {DISTANCE} <= self.gives

    def recolour(self, scene: Scene) -> None:
        """Show the same values in another scene's colours."""
        self.field.scene = scene

    def values(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The best known values where some rows and columns cross, by channel; "done" says where there are any."""
        own = {name: crossing(getattr(self.field, name), rows, columns) for name in self._names}
        if self.complete:
            return own
        for name in own:
            if name != "done":
                guessed = crossing(getattr(self.guess, name), rows, columns)
                own[name] = np.where(own["done"], own[name], guessed)
        own["done"] |= crossing(self.guess.done, rows, columns)
        return own

    def shown_size(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float32]:
        """``size`` where some rows and columns cross, with what is done of this view."""
        if self.complete:
            return np.ones((len(rows), len(columns)), np.float32)
        found = crossing(self.size, rows, columns)
        for stride in PASSES:
            there = crossing(self.field.done, rows // stride * stride, columns // stride * stride)
            np.minimum(found, stride, out=found, where=there)
        return found

    def _population(self) -> dict[str, NDArray[Any]]:
        """Some of the best known values, by channel."""
        some = max(1, int((self.field.done.size / _POPULATION) ** 0.5))
        source = self._source
        if source is None:
            at = (np.arange(0, n, some) for n in self.field.done.shape)
            return {name: v.ravel() for name, v in self.values(*at).items()}
        parts = [source.values(some)]
        parts.append({name: getattr(self.field, name)[::some, ::some] for name in parts[0]})
        return {name: np.concatenate([p[name].ravel() for p in parts]) for name in parts[0]}

    def value(self, column: int, row: int) -> tuple[Field, bool] | None:
        """The field that has values at a pixel, and whether they are its own; None where there are none."""
        if self.field.done[row, column]:
            return self.field, True
        return (self.guess, False) if self.guess.done[row, column] else None

    def whole(self) -> Bytes:
        """RGBA (height, width, 4) of everything; clear where nothing is known.

        Colours of a finished field are those of ``deepzoom render``.
        """
        self._painted[:] = self.field.done.ravel()
        rgb = coloured(self.field if self.complete else self._merged())
        height, width = self.field.done.shape
        rgba = np.full((height, width, 4), 255, np.uint8)
        rgba[..., :3] = levels(rgb)
        if not self.complete:
            known = ~np.isnan(self.field.shown()) | self.guess.done
            rgba[~known] = 0
        return rgba

    def _merged(self) -> Field:
        """The best known values of all pixels; done where there are any."""
        guess, shown = self.guess, ~np.isnan(self.field.shown())
        finer = ~self.field.done & guess.done
        scene = self.scene
        lacks = any(getattr(self.field, name) is None for name in needed(scene) - {DISTANCE})
        if lacks or scene.colouring.by in PHASES:  # a guess has no angles
            scene = replace(scene, colouring=replace(scene.colouring, by="rank"))
        merged = replace(self.field, scene=scene, done=shown | guess.done, samples=None, sampled=None)
        merged.make_room_to_border(False)
        for name in _NAMES[1:]:
            values = getattr(self.field, name)
            if values is not None:
                filled = np.where(finer | ~shown, getattr(guess, name), np.nan_to_num(self.field.shown(name)))
                setattr(merged, name, filled.astype(values.dtype))
        return merged

    def fresh(self) -> list[Tiles]:
        """What is new since the last call, coarse to fine, in provisional colours."""
        done = self.field.done.ravel()
        if self._repaints:
            due = self.stride == self._repaints[0]
            if due.any() and done[due].all():
                self._repaints.pop(0)
                self._painted[:] = False
        new = np.flatnonzero(done & ~self._painted)
        if not len(new):
            return []
        self._painted[new] = True
        rgb = self._provisional({n: getattr(self.field, n).ravel()[new] for n in self._names})
        return self._tiles(new, rgb)

    def sketched(self, pixels: NDArray[np.int64], out: ReadOut) -> list[Tiles]:
        """Pixels with values that are not this view's own, painted; ``keep`` takes the values in."""
        return self._tiles(pixels, self._provisional(self._of(out)))

    def keep(self, pixels: NDArray[np.int64], out: ReadOut) -> None:
        """Take in values of pixels that are not this view's own. The first call takes in those of earlier views."""
        guess, view, values = self.guess, self.scene.view, self._of(out)
        for stride in np.unique(self.stride[pixels]).tolist():
            own = self.stride[pixels] == stride
            rows, columns = np.divmod(pixels[own], view.width)
            for down, right in product(range(stride), repeat=2):
                at = np.minimum(rows + down, view.height - 1), np.minimum(columns + right, view.width - 1)
                self.size[at] = stride
                for name, some in values.items():
                    getattr(guess, name)[at] = some[own]

    def _of(self, out: ReadOut) -> dict[str, NDArray[Any]]:
        """A read-out by channel."""
        return {n: np.ones(len(out.measure), np.bool_) if n == "done" else getattr(out, n) for n in self._names}

    @property
    def _names(self) -> list[str]:
        return [name for name in _NAMES if getattr(self.field, name) is not None]

    def _tiles(self, pixels: NDArray[np.int64], rgb: Bytes) -> list[Tiles]:
        found, strides = [], self.stride[pixels]
        for stride in PASSES:
            own = strides == stride
            if own.any():
                found.append(self._tiles_of(pixels[own], rgb[own], stride))
        return found

    def _tiles_of(self, pixels: NDArray[np.int64], rgb: Bytes, stride: int) -> Tiles:
        width = self.field.done.shape[1]
        rows, columns = np.divmod(pixels, width)
        rows, columns = rows // stride, columns // stride
        across = width // (stride * TILE) + 1
        which, at = np.unique(rows // TILE * across + columns // TILE, return_inverse=True)
        rgba = np.zeros((len(which), TILE, TILE, 4), np.uint8)
        rgba[at, rows % TILE, columns % TILE, :3] = rgb
        rgba[at, rows % TILE, columns % TILE, 3] = 255
        return Tiles(stride, np.stack([which % across, which // across], axis=1) * (stride * TILE), rgba)

    def _provisional(self, values: dict[str, NDArray[Any]]) -> Bytes:
        """Colours (n, 3) of values, ranked among a part of all that is known, without shading."""
        scene, among = self.scene, self._population()
        known = among["done"]
        parts: dict[str, Any] = {n: np.concatenate([v, among[n][known]])[None] for n, v in values.items()}
        how = scene.colouring
        by = "rank" if how.by in ("distance", PERIOD, *OF_ORBITS, *OF_TRAINING) else how.by
        plain = replace(scene, colouring=replace(how, slope=None, by=by), horizon=False, course=False)
        return levels(coloured(Field(plain, **parts))[0, : len(values["done"])])


def _continued(field: Field, scene: Scene) -> Field:
    """A finished field as that of a scene with the same pixels, which needs other values of them, too."""
    samples = None if field.samples is None else replace(field.samples, scene=scene)
    return replace(field, scene=scene, samples=samples)


def levels(rgb: NDArray[np.float64]) -> Bytes:
    """Colours in 0 .. 1 as a PNG stores them."""
    return np.rint(rgb * 255).astype(np.uint8)
