"""Files of a page's picture: the picture, its data and its scene, as ``deepzoom render`` writes them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from deepzoom.colouring.colour import coloured
from deepzoom.coordinates import in_a_name
from deepzoom.pictures.png import write_png

from .canvas import Canvas

KINDS = {"picture.png": "image/png", "data.npz": "application/octet-stream", "scene.toml": "application/toml"}


def made(canvas: Canvas | None, kind: str) -> tuple[str, str, bytes] | None:
    """(name, media type, contents) of a file; None while the picture is not finished."""
    if canvas is None or not (canvas.complete or kind == "scene.toml"):
        return None
    scene = canvas.scene
    stem = "".join(c if c.isalnum() or c in "-_" else "-" for c in scene.system)
    name = f"{stem}-{in_a_name(scene.view.depth)}{kind[kind.rfind('.') :]}"
    if kind == "scene.toml":
        return name, KINDS[kind], scene.to_toml().encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / kind
        if kind == "data.npz":
            canvas.field.save(path)
        else:
            write_png(path, coloured(canvas.field), scene)
        return name, KINDS[kind], path.read_bytes()
