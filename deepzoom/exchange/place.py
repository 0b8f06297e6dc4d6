"""A place that came from another program's file, and what all readers of such files share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gmpy2 import mpq

from deepzoom.coordinates import Rational, log2, parse_decimal, rounded
from deepzoom.errors import InputError
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY, MOST_RATIO, Shape
from deepzoom.scene.view import View

OURS = "deepzoom"
"""The program of a place that is no other program's."""
SIZE = 640, 360
"""Pixels of a picture whose file gives no size: Kalles Fraktaler's own default."""
MOST_STEPS = 1_000_000_000
_MOST_DECADES = 200_000
_LOG2_10 = 3.3219280948873623
_DIGITS, _STRETCHED_DIGITS = 30, 15
"""Decimal digits of a depth. A stretch is a float64, so the depth of a stretched view has no more than it."""


@dataclass(frozen=True)
class Place:
    """A scene, the program whose file it came from, and what of that file the scene does not have, a phrase each."""

    scene: Scene
    program: str
    left_out: tuple[str, ...] = ()

    def told(self) -> str:
        """Sentences that say where the scene came from and what is missing."""
        missing = f" Not taken over: {'; '.join(self.left_out)}." if self.left_out else ""
        return f"A place of {self.program}.{missing}"


def depth_of_zoom(text: str, where: str, factor: int = 4) -> Rational:
    """The height of a view from its zoom: factor / zoom, exact. Raises InputError if there is none."""
    zoom = parse_decimal(text, where)
    if zoom <= 0:
        raise InputError(f"{where}: {shortened(text)!r} is not a number above zero, such as 1e20.")
    checked_depth(factor / zoom, where)
    return factor / zoom


def checked_depth(depth: Rational, where: str) -> Rational:
    """The depth of a place. Raises InputError for one so small or large that only a damaged file has it."""
    if abs(log2(depth)) > _MOST_DECADES * _LOG2_10:
        raise InputError(f"{where}: this view is beyond 1e{_MOST_DECADES} or below 1e-{_MOST_DECADES}.")
    return depth


def steps_of(text: object, where: str) -> tuple[int, list[str]]:
    """(limit, what is left out of it) of an iteration limit, which can be larger than deepzoom's largest.

    Raises InputError for anything but a whole number above zero.
    """
    number = parse_decimal(str(text).replace(",", "").replace("_", ""), where)
    if number.denominator != 1 or not 1 <= number <= 1 << 64:
        raise InputError(f"{where}: {shortened(str(text))!r} is not a whole number from 1 to {1 << 64:,}.")
    if number > MOST_STEPS:
        return MOST_STEPS, [f"iterations beyond {MOST_STEPS:,}"]
    return int(number), []


def number_of(text: object, where: str) -> float:
    """A small number as a float64: an angle, an amount. Raises InputError for a text that is none."""
    number = parse_decimal(str(text), where)
    if abs(number) > 10**15:
        raise InputError(f"{where}: {shortened(str(text))!r} is beyond 1e15.")
    return float(number)


@dataclass(frozen=True)
class Transform:
    """How a program turns and stretches its picture: first turned counter-clockwise, then stretched.

    The stretch is ``factor`` times along the direction ``along`` and 1/factor across it. turn, along: degrees, seen in
    a picture with y upward. down: whether the imaginary axis points down; the angles are then those of the picture
    before it is turned upside down.
    """

    turn: float = 0.0
    factor: float = 1.0
    along: float = 0.0
    down: bool = False


def view_of(
    x: Rational, y: Rational, height: Rational, size: tuple[int, int], transform: Transform, where: str
) -> View:
    """A view whose height is ``height`` before its transform. Raises InputError for too large a stretch."""
    factor, along = transform.factor, transform.along
    if factor < 1:
        factor, along = 1 / factor, along + 90.0
    if not factor**2 <= MOST_RATIO:
        raise InputError(f"{where}: the view is stretched more than {MOST_RATIO:.0e} times.")
    if factor == 1:
        shape, depth, digits = IDENTITY, height, _DIGITS
    else:
        shape, depth, digits = Shape.stretched(factor**2, along % 360.0), height / mpq(factor), _STRETCHED_DIGITS
    if transform.turn % 360.0:
        shape = shape.turned(transform.turn % 360.0)
    depth = rounded(depth, depth / mpq(10) ** digits)
    return View(x, y, depth, *size, flip=transform.down, shape=shape)


def listed(given: Iterable[tuple[bool, str]]) -> list[str]:
    """The phrases whose condition holds."""
    return [phrase for holds, phrase in given if holds]


def shortened(text: str) -> str:
    """A text short enough for an error message."""
    return text if len(text) <= 40 else f"{text[:20]}...{text[-10:]}"
