"""Saves a dive as a landmark of the user, with its strip of pictures beside it."""

from __future__ import annotations

import shlex
from pathlib import Path

from deepzoom import landmarks
from deepzoom.coordinates import format_decimal
from deepzoom.landmarks import Landmark
from deepzoom.pictures.png import write_png
from deepzoom.scene.shape import IDENTITY
from deepzoom.systems import is_training

from . import Dived
from .ends import End
from .strip import strip


def save(name: str, dived: Dived, end: End, note: str) -> Path:
    """Save a dive's place as a landmark; returns the path of its strip. Raises OSError if a file cannot be written."""
    scene = end.scene
    x, y, depth = (format_decimal(v) for v in (scene.view.x, scene.view.y, scene.view.depth))
    landmarks.keep(
        Landmark(
            name=name,
            system=scene.system,
            x=x,
            y=y,
            depth=depth,
            reaches=format_decimal(end.reaches),
            steps=scene.steps,
            note=note,
            flip=scene.view.flip,
            shape=scene.view.shape.texts() if scene.view.shape != IDENTITY or is_training(scene.system) else (),
            settings=dict(scene.settings),
        )
    )
    path = landmarks.folder() / f"{name}.png"
    write_png(path, strip([level.thumbnail for level in dived.levels]), scene)
    return path


def command(end: End, system: str | None, name: str | None, stretch: bool) -> str:
    """The ``deepzoom render`` command that shows a place. system: as given by the user. name: of the saved landmark."""
    scene, words = end.scene, ["deepzoom", "render"]
    if name is not None:
        own = [] if system is None or ":" not in system else [system]
        words += [*own, "--at", name]
    else:
        words.append(system or scene.system)
        for key, value in scene.settings.items():
            words += ["--set", f"{key}={value}"]
        view = scene.view
        words += ["--center", format_decimal(view.x), format_decimal(view.y), "--depth", format_decimal(view.depth)]
        words += ["--steps", str(scene.steps), *(["--flip"] if view.flip else [])]
    return shlex.join([*words, *(["--stretch", "auto" if stretch else "off"] if name is None else [])])
