"""Small pictures of landmarks: rendered once, one at a time, and kept in the cache."""

from __future__ import annotations

import hashlib
import io
import threading
import time
from collections.abc import Callable

import numpy as np

from deepzoom import __version__, cache, systems
from deepzoom.colouring.colour import coloured
from deepzoom.commands.requests.scene import Request
from deepzoom.rendering import render as rendering

from .canvas import levels

SIZE = 84, 56
"""Width and height; trainings have fewer pixels of the same shape."""
_TRAINING = 36, 24
_one = threading.Lock()


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
            while busy():
                time.sleep(0.2)
            rgb = levels(coloured(rendering.render(scene, jobs=1).field))
            cache.save(key, {"rgb": rgb})
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(file, "PNG")
    return file.getvalue()
