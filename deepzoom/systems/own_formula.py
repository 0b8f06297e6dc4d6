"""A formula of the user's, given as text: z' = f(z, c) from z_0, the pixel being c."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..coordinates import parse_decimal
from ..errors import InputError
from ..formula import source
from ..formula.expression import Complex, parse
from .base import Setting
from .escape_time import EscapeTimeMap, Iteration, point_of


def growth(f: Complex) -> tuple[float, float]:
    """(degree, gain) of f far out, from its values at two radii; (2, 1) where it does not grow like a power."""
    space: dict[str, object] = dict(source.FLOAT_FUNCTIONS)
    exec(source.value(f), space)
    try:
        sizes = [math.hypot(*space["value"](r * 0.8, r * 0.6, 0.1, 0.1)) for r in (1e8, 1e16)]  # type: ignore[operator]
        degree = (math.log(sizes[1]) - math.log(sizes[0])) / math.log(1e8)
    except (ValueError, OverflowError, ZeroDivisionError):
        return 2.0, 1.0
    if degree < 1.5 or abs(degree - round(degree)) > 0.01:
        return 2.0, 1.0
    return float(round(degree)), sizes[0] / 1e8 ** round(degree)


def iteration(f: Complex, settings: Mapping[str, str]) -> Iteration:
    """f with the settings ``z0x``, ``z0y`` and ``radius``."""
    radius = float(parse_decimal(settings["radius"], "--set radius"))
    if not 1 <= radius <= 1e10:
        raise InputError(f"--set radius: {settings['radius']} is not from 1 to 1e10.")
    start = point_of(settings, "z0")
    degree, gain = growth(f)
    return Iteration(f, degree, gain, radius, start=start, critical=start)


def build(settings: Mapping[str, str]) -> Iteration:
    return iteration(parse(settings["formula"]), settings)


OWN_FORMULA = EscapeTimeMap(
    "formula",
    "a formula of z and c of your own (--formula)",
    build,
    {
        "formula": Setting("z**2 + c", "next z, of z, c, i, numbers, + - * / **, re im conj fold abs exp sin cos"),
        "z0x": Setting("0", "real part of z_0, best a critical point of the formula"),
        "z0y": Setting("0", "imaginary part of z_0"),
        "radius": Setting("100", "beyond which z has escaped"),
    },
)  # fmt: skip
