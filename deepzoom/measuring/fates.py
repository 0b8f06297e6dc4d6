"""The fates of points: runs them as a render runs its pixels, and checks and repairs them as ``--trust`` says."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from deepzoom import systems
from deepzoom.backends import select
from deepzoom.backends.base import Job
from deepzoom.errors import InputError, Stopped
from deepzoom.rendering import trust
from deepzoom.rendering.batches import Observer, Pixels, run_batches
from deepzoom.rendering.field import Field, put
from deepzoom.rendering.renumbered import Renumbered
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

from .box_counting import labels_of
from .pairs import Floats, Points

At = Callable[[Pixels], tuple[Points, int, int, int]]
"""(what is known of them, how many are settled, were run again, were checked) of points with some flat numbers."""


class Source(Protocol):
    """Where fates come from."""

    def opened(self, view: View, points: int) -> At:
        """Prepare to run about so many points of a view. Raises Stopped where the observer stops it."""


class _Quiet(Observer):
    """Only stops: the many small runs of a measurement have no progress of their own."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def stopped(self) -> bool:
        return self._observer.stopped()


class OfScene:
    """The fates of a scene's system, with distances where the scene has them; opened views replace the scene's."""

    def __init__(self, scene: Scene, jobs: int, observer: Observer) -> None:
        self._scene, self._jobs, self._observer = scene, jobs, observer
        self._system = systems.create(scene.system, scene.settings, scene.steps, scene.digest)
        self._said: set[str] = set()

    def opened(self, view: View, points: int) -> At:
        scene = self._scene
        side = max(2, math.isqrt(points))  # a picture of so many pixels as far apart says which backend pays
        like = replace(view, depth=view.depth / view.height * side, width=side, height=side)
        backend, reason = select.select(scene.backend, like, self._system, scene.steps)
        self._say(f"{backend.name}: {reason}.")

        def progress(share: float) -> None:
            self._observer.reference(share)
            if self._observer.stopped():
                raise Stopped

        job = backend.job(self._system, view, scene.bits, progress, self._say, scene.distance)
        return lambda numbers: self._run(job, numbers)

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._observer.say(text)

    def _run(self, job: Job, numbers: Pixels) -> tuple[Points, int, int, int]:
        some, places = np.unique(numbers, return_inverse=True)  # cells share corners
        own, quiet = Renumbered(job, lambda places: some[places]), _Quiet(self._observer)
        field = Field.empty(self._scene, (1, len(some)))

        def batches(size: int) -> list[Pixels]:
            return [np.arange(k, min(k + size, len(some)), dtype=np.int64) for k in range(0, len(some), size)]

        whole = run_batches(
            batches(own.batch_size), own.run, lambda pixels, out: put(field, pixels, out), field, self._jobs, quiet
        )
        if not (whole and trust.check(own, field, batches(own.second_batch_size), self._jobs, quiet)):
            raise Stopped
        labels = labels_of(field.fate, field.attractor).ravel()[places]
        known = field.trust.ravel()
        counts, distance = (known >= 0) | (self._scene.trust != "settle"), self._distance(field)
        if distance is not None:
            counts &= ~np.isnan(distance)
        repaired = 0 if field.rung is None else int(np.count_nonzero(field.rung))
        points = Points(labels, counts[places], None if distance is None else distance[places])
        return points, int(np.count_nonzero(known > 0)), repaired, int(np.count_nonzero(known))

    def _distance(self, field: Field) -> Floats | None:
        """Of a field's points from the border, None where the scene has none: inf for those that stay, NaN if unknown.

        Raises InputError where the backend has no distances.
        """
        if not self._scene.distance:
            return None
        if field.distance is None:
            raise InputError(
                "--filaments: points have no distance from the border here, as below 1e-270 and with --backend exact;"
                " leave the option out."
            )
        found, left = field.distance.ravel(), labels_of(field.fate, field.attractor).ravel() > 0
        return np.where(found >= 0, found, np.where(left, np.nan, np.inf))
