"""How small the differences are that float64 is used for; smaller ones carry exponents (floatexp)."""

from __future__ import annotations

from deepzoom.formula.taylor import degree, least_exponent
from deepzoom.reference.precision import moves_steadily
from deepzoom.systems.escape_time import Iteration

LEAST = -900
"""log2 of the smallest differences of pixels for which float64 is ever used."""


def least(iteration: Iteration) -> int:
    """log2 of a pixel's distance from the centre below which differences carry exponents.

    Where pixels are starting points, a step close to a critical point raises a difference to a power; where pixels are
    c, each step adds the difference of c to it.
    """
    formulas = [step.formula for step in iteration.turns]
    exponent = max(map(least_exponent, formulas))
    return max(LEAST, exponent * min(map(degree, formulas)) if moves_steadily(iteration) else exponent)
