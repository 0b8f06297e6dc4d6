"""Turns the options of ``deepzoom dimension`` into what is measured: saved fields, or pairs of points in a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deepzoom import systems
from deepzoom.errors import InputError
from deepzoom.files import check_output
from deepzoom.measuring.box_counting import Bools, border_of
from deepzoom.measuring.descent import Descent
from deepzoom.measuring.distances import Distances
from deepzoom.rendering import render as rendering
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene
from deepzoom.systems.escape_time import EscapeTimeSystem

from .scene import Request

FIGURES = (".png", ".pdf", ".svg")


def files_of(what: Sequence[str]) -> list[Path]:
    """The data files that a command names; empty where it names a system, or nothing.

    Raises InputError for a system beside a file, or for two systems.
    """
    files = [Path(w) for w in what if w.endswith(".npz")]
    if len(what) > max(1, len(files)):
        other = next(w for w in what if not w.endswith(".npz"))
        raise InputError(f"SYSTEM: give either data files (.npz) or one system, not {other!r} beside others.")
    return files


def borders_of(files: Sequence[Path]) -> list[Bools]:
    """The border of each file's field. Raises InputError for a file without one."""
    return [border_of(Field.load(path), str(path)) for path in files]


def check_figure(path: Path | None, force: bool) -> None:
    """Raise InputError where a figure cannot be written."""
    if path is None:
        return
    if path.suffix.lower() not in FIGURES:
        raise InputError(f"--figure: {path} does not end in {', '.join(FIGURES)}.")
    check_output(path, "--figure", force)


def to_measure(
    request: Request, largest: str, smallest: str, pairs: int, seed: int, filaments: bool
) -> tuple[Scene, Descent]:
    """(scene, measurement). filaments: whether distances count. Raises InputError where the options do not make one."""
    scene = request.to_scene()
    if filaments and not systems.is_escape_time(scene.system):
        raise InputError(f"--filaments: {scene.system} is not an escape-time system; leave the option out.")
    scene = replace(scene, view=replace(scene.view, samples=1), distance=filaments, horizon=False, course=False)
    system = rendering.plan(scene).system
    if filaments and isinstance(system, EscapeTimeSystem) and not system.iteration.has_distances:
        raise InputError(f"--filaments: {scene.system} has no distances from the border; leave the option out.")
    return scene, Descent(scene.view, Distances.parse(largest, smallest), pairs, seed)
