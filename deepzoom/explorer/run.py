"""Renders one view for a page, in a thread: nearest the pointer first, and stopped within some milliseconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
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
from deepzoom.rendering.field import Field
from deepzoom.rendering.iteration_limit import MOST, sample

from .bridge import Bridge
from .canvas import Canvas, Tiles
from .order import in_order
from .sketch import Store, needs_reference, prepare
from .threads import FRAME_SECONDS, FRAME_SHARE, be_nice

_BATCH_SECONDS = 0.012
"""How long a batch should take: stopping waits for the batches that run."""
_FIRST_BATCH = 8
_DEAR, _KNOWN = 1e-3, 0.1
"""Pixels are dear that take so many seconds of a core; known after so many seconds."""
_PATIENCE = 0.05
"""The most seconds for which a view waits for the end of a dear one before, as both would share the cores."""

Paint = Callable[["Run", "Tiles | NDArray[np.uint8]", bool], None]


@dataclass(frozen=True)
class Slots:
    """How many views run at once, of all pages together. The others wait.

    busy: those that run. ready: jobs that views can borrow; ahead: held by the thread that makes one.
    """

    free: threading.Semaphore
    busy: set[int]
    ahead: threading.Lock
    ready: Store

    @classmethod
    def of(cls, count: int) -> Slots:
        return cls(threading.Semaphore(count), set(), threading.Lock(), Store())

    def take(self, stopped: Callable[[], bool]) -> bool:
        """Wait for a slot; False if it was stopped first."""
        while not stopped():
            if self.free.acquire(timeout=0.02):
                return True
        return False


class _Left(Exception):
    """Stops a reference run at a centre that the page has left; to keep what is done of it takes too long."""


class Run(Observer):
    """A view that is being rendered.

    number: of the view, given by the page. pointer: (column, row) that comes first. paint: gets parts of the picture,
    or all of it, and whether it is the finished one; tell: gets what a page should know beside that, as a dict.
    abandoned: whether the page is gone; has_room: whether it keeps up, as pixels do not wait for a slow one; dragging:
    whether it is being dragged. before: the view that this one follows.
    """

    def __init__(
        self, number: int, canvas: Canvas, pointer: tuple[float, float], paint: Paint,
        tell: Callable[[Run, dict[str, Any]], None], slots: Slots, abandoned: Callable[[], bool] = lambda: False,
        has_room: Callable[[], bool] = lambda: True, dragging: Callable[[], bool] = lambda: False,
        before: Run | None = None,
    ) -> None:  # fmt: skip
        self.number, self.canvas, self.pointer = number, canvas, pointer
        self._paint, self._tell, self._slots, self.abandoned = paint, tell, slots, abandoned
        self.has_room, self._dragging, self._before = has_room, dragging, before
        self.dear: bool = before is not None and before.dear
        """Whether pixels take so long that the page does not drag well while they run."""
        self._bridge: Bridge | None = None
        self._stop = threading.Event()
        self.asked: float | None = None
        """When the stop was asked for, by ``time.perf_counter``."""
        self.waited = 0.0
        """Seconds from there to the end."""
        self._leaves = False
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

    def stop(self, leaves: bool = False) -> None:
        """Ask it to stop; returns at once. leaves: whether the page goes to another centre."""
        if self.asked is None:
            self.asked, self._leaves = time.perf_counter(), leaves
        self._stop.set()

    def stopped(self) -> bool:
        return self._stop.is_set()

    def held(self) -> bool:
        """Whether to leave the cores to the page's frames."""
        return self.dear and self._dragging()

    def repaint(self) -> None:
        """Paint everything again, after other colours were chosen."""
        with self._painting:
            self._paint(self, self.canvas.whole(), self.canvas.complete)

    def _run(self) -> None:
        be_nice()
        if self._before is not None and self._before.dear:
            self._before.thread.join(_PATIENCE)
        self._before = None
        try:
            if not self._slots.take(self.stopped):
                return
            self._slots.busy.add(id(self))
            try:
                self._render()
            finally:
                self._slots.busy.discard(id(self))
                self._slots.free.release()
        except (Stopped, _Left):
            pass
        except InputError as error:
            self._tell(self, {"type": "error", "text": str(error)})
        except (ArithmeticError, MemoryError, OSError) as error:
            self._tell(self, {"type": "error", "text": str(error) or "out of memory."})
        finally:
            if self.asked is not None:
                self.waited = time.perf_counter() - self.asked
            if self.stopped():
                self.canvas.settle()

    def _render(self) -> None:
        canvas = self.canvas
        planned = rendering.plan(canvas.scene)
        if needs_reference(planned):
            self._bridge = Bridge(self, planned, self._slots)
            self._bridge.begin()
        try:
            if self._bridge is not None:
                with suppress(ArithmeticError, InputError):  # the render itself will say these
                    prepare(planned, self._prepared)
            result = rendering.render(canvas.scene, observer=self, partial=canvas.field, order=self.batches)
        finally:
            if self._bridge is not None:
                self._bridge.end()
        if not result.complete:
            return
        with self._painting:
            canvas.complete = True
            self._paint(self, canvas.whole(), True)
        facts = result.facts
        self._tell(self, {
            "type": "done", "seconds": round(time.perf_counter() - self._begin, 3), "backend": facts["backend"],
            "bits": facts["bits"], "trust": trust.summary(canvas.field), "steps": suggested_steps(canvas.field),
        })  # fmt: skip

    def _prepared(self, share: float) -> None:
        self.reference(share)
        if self.stopped():
            raise _Left if self._leaves else Stopped

    def paint(self, parts: list[Tiles]) -> None:
        """Paint parts of a picture that is not finished."""
        for tiles in parts:
            self._paint(self, tiles, False)

    def say(self, text: str) -> None:
        if text.startswith(("Compiling", "Preparing")):
            self._tell(self, {"type": "note", "text": text})
        elif text.startswith("Computing "):  # how long it will take
            self._tell(self, {"type": "estimate", "text": text})

    def reference(self, share: float) -> None:
        self._hold()
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
            if self._bridge is not None:
                self._bridge.end()
                self._bridge.look_ahead()
                now = time.perf_counter()
            self._first, self._due = (now, done), now
        if done == total and self._goes_on and not self._shown_all:
            self._shown_all = True
            self._paint(self, self.canvas.whole(), False)
        elif now > self._due and self.has_room():
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

    def _hold(self) -> None:
        while self.held() and not self.stopped():
            time.sleep(0.01)

    def adapt(self, seconds: float, done: int) -> None:
        """Choose how many pixels the next batches have, from the time that some took."""
        if seconds > _KNOWN:
            self.dear = seconds * cores() > _DEAR * done
        if done > 0 and seconds > 0:
            self._size = int(min(2 * self._size, max(8, _BATCH_SECONDS * done / seconds / cores())))

    def batches(self, size: int) -> Iterator[Pixels]:
        """Yield the pixels coarse to fine where that shows more than the page has, and then all others."""
        for pixels in in_order(self.canvas, self.pointer):
            first = 0
            while first < len(pixels):
                self._hold()
                last = first + max(1, min(size, max(self._size, size // 64)))  # a few slow pixels make no tiny batches
                yield pixels[first:last]
                first = last


def suggested_steps(field: Field) -> int | None:
    """The iteration limit that an escape-time view needs, if more than its own: twice what a sample's pixels took."""
    scene = field.scene
    if field.iterations is None or not systems.is_escape_time(scene.system) or not (field.fate == 0).any():
        return None
    latest, steps = int(field.iterations.ravel()[sample(scene.view)].max()), scene.steps
    while steps < 2 * latest and 2 * steps <= MOST:
        steps *= 2
    return steps if steps > scene.steps else None
