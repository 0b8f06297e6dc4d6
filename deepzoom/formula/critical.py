"""The critical points of a formula that do not depend on c: points where f_z is 0 for every c."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from deepzoom.coordinates import Rational

from .expression import Complex
from .gaussian import Gaussian, NotRational, Polynomial, common, divided, quotients, slope
from .source import is_holomorphic

_BITS = 256
"""Precision of coefficients, in bits; roots are isolated to 80 bits."""


def critical_points(f: Complex) -> list[complex] | None:
    """The critical points in float64, by growing size.

    None if f folds, or if it is not a polynomial in c whose coefficients are rational functions of z.
    """
    shared = _slope(f)
    return None if shared is None else sorted(roots(shared), key=lambda p: (abs(p), p.imag, p.real))


def is_critical(f: Complex, x: Rational, y: Rational) -> bool:
    """Whether x + iy is a critical point; exact, and without isolating roots."""
    value: Gaussian = (Fraction(0), Fraction(0))
    u, v = (Fraction(int(part.numerator), int(part.denominator)) for part in (x, y))
    shared = _slope(f)
    for a, b in reversed(shared or []):
        value = value[0] * u - value[1] * v + a, value[0] * v + value[1] * u + b
    return bool(shared) and not any(value)


def _slope(f: Complex) -> Polynomial | None:
    """The greatest common divisor of all coefficients of f_z as a polynomial in c; None if f has no such form."""
    if not is_holomorphic(f):
        return None
    try:
        slopes = [part.slope() for part in quotients(f, (Fraction(0), Fraction(0)))]
    except NotRational:
        return None
    shared: Polynomial = []
    for part in slopes:
        shared = common(shared, part.upper)  # numerators share no factor with their denominators
    return shared


def roots(p: Polynomial) -> list[complex]:
    """The roots of a polynomial, each once (isolated by python-flint's ball arithmetic)."""
    import flint

    if len(p) < 2:
        return []
    simple = divided(p, common(p, slope(p)))[0]
    with flint.ctx.workprec(_BITS):
        exact = [[flint.arb(flint.fmpq(int(v.numerator), int(v.denominator))) for v in k] for k in simple]
        found = flint.acb_poly([flint.acb(*k) for k in exact]).roots(tol=2.0**-80)
        return [complex(_middle(root.real), _middle(root.imag)) for root in found]


def _middle(ball: Any) -> float:
    """The middle of a ball; 0 if that is in it, so that a real root is real with every version of python-flint."""
    return 0.0 if ball.contains(0) else float(ball)
