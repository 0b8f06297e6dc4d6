"""Sketches of deep views: pixels that borrow a job that is there already, with its reference run and its skips.

A picture's own reference run is at its centre, and with every zoom the centre moves. In training it takes seconds, and
the skips along a long orbit take tenths of a second. Until they are ready, pixels run as differences from a reference
that is there. Their values are those of the picture, up to rounding, at places rounded to a fine grid. They only bridge
the time: the picture's own run computes all pixels again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import Job
from deepzoom.coordinates import Rational, rounded
from deepzoom.reference import training as references
from deepzoom.rendering.render import Plan
from deepzoom.rendering.renumbered import Renumbered
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import EscapeTimeSystem
from deepzoom.systems.trainable import Trainable

from .moves import Grid

FINER, WIDER = 256, 4
"""A ready job's pixels are so many times finer than those of the view that it is made for, and it reaches so many times
its size in each direction. So it serves views that are up to FINER times deeper, or somewhat beside."""
SPARE = 8
"""A job that serves only views less than so many times deeper is nearly used up: the next one is made."""
_DEEPER = 1 << 10
"""References of training serve views so many times deeper."""
_MOST_JOBS, _MOST_BYTES = 8, 1 << 28
"""The most that is kept ready, for all pages together."""


@dataclass(frozen=True)
class Ready:
    """A job that is ready to run pixels of other views. scene: as it was planned, with the job's own fine view."""

    scene: Scene
    job: Job
    bytes: int


def needs_reference(planned: Plan) -> bool:
    """Whether a view's pixels run as differences from a reference run."""
    known = isinstance(planned.system, Trainable | EscapeTimeSystem)
    return known and planned.scene.bits is None and planned.backend.name.endswith("perturbation")


def prepare(planned: Plan, progress: Callable[[float], None]) -> None:
    """Make the reference run of a training's view so that it serves deeper views, too. Raises what ``obtain`` does."""
    system, view = planned.system, planned.scene.view
    if isinstance(system, Trainable):
        references.obtain(system, _deeper(view), None, progress)


def _deeper(view: View) -> View:
    depth = view.depth / _DEEPER
    return replace(view, depth=rounded(depth, depth / 16))


def made(planned: Plan, x: Rational, y: Rational, progress: Callable[[float], None]) -> Ready:
    """A job around a point, for views about as deep as a planned one and deeper. Raises what ``Backend.job`` does."""
    scene, system, backend = planned.scene, planned.system, planned.backend
    view = scene.view
    wide = replace(
        view, x=x, y=y, width=FINER * WIDER * view.width, height=FINER * WIDER * view.height, depth=WIDER * view.depth,
        samples=1,
    )  # fmt: skip
    bits = None
    if isinstance(system, Trainable):
        references.obtain(system, _deeper(replace(view, x=x, y=y)), None, progress)
    else:
        bits = backend.bits(system, view)  # so that the orbit is the view's own where the centre is
    job = backend.job(system, wide, bits, progress, lambda text: None)
    return Ready(replace(scene, view=wide), job, _bytes(job))


def _bytes(job: Job) -> int:
    """About how much memory a job's arrays take."""

    def held(value: Any) -> int:
        if isinstance(value, np.ndarray):
            return int(value.nbytes)
        return sum(map(held, value)) if isinstance(value, list | tuple) else 0

    parts = [*vars(job).values()]
    reference = getattr(job, "_reference", None)
    return sum(map(held, parts)) + (0 if reference is None else sum(map(held, vars(reference).values())))


def serves(ready: Ready, planned: Plan) -> Grid | None:
    """How a planned view's pixels lie among those of a job; None if it does not serve them."""
    scene, view = planned.scene, planned.scene.view
    own = ready.scene
    plain = replace(
        scene, view=own.view, palette=own.palette, colouring=own.colouring, trust=own.trust, horizon=own.horizon,
        course=own.course,
    )  # fmt: skip
    if plain != own:
        return None
    grid = Grid.of(view, own.view)
    if grid is None or grid.ratio < 1:
        return None
    for first, count, most in ((grid.left, view.width, own.view.width), (grid.top, view.height, own.view.height)):
        if round(first) < 0 or round(first + grid.ratio * (count - 1)) >= most:
            return None
    return grid


def borrowed(ready: Ready, view: View, grid: Grid) -> Job:
    """A job for a view's pixels: those of a ready one that lie nearest to them."""
    width = ready.scene.view.width
    across, down = (
        np.rint(first + grid.ratio * np.arange(count)).astype(np.int64)
        for first, count in ((grid.left, view.width), (grid.top, view.height))
    )

    def numbers(pixels: NDArray[np.int64]) -> NDArray[np.int64]:
        rows, columns = np.divmod(pixels, view.width)
        return down[rows] * width + across[columns]

    return Renumbered(ready.job, numbers)


class Store:
    """The jobs that are ready, of all pages; the newest first."""

    def __init__(self) -> None:
        self._jobs: list[Ready] = []
        self._lock = threading.Lock()

    def find(self, planned: Plan) -> tuple[Job, float] | None:
        """(a job for a planned view's pixels, how many times deeper it could go); None if no job serves them."""
        with self._lock:
            jobs = list(self._jobs)
        found = [(grid.ratio, ready, grid) for ready in jobs if (grid := serves(ready, planned)) is not None]
        if not found:
            return None
        ratio, ready, grid = max(found, key=lambda one: one[0])  # the deepest has the longest skips
        return borrowed(ready, planned.scene.view, grid), ratio

    def keep(self, ready: Ready) -> None:
        """Add a job, and drop the oldest ones beyond what is kept."""
        with self._lock:
            self._jobs.insert(0, ready)
            del self._jobs[_MOST_JOBS:]
            while self._jobs and sum(job.bytes for job in self._jobs) > _MOST_BYTES:
                self._jobs.pop()
