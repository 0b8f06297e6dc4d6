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


def _home(scene: Scene) -> dict[str, Any] | None:
    """The landmark that shows most of the plane, and where this scene lies in it; None if there is none."""
    own = landmarks.fitting(scene.system, scene.settings)
    if not own:
        return None
    widest = max(own, key=lambda place: parse_decimal(place.depth, "depth"))
    view = widest.view(None, SIZE)
    at = moves.place_in(scene.view, view)
    return {"name": widest.name, "log10_depth": log2(view.depth) * math.log10(2), "at": at}
