"""Julia sets of z**power + c: the same step as the Mandelbrot set, but the pixel is the start z_0."""

from __future__ import annotations

from collections.abc import Mapping

from .base import Setting
from .escape_time import POWER, C, EscapeTimeMap, Iteration, Z, point_of, power_of
from .mandelbrot import step


def build(settings: Mapping[str, str]) -> Iteration:
    power, c = power_of(settings), point_of(settings, "c")
    radius = max(2.0, float(c[0] ** 2 + c[1] ** 2) ** 0.5)
    return Iteration(step(Z, C, power), float(power), radius=radius, c=c)


JULIA = EscapeTimeMap(
    "julia",
    "z**power + c, the pixel being z",
    build,
    {"power": POWER, "cx": Setting("-0.8", "real part of c"), "cy": Setting("0.156", "imaginary part of c")},
)
