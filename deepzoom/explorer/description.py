"""A scene as a page shows it: exact coordinates as texts, and the values of its controls."""

from __future__ import annotations

import math
from typing import Any

from deepzoom import landmarks, systems
from deepzoom.coordinates import format_decimal, log2, parse_decimal, with_digits
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY

from . import moves
from .address import packed
from .canvas import Canvas
from .command import command
from .thumbnails import SIZE


def described(scene: Scene) -> dict[str, Any]:
    """What a page shows of a scene."""
    view, how = scene.view, scene.colouring
    long, short, degrees = view.spans()
    return {
        "address": packed(scene), "system": scene.system, "x": format_decimal(view.x), "y": format_decimal(view.y),
        "depth": format_decimal(view.depth), "log10_depth": log2(view.depth) * math.log10(2),
        "size": [view.width, view.height], "steps": scene.steps, "settings": dict(scene.settings), "flip": view.flip,
        "stretched": view.shape != IDENTITY, "ratio": with_digits(long / short, 4), "degrees": round(degrees, 2),
        "palette": scene.palette, "colouring": how.by, "cycle": how.cycle, "slope": how.slope,
        "interior": how.interior, "mark": how.mark_unsettled, "samples": view.samples, "trust": scene.trust,
        "command": command(scene), "training": systems.is_training(scene.system), "home": _home(scene),
    }  # fmt: skip


def point(canvas: Canvas, column: int, row: int) -> dict[str, Any] | None:
    """What is known of a pixel; None if it lies outside. own: whether its values are those of this view."""
    view = canvas.scene.view
    if not (0 <= column < view.width and 0 <= row < view.height):
        return None
    x, y = view.at(column, row)
    digits = max(6, int(-log2(view.depth / view.height) * 0.302) + 3)
    facts: dict[str, Any] = {"x": with_digits(x, digits), "y": with_digits(y, digits)}
    known = canvas.value(column, row)
    if known is None:
        return facts
    field, own = known
    facts |= {"own": own, "measure": float(field.measure[row, column]), "fate": int(field.fate[row, column]),
              "trust": int(field.trust[row, column])}  # fmt: skip
    if field.iterations is not None and field.attractor is not None:
        facts |= {"iterations": int(field.iterations[row, column]), "attractor": int(field.attractor[row, column])}
    return facts


def _home(scene: Scene) -> dict[str, Any] | None:
    """The landmark that shows most of the plane, and where this scene lies in it; None if there is none."""
    own = landmarks.fitting(scene.system, scene.settings)
    if not own:
        return None
    widest = max(own, key=lambda place: parse_decimal(place.depth, "depth"))
    view = widest.view(None, SIZE)
    at = moves.place_in(scene.view, view)
    return {"name": widest.name, "log10_depth": log2(view.depth) * math.log10(2), "at": at}
