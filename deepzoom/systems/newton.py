"""Newton's method for a polynomial, z' = z - a p(z)/p'(z): the pixel is the start, and the roots attract it.

a is the relaxation. At a root the map's derivative is 1 - a. If a = 1, a step squares the distance to the root; else it
multiplies it by |1 - a|. If that is 1 or more, the root does not attract.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from deepzoom.coordinates import Rational, parse_decimal
from deepzoom.errors import InputError
from deepzoom.formula.critical import roots
from deepzoom.formula.expression import Complex

from .base import Setting
from .escape_time import NEAR, ORIGIN, EscapeTimeMap, Iteration, Z

MOST_DEGREE = 30


def newton(coefficients: tuple[Fraction, ...], z: Complex, relaxation: Complex) -> Complex:
    """A Newton step for the polynomial with these coefficients, highest power first."""
    value, slope = Complex.constant(coefficients[0]), Complex.constant(0)
    for a in coefficients[1:]:
        slope = slope * z + value
        value = value * z + a
    return z - relaxation * (value / slope)


def _roots(coefficients: tuple[Fraction, ...]) -> tuple[complex, ...]:
    """The roots in float64, by growing angle. Raises InputError if one is repeated."""
    found = roots([(k, Fraction(0)) for k in reversed(coefficients)])
    if len(found) < len(coefficients) - 1:
        raise InputError(
            "--set polynomial: the polynomial has a repeated root, where convergence is too slow; give another one."
        )
    return tuple(sorted(found, key=lambda r: (round(math.atan2(r.imag, r.real) % (2 * math.pi), 12), abs(r))))


def build(settings: Mapping[str, str]) -> Iteration:
    x, y = relaxation_of(settings)
    rate = math.hypot(1 - x, y)
    order = rate if rate >= NEAR else 2.0  # for a closer to 1, the square still dominates a step at the exit
    texts = [t.strip() for t in settings["polynomial"].split(",")]
    coefficients = [_fraction(parse_decimal(t, "--set polynomial")) for t in texts]
    while coefficients and coefficients[0] == 0:
        coefficients.pop(0)
    if not 3 <= len(coefficients) <= MOST_DEGREE + 1:
        raise InputError(
            f"--set polynomial: {settings['polynomial']!r} is of degree {max(0, len(coefficients) - 1)}; give the"
            f" coefficients of degree 2 to {MOST_DEGREE}, the highest first, such as 1,0,0,-1."
        )
    targets = _roots(tuple(coefficients))
    critical = Fraction(targets[0].real), Fraction(targets[0].imag)
    step = newton(tuple(coefficients), Z, Complex.constant(x, y))
    return Iteration(
        step, radius=math.inf, c=ORIGIN, critical=critical, origin=ORIGIN, targets=targets,
        order=order,
    )  # fmt: skip


def _fraction(value: Rational) -> Fraction:
    return Fraction(int(value.numerator), int(value.denominator))


def relaxation_of(settings: Mapping[str, str]) -> tuple[Fraction, Fraction]:
    """The relaxation a. Raises InputError if it makes no root attract."""
    x, y = (_fraction(parse_decimal(settings[name], f"--set {name}")) for name in ("relaxation", "relaxationy"))
    rate = math.sqrt((1 - x) ** 2 + y**2) if abs(1 - x) < 2 and abs(y) < 2 else math.inf
    if not rate < 1:
        raise InputError(
            f"--set relaxation: {settings['relaxation']} + {settings['relaxationy']}i is 1 or more away from 1, so no"
            " root attracts; give a value such as 0.5 or 1.5."
        )
    return x, y


NEWTON = EscapeTimeMap(
    "newton",
    "z - a p(z)/p'(z)",
    build,
    {
        "polynomial": Setting("1,0,0,-1", "coefficients of p, highest power first"),
        "relaxation": Setting("1", "real part of a; |1 - a| must be below 1"),
        "relaxationy": Setting("0", "imaginary part of a"),
    },
    1000,
)
