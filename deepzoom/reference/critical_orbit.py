"""The orbit of the critical point in high precision, with its derivative by c, for Newton's method in c."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import gmpy2
from gmpy2 import mpfr, mpq

from deepzoom.coordinates import Rational
from deepzoom.formula import source
from deepzoom.formula.expression import Complex
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import EscapeTimeSystem

Matrix = tuple[Any, Any, Any, Any]


def _side(x: Any) -> int:
    """The slope of |x|; 1 at 0."""
    return -1 if x < 0 else 1


def compiled(f: Complex, bits: int) -> Callable[..., Any]:
    """The formula f as a function of four mpfr numbers, with constants of so many bits."""
    constants: dict[Fraction, str] = {}
    text = source.value(f, constants)
    names: dict[str, Any] = {n: getattr(gmpy2, n) for n in ("sqrt", "exp", "sin", "cos")} | {"sign": _side}
    with gmpy2.context(precision=bits):
        names |= {name: mpfr(mpq(v.numerator, v.denominator)) for v, name in constants.items()}
    exec(text, names)
    return names["value"]  # type: ignore[no-any-return]


class Map:
    """A system's step and its derivatives, with so many bits; (kx, ky) is its critical point K.

    Call its methods in a gmpy2 context of these bits.
    """

    def __init__(self, system: EscapeTimeSystem, bits: int) -> None:
        f = system.iteration.formula
        self.step = compiled(f, bits)
        self._columns = [
            compiled(Complex(f.re.derivative(v), f.im.derivative(v)), bits) for v in ("zx", "zy", "cx", "cy")
        ]
        with gmpy2.context(precision=bits):
            self.kx, self.ky = (mpfr(mpq(v.numerator, v.denominator)) for v in system.iteration.critical)

    def slopes(self, *point: Any) -> tuple[Matrix, Matrix]:
        """(df/dz, df/dc) at a point, each a real 2x2 matrix, row by row."""
        (a, c), (b, d), (e, g), (f, h) = (column(*point) for column in self._columns)
        return (a, b, c, d), (e, f, g, h)

    def run(self, period: int, x: Any, y: Any) -> tuple[Any, Any, Matrix, Matrix]:
        """z_period - K (two numbers), its derivative by c, and the derivative of z_period by z_1."""
        zx, zy = self.kx, self.ky
        by_c: Matrix = (mpfr(0),) * 4
        along: Matrix = (mpfr(1), mpfr(0), mpfr(0), mpfr(1))
        for n in range(period):
            a, b = self.slopes(zx, zy, x, y)
            by_c = added(product(a, by_c), b)
            if n:
                along = product(a, along)
            zx, zy = self.step(zx, zy, x, y)
        return zx - self.kx, zy - self.ky, by_c, along


def product(m: Matrix, n: Matrix) -> Matrix:
    return (
        m[0] * n[0] + m[1] * n[2], m[0] * n[1] + m[1] * n[3], m[2] * n[0] + m[3] * n[2], m[2] * n[1] + m[3] * n[3],
    )  # fmt: skip


def added(m: Matrix, n: Matrix) -> Matrix:
    return m[0] + n[0], m[1] + n[1], m[2] + n[2], m[3] + n[3]


def determinant(m: Matrix) -> Any:
    return m[0] * m[3] - m[1] * m[2]


def norm(m: Matrix) -> Any:
    """The largest singular value."""
    q = m[0] ** 2 + m[1] ** 2 + m[2] ** 2 + m[3] ** 2
    return gmpy2.sqrt((q + gmpy2.sqrt(abs(q * q - 4 * determinant(m) ** 2))) / 2)


def length(x: Any, y: Any) -> Any:
    return gmpy2.sqrt(x * x + y * y)


def number(value: Rational) -> Any:
    return mpfr(mpq(int(value.numerator), int(value.denominator)))


@dataclass(frozen=True)
class Disc:
    """A disc that contains the image of a view: ``radius`` around (zx, zy), the centre's image.

    by_c: the derivative of the centre's image by c.
    """

    zx: Any
    zy: Any
    by_c: Matrix
    radius: Any


def discs(system: EscapeTimeSystem, view: View, bits: int, most: int) -> Iterator[Disc]:
    """Yield the images of a view's disc after 1, 2 .. most steps from the critical point (mathr.co.uk, "Deep zoom")."""
    space: dict[str, Any] = dict(source.FLOAT_FUNCTIONS)
    exec(source.curvature(system.iteration.formula), space)
    map_ = Map(system, bits)
    with gmpy2.context(precision=bits):
        x, y, zx, zy = mpfr(view.x), mpfr(view.y), map_.kx, map_.ky
        reach = mpfr(view.depth) * math.hypot(1, view.width / view.height) / 2
        by_c: Matrix = (mpfr(0),) * 4
        dropped = ball = mpfr(0)
    for _ in range(most):
        with gmpy2.context(precision=bits):
            a, b = map_.slopes(zx, zy, x, y)
            try:
                k = space["curvature"](float(zx), float(zy), float(x), float(y))
            except (ZeroDivisionError, OverflowError, ValueError):
                k = (math.inf,) * 3
            dropped = norm(a) * dropped + k[0] * ball**2 + k[1] * ball * reach + k[2] * reach**2
            by_c = added(product(a, by_c), b)
            zx, zy = map_.step(zx, zy, x, y)
            ball = norm(by_c) * reach + dropped
        yield Disc(zx, zy, by_c, ball)


def starts(view: View) -> Iterator[tuple[Rational, Rational]]:
    """Yield the centre of a view, then eight points around it."""
    yield view.x, view.y
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            if i or j:
                yield view.x + j * view.depth * view.width / view.height / 3, view.y + i * view.depth / 3
