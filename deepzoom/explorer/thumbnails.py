"""Small pictures of landmarks: rendered once, one at a time, and kept in the cache."""

from __future__ import annotations

import hashlib
import io
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from deepzoom import __version__, cache, systems
from deepzoom.colouring.colour import coloured
from deepzoom.commands.requests.scene import Request
from deepzoom.rendering import render as rendering
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene

from .canvas import levels
from .threads import be_nice

SIZE = 84, 56
"""Width and height; trainings have fewer pixels of the same shape."""
_TRAINING = 36, 24
_one = threading.Lock()


class _GivesWay(Observer):
    """Stops a render once something else runs."""

    def __init__(self, busy: Callable[[], bool]) -> None:
        self._busy = busy

    def stopped(self) -> bool:
        return self._busy()


def _rendered(scene: Scene, busy: Callable[[], bool]) -> Field:
    """A scene's field, rendered only while nothing else runs."""
    partial = None
    while True:
        while busy():
            time.sleep(0.2)
        result = rendering.render(scene, jobs=1, observer=_GivesWay(busy), partial=partial)
        if result.complete:
            return result.field
        partial = result.field


def thumbnail(name: str, busy: Callable[[], bool] = lambda: False) -> bytes:
    """The PNG of a landmark, rendered while nothing else is. Raises InputError if there is no landmark of this name."""
    from PIL import Image

    scene = Request(at=name, size="{}x{}".format(*SIZE)).to_scene()
    if systems.is_training(scene.system):
        scene = Request(at=name, size="{}x{}".format(*_TRAINING), trust="off").to_scene()
    key = hashlib.sha256(f"thumbnail {__version__}\n{scene.to_toml()}".encode()).hexdigest()[:32]
    with _one:
        kept = cache.load(key)
        rgb = kept["rgb"] if kept is not None and "rgb" in kept else None
        if rgb is None:
            with ThreadPoolExecutor(1, initializer=be_nice) as pool:
                rgb = levels(coloured(pool.submit(_rendered, scene, busy).result()))
            cache.save(key, {"rgb": rgb})
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(file, "PNG")
    return file.getvalue()
