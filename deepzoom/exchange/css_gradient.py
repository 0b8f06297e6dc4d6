"""CSS gradients: the first ``...-gradient(...)`` of a text, such as ``linear-gradient(90deg, navy, #fff 30%, gold)``.

Direction and opacity are ignored. Colours are blended in sRGB, as CSS does by default; places are percentages.
"""

from __future__ import annotations

import colorsys
import math
import re

from deepzoom.errors import InputError

from .gradients import Rgb, between, sampled
from .place import shortened

_BEGIN = re.compile(r"(?:repeating-)?(?:linear|radial|conic)-gradient\(", re.IGNORECASE)
_DIRECTION = re.compile(
    r"(to|from|at|in)\s|circle|ellipse|closest-|farthest-|-?[\d.]+(deg|turn|g?rad)\b", re.IGNORECASE
)
_STOP = re.compile(r"(#[0-9a-f]+|[a-z]+\([^()]*\)|[a-z]+)((?:\s+-?[\d.]+%|\s+0){0,2})", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d*\.?\d+")


def is_gradient(text: str) -> bool:
    """Whether a text has a gradient."""
    return _BEGIN.search(text) is not None


def colours(text: str, where: str) -> tuple[str, ...]:
    """The colours of the first gradient of a text, evenly spaced. Raises InputError where it is broken."""
    parts = _parts(text, where)
    if parts and _DIRECTION.match(parts[0]):
        if " in " in f" {parts[0]} " and not parts[0].endswith("in srgb"):
            raise InputError(
                f"{where}: {shortened(parts[0])!r} asks for another blending than sRGB, which alone is read."
            )
        parts = parts[1:]
    places: list[float | None] = []
    found: list[Rgb] = []
    for part in parts:
        match = _STOP.fullmatch(part)
        if match is None:
            raise InputError(
                f"{where}: {shortened(part)!r} is not a colour with places in percent, such as '#fff 30%'."
            )
        at = [float(t.rstrip("%")) / 100 for t in match[2].split()]
        found += [_colour(match[1], where)] * max(1, len(at))
        places += at or [None]
    if len(found) < 2:
        raise InputError(f"{where}: a gradient needs two colours or more.")
    stops = list(zip(_spread(places), found, strict=True))
    return sampled(lambda place: between(stops, place))


def _parts(text: str, where: str) -> list[str]:
    """What stands between the outer commas of the first gradient."""
    begin = _BEGIN.search(text)
    if begin is None:
        raise InputError(f"{where} has no gradient such as linear-gradient(navy, gold).")
    parts, depth = [""], 1
    for letter in text[begin.end() :]:
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return [re.sub(r"\s+", " ", p).strip() for p in parts]
        if letter == "," and depth == 1:
            parts.append("")
        else:
            parts[-1] += letter
    raise InputError(f"{where}: the gradient has no closing bracket.")


def _spread(places: list[float | None]) -> list[float]:
    """Places for all stops: those without one lie evenly between their neighbours, and none before an earlier one."""
    given = list(places)
    given[0] = given[0] or 0.0
    given[-1] = 1.0 if given[-1] is None else given[-1]
    most = -math.inf
    for k, place in enumerate(given):
        if place is not None:
            most = given[k] = max(most, place)
    result: list[float] = []
    for k, place in enumerate(given):
        if place is not None:
            result.append(place)
            continue
        after, right = next((j, p) for j, p in enumerate(given) if j > k and p is not None)
        result.append(result[-1] + (right - result[-1]) / (after - k + 1))
    return result


def _colour(text: str, where: str) -> Rgb:
    name, bracket, inside = text.lower().partition("(")
    if bracket and name in ("rgb", "rgba", "hsl", "hsla"):
        values = re.split(r"[\s,/]+", inside.rstrip(")").strip())
        if len(values) in (3, 4) and all(_NUMBER.fullmatch(v.removesuffix("deg").rstrip("%")) for v in values):
            first, second, third = (_level(v) for v in values[:3])
            if name.startswith("hsl"):
                hue = float(values[0].removesuffix("deg").rstrip("%")) / 360 % 1.0
                return colorsys.hls_to_rgb(hue, third, second)
            return first, second, third
    elif not bracket:
        from matplotlib.colors import to_rgb  # CSS's names are those of matplotlib

        try:
            red, green, blue = to_rgb(text[:4] if re.fullmatch("#[0-9a-fA-F]{4}", text) else text.lower())
            return float(red), float(green), float(blue)
        except ValueError:
            pass
    raise InputError(
        f"{where}: {shortened(text)!r} is not a colour such as navy, #0040ff, rgb(0 64 255) or hsl(225 100% 50%)."
    )


def _level(text: str) -> float:
    """A level from 0 to 1, from a percentage or a number to 255."""
    number = float(text.removesuffix("deg").rstrip("%"))
    return min(1.0, max(0.0, number / (100 if text.endswith("%") else 255)))
