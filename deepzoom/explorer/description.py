"""A scene as a page shows it: exact coordinates as texts, and the values of its controls."""

from __future__ import annotations

import math
from typing import Any

from deepzoom import systems
from deepzoom.coordinates import format_decimal, log2, with_digits
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY

from . import changes
from .address import packed


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
        "command": changes.command(scene), "training": systems.is_training(scene.system),
    }  # fmt: skip
