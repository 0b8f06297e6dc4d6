"""Ultra Fractal's gradients (.ugr), which JWildfire and Apophysis use too: colours at places of a ring of 400.

``NAME { gradient: title="..." smooth=no index=0 color=B*65536+G*256+R index=... opacity: ... }``. deepzoom takes the
first gradient of a file and blends its colours evenly, also where it says ``smooth=yes``; it ignores opacity.
"""

from __future__ import annotations

import re

from deepzoom.errors import InputError

from .gradients import COUNT, Rgb, between, sampled

RING = 400
_GRADIENT = re.compile(r"\{\s*gradient:(.*?)(?:opacity:|\})", re.DOTALL)
_STOP = re.compile(r"\bindex\s*=\s*(-?\d{1,6})\s+color\s*=\s*(\d{1,9})\b", re.ASCII)


def colours(text: str, where: str) -> tuple[str, ...]:
    """The colours of a file's first gradient, evenly spaced around the ring, which ends where it begins.

    Raises InputError if there is none.
    """
    body = _GRADIENT.search(text)
    found = [(int(i) % RING, int(c)) for i, c in _STOP.findall(body[1])] if body is not None else []
    if not found:
        raise InputError(f"{where} has no gradient of Ultra Fractal: no 'gradient:' with 'index=... color=...'.")
    wrong = next((c for _, c in found if c > 0xFFFFFF), None)
    if wrong is not None:
        raise InputError(f"{where}: color={wrong} is not a colour, blue * 65536 + green * 256 + red.")
    stops: list[tuple[float, Rgb]] = sorted((float(index), _rgb(colour)) for index, colour in found)
    around = [(stops[-1][0] - RING, stops[-1][1]), *stops, (stops[0][0] + RING, stops[0][1])]
    return sampled(lambda place: between(around, place % 1.0 * RING), COUNT + 1)


def _rgb(colour: int) -> Rgb:
    return (colour & 255) / 255, (colour >> 8 & 255) / 255, (colour >> 16) / 255
