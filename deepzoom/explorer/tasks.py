"""What a page starts in the background: a film down to its view, a dive from there, and the loss curve of a pixel."""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from deepzoom import systems
from deepzoom.colouring.colour import coloured
from deepzoom.commands.requests.scene import depth_of, finds_shapes
from deepzoom.coordinates import Rational, in_a_name, parse_decimal, with_digits
from deepzoom.diving import dive
from deepzoom.errors import InputError, Stopped
from deepzoom.measuring.exact_curve import exact_curve
from deepzoom.measuring.probe import float64_losses, parted
from deepzoom.rendering import render as rendering
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.field import Field
from deepzoom.rendering.stretch import ratios
from deepzoom.scene.colours import FOUND_LATER, OF_TRAINING
from deepzoom.scene.scene import Scene
from deepzoom.systems.trainable import Trainable

from .address import packed
from .canvas import levels

Tell = Callable[[dict[str, Any]], None]
DIVE_SIZE = 72
MOST_SECONDS = 600
_POINTS = 400
"""Points of a loss curve that is sent."""


class Task(Observer):
    """Something that runs in a thread until it ends or is stopped. Its page is told of its progress."""

    def __init__(self, kind: str, tell: Tell, work: Callable[[Task], dict[str, Any]]) -> None:
        self.kind, self._tell, self._work = kind, tell, work
        self._stop = threading.Event()
        self._due = 0.0
        self.runs = True
        self._thread = threading.Thread(target=self._run, name=f"task {kind}", daemon=True)

    def start(self) -> Task:
        self.tell(state="running", stage="starting", share=0.0)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()

    def stopped(self) -> bool:
        return self._stop.is_set()

    def tell(self, **facts: Any) -> None:
        self._tell({"type": "task", "kind": self.kind, **facts})

    def _run(self) -> None:
        try:
            found = self._work(self)
            end = {"state": "stopped" if self.stopped() else "done", **found}
        except Stopped:
            end = {"state": "stopped"}
        except (InputError, ArithmeticError, MemoryError, OSError) as error:
            end = {"state": "failed", "text": str(error) or "out of memory."}
        self.runs = False
        self.tell(**end)

    def part(self, name: str, done: int, total: int) -> None:
        now = time.perf_counter()
        if now > self._due:
            self._due = now + 0.2
            self.tell(state="running", stage=name, share=done / max(1, total))

    def reference(self, share: float) -> None:
        self.part("reference run", int(1000 * share), 1000)

    def level(self, field: Field, text: str) -> None:
        rgb = levels(coloured(field))
        self.tell(state="running", stage=text, address=packed(field.scene), image=_png(rgb))


def _png(rgb: Any) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def film(scene: Scene, begin: str, seconds: str, tell: Tell, keep: Callable[[Path], str]) -> Task:
    """A film from a depth down to a scene, as a video in the working folder. keep: gives the address of the file.

    Raises InputError if the texts do not make a film.
    """
    from deepzoom.film.film import make
    from deepzoom.film.output import DEFAULT_FPS, target
    from deepzoom.film.zoom_path import Descent, Film

    first, length = depth_of(begin, "--from"), parse_decimal(seconds, "--seconds")
    if not 0 < length <= MOST_SECONDS:
        raise InputError(f"--seconds: {seconds[:40]} is not a number above zero, and at most {MOST_SECONDS}.")
    if scene.colouring.by in (*FOUND_LATER, *OF_TRAINING):
        raise InputError(f"--colouring: {scene.colouring.by} does not work for films; choose rank or cyclic.")
    view = scene.view
    even = replace(view, width=max(2, view.width // 2 * 2), height=max(2, view.height // 2 * 2))
    scene = replace(scene, view=even, horizon=False, course=False)
    if not first > view.depth:
        raise InputError(f"--from: {begin[:40]} is not above this view's depth, {with_digits(view.depth, 3)}.")
    follows = finds_shapes(scene.system, None)

    def work(task: Task) -> dict[str, Any]:
        descent = Descent.of(scene, first, 1.0, ratios if follows else None)
        frames = max(2, round(length * DEFAULT_FPS))
        whole = Film(descent, first, view.depth, frames, even.width, even.height, 1)
        out = _free(f"{scene.system}-{in_a_name(view.depth)}", ".mp4")
        made = make(whole, target(whole, out), observer=task)
        return {"text": f"{out.name}, in the folder of the server", "link": keep(out)} if made.complete else {}

    return Task("film", tell, work).start()


def _free(stem: str, suffix: str) -> Path:
    """A file that is not there yet."""
    stem = "".join(c if c.isalnum() or c in "-_." else "-" for c in stem)
    number = 1
    while (path := Path(f"{stem}-{number:03d}{suffix}")).exists():
        number += 1
    return path


def down(scene: Scene, depth: str, seed: int, tell: Tell) -> Task:
    """A dive from a scene's view down to a depth. Raises InputError for a depth that is not below it."""
    deepest = depth_of(depth, "--to")
    if not deepest < scene.view.depth:
        raise InputError(f"--to: {depth[:40]} is not deeper than this view, {with_digits(scene.view.depth, 3)}.")
    view = replace(scene.view, width=DIVE_SIZE, height=DIVE_SIZE, samples=1)
    small = replace(scene, view=view, horizon=False, course=False)

    def work(task: Task) -> dict[str, Any]:
        found = dive(small, depth, seed=seed, grows=systems.is_escape_time(scene.system), observer=task)
        if found.end is None:
            raise InputError(f"The dive found no structure: {found.reason}.")
        place = found.end.scene
        whole = replace(place, view=replace(place.view, width=scene.view.width, height=scene.view.height))
        whole = replace(whole, palette=scene.palette, colouring=scene.colouring)
        text = f"{len(found.levels)} levels" if found.complete else f"It ended early: {found.reason}."
        return {"text": text, "address": packed(whole)}

    return Task("dive", tell, work).start()


def curve(scene: Scene, x: Rational, y: Rational, tell: Tell) -> Task:
    """The losses of the training at a point: exact, and in float64. Raises InputError for a system without losses."""
    system: Any = rendering.plan(scene).system
    if not isinstance(system, Trainable):
        raise InputError(f"probe: {scene.system} is not a training.")

    def work(task: Task) -> dict[str, Any]:
        def progress(bits: int, step: int, steps: int) -> None:
            task.part(f"exact run, {bits} bits", step + 1, steps)
            if task.stopped():
                raise Stopped

        exact = exact_curve(system, x, y, progress=progress).losses
        plain = float64_losses(system, float(x), float(y))
        apart = parted(exact, plain)
        at = np.unique(np.linspace(0, len(plain) - 1, min(len(plain), _POINTS)).round().astype(int))
        return {
            "steps": at.tolist(), "exact": [_log10(exact[k]) if k < len(exact) else None for k in at],
            "plain": [_log10(plain[k]) for k in at], "parted": None if apart >= len(plain) else int(apart),
        }  # fmt: skip

    return Task("curve", tell, work).start()


def _log10(loss: float) -> float | None:
    return round(float(np.log10(loss)), 4) if np.isfinite(loss) and loss > 0 else None
