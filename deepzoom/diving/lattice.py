"""Computes the fields of all windows in one anchor view of a training system, with one reference run."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import ReadOut
from deepzoom.coordinates import Rational, log2
from deepzoom.errors import Stopped
from deepzoom.reference import training as reference
from deepzoom.reference.training import HAND_OFF
from deepzoom.rendering import render as rendering
from deepzoom.rendering.batches import Observer, batches_of, cores, run_batches
from deepzoom.rendering.field import Field, put
from deepzoom.scene.scene import Scene
from deepzoom.systems.trainable import Trainable

from .blocks import kinds_of
from .windows import Window, deepest, finest

Pixels = NDArray[np.int64]
_TO_DECIDE = 0.1


class Lattice:
    """The pixels of an anchor view, which include those of all its windows, ready to run.

    Raises InputError if the anchor cannot be rendered, Stopped if the observer stops it.
    """

    def __init__(self, anchor: Scene, jobs: int | None, observer: Observer) -> None:
        def progress(share: float) -> None:
            observer.reference(share)
            if observer.stopped():
                raise Stopped

        self.anchor, self._jobs, self._observer = anchor, jobs or cores(), observer
        self._view = finest(anchor.view)
        planned = rendering.plan(replace(anchor, view=deepest(anchor.view)))
        self._system: Any = planned.system
        self._job = planned.backend.job(planned.system, self._view, anchor.bits, progress, observer.say)
        self.is_deep = planned.backend.name.endswith("-perturbation")

    def field(self, window: Window) -> Field:
        """The field of a window. Raises Stopped if the observer stops it."""
        field = Field.empty(replace(window.scene, trust="off"))
        view = field.scene.view
        rows, columns = np.indices((view.height, view.width))
        pixels = self._pixels(window, columns, rows)

        def take(some: Pixels, out: ReadOut) -> None:
            put(field, some, out)

        batches = batches_of(view.width, view.height, self._job.batch_size)
        if not run_batches(batches, lambda t: self._job.run(pixels[t]), take, field, self._jobs, self._observer):
            raise Stopped
        return field

    def kinds(self, window: Window, columns: NDArray[Any], rows: NDArray[Any]) -> NDArray[np.float64]:
        """The kinds (n,), as of ``kinds_of``, at some columns and rows, which may be fractions.

        They count from a window's first pixel.
        """
        pixels = self._pixels(window, columns, rows)
        batches = [
            np.arange(k, min(k + self._job.batch_size, len(pixels)))
            for k in range(0, len(pixels), self._job.batch_size)
        ]
        kinds = np.zeros(len(pixels))

        def take(some: Pixels, out: ReadOut) -> None:
            kinds[some] = kinds_of(out)

        none = Field.empty(window.scene)
        if not run_batches(batches, lambda t: self._job.run(pixels[t]), take, none, self._jobs, self._observer):
            raise Stopped
        return kinds

    def _pixels(self, window: Window, columns: NDArray[Any], rows: NDArray[Any]) -> Pixels:
        """The flat numbers of places of a window, in the view of ``finest``."""
        column, row = (
            np.rint((first + np.asarray(some)) * window.part).astype(np.int64) + window.part // 2
            for first, some in ((window.column, columns), (window.row, rows))
        )
        flat: Pixels = (row * self._view.width + column).ravel()
        return flat

    def parts(self, depth: Rational) -> bool:
        """Whether neighbouring pixels of a view this deep separate in time, judged by the reference.

        In time means before the last share ``_TO_DECIDE`` of the steps, in which fates are decided.
        """
        if not self.is_deep:
            return True
        return self.separated(depth) <= math.ceil((1 - _TO_DECIDE) * self._system.steps)

    def separated(self, depth: Rational) -> int:
        """The step at which neighbouring pixels of a view this deep separate, judged by the reference.

        1 in views for which float64 is enough, more than the steps if they do not.
        """
        if not self.is_deep:
            return 1
        assert isinstance(self._system, Trainable)
        reach = reference.obtain(self._system, self._view, self.anchor.bits).reach[: self._system.steps + 1]
        apart = reach + log2(depth / self.anchor.view.height) >= math.log2(HAND_OFF)
        return int(np.argmax(apart)) if apart.any() else self._system.steps + 1
