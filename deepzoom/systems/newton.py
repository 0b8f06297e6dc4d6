"""Newton's method for a polynomial, z' = z - p(z)/p'(z): the pixel is the start, and the roots draw it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from ..coordinates import parse_decimal
from ..errors import InputError
from ..formula.expression import Complex
from .base import Setting
from .escape_time import ORIGIN, C, EscapeTimeMap, Iteration, Z

MOST_DEGREE = 30


def newton(coefficients: tuple[Fraction, ...], z: Complex, c: Complex) -> Complex:
    """A step for the polynomial of these coefficients, the highest power's first (c has no part in it)."""
    value, slope = Complex.constant(coefficients[0]), Complex.constant(0)
    for a in coefficients[1:]:
        slope = slope * z + value
        value = value * z + a
    return z - value / slope


def _roots(coefficients: tuple[Fraction, ...]) -> tuple[complex, ...]:
    """Roots to float64 (python-flint's ball arithmetic isolates them); InputError where one is repeated."""
    import flint

    p = flint.fmpq_poly([flint.fmpq(a.numerator, a.denominator) for a in reversed(coefficients)])
    if p.gcd(p.derivative()).degree() > 0:
        raise InputError("--set polynomial: it has a repeated root, to which Newton's method converges too slowly.")
    roots = [complex(root) for root, _ in flint.fmpz_poly(list((p * p.denom()).numer())).complex_roots()]
    return tuple(sorted(roots, key=lambda r: (round(math.atan2(r.imag, r.real) % (2 * math.pi), 12), abs(r))))


def build(settings: Mapping[str, str]) -> Iteration:
    texts = [t.strip() for t in settings["polynomial"].split(",")]
    coefficients = [Fraction(int(v.numerator), int(v.denominator)) for t in texts if (v := _number(t)) is not None]
    while coefficients and coefficients[0] == 0:
        coefficients.pop(0)
    if not 3 <= len(coefficients) <= MOST_DEGREE + 1:
        raise InputError(
            f"--set polynomial: {settings['polynomial']!r} is of degree {max(0, len(coefficients) - 1)}; give the"
            f" coefficients of degree 2 to {MOST_DEGREE}, the highest first, such as 1,0,0,-1."
        )
    roots = _roots(tuple(coefficients))
    critical = Fraction(roots[0].real), Fraction(roots[0].imag)
    return Iteration(
        newton(tuple(coefficients), Z, C), radius=math.inf, c=ORIGIN, critical=critical, targets=roots
    )  # fmt: skip


def _number(text: str):  # type: ignore[no-untyped-def]
    return parse_decimal(text, "--set polynomial")


NEWTON = EscapeTimeMap(
    "newton",
    "z - p(z)/p'(z)",
    build,
    {"polynomial": Setting("1,0,0,-1", "coefficients of p, the highest power's first")},
    1000,
)
