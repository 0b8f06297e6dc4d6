"""Formulas that the user gives as text: z' = f(z, c) from z_0, or several that take turns; the pixel is c."""

from __future__ import annotations

import math
from collections.abc import Mapping

import gmpy2

from deepzoom.coordinates import parse_decimal
from deepzoom.errors import InputError
from deepzoom.formula.exact import exact_map
from deepzoom.formula.expression import Complex
from deepzoom.formula.turns import Turns, parse_turns

from .base import Setting
from .escape_time import EscapeTimeMap, Iteration, Step, point_of

_BITS = 200  # enough that rounding of the highest power does not hide the lower ones


def growth(f: Complex) -> tuple[float, float]:
    """(degree, gain) of f far out, from its values at two radii; (2, 1) if it does not grow like a power of z."""
    value = exact_map(f, _BITS)[0]
    with gmpy2.context(precision=_BITS):
        near, far = (gmpy2.hypot(*value(*map(gmpy2.mpfr, (r * 0.8, r * 0.6, 0.1, 0.1)))) for r in (1e8, 1e16))
        if not (gmpy2.is_finite(near) and gmpy2.is_finite(far) and near > 0 and far > 0):
            return 2.0, 1.0
        degree = float(gmpy2.log(far / near) / gmpy2.log(gmpy2.mpfr(1e8)))
        gain = float(near / gmpy2.mpfr(1e8) ** round(degree))
    if degree < 1.5 or abs(degree - round(degree)) > 0.01 or not 0 < gain < math.inf:
        return 2.0, 1.0
    return float(round(degree)), gain


def iteration(turns: Turns, settings: Mapping[str, str]) -> Iteration:
    """The iteration of formulas that take turns, with the settings ``z0x``, ``z0y`` and ``radius``."""
    radius = parse_decimal(settings["radius"], "--set radius")
    if not 1 <= radius <= 10**10:
        raise InputError(f"--set radius: {settings['radius']} is not from 1 to 1e10.")
    start = point_of(settings, "z0")
    grown = {id(f): growth(f) for f in turns.formulas}
    first, *further = (Step(f, *grown[id(f)]) for f in turns.formulas)
    return Iteration(
        first.formula, first.degree, first.gain, float(radius),
        start=start, critical=start, further=tuple(further), loop=turns.loop,
    )  # fmt: skip


def build(settings: Mapping[str, str]) -> Iteration:
    return iteration(parse_turns(settings["formula"]), settings)


OWN_FORMULA = EscapeTimeMap(
    "formula",
    "a formula of z and c of your own (--formula)",
    build,
    {
        "formula": Setting(
            "z**2 + c",
            "next z: z, x, y, c, i, numbers, + - * / ** and re im conj fold abs exp sin cos; several take turns with ;"
            " between them, counts in braces, and loop: where it begins again",
        ),
        "z0x": Setting("0", "real part of the start z_0, which should be a critical point of the formula"),
        "z0y": Setting("0", "imaginary part of z_0"),
        "radius": Setting("100", "z has escaped when |z| is larger than this"),
    },
)  # fmt: skip
