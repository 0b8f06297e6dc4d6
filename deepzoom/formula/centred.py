"""A formula centred on its critical point K: z - K goes to f(K + (z - K), c) - K, so that orbits begin at 0.

Close to K this is a small difference of large numbers. If f is a polynomial in c whose coefficients are rational
functions of z, it is expanded around K instead, in exact rational arithmetic, and nothing is left to cancel. For
example, z - p(z)/p'(z) + c with p = z**3 - 1 and K = 1 becomes z**2 (2z + 3)/(3z**2 + 6z + 3) + c.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from .expression import Complex
from .gaussian import NotRational, Quotient, quotients
from .real import Real, ordered


@dataclass(frozen=True)
class Centred:
    """f: the formula everywhere. near: its expansion for |z - K| below ``radius``, or None. x, y: K in float64."""

    f: Complex
    near: Complex | None
    radius: float
    x: float
    y: float


@lru_cache(maxsize=64)
def centred(f: Complex, x: Fraction, y: Fraction) -> Centred:
    """The formula f, centred on K = x + iy."""
    if x == y == 0:
        return Centred(f, None, 0.0, 0.0, 0.0)
    k = Complex.constant(x, y)
    z = Complex.variable("z")
    moved = _substituted(f, {"zx": (z + k).re, "zy": (z + k).im}) - k
    try:
        parts = quotients(f, (x, y))
    except NotRational:
        return Centred(moved, None, 0.0, float(x), float(y))
    parts[0] = parts[0] - Quotient.constant(x, y)
    radius = min((_radius(part) for part in parts), default=0.0)
    return Centred(moved, _written(parts), radius, float(x), float(y))


def _substituted(f: Complex, instead: dict[str, Real]) -> Complex:
    """The formula f with variables replaced by other expressions."""
    known: dict[int, Real] = {}
    for node in ordered((f.re, f.im)):
        args = [known[id(a)] for a in node.args]
        if node.op == "variable":
            result = instead.get(str(node.value), node)
        elif node.op == "constant":
            result = node
        elif node.op == "neg":
            result = -args[0]
        elif len(args) == 2:
            a, b = args
            result = {"+": a.__add__, "-": a.__sub__, "*": a.__mul__, "/": a.__truediv__}[node.op](b)
        else:
            result = args[0].applied(node.op)
        known[id(node)] = result
    return Complex(known[id(f.re)], known[id(f.im)])


def _written(parts: list[Quotient]) -> Complex:
    """The sum of parts[j](z) c**j; each part is written by Horner's rule, with its lowest power of z factored out."""
    z, c = Complex.variable("z"), Complex.variable("c")
    total = Complex.constant(0)
    for j, part in enumerate(parts):
        if part.is_zero():
            continue
        low = part.lowest()
        upper = _horner(part.upper[low:], z) * z**low
        total = total + upper / _horner(part.lower, z) * c**j
    return total


def _horner(coefficients: list[tuple[Fraction, Fraction]], z: Complex) -> Complex:
    value = Complex.constant(0)
    for k in reversed(coefficients):
        value = value * z + Complex.constant(*k)
    return value


def _radius(part: Quotient) -> float:
    """The |z| up to which the first coefficient is twice all others together, so that little can cancel.

    This holds for both the numerator and the denominator.
    """
    if part.is_zero():
        return math.inf
    radius = 1.0
    for coefficients in (part.upper[part.lowest() :], part.lower):
        first = math.hypot(*map(float, coefficients[0]))
        for n, k in enumerate(coefficients[1:], 1):
            size = math.hypot(*map(float, k))
            if size > 0.0:
                # the others add up to at most a half: a quarter for the first, a sixteenth for the next, ...
                radius = min(radius, (first / size) ** (1.0 / n) / 4.0)
    return radius
