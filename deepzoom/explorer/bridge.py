"""Bridges the time until a deep view has its own job: sketches with one that is ready, and jobs made ahead."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from deepzoom.backends.base import Job, ReadOut
from deepzoom.coordinates import rounded
from deepzoom.errors import InputError, Stopped
from deepzoom.rendering.batches import Observer, Pixels, cores, run_batches
from deepzoom.rendering.render import Plan

from . import sketch
from .threads import FRAME_SECONDS, FRAME_SHARE, be_nice

if TYPE_CHECKING:
    from .run import Run, Slots

_FIRST = 0.15
"""The most seconds for which a view's own job waits for the first pixels of its sketch."""


class Bridge:
    """For one run, from its beginning until its own job is ready."""

    def __init__(self, run: Run, planned: Plan, slots: Slots) -> None:
        self._run, self._planned, self._slots = run, planned, slots
        self._ended, self._shown = threading.Event(), threading.Event()
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Sketch with a job that is ready, if one serves this view; once it is nearly used up, make the next one.

        Returns when the first pixels are shown, as making a job would take the cores from them.
        """
        found = self._slots.ready.find(self._planned)
        if found is None:
            return
        job, room = found
        self._thread = threading.Thread(target=self._sketch, args=(job,), name="sketch", daemon=True)
        self._thread.start()
        self._shown.wait(_FIRST)
        if room < sketch.SPARE:
            self.look_ahead(at_pointer=True)

    def end(self) -> None:
        """The view's own job is ready, or it is left. Raises what the sketch raised."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def look_ahead(self, at_pointer: bool = False) -> None:
        """Make a job for deeper views around this one's centre, or its pointer, if none is ready; returns at once."""
        if not at_pointer:
            found = self._slots.ready.find(self._planned)
            if found is not None and found[1] >= sketch.SPARE:
                return
        if self._slots.ahead.acquire(blocking=False):
            threading.Thread(target=self._make, args=(at_pointer,), name="ahead", daemon=True).start()

    def _make(self, at_pointer: bool) -> None:
        be_nice()
        view = self._planned.scene.view
        x, y = view.x, view.y
        if at_pointer:
            unit = view.depth / 2**40
            x, y = (rounded(v, unit) for v in view.at(*(round(v) for v in self._run.pointer)))
        try:
            with suppress(Stopped, ArithmeticError, InputError, MemoryError, OSError):  # a render says these itself
                self._slots.ready.keep(sketch.made(self._planned, x, y, self._ahead))
        finally:
            self._slots.ahead.release()

    def _ahead(self, share: float) -> None:
        while self._run.held() and not self._run.abandoned():
            time.sleep(0.01)
        if self._run.abandoned():
            raise Stopped

    def _sketch(self, job: Job) -> None:
        """Run pixels of a job and paint them, until the run's own job is ready."""
        run = self._run
        waiting: list[tuple[Pixels, ReadOut]] = []
        begin, due, done = time.perf_counter(), 0.0, 0

        def take(pixels: Pixels, out: ReadOut) -> None:
            nonlocal due, done
            waiting.append((pixels, out))
            done += len(pixels)
            now = time.perf_counter()
            run.adapt(now - begin, done)
            if now > due and run.has_room() and not run.stopped():
                pixels, out = np.concatenate([p for p, _ in waiting]), ReadOut.joined([o for _, o in waiting])
                waiting.clear()
                run.paint(run.canvas.sketched(pixels, out))
                self._shown.set()
                run.canvas.keep(pixels, out)
                due = now + FRAME_SECONDS + FRAME_SHARE * (time.perf_counter() - now)

        try:
            batches = run.batches(job.batch_size)
            run_batches(batches, job.run, take, run.canvas.field, max(1, cores() - 1), _Until(run, self._ended))
        except Exception as error:
            self._error = error
        finally:
            self._shown.set()


class _Until(Observer):
    """Stops with a run, or once something else has ended."""

    def __init__(self, run: Run, ended: threading.Event) -> None:
        self._run, self._ended = run, ended

    def stopped(self) -> bool:
        return self._run.stopped() or self._ended.is_set()
