"""Renders one view for a page, in a thread: nearest the pointer first, and stopped within some milliseconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom import systems
from deepzoom.durations import duration
from deepzoom.errors import InputError, Stopped
from deepzoom.rendering import render as rendering
from deepzoom.rendering import trust
from deepzoom.rendering.batches import Observer, Pixels, cores
from deepzoom.rendering.field import PASSES, Field
from deepzoom.rendering.iteration_limit import MOST, sample

from .bridge import Bridge
from .canvas import Bytes, Canvas, Part
from .sketch import Anchor, needs_reference
from .threads import FRAME_SECONDS, FRAME_SHARE, be_nice

_BATCH_SECONDS = 0.02
"""How long a batch should take: stopping waits for the batches that run."""
_FIRST_BATCH = 16
_TILE = 16
"""Pixels are ordered by distance in tiles of this width."""

Paint = Callable[["Run", Part, Bytes, bool], None]


@dataclass(frozen=True)
class Slots:
    """How many views run at once, of all pages together. The others wait.

    busy: those that run. ahead: held by the one that makes a reference ahead.
    """

    free: threading.Semaphore
    busy: set[int]
    ahead: threading.Lock

    @classmethod
    def of(cls, count: int) -> Slots:
        return cls(threading.Semaphore(count), set(), threading.Lock())

    def take(self, stopped: Callable[[], bool]) -> bool:
        """Wait for a slot; False if it was stopped first."""
        while not stopped():
            if self.free.acquire(timeout=0.02):
                return True
        return False


class Run(Observer):
    """A view that is being rendered.

    number: of the view, given by the page. pointer: (column, row) that comes first. paint: gets each part of the
    picture, and whether it is the finished one; tell: gets what a page should know beside that, as a dict.
    """

    def __init__(
        self, number: int, canvas: Canvas, pointer: tuple[float, float], paint: Paint,
        tell: Callable[[Run, dict[str, Any]], None], slots: Slots, anchors: list[Anchor] | None = None,
    ) -> None:  # fmt: skip
        self.number, self.canvas, self.pointer = number, canvas, pointer
        self._paint, self._tell, self._slots = paint, tell, slots
        self._anchors: list[Anchor] = [] if anchors is None else anchors
        self._stop = threading.Event()
        self.asked: float | None = None
        """When the stop was asked for, by ``time.perf_counter``."""
        self.waited = 0.0
        """Seconds from there to the end."""
        self._begin = self._due = self._told = time.perf_counter()
        self._first: tuple[float, int] | None = None
        self._size = _FIRST_BATCH
        self._shown_all = False
        scene = canvas.scene
        self._goes_on = scene.view.samples > 1 or systems.is_training(scene.system) or scene.trust == "settle"
        self._painting = threading.Lock()
        self.thread = threading.Thread(target=self._run, name=f"view {number}", daemon=True)

    def start(self) -> Run:
        self.thread.start()
        return self

    def stop(self) -> None:
        """Ask it to stop; returns at once."""
        if self.asked is None:
            self.asked = time.perf_counter()
        self._stop.set()

    def stopped(self) -> bool:
        return self._stop.is_set()

    def repaint(self) -> None:
        """Paint everything again, after other colours were chosen."""
        with self._painting:
            self._paint(self, *self.canvas.whole(), self.canvas.complete)

    def _run(self) -> None:
        be_nice()
        try:
            if not self._slots.take(self.stopped):
                return
            self._slots.busy.add(id(self))
            try:
                bridge = self._render()
            finally:
                self._slots.busy.discard(id(self))
                self._slots.free.release()
            if bridge is not None and not self._slots.busy and self._slots.ahead.acquire(blocking=False):
                try:
                    bridge.look_ahead()
                finally:
                    self._slots.ahead.release()
        except Stopped:
            pass
        except InputError as error:
            self._tell(self, {"type": "error", "text": str(error)})
        except (ArithmeticError, MemoryError, OSError) as error:
            self._tell(self, {"type": "error", "text": str(error) or "out of memory."})
        finally:
            if self.asked is not None:
                self.waited = time.perf_counter() - self.asked

    def _render(self) -> Bridge | None:
        """Render the view; what can make references ahead, once it is finished."""
        canvas = self.canvas
        planned = rendering.plan(canvas.scene)
        bridge = Bridge(self, planned, self._anchors) if needs_reference(planned) else None
        if bridge is not None:
            bridge.cross()
            self._first = None
        result = rendering.render(canvas.scene, observer=self, partial=canvas.field, order=self.batches)
        if not result.complete:
            return None
        with self._painting:
            canvas.complete = True
            self._paint(self, *canvas.whole(), True)
        facts = result.facts
        self._tell(self, {
            "type": "done", "seconds": round(time.perf_counter() - self._begin, 3), "backend": facts["backend"],
            "bits": facts["bits"], "trust": trust.summary(canvas.field), "steps": suggested_steps(canvas.field),
        })  # fmt: skip
        return bridge

    def paint(self, parts: list[tuple[Part, Bytes]]) -> None:
        """Paint parts of a picture that is not finished."""
        for part, rgba in parts:
            self._paint(self, part, rgba, False)

    def say(self, text: str) -> None:
        if text.startswith(("Compiling", "Preparing")):
            self._tell(self, {"type": "note", "text": text})

    def reference(self, share: float) -> None:
        now = time.perf_counter()
        if now > self._told + 0.1:
            self._told = now
            self._tell(self, {"type": "progress", "stage": "reference run", "share": share})

    def part(self, name: str, done: int, total: int) -> None:
        now = time.perf_counter()
        if now > self._told + 0.1:
            self._told = now
            self._tell(self, {"type": "progress", "stage": name, "share": done / max(1, total)})

    def pixels(self, field: Field, done: int, total: int) -> None:
        now = time.perf_counter()
        if self._first is None:
            self._first, self._due = (now, done), now + 0.02
        if done == total and self._goes_on and not self._shown_all:
            self._shown_all = True
            self._paint(self, *self.canvas.whole(), False)
        elif now > self._due:
            self.paint(self.canvas.fresh())
            after = time.perf_counter()
            self._due = after + max(FRAME_SECONDS, FRAME_SHARE * (after - now))
        self.adapt(now - self._first[0], done - self._first[1])
        if now > self._told + 0.15:
            self._told = now
            self._tell(self, {"type": "progress", "stage": "pixels", "share": done / total, **self._left(done, total)})

    def _left(self, done: int, total: int) -> dict[str, str]:
        assert self._first is not None
        begin, before = self._first
        spent = time.perf_counter() - begin
        if spent < 0.5 or done <= before:
            return {}
        seconds = spent * (total - done) / (done - before)
        return {"left": duration(seconds)} if seconds > 1.5 else {}

    def adapt(self, seconds: float, done: int) -> None:
        """Choose how many pixels the next batches have, from the time that some took."""
        if done > 0 and seconds > 0:
            self._size = int(min(2 * self._size, max(8, _BATCH_SECONDS * done / seconds / cores())))

    def batches(self, size: int) -> Iterator[Pixels]:
        """Yield the pixels coarse to fine where that shows more than the page has, and then all others."""
        canvas = self.canvas
        height, width = canvas.field.done.shape
        far = _distances(width, height, self.pointer)
        left = ~canvas.field.done.ravel()
        better = canvas.size.ravel()
        for stride in PASSES:
            rows, columns = (np.arange(0, n, stride) for n in (height, width))
            pixels = (rows[:, None] * width + columns).ravel()
            wanted = left[pixels] & (better[pixels] > stride) if stride > 1 else left[pixels]
            pixels = pixels[wanted]
            left[pixels] = False
            order = np.argsort(far[pixels], kind="stable")
            if stride == 1:  # what the page shows exactly already comes last
                order = order[np.argsort(better[pixels[order]] <= 1, kind="stable")]
            pixels = pixels[order]
            canvas.stride[pixels] = stride
            first = 0
            while first < len(pixels):
                last = first + max(1, min(size, max(self._size, size // 16)))  # a few slow pixels make no tiny batches
                yield pixels[first:last]
                first = last


def _distances(width: int, height: int, pointer: tuple[float, float]) -> NDArray[np.uint16]:
    """The distance of each pixel's tile from the pointer, in tiles."""
    across, down = (np.arange(n) // _TILE - at / _TILE for n, at in ((width, pointer[0]), (height, pointer[1])))
    return np.minimum(np.hypot(down[:, None], across), 60_000).astype(np.uint16).ravel()


def suggested_steps(field: Field) -> int | None:
    """The iteration limit that an escape-time view needs, if more than its own: twice what a sample's pixels took."""
    scene = field.scene
    if field.iterations is None or not systems.is_escape_time(scene.system) or not (field.fate == 0).any():
        return None
    latest, steps = int(field.iterations.ravel()[sample(scene.view)].max()), scene.steps
    while steps < 2 * latest and 2 * steps <= MOST:
        steps *= 2
    return steps if steps > scene.steps else None
