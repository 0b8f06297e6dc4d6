"""Turns the options of ``deepzoom probe`` into a point."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from deepzoom.coordinates import Rational
from deepzoom.errors import InputError
from deepzoom.files import check_output
from deepzoom.scene.scene import Scene

from .scene import Request

_DEPTH = "1e-3"  # any: a single pixel has no neighbours


@dataclass(frozen=True)
class Point:
    """A point of a plane. scene: the picture that it is in; pixel: its flat number there, None for the middle."""

    scene: Scene
    x: Rational
    y: Rational
    pixel: int | None
    where: str


def to_point(asked: Request, pixel: tuple[int, int] | None) -> Point:
    """The point asked for. Raises InputError where the options do not name one."""
    point = _point(asked, pixel)
    asked.grows(point.scene)  # refuses --steps auto
    return point


def _point(asked: Request, pixel: tuple[int, int] | None) -> Point:
    if pixel is not None and asked.scene is None:
        raise InputError("--pixel: this needs --scene FILE, a picture or data file that deepzoom wrote.")
    for option, value in (("--at", asked.at), ("--center", asked.center)):
        if value is not None and asked.scene is not None:
            raise InputError(f"{option}: --scene already names a place; leave one of them out.")
    if asked.center is not None:
        scene = replace(asked, depth=_DEPTH, size="1x1", backend="cpu-float64").to_scene()
        return Point(scene, scene.view.x, scene.view.y, None, f"the point {_shortened(asked.center)}")
    scene = asked.to_scene()
    view = scene.view
    if pixel is None:
        where = f"the middle of {asked.scene.name}" if asked.scene is not None else f"the middle of {_name(asked)}"
        return Point(scene, view.x, view.y, None, where)
    j, i = pixel
    if not (0 <= j < view.width and 0 <= i < view.height):
        raise InputError(
            f"--pixel: {j} {i} is outside the {view.width}x{view.height} picture; give a column below {view.width} and"
            f" a row below {view.height}."
        )
    number = i * view.width + j
    assert asked.scene is not None
    return Point(scene, *view.point(number), number, f"pixel {j} {i} of {asked.scene.name}")


def _shortened(center: tuple[str, str]) -> str:
    return ", ".join(text if len(text) <= 16 else f"{text[:12]}..." for text in center)


def _name(asked: Request) -> str:
    return asked.at or "the system's default landmark"


def check_files(out: Path | None, figure: Path | None, force: bool) -> None:
    """Raise InputError for output files that cannot be written, or whose names end wrongly."""
    if out is not None:
        if out.suffix.lower() not in (".npz", ".csv"):
            raise InputError(f"--out: {out} ends in neither .npz nor .csv.")
        check_output(out, "--out", force)
    if figure is not None:
        if figure.suffix.lower() != ".png":
            raise InputError(f"--figure: {figure} does not end in .png.")
        check_output(figure, "--figure", force)
