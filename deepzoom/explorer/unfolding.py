"""Finds the shape that unfolds the stripes of a page's view, in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from deepzoom.errors import InputError, Stopped
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.stretch import unfolded
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY

Tell = Callable[[dict[str, Any]], None]


def start(scene: Scene, number: int, tell: Tell, found: Callable[[Scene, threading.Event], None]) -> threading.Event:
    """Start the search; ``found`` gets the scene in its new shape and the returned event, which stops the search.

    number: of the view that it will be, for a refusal.
    """
    stop = threading.Event()

    def find() -> None:
        try:
            shown = unfolded(replace(scene, view=replace(scene.view, shape=IDENTITY)), 0.0, _Finding(stop, tell))
        except Stopped:
            return
        except (InputError, ArithmeticError, MemoryError) as error:
            tell({"type": "refused", "text": str(error), "number": number})
            return
        found(shown, stop)

    threading.Thread(target=find, name="unfold", daemon=True).start()
    return stop


class _Finding(Observer):
    """Tells the page how far the search is."""

    def __init__(self, stop: threading.Event, tell: Tell) -> None:
        self._stop, self._tell, self._due = stop, tell, 0.0

    def reference(self, share: float) -> None:
        now = time.perf_counter()
        if now > self._due:
            self._due = now + 0.15
            self._tell({"type": "progress", "stage": "unfolding", "share": share})

    def stopped(self) -> bool:
        return self._stop.is_set()
