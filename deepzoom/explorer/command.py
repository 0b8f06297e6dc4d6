"""The ``deepzoom render`` command that makes a page's picture."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from typing import Any

import numpy as np

from deepzoom.commands.requests.colours import usual
from deepzoom.coordinates import format_decimal
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY, MOST_RATIO, Shape, parse_rotation, parse_stretch

_NEAR = 1e-9


def command(scene: Scene) -> str | None:
    """The command that makes this picture; None if only a file of the scene says it all."""
    view, how = scene.view, scene.colouring
    shape = _shape_words(view.shape)
    if shape is None or how.colours:
        return None
    words = ["deepzoom", "render", scene.system]
    for key, value in scene.settings.items():
        words += ["--set", f"{key}={value}"]
    words += ["--center", format_decimal(view.x), format_decimal(view.y), "--depth", format_decimal(view.depth)]
    words += ["--size", f"{view.width}x{view.height}", "--steps", str(scene.steps), *shape]
    words += ["--flip"] if view.flip else []
    others: tuple[tuple[str, Any, Any], ...] = (
        ("backend", scene.backend, "auto"), ("bits", scene.bits, None), ("samples", view.samples, 1),
        ("trust", scene.trust, Scene.trust), ("palette", scene.palette, Scene.palette),
        ("colouring", how.by, usual(scene.system).by), ("cycle", how.cycle if how.by == "cyclic" else None, None),
        ("slope", how.slope, None), ("interior", how.interior, "#000000"),
    )  # fmt: skip
    for option, value, usually in others:
        if value != usually:
            words += [f"--{option}", str(value)]
    flags = {"mark-unsettled": how.mark_unsettled, "distance": scene.distance, "horizon": scene.horizon,
             "course": scene.course}  # fmt: skip
    return shlex.join([*words, *(f"--{name}" for name, given in flags.items() if given)])


def _shape_words(shape: Shape) -> list[str] | None:
    """The options that give exactly this shape; None if there are none.

    They stretch along one direction, and then turn: a shape that stretches along two has none.
    """
    if shape == IDENTITY:
        return ["--stretch", "off"]
    if shape.is_steep:
        return None
    for ratio, angle, turn in _candidates(shape):
        found = parse_stretch(f"{ratio}@{angle}") if ratio != "1" else IDENTITY
        if (found.turned(degrees) if (degrees := parse_rotation(turn)) else found) == shape:
            stretch = "off" if ratio == "1" else f"{ratio}@{angle}"
            return ["--stretch", stretch, *(["--rotate", turn] if degrees else [])]
    return None


def _candidates(shape: Shape) -> Iterator[tuple[str, str, str]]:
    """Texts of (ratio, its angle, the turn): first in few digits, as people give them, then in all of float64's."""
    left, sizes, right = np.linalg.svd(shape.matrix)
    along = int(np.abs(np.log(sizes)).argmax())
    ratio, other, largest = float(sizes[along]), float(sizes[1 - along]), float(sizes[0])
    if abs(other - 1) > _NEAR * max(1.0, largest) or not 1 <= ratio * MOST_RATIO <= MOST_RATIO**2:
        return
    whole = left @ right
    angle = math.degrees(math.atan2(left[1, along], left[0, along])) % 180.0
    turn = math.degrees(math.atan2(whole[1, 0], whole[0, 0])) % 360.0
    for digits in (9, 17):
        yield (
            f"{ratio:.{digits}g}",
            f"{angle:.{digits}g}",
            f"{0.0 if min(turn, 360 - turn) < _NEAR else turn:.{digits}g}",
        )
