"""Films: a way down at one centre, keyframes computed once, frames reprojected from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepzoom.rendering.batches import Observer
    from deepzoom.scene.scene import Scene

    from .film import Filmed


def zoom(
    scene: Scene,
    begin: str,
    out: str | Path,
    *,
    frames: int,
    quality: float = 1.0,
    keep_data: bool = False,
    resume: bool = False,
    jobs: int | None = None,
    observer: Observer | None = None,
) -> Filmed:
    """Make a film from depth ``begin`` (decimal text) down to a scene's view.

    out: a folder, which gets ``frame-000000.png`` and so on, or a video, such as an ``.mp4`` or ``.mkv`` file.
    quality: keyframes are so many times as wide and high as frames. keep_data: leave the keyframes' folder, ``data`` in
    out, or out's name with ``.data``. Where the observer stops it the result is not complete, and ``resume`` goes on.
    Raises InputError where the scene cannot be rendered, the way does not lead down, or something is there already.
    """
    from deepzoom.coordinates import parse_decimal

    from .film import make
    from .output import target
    from .zoom_path import Descent, Film

    depth = parse_decimal(begin, "begin")
    view = scene.view
    descent = Descent.of(scene, depth, quality)
    film = Film(descent, depth, view.depth, frames, view.width, view.height, max(1, round(quality)))
    return make(film, target(film, Path(out), keep=keep_data, resume=resume), jobs=jobs, observer=observer)
