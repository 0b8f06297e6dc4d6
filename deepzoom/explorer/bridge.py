"""Bridges the time until a deep view has its reference run: sketches, and references made ahead."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from deepzoom.backends.base import Job, ReadOut
from deepzoom.coordinates import rounded
from deepzoom.errors import InputError, Stopped
from deepzoom.rendering.batches import Observer, Pixels, cores, run_batches
from deepzoom.rendering.render import Plan

from . import sketch
from .sketch import Anchor
from .threads import FRAME_SECONDS, FRAME_SHARE, be_nice

if TYPE_CHECKING:
    from .run import Run

_MOST_ANCHORS = 8
_QUICK = 0.03
"""Seconds in which a reference is waited for before a sketch begins."""


class Bridge:
    """For one run. anchors: references that are there, the newest first; new ones are added."""

    def __init__(self, run: Run, planned: Plan, anchors: list[Anchor]) -> None:
        self._run, self._planned, self._anchors = run, planned, anchors

    def cross(self) -> None:
        """Make the view's reference run; meanwhile, sketch with one that is there. Raises Stopped."""
        ended = threading.Event()
        errors: list[Exception] = []

        def make() -> None:
            be_nice()
            try:
                self._keep(sketch.made(self._planned, self._planned.scene.view, self._share))
            except Exception as error:
                errors.append(error)
            finally:
                ended.set()

        thread = threading.Thread(target=make, name="reference", daemon=True)
        thread.start()
        if ended.wait(_QUICK):
            self._settle(thread, errors)
            return
        for anchor in list(self._anchors):
            job = sketch.job(self._planned, anchor)
            if job is not None:
                self._sketch(job, ended)
                break
        self._settle(thread, errors)

    def _settle(self, thread: threading.Thread, errors: list[Exception]) -> None:
        thread.join()
        if errors and not isinstance(errors[0], ArithmeticError | InputError):  # the render itself will say these
            raise errors[0]

    def look_ahead(self) -> None:
        """Make the reference run at the pointer, where the next zoom goes. Raises Stopped."""
        view = self._planned.scene.view
        x, y = view.at(*(round(v) for v in self._run.pointer))
        unit = view.depth / 2**40
        self._keep(sketch.made(self._planned, replace(view, x=rounded(x, unit), y=rounded(y, unit)), self._ahead))

    def _keep(self, anchor: Anchor) -> None:
        self._anchors.insert(0, anchor)
        del self._anchors[_MOST_ANCHORS:]

    def _share(self, share: float) -> None:
        self._run.reference(share)
        self._ahead(share)

    def _ahead(self, share: float) -> None:
        if self._run.stopped():
            raise Stopped

    def _sketch(self, job: Job, ended: threading.Event) -> None:
        """Run pixels of a job and paint them, until a reference has ended."""
        run = self._run
        waiting: list[tuple[Pixels, ReadOut]] = []
        begin, due, done = time.perf_counter(), 0.0, 0

        def take(pixels: Pixels, out: ReadOut) -> None:
            nonlocal due, done
            waiting.append((pixels, out))
            done += len(pixels)
            now = time.perf_counter()
            run.adapt(now - begin, done)
            if now > due and not run.stopped():
                pixels, out = np.concatenate([p for p, _ in waiting]), ReadOut.joined([o for _, o in waiting])
                waiting.clear()
                run.paint(run.canvas.sketch(pixels, out))
                due = now + FRAME_SECONDS + FRAME_SHARE * (time.perf_counter() - now)

        batches = run.batches(job.batch_size)
        run_batches(batches, job.run, take, run.canvas.field, cores(), _Until(run, ended))


class _Until(Observer):
    """Stops with a run, or once something else has ended."""

    def __init__(self, run: Run, ended: threading.Event) -> None:
        self._run, self._ended = run, ended

    def stopped(self) -> bool:
        return self._run.stopped() or self._ended.is_set()
