"""The path of a film from a file: way-points, the time between them, and how the speed changes on the way.

Way-points with the same centre are a zoom. A way-point with another centre begins the next zoom; the film moves there
at one depth.
"""

from __future__ import annotations

import math
import tomllib
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby
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
_KEYS = ("depth", "center", "seconds", "speed", "ease")
_MOST_SECONDS = 1e6
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class WayPoint:
    """A depth, and how a film gets there from the way-point before: in how many seconds, with which of ``EASES``.

    center: exact (x, y); None for that of the film's own view.
    """

    depth: Rational
    seconds: float = 0.0
    ease: str = "none"
    center: tuple[Rational, Rational] | None = None


@dataclass(frozen=True)
class WayPoints:
    """Way-points in order, at least two, and not all at one depth."""

    points: tuple[WayPoint, ...]

    @property
    def seconds(self) -> float:
        """The length of the film."""
        return math.fsum(p.seconds for p in self.points)

    @cached_property
    def zooms(self) -> tuple[WayPoints, ...]:
        """The way-points of each centre in turn."""
        return tuple(WayPoints(tuple(points)) for _, points in groupby(self.points, lambda p: p.center))

    @property
    def begin(self) -> Rational:
        """The largest depth."""
        return max(p.depth for p in self.points)

    @property
    def end(self) -> Rational:
        """The smallest depth."""
        return min(p.depth for p in self.points)

    def shots(self, frames: int) -> tuple[tuple[int, float], ...]:
        """(part, share) of each frame; parts are the first zoom, the move to the next centre, that zoom, and so on.

        In a zoom, the share is where the frame lies between its largest depth, 0, and its smallest, 1, evenly in the
        logarithm. In a move, it is the share of the way. The first frame is at the first way-point, and the last frame
        at the last.
        """
        part = [2 * k for k, zoom in enumerate(self.zooms) for _ in zoom.points]
        at = [_share(p.depth, zoom) for zoom in self.zooms for p in zoom.points]
        until = list(accumulate(p.seconds for p in self.points))
        found = []
        for number in range(frames):
            now = until[-1] * number / (frames - 1)
            k = min(bisect_right(until, now), len(until) - 1)  # the way-point ahead
            length = self.points[k].seconds
            passed = min(1.0, (now - until[k - 1]) / length) if length > 0 else 1.0
            eased = EASES[self.points[k].ease](passed)
            if part[k] == part[k - 1]:
                found.append((part[k], at[k - 1] + (at[k] - at[k - 1]) * eased))
            else:
                found.append((part[k] - 1, eased))
        return tuple(found)


def _share(depth: Rational, zoom: WayPoints) -> float:
    top, octaves = log2(zoom.begin), log2(zoom.begin) - log2(zoom.end)
    return (top - log2(depth)) / octaves if octaves > 0 else 0.0


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
    if len({(p.depth, p.center) for p in points}) < 2:
        raise InputError(f"--path: {path} needs two way-points of different depths or centres.")
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
    center = None if before is None else before.center
    if "center" in table:
        center = _center(table["center"], where)
    timed = [k for k in ("seconds", "speed", "ease") if k in table]
    if before is None:
        if timed:
            raise InputError(f"{where} has {timed[0]}, but it is where the film begins: give it a depth and a centre.")
        return WayPoint(depth, center=center)
    if center != before.center and depth != before.depth:
        raise InputError(
            f"{where} has another centre, so it needs the depth of the way-point before; the film moves at one depth."
        )
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
    return WayPoint(depth, seconds, ease, center)


def _center(value: object, where: str) -> tuple[Rational, Rational]:
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(v, str) for v in value):
        raise InputError(f'{where}: center needs two texts, such as center = ["-1.25", "0.1"].')
    x, y = (parse_decimal(v, f"{where}: center") for v in value)
    return x, y
