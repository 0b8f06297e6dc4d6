"""GIMP's gradients (.ggr): segments of a line, each with two colours and a way to blend them.

"GIMP Gradient", perhaps "Name: ...", the number of segments, and for each "left middle right", two colours "r g b a",
the blending (0 to 5) and the colours' space (0 RGB, 1 and 2 HSV). Blending: app/core/gimpgradient.c of GIMP. Opacity is
ignored.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from dataclasses import dataclass

from deepzoom.errors import InputError

from .gradients import Rgb, mixed, sampled
from .place import shortened

_MOST_SEGMENTS = 10_000
_TINY = 1e-10


@dataclass(frozen=True)
class _Segment:
    left: float
    middle: float
    right: float
    near: Rgb
    far: Rgb
    blending: int
    space: int

    def colour(self, place: float) -> Rgb:
        """The colour at a place inside."""
        length = self.right - self.left
        at, middle = (0.5, 0.5) if length < _TINY else ((p - self.left) / length for p in (place, self.middle))
        share = _share(self.blending, middle, at)
        if self.space == 0:
            return mixed(self.near, self.far, share)
        near, far = (colorsys.rgb_to_hsv(*c) for c in (self.near, self.far))
        turn = (far[0] - near[0]) % 1.0 if self.space == 1 else -((near[0] - far[0]) % 1.0)
        if near[0] == far[0]:
            turn = 1.0 if self.space == 1 else -1.0
        _, saturation, value = mixed(near, far, share)
        return colorsys.hsv_to_rgb((near[0] + turn * share) % 1.0, saturation, value)


def _share(blending: int, middle: float, at: float) -> float:
    """How far a colour has gone from the left one to the right one; half of the way lies at ``middle``."""
    if blending == 1:
        return 0.0 if at <= 0 else at ** (math.log(0.5) / math.log(min(max(middle, _TINY), 1 - _TINY)))
    if blending == 5:
        return float(at >= middle)
    if at <= middle:
        even = 0.0 if middle < _TINY else 0.5 * at / middle
    else:
        even = 1.0 if 1 - middle < _TINY else 0.5 + 0.5 * (at - middle) / (1 - middle)
    if blending == 2:
        return (1 - math.cos(math.pi * even)) / 2
    if blending == 3:
        return math.sqrt(1 - (even - 1) ** 2)
    return 1 - math.sqrt(1 - even**2) if blending == 4 else even


def colours(text: str, where: str) -> tuple[str, ...]:
    """The colours of a .ggr file, evenly spaced. Raises InputError where it is broken."""
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].strip() != "GIMP Gradient":
        raise InputError(f"{where} is not a GIMP gradient: its first line is not 'GIMP Gradient'.")
    rest = [line for line in lines[1:] if line.strip() and not line.startswith("Name:")]
    count = rest[0].strip() if rest else ""
    if not (count.isascii() and count.isdecimal() and len(count) < 6 and 1 <= int(count) <= _MOST_SEGMENTS):
        raise InputError(f"{where}: {shortened(count)!r} is not the number of segments, from 1 to {_MOST_SEGMENTS:,}.")
    if len(rest) < 1 + int(count):
        raise InputError(f"{where} has {len(rest) - 1} segments instead of {count}.")
    segments = [_segment(line, f"{where}, segment {k}") for k, line in enumerate(rest[1 : 1 + int(count)], 1)]
    return sampled(lambda place: _colour(segments, place))


def _colour(segments: Sequence[_Segment], place: float) -> Rgb:
    found = next((s for s in segments if place <= s.right), segments[-1])
    return found.colour(min(max(place, found.left), found.right))


def _segment(line: str, where: str) -> _Segment:
    try:
        left, middle, right, *rgba, blending, space = (float(t) for t in line.split()[:13])
        (r0, g0, b0, _), (r1, g1, b1, _) = rgba[:4], rgba[4:]
    except ValueError:
        raise InputError(f"{where}: {shortened(line)!r} is not 13 numbers.") from None
    if not (left <= middle <= right and blending in range(6) and space in range(3)):
        raise InputError(f"{where}: {shortened(line)!r} is not three places in order, two colours and two kinds.")
    if not all(0 <= level <= 1 for level in (left, right, r0, g0, b0, r1, g1, b1)):
        raise InputError(f"{where}: {shortened(line)!r} has a number that is not from 0 to 1.")
    return _Segment(left, middle, right, (r0, g0, b0), (r1, g1, b1), int(blending), int(space))
