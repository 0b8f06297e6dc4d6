"""The orbit of the critical point in high precision, with its derivative by c, for Newton's method in c."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import gmpy2
from gmpy2 import mpfr, mpq

from deepzoom.coordinates import Rational
from deepzoom.formula import source
from deepzoom.formula.exact import exact_run
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


SLOPE_BITS = 64
"""Bits of derivatives, where no more are asked for."""
_FEWEST, _AT_ONCE = 16, 1 << 22
"""The fewest iterates that are found at once, and about the bits of all of them."""
_FAR_OUT = 1e40


@dataclass(frozen=True)
class Passed:
    """The iterate z_n of the critical point, and its derivatives by z_(n-1), by c and by z_1."""

    n: int
    zx: Any
    zy: Any
    by_z: Matrix
    by_c: Matrix
    along: Matrix


class Map:
    """A system's step with so many bits, and its derivatives; (kx, ky) is its critical point K."""

    def __init__(self, system: EscapeTimeSystem, bits: int) -> None:
        f = system.iteration.formula
        self.bits, self._run, self.holomorphic = bits, exact_run(f, bits), source.is_holomorphic(f)
        self._columns = [
            compiled(Complex(f.re.derivative(v), f.im.derivative(v)), bits) for v in ("zx", "zy", "cx", "cy")
        ]
        with gmpy2.context(precision=bits):
            self.kx, self.ky = (mpfr(mpq(v.numerator, v.denominator)) for v in system.iteration.critical)

    def _slopes(self, *point: Any) -> tuple[Matrix, Matrix]:
        """(df/dz, df/dc) at a point, each a real 2x2 matrix, row by row."""
        (a, c), (b, d), (e, g), (f, h) = (column(*point) for column in self._columns)
        return (a, b, c, d), (e, f, g, h)

    def orbit(self, x: Any, y: Any, most: int, bits: int = SLOPE_BITS) -> Iterator[Passed]:
        """Yield z_n with its derivatives for n = 1, 2 .. most, until it is far out; the derivative by c has ``bits``.

        The slopes of a step are found from z rounded to as many bits as the derivatives have, so a step costs little
        more than z itself.
        """
        times = _holomorphic_product if self.holomorphic else product
        zx, zy, n = self.kx, self.ky, 0
        by_c: Matrix = (mpfr(0),) * 4
        along: Matrix = (mpfr(1), mpfr(0), mpfr(0), mpfr(1))
        while n < most and len(xs := self._next(zx, zy, x, y, min(most - n, max(_FEWEST, _AT_ONCE // self.bits)))):
            found = []
            for u, v in xs:
                with gmpy2.context(precision=bits):
                    a, b = self._slopes(*(mpfr(w, bits) for w in (zx, zy, x, y)))
                    by_c = added(times(a, by_c), b)
                if n:
                    with gmpy2.context(precision=SLOPE_BITS):
                        along = times(tuple(mpfr(w, SLOPE_BITS) for w in a), along)
                zx, zy, n = u, v, n + 1
                found.append(Passed(n, zx, zy, a, by_c, along))
            yield from found

    def _next(self, zx: Any, zy: Any, x: Any, y: Any, count: int) -> list[tuple[Any, Any]]:
        """The next iterates, at most ``count``: a loop with functions such as sin ends far out."""
        xs, ys = list[Any](), list[Any]()
        with gmpy2.context(precision=self.bits):
            self._run(zx, zy, x, y, count, _FAR_OUT, xs.append, ys.append)
        return list(zip(xs, ys, strict=True))

    def last(self, x: Any, y: Any, period: int, bits: int = SLOPE_BITS) -> Passed | None:
        """What ``orbit`` has at the step ``period``; None if it ends before."""
        passed = deque(self.orbit(x, y, period, bits), maxlen=1)
        return passed[0] if passed and passed[0].n == period else None


def _holomorphic_product(m: Matrix, n: Matrix) -> Matrix:
    """The product of two matrices that are complex numbers."""
    a, b = m[0] * n[0] - m[2] * n[2], m[2] * n[0] + m[0] * n[2]
    return a, -b, b, a


def product(m: Matrix, n: Matrix) -> Matrix:
    return (
        m[0] * n[0] + m[1] * n[2], m[0] * n[1] + m[1] * n[3], m[2] * n[0] + m[3] * n[2], m[2] * n[1] + m[3] * n[3],
    )  # fmt: skip


def added(m: Matrix, n: Matrix) -> Matrix:
    return m[0] + n[0], m[1] + n[1], m[2] + n[2], m[3] + n[3]


def determinant(m: Matrix) -> Any:
    return m[0] * m[3] - m[1] * m[2]


def solved(m: Matrix, x: Any, y: Any) -> tuple[Any, Any]:
    """The vector that m takes to (x, y). Raises ZeroDivisionError if m is singular."""
    det = determinant(m)
    return (m[3] * x - m[1] * y) / det, (m[0] * y - m[2] * x) / det


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
    x, y = mpfr(view.x, bits), mpfr(view.y, bits)
    with gmpy2.context(precision=SLOPE_BITS):
        reach = number(view.depth) * math.hypot(1, view.width / view.height) / 2
        dropped = ball = mpfr(0)
    before = map_.kx, map_.ky
    for passed in map_.orbit(x, y, most):
        with gmpy2.context(precision=SLOPE_BITS):
            try:
                k = space["curvature"](*map(float, (*before, x, y)))
            except (ZeroDivisionError, OverflowError, ValueError):
                k = (math.inf,) * 3
            dropped = norm(passed.by_z) * dropped + k[0] * ball**2 + k[1] * ball * reach + k[2] * reach**2
            ball = norm(passed.by_c) * reach + dropped
        before = passed.zx, passed.zy
        yield Disc(passed.zx, passed.zy, passed.by_c, ball)


def starts(view: View) -> Iterator[tuple[Rational, Rational]]:
    """Yield the centre of a view, then eight points around it."""
    yield view.x, view.y
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            if i or j:
                yield view.x + j * view.depth * view.width / view.height / 3, view.y + i * view.depth / 3
