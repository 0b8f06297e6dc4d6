"""Nova (Paul Derbyshire): Newton's method for z**power - 1, with c added in every step; the pixel is c.

z' = z - a (z**power - 1)/(power z**(power - 1)) + c from z_0 = 1, which is a root and, if a = 1, a critical point of
the step. The attractor depends on c, so an orbit ends where it stands still.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from deepzoom.formula.expression import Complex

from .base import Setting
from .escape_time import POWER, C, EscapeTimeMap, Iteration, Z, power_of
from .newton import newton, relaxation_of

STILL = 1e-4
"""An orbit has ended when |z_n - z_(n-1)| is below this, far shorter than chance steps near a repelling point."""


def build(settings: Mapping[str, str]) -> Iteration:
    power = power_of(settings)
    relaxation = Complex.constant(*relaxation_of(settings))
    coefficients = (Fraction(1), *(Fraction(0) for _ in range(power - 1)), Fraction(-1))
    one = Fraction(1), Fraction(0)
    step = newton(coefficients, Z, relaxation) + C
    return Iteration(step, radius=math.inf, start=one, critical=one, still=STILL)


NOVA = EscapeTimeMap(
    "nova",
    "z - a (z**power - 1)/(power z**(power - 1)) + c",
    build,
    {
        "power": Setting("3", POWER.meaning),
        "relaxation": Setting("1", "real part of a; |1 - a| must be below 1"),
        "relaxationy": Setting("0", "imaginary part of a"),
    },
    1000,
)
