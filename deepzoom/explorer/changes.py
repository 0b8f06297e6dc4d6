"""Changes of a scene that a page asks for, by name and text, as the options of ``deepzoom render`` mean them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from deepzoom import systems
from deepzoom.colouring import palettes
from deepzoom.commands.requests.colours import ColourOptions, usual
from deepzoom.commands.requests.scene import Request
from deepzoom.coordinates import format_decimal
from deepzoom.errors import InputError
from deepzoom.exchange.reading import of_text
from deepzoom.rendering import render as rendering
from deepzoom.scene.sample_positions import parse_samples
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY, parse_rotation, parse_stretch
from deepzoom.scene.view import View
from deepzoom.systems.own_file import is_own

MOST_TEXT = 4096
"""The longest text of a change, except places and addresses."""
MOST_PULL = 32
_OF_COMMANDS = ("--center", "--depth", "--steps", "--at", "--stretch", "--rotate", "--flip")
"""Options of a pasted command that say where it is."""
_COLOURS = ("palette", "colouring", "cycle", "slope", "interior")


def changed(scene: Scene, changes: Mapping[str, Any]) -> Scene:
    """The scene with some changes. Raises InputError, and names the option, if one of them is not allowed."""
    for name, value in changes.items():
        if name not in _CHANGES:
            raise InputError(f"{name}: a page cannot change this.")
        if len(str(value)) > MOST_TEXT:
            raise InputError(f"--{name}: {len(str(value)):,} characters are too long; give at most {MOST_TEXT:,}.")
        scene = _CHANGES[name](scene, value)
    rendering.plan(scene)
    return scene


def _system(scene: Scene, name: Any) -> Scene:
    if is_own(str(name)) or name not in systems.names():  # a page must not load a file
        raise InputError(f"SYSTEM: {str(name)[:80]!r} is not one of {', '.join(systems.names())}.")
    fresh = Request(system=name, size=_size(scene)).to_scene()
    return _in_colours(fresh, scene)


def _landmark(scene: Scene, name: Any) -> Scene:
    return _in_colours(Request(at=str(name)[:200], size=_size(scene)).to_scene(), scene)


def _in_colours(fresh: Scene, scene: Scene) -> Scene:
    """A new place in the palette of the scene before, coloured as is usual for it."""
    how = replace(usual(fresh.system), colours=scene.colouring.colours, interior=fresh.colouring.interior)
    return replace(fresh, palette=scene.palette, colouring=how, trust=scene.trust)


def _size(scene: Scene) -> str:
    return f"{scene.view.width}x{scene.view.height}"


def _steps(scene: Scene, text: Any) -> Scene:
    number = Request(steps=str(text))._number()
    if number is None or number < 1:
        raise InputError(f"--steps: {str(text)[:40]!r} is not a whole number above zero, such as 20000.")
    return replace(scene, steps=number)


def _settings(scene: Scene, given: Any) -> Scene:
    if not isinstance(given, dict):
        raise InputError("--set: this is not a table of settings.")
    settings = {**scene.settings, **{str(k): str(v).strip() for k, v in given.items()}}
    known = systems.create(scene.system, scene.settings, scene.steps, scene.digest).settings_known
    settings = {k: v for k, v in settings.items() if k not in known or v != known[k].default}
    systems.create(scene.system, settings, scene.steps, scene.digest)
    return replace(scene, settings=settings)


def _formula(scene: Scene, text: Any) -> Scene:
    settings = dict(scene.settings) if scene.system == "formula" else {}
    settings["formula"] = str(text).strip()
    systems.create("formula", settings, scene.steps)
    if scene.system == "formula":
        return replace(scene, settings=settings)
    view = View.parse("0", "0", "4", (scene.view.width, scene.view.height))
    steps = systems.create("formula", settings).default_steps
    return _in_colours(Scene("formula", view, steps, settings), scene)


def _stretch(scene: Scene, text: Any) -> Scene:
    return replace(scene, view=replace(scene.view, shape=parse_stretch(str(text))))


def _rotate(scene: Scene, text: Any) -> Scene:
    return replace(scene, view=replace(scene.view, shape=scene.view.shape.turned(parse_rotation(str(text)))))


def _reshape(scene: Scene, entries: Any) -> Scene:
    """entries: the matrix, row by row, by which a page has pulled the picture about its middle; right and down."""
    try:
        pulled = np.array(entries, dtype=np.float64).reshape(2, 2)
        sizes = np.linalg.svd(pulled, compute_uv=False)
        possible = bool(np.linalg.det(pulled) > 0 and sizes[0] < MOST_PULL and sizes[1] > 1 / MOST_PULL)
    except (ValueError, TypeError, np.linalg.LinAlgError):
        possible = False
    if not possible:
        raise InputError(
            f"shape: the picture may be stretched or squeezed {MOST_PULL} times at once, and not turned over."
        )
    if not scene.view.flip:  # the page counts down, v goes up
        pulled = pulled * [[1, -1], [-1, 1]]
    back = np.linalg.inv(pulled).astype(np.float64)
    return replace(scene, view=replace(scene.view, shape=scene.view.shape.after(back)))


def _flip(scene: Scene, value: Any) -> Scene:
    return replace(scene, view=replace(scene.view, flip=bool(value)))


def _samples(scene: Scene, text: Any) -> Scene:
    return replace(scene, view=replace(scene.view, samples=parse_samples(str(text))))


def _depth(scene: Scene, text: Any) -> Scene:
    return replace(scene, view=replace(scene.view, depth=View.parse("0", "0", str(text), "1x1").depth))


def _colour(name: str) -> Callable[[Scene, Any], Scene]:
    def change(scene: Scene, text: Any) -> Scene:
        if name == "palette":
            if text not in palettes.names():  # a page must not read a file
                raise InputError(f"--palette: {str(text)[:80]!r} is not a colour map of matplotlib.")
            scene = replace(scene, colouring=replace(scene.colouring, colours=()))
        if name == "cycle" and scene.colouring.by != "cyclic":
            return scene
        options: dict[str, Any] = {name: str(text)}
        return ColourOptions(**options).applied(scene)

    return change


def _mark(scene: Scene, value: Any) -> Scene:
    return ColourOptions(mark_unsettled=bool(value)).applied(scene)


def _trust(scene: Scene, text: Any) -> Scene:
    return replace(scene, trust=str(text))


_CHANGES: dict[str, Callable[[Scene, Any], Scene]] = {
    "system": _system, "landmark": _landmark, "steps": _steps, "settings": _settings, "formula": _formula,
    "stretch": _stretch, "rotate": _rotate, "reshape": _reshape, "flip": _flip, "samples": _samples, "depth": _depth,
    "trust": _trust, "mark": _mark, **{name: _colour(name) for name in _COLOURS},
}  # fmt: skip


def placed(scene: Scene, text: str) -> tuple[Scene, str]:
    """(the scene at a pasted place, what a page should know of it).

    text: a scene (TOML), a command such as ``deepzoom render mandelbrot --center X Y --depth D``, a place of another
    program, or two or three decimal numbers: the centre and the depth. Raises InputError if it is none.
    """
    text = text.strip()
    size = scene.view.width, scene.view.height
    if "[view]" in text:
        found = Scene.from_toml(text, "place")
        return replace(found, view=replace(found.view, width=size[0], height=size[1])), ""
    if text.startswith("deepzoom "):
        return _of_command(scene, text), ""
    if ":" in text or "=" in text:
        place = of_text(text, "place", Path("place"))
        if place is not None:
            there = _in_colours(place.scene, scene)
            return replace(there, view=replace(there.view, width=size[0], height=size[1])), place.told()
    words = re.split(r"[\s,;]+", text)
    if len(words) not in (2, 3):
        raise InputError(
            "place: give two or three decimal numbers (centre x, centre y, depth), a scene, or a deepzoom command."
        )
    depth_text = words[2] if len(words) == 3 else format_decimal(scene.view.depth)
    view = View.parse(words[0], words[1], depth_text, size)
    same = view.depth == scene.view.depth
    view = replace(view, flip=scene.view.flip, samples=scene.view.samples, shape=scene.view.shape if same else IDENTITY)
    return replace(scene, view=view), ""


def _of_command(scene: Scene, text: str) -> Scene:
    try:
        words = shlex.split(text)[2:]
    except ValueError:
        raise InputError("place: this command has an open quote.") from None
    found: dict[str, Any] = {}
    settings: dict[str, str] = {}
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            found["system"] = word
            continue
        count = 2 if word == "--center" else 0 if word == "--flip" else 1
        values = [words.pop(0) for _ in range(count) if words]
        if word == "--set" and values:
            key, _, value = values[0].partition("=")
            settings[key] = value
        elif word in _OF_COMMANDS and len(values) == count:
            found[word[2:]] = tuple(values) if count == 2 else values[0] if values else True
    name = found.get("system", scene.system)
    if name != scene.system and name not in systems.names():
        raise InputError(f"place: the system {name[:80]!r} is not one of {', '.join(systems.names())}.")
    if found.get("stretch") == "auto":
        del found["stretch"]
    own = is_own(name)
    digest = scene.digest if own else None
    if own:
        found.pop("system", None)
    asked = Request(**{**found, "settings": settings, "size": _size(scene)})
    return replace(_in_colours(asked._made(digest), scene))
