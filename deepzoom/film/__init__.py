"""Films: a zoom into one centre, with keyframes that are computed once and frames that are reprojected from them."""

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
    """Make a film that zooms from depth ``begin`` (decimal text) into a scene's view.

    out: a folder for ``frame-000000.png`` and so on, or a video such as an ``.mp4`` or ``.mkv`` file. quality:
    keyframes are this many times as wide and high as frames. keep_data: keep the folder of the keyframes, which is
    ``data`` in out or, for a video, out's name with ``.data``. If the observer stops the film, the result is not
    complete; call it again with ``resume`` to continue. Raises InputError if the scene cannot be rendered, ``begin`` is
    not above the scene's depth, or out exists already.
    """
    from deepzoom.coordinates import parse_decimal
    from deepzoom.errors import InputError

    from .film import make
    from .output import target
    from .zoom_path import Descent, Film

    depth = parse_decimal(begin, "begin")
    view = scene.view
    if not depth > view.depth:
        raise InputError(f"begin: {begin} is not above the scene's depth; give a larger number.")
    descent = Descent.of(scene, depth, quality)
    film = Film(descent, depth, view.depth, frames, view.width, view.height, max(1, round(quality)))
    return make(film, target(film, Path(out), keep=keep_data, resume=resume), jobs=jobs, observer=observer)
