"""The Mandelbrot set and its higher powers (Multibrot sets): z' = z**power + c from z_0 = 0, the pixel being c."""

from __future__ import annotations

from ..formula.expression import Complex
from .escape_time import POWER, EscapeTimeMap


def step(z: Complex, c: Complex, power: int) -> Complex:
    return z**power + c


MANDELBROT = EscapeTimeMap("mandelbrot", "z**power + c", step, {"power": POWER})
