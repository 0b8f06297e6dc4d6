"""Julia sets of z**power + c: the Mandelbrot set's step, the pixel being the start z_0."""

from __future__ import annotations

from .base import Setting
from .escape_time import POWER, EscapeTimeMap
from .mandelbrot import step

JULIA = EscapeTimeMap(
    "julia",
    "z**power + c, the pixel being z",
    step,
    {"power": POWER, "cx": Setting("-0.8", "real part of c"), "cy": Setting("0.156", "imaginary part of c")},
    julia=True,
)
