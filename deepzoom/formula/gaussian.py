"""Exact rational functions of z whose coefficients are Gaussian rationals (x + iy of two fractions)."""

from __future__ import annotations

from fractions import Fraction

from .expression import Complex
from .real import Real, ordered

Gaussian = tuple[Fraction, Fraction]
Polynomial = list[Gaussian]
"""Coefficients, from degree 0 up; the last is not 0."""
MOST_DEGREE = 200


class NotRational(Exception):
    """An expression is not a polynomial in c with rational functions of z, or its degree is too high."""


def _times(a: Gaussian, b: Gaussian) -> Gaussian:
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def _over(a: Gaussian, b: Gaussian) -> Gaussian:
    size = b[0] * b[0] + b[1] * b[1]
    u, v = _times(a, (b[0], -b[1]))
    return u / size, v / size


def _trimmed(p: Polynomial) -> Polynomial:
    while p and not any(p[-1]):
        p.pop()
    return p


def _sum(p: Polynomial, q: Polynomial, sign: int) -> Polynomial:
    zero: Gaussian = (Fraction(0), Fraction(0))
    padded = ((p[n] if n < len(p) else zero, q[n] if n < len(q) else zero) for n in range(max(len(p), len(q))))
    return _trimmed([(a[0] + sign * b[0], a[1] + sign * b[1]) for a, b in padded])


def _product(p: Polynomial, q: Polynomial) -> Polynomial:
    if not p or not q:
        return []
    if len(p) + len(q) > MOST_DEGREE:
        raise NotRational
    result: Polynomial = [(Fraction(0), Fraction(0))] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            u, v = _times(a, b)
            result[i + j] = result[i + j][0] + u, result[i + j][1] + v
    return _trimmed(result)


def divided(p: Polynomial, q: Polynomial) -> tuple[Polynomial, Polynomial]:
    """Quotient and remainder."""
    rest, found = list(p), []
    while len(rest) >= len(q):
        factor = _over(rest[-1], q[-1])
        found.append(factor)
        shift = len(rest) - len(q)
        for n, k in enumerate(q[:-1]):
            u, v = _times(factor, k)
            rest[shift + n] = rest[shift + n][0] - u, rest[shift + n][1] - v
        rest.pop()
    return _trimmed(found[::-1]), _trimmed(rest)


def common(p: Polynomial, q: Polynomial) -> Polynomial:
    """The greatest common divisor, up to a constant factor; if one polynomial is empty, the other."""
    while q:
        p, q = q, divided(p, q)[1]
    return p


def slope(p: Polynomial) -> Polynomial:
    """The derivative."""
    return [(n * x, n * y) for n, (x, y) in enumerate(p) if n > 0]


class Quotient:
    """upper / lower, without common factors; the last coefficient of lower is 1."""

    def __init__(self, upper: Polynomial, lower: Polynomial) -> None:
        if not lower:
            raise NotRational
        shared = common(upper, lower)
        if upper and len(shared) > 1:
            upper, lower = divided(upper, shared)[0], divided(lower, shared)[0]
        last = lower[-1]
        self.upper = [_over(k, last) for k in upper]
        self.lower = [_over(k, last) for k in lower] if upper else [(Fraction(1), Fraction(0))]

    @classmethod
    def constant(cls, x: Fraction, y: Fraction = Fraction(0)) -> Quotient:
        return cls(_trimmed([(x, y)]), [(Fraction(1), Fraction(0))])

    def is_zero(self) -> bool:
        return not self.upper

    def lowest(self) -> int:
        """The highest power of z that divides the numerator."""
        return next((n for n, k in enumerate(self.upper) if any(k)), 0)

    def slope(self) -> Quotient:
        """The derivative."""
        rising = _product(slope(self.upper), self.lower)
        return Quotient(_sum(rising, _product(self.upper, slope(self.lower)), -1), _product(self.lower, self.lower))

    def __add__(self, other: Quotient) -> Quotient:
        return self._joined(other, 1)

    def __sub__(self, other: Quotient) -> Quotient:
        return self._joined(other, -1)

    def _joined(self, other: Quotient, sign: int) -> Quotient:
        upper = _sum(_product(self.upper, other.lower), _product(other.upper, self.lower), sign)
        return Quotient(upper, _product(self.lower, other.lower))

    def __mul__(self, other: Quotient) -> Quotient:
        return Quotient(_product(self.upper, other.upper), _product(self.lower, other.lower))

    def __truediv__(self, other: Quotient) -> Quotient:
        return Quotient(_product(self.upper, other.lower), _product(self.lower, other.upper))


Powers = list[Quotient]
"""The coefficients of c**0, c**1, ..."""


def _added(a: Powers, b: Powers, sign: int) -> Powers:
    zero = Quotient.constant(Fraction(0))
    count = max(len(a), len(b))
    long = [[*p, *[zero] * (count - len(p))] for p in (a, b)]
    return [u + v if sign > 0 else u - v for u, v in zip(*long, strict=True)]


def _multiplied(a: Powers, b: Powers) -> Powers:
    result = [Quotient.constant(Fraction(0)) for _ in range(len(a) + len(b) - 1)]
    for i, u in enumerate(a):
        for j, v in enumerate(b):
            result[i + j] = result[i + j] + u * v
    return result


def quotients(f: Complex, k: Gaussian) -> Powers:
    """f(K + z, c) as a polynomial in c, for a complex-differentiable f. Raises NotRational if it has no such form.

    It is enough to look at real z and c: there f is Re f + i Im f, and both sides are analytic.
    """
    one = (Fraction(1), Fraction(0))
    variables: dict[str, Powers] = {
        "zx": [Quotient(_trimmed([k, one]), [one])],
        "cx": [Quotient.constant(Fraction(0)), Quotient.constant(Fraction(1))],
    }
    known: dict[int, Powers] = {}
    for node in ordered((f.re, f.im)):
        known[id(node)] = _evaluated(node, [known[id(a)] for a in node.args], variables)
    i = [Quotient([(Fraction(0), Fraction(1))], [one])]
    parts = _added(known[id(f.re)], _multiplied(i, known[id(f.im)]), 1)
    while len(parts) > 1 and parts[-1].is_zero():
        parts.pop()
    return parts


def _evaluated(node: Real, args: list[Powers], variables: dict[str, Powers]) -> Powers:
    if node.op == "variable":
        return variables.get(str(node.value), [Quotient.constant(Fraction(0))])
    if isinstance(node.value, Fraction):
        return [Quotient.constant(node.value)]
    if node.op in ("+", "-"):
        return _added(args[0], args[1], 1 if node.op == "+" else -1)
    if node.op == "neg":
        return _added([], args[0], -1)
    if node.op == "*":
        return _multiplied(args[0], args[1])
    if node.op == "/" and not any(not p.is_zero() for p in args[1][1:]) and not args[1][0].is_zero():
        return [p / args[1][0] for p in args[0]]
    raise NotRational
