"""Colours of Kalles Fraktaler, in .kfr and .kfp files: key colours of a palette that repeats.

The program spreads the keys over a cycle of 1024 places, blends them by half a cosine, and colours the count n by the
place n/IterDiv + ColorOffset. The numbers of a key stand in the order blue, green, red.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from deepzoom.errors import InputError
from deepzoom.scene.colours import Colouring

from .place import number_of

CYCLE = 1024
_MOST_KEYS = 1024
_PER_KEY = 16
_DISTANCE = 5, 6, 7, 8
_METHODS = {
    1: "the square root of the count", 2: "the cube root of the count", 3: "the logarithm of the count",
    4: "stretched counts", 5: "the distance", 6: "the distance and the count", 7: "the logarithm of the distance",
    8: "the square root of the distance", 9: "the logarithm of the logarithm of the count",
    10: "the arc tangent of the count", 11: "the fourth root of the count",
}  # fmt: skip
KEYS = frozenset({
    "Colors", "InteriorColor", "IterDiv", "ColorOffset", "ColorMethod", "ColorPhaseStrength", "Differences", "Slopes",
    "SlopePower", "SlopeRatio", "SlopeAngle", "Smooth", "Flat", "InvTransition", "MultiColor", "BlendMC", "MultiColors",
    "TextureEnabled", "UseOpenGL",
})  # fmt: skip


@dataclass(frozen=True)
class Colours:
    """``#rrggbb`` colours of one cycle, ending where it begins; how many counts that takes; and what goes with them.

    cycle: None where the program does not colour by the count itself.
    """

    row: tuple[str, ...]
    cycle: float | None
    by: str = "rank"
    slope: float | None = None
    interior: str = "#000000"

    def colouring(self) -> Colouring:
        """These colours as those of a scene."""
        cycle = Colouring.cycle if self.cycle is None else self.cycle
        return Colouring(self.by, cycle, self.slope, self.interior, self.row)


def colours(keys: Mapping[str, str], where: str) -> Colours | None:
    """The colours of a file; None if it has none. Raises InputError for broken ones."""
    if not keys.get("Colors"):
        return None
    found = _triples(keys["Colors"], f"{where}: Colors")
    if not 1 <= len(found) <= _MOST_KEYS:
        raise InputError(f"{where}: Colors has {len(found):,} colours; {_MOST_KEYS} are the most.")
    shortest = _period(found)
    share = shortest / len(found)
    offset = _number(keys, "ColorOffset", "0", where) / CYCLE / share % 1.0
    divisor, method = _number(keys, "IterDiv", "1", where), _number(keys, "ColorMethod", "0", where)
    cycle = CYCLE * divisor * share
    interior = _triples(keys.get("InteriorColor") or "0,0,0", f"{where}: InteriorColor")[:1]
    slope = None
    if _number(keys, "Slopes", "0", where):
        slope = (180.0 - _number(keys, "SlopeAngle", "45", where)) % 360.0
    by_count = method == 0 and cycle > 0
    by = "cyclic" if by_count else "distance" if method in _DISTANCE else "rank"
    return Colours(_blended(found[:shortest], offset), cycle if by_count else None, by, slope, _hex(interior[0]))


def left_out(keys: Mapping[str, str]) -> list[str]:
    """What of a file's colours a scene has no room for."""
    if not keys.get("Colors"):
        return []
    on = {k for k in KEYS if keys.get(k, "0").strip() not in ("", "0", "0.0", "0.000000")}
    method = keys.get("ColorMethod", "0")
    found = []
    if method.isdecimal() and int(method) in _METHODS:
        used = "its own scale of the distance" if int(method) in _DISTANCE else "the rank of the count"
        found.append(f"colours by {_METHODS[int(method)]} and IterDiv (deepzoom uses {used})")
    if "Slopes" in on:
        found.append("the strength of slopes")
    phrases = {
        "ColorPhaseStrength": "colours by phase", "Flat": "flat bands", "InvTransition": "inverse transitions",
        "MultiColor": "infinite waves", "TextureEnabled": "the texture", "UseOpenGL": "the GLSL program of the colours",
    }  # fmt: skip
    found += [phrase for key, phrase in phrases.items() if key in on]
    if keys.get("Smooth", "1") == "0":
        found.append("counts without fractions")
    return found


def _triples(text: str, where: str) -> list[tuple[int, int, int]]:
    """(red, green, blue) of a list of numbers in the order blue, green, red; a comma may end it."""
    texts = [t.strip() for t in text.strip().rstrip(",").split(",")] if len(text) <= 100_000 else []
    numbers = [int(t) if t.isascii() and t.isdecimal() and len(t) < 4 else -1 for t in texts]
    if not numbers or len(numbers) % 3 or any(not 0 <= n <= 255 for n in numbers):
        raise InputError(f"{where}: these are not colours, each three numbers from 0 to 255.")
    return [(numbers[k + 2], numbers[k + 1], numbers[k]) for k in range(0, len(numbers), 3)]


def _period(row: list[tuple[int, int, int]]) -> int:
    """After how many colours a row repeats, if it is one part repeated; else its length."""
    return next(p for p in range(1, len(row) + 1) if len(row) % p == 0 and row == row[:p] * (len(row) // p))


def _blended(row: list[tuple[int, int, int]], offset: float) -> tuple[str, ...]:
    """One cycle of a palette that begins a share of a cycle after its first key; it ends where it begins.

    Evenly spaced colours, which deepzoom blends evenly: with 16 for each key, they follow the half cosine to within a
    colour level. offset: from 0 to below 1.
    """
    count = len(row)
    if count == 1:
        return (_hex(row[0]),)
    steps = count * max(1, min(_PER_KEY, _MOST_KEYS // count))
    result = []
    for k in range(steps + 1):
        key, part = divmod((k / steps + offset) % 1.0 * count, 1.0)
        share = (1 - math.cos(math.pi * part)) / 2
        near, far = row[int(key) % count], row[(int(key) + 1) % count]
        result.append(_hex(tuple(round(a + (b - a) * share) for a, b in zip(near, far, strict=True))))
    return tuple(result)


def _hex(colour: tuple[int, ...]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _number(keys: Mapping[str, str], key: str, default: str, where: str) -> float:
    return number_of(keys.get(key) or default, f"{where}: {key}")
