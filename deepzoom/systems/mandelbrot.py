"""The Mandelbrot set and its higher powers (Multibrot sets): z' = z**power + c from z_0 = 0; the pixel is c."""

from __future__ import annotations

from collections.abc import Mapping

from deepzoom.formula.expression import Complex

from .escape_time import POWER, C, EscapeTimeMap, Iteration, Z, power_of


def step(z: Complex, c: Complex, power: int) -> Complex:
    return z**power + c


def build(settings: Mapping[str, str]) -> Iteration:
    power = power_of(settings)
    return Iteration(step(Z, C, power), float(power))


MANDELBROT = EscapeTimeMap("mandelbrot", "z**power + c", build, {"power": POWER})
