"""The path of a film from a file: way-points in depth, the time between them, and how the speed changes on the way."""

from __future__ import annotations

import math
import tomllib
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from deepzoom.coordinates import Rational, log2, parse_decimal
from deepzoom.errors import InputError

EASES: dict[str, Callable[[float], float]] = {
    "none": lambda t: t,
    "in": lambda t: t * t,
    "out": lambda t: 1 - (1 - t) * (1 - t),
    "both": lambda t: t * t * (3 - 2 * t),
}
"""The share of the way, in the logarithm of the depth, after the share t of the time between two way-points."""
_KEYS = ("depth", "seconds", "speed", "ease")
_MOST_SECONDS = 1e6
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class WayPoint:
    """A depth, and how a film gets there from the way-point before: in how many seconds, with which of ``EASES``."""

    depth: Rational
    seconds: float = 0.0
    ease: str = "none"


@dataclass(frozen=True)
class WayPoints:
    """Way-points in order, at least two, and not all at one depth."""

    points: tuple[WayPoint, ...]

    @property
    def begin(self) -> Rational:
        """The largest depth."""
        return max(p.depth for p in self.points)

    @property
    def end(self) -> Rational:
        """The smallest depth."""
        return min(p.depth for p in self.points)

    @property
    def seconds(self) -> float:
        """The length of the film."""
        return math.fsum(p.seconds for p in self.points)

    def shares(self, frames: int) -> tuple[float, ...]:
        """Where each frame lies between the largest depth, 0, and the smallest, 1, evenly in the logarithm.

        The first frame is at the first way-point, and the last frame at the last.
        """
        top, octaves = log2(self.begin), log2(self.begin) - log2(self.end)
        at = [(top - log2(p.depth)) / octaves for p in self.points]
        until = list(accumulate(p.seconds for p in self.points))
        found = []
        for number in range(frames):
            now = until[-1] * number / (frames - 1)
            k = min(bisect_right(until, now), len(until) - 1)  # the way-point ahead
            length = self.points[k].seconds
            passed = min(1.0, (now - until[k - 1]) / length) if length > 0 else 1.0
            found.append(at[k - 1] + (at[k] - at[k - 1]) * EASES[self.points[k].ease](passed))
        return tuple(found)


def read(path: Path) -> WayPoints:
    """The way-points of a TOML file, an array of tables ``[[waypoint]]``; docs/films.md describes it.

    Raises InputError (--path) for a file that is missing or broken.
    """
    try:
        text = path.read_bytes()[: _MOST_BYTES + 1].decode()
        tables = tomllib.loads(text)
    except OSError as error:
        raise InputError(f"--path: {path} cannot be read ({(error.strerror or 'no').lower()}).") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"--path: {path} is not TOML: {' '.join(str(error).split())[:200]}.") from None
    found = tables.get("waypoint")
    if set(tables) != {"waypoint"} or not isinstance(found, list) or not all(isinstance(t, dict) for t in found):
        raise InputError(f"--path: {path} must hold tables [[waypoint]], and nothing else.")
    points: list[WayPoint] = []
    for number, table in enumerate(found, 1):
        points.append(_point(table, points[-1] if points else None, f"--path: {path}: way-point {number}"))
    if len(points) < 2 or len({p.depth for p in points}) < 2:
        raise InputError(f"--path: {path} needs two way-points of different depths.")
    made = WayPoints(tuple(points))
    if not made.seconds < _MOST_SECONDS:
        raise InputError(f"--path: {path} takes {made.seconds:g} seconds; at most {_MOST_SECONDS:,.0f} are supported.")
    return made


def _point(table: Mapping[str, Any], before: WayPoint | None, where: str) -> WayPoint:
    unknown = sorted(set(table) - set(_KEYS))
    if unknown:
        raise InputError(f"{where} has {unknown[0]!r}; it can have {', '.join(_KEYS)}.")
    if isinstance(table.get("depth"), bool) or not isinstance(table.get("depth"), (str, int, float)):
        raise InputError(f'{where} needs a depth, such as depth = "1e-20".')
    depth = parse_decimal(str(table["depth"]), f"{where}: depth")
    if depth <= 0:
        raise InputError(f"{where}: depth {table['depth']} is not above zero.")
    timed = [k for k in ("seconds", "speed", "ease") if k in table]
    if before is None:
        if timed:
            raise InputError(f"{where} has {timed[0]}, but it is where the film begins: give it a depth alone.")
        return WayPoint(depth)
    if ("seconds" in table) == ("speed" in table):
        raise InputError(f"{where} needs either seconds or speed, in halvings of the depth per second.")
    value = table.get("seconds", table.get("speed"))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < _MOST_SECONDS:
        raise InputError(f"{where}: {timed[0]} {str(value)[:40]} is not a number above zero.")
    seconds = float(value)
    if "speed" in table:
        if depth == before.depth:
            raise InputError(f"{where} stays at its depth, so it needs seconds, not speed.")
        seconds = abs(log2(before.depth) - log2(depth)) / value
    ease = table.get("ease", "none")
    if ease not in EASES:
        raise InputError(f"{where}: ease {str(ease)[:40]!r} is not one of {', '.join(EASES)}.")
    return WayPoint(depth, seconds, ease)
