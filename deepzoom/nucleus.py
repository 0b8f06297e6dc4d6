"""The lowest period in a view, the nucleus that has it, and the size of its component (minibrot).

A nucleus of period p is a c whose critical orbit comes back to the critical point K after p steps, and not before.
The period is found by the ball method (mathr.co.uk, "Deep zoom"): the image of the view's disc after n steps lies in
a ball about the centre's z_n; only where it holds K can there be a nucleus of period n. The ball's radius is
|dz_n/dc| R and what a linear step drops, to leading order. The nucleus is then found by Newton's method at growing
precision, and its size by the renormalised map near K (mathr.co.uk, "Atom domain size and size estimates").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import gmpy2
from gmpy2 import mpfr, mpq

from .coordinates import Rational, log2, rounded
from .errors import InputError
from .formula import source
from .formula.expression import Complex
from .scene import View
from .systems.escape_time import EscapeTimeSystem

_GUARD = 64  # bits of a nucleus beyond its component's size
_MOST_FAILED = 64  # periods whose ball held K but that gave no nucleus
_MOST_NEWTON = 60

Matrix = tuple[Any, Any, Any, Any]


@dataclass(frozen=True)
class Nucleus:
    """A nucleus: its period, its place to 2**-64 of ``size`` (exact decimals), and its component's size in c.

    size: relative to the whole set of the map K + (z - K)**d + c, d the critical point's degree; an estimate.
    """

    period: int
    x: Rational
    y: Rational
    size: Rational


def _side(x: Any) -> int:
    """The slope of |x|; at 0 the upper side's."""
    return -1 if x < 0 else 1


def _compiled(f: Complex, bits: int) -> Callable[..., Any]:
    """f as a function of four mpfr numbers."""
    constants: dict[Fraction, str] = {}
    text = source.value(f, constants)
    names: dict[str, Any] = {n: getattr(gmpy2, n) for n in ("sqrt", "exp", "sin", "cos")} | {"sign": _side}
    with gmpy2.context(precision=bits):
        names |= {name: mpfr(mpq(v.numerator, v.denominator)) for v, name in constants.items()}
    exec(text, names)
    return names["value"]  # type: ignore[no-any-return]


class _Map:
    """A system's step and its derivatives at so many bits; K = (kx, ky). To be called in a context of these bits."""

    def __init__(self, system: EscapeTimeSystem, bits: int) -> None:
        f = system.iteration.formula
        self.step = _compiled(f, bits)
        self._columns = [
            _compiled(Complex(f.re.derivative(v), f.im.derivative(v)), bits) for v in ("zx", "zy", "cx", "cy")
        ]
        with gmpy2.context(precision=bits):
            self.kx, self.ky = (mpfr(mpq(v.numerator, v.denominator)) for v in system.iteration.critical)

    def slopes(self, *point: Any) -> tuple[Matrix, Matrix]:
        """df/dz and df/dc, row by row."""
        (a, c), (b, d), (e, g), (f, h) = (column(*point) for column in self._columns)
        return (a, b, c, d), (e, f, g, h)

    def run(self, period: int, x: Any, y: Any) -> tuple[Any, Any, Matrix, Matrix]:
        """z_period - K, its derivative by c, and that of z_period by z_1."""
        zx, zy = self.kx, self.ky
        by_c: Matrix = (mpfr(0),) * 4
        along: Matrix = (mpfr(1), mpfr(0), mpfr(0), mpfr(1))
        for n in range(period):
            a, b = self.slopes(zx, zy, x, y)
            by_c = _sum(_product(a, by_c), b)
            if n:
                along = _product(a, along)
            zx, zy = self.step(zx, zy, x, y)
        return zx - self.kx, zy - self.ky, by_c, along


def _product(m: Matrix, n: Matrix) -> Matrix:
    return (
        m[0] * n[0] + m[1] * n[2], m[0] * n[1] + m[1] * n[3], m[2] * n[0] + m[3] * n[2], m[2] * n[1] + m[3] * n[3],
    )  # fmt: skip


def _sum(m: Matrix, n: Matrix) -> Matrix:
    return m[0] + n[0], m[1] + n[1], m[2] + n[2], m[3] + n[3]


def _determinant(m: Matrix) -> Any:
    return m[0] * m[3] - m[1] * m[2]


def _norm(m: Matrix) -> Any:
    """The largest singular value."""
    q = m[0] ** 2 + m[1] ** 2 + m[2] ** 2 + m[3] ** 2
    return gmpy2.sqrt((q + gmpy2.sqrt(abs(q * q - 4 * _determinant(m) ** 2))) / 2)


def _size_of(x: Any, y: Any) -> Any:
    return gmpy2.sqrt(x * x + y * y)


def find(system: EscapeTimeSystem, view: View, most: int) -> Nucleus | None:
    """The nucleus of lowest period, at most ``most``, that is found in a view; None where there is none.

    Raises InputError where the system's pixel is not c, or its orbits do not begin at a critical point.
    """
    degree, leading = _critical_degree(system, view)
    bits = max(64, math.ceil(-log2(view.depth))) + _GUARD + 32
    for failed, period in enumerate(_candidates(system, view, bits, most), 1):
        for start in _starts(view):
            found = _refined(system, view, period, start, bits, degree, leading)
            if found is not None:
                return found
        if failed == _MOST_FAILED:
            return None
    return None


def _critical_degree(system: EscapeTimeSystem, view: View) -> tuple[int, float]:
    """(d, a): near K, f(z) is f(K) + a (z - K)**d, from its values at two small distances."""
    i = system.iteration
    if i.c is not None:
        raise InputError(f"SYSTEM: the pixels of {system.name} are starts z_0; nuclei are of maps whose pixel is c.")
    h, moved = Fraction(1, 1 << 20), []
    with gmpy2.context(precision=2400):
        f = _compiled(i.formula, 2400)
        x, y, c = i.critical[0], i.critical[1], (mpfr(mpq(view.x)), mpfr(mpq(view.y)))
        here = f(_number(x), _number(y), *c)
        for step in (h, h / 2):
            there = f(_number(x + step), _number(y), *c)
            moved.append(_size_of(there[0] - here[0], there[1] - here[1]))
        degree = float(gmpy2.log2(moved[0] / moved[1])) if moved[0] > 0 and moved[1] > 0 else 0.0
        if i.start != i.critical or not abs(degree - round(degree)) < 0.01 or round(degree) < 2:
            raise InputError(
                f"SYSTEM: the orbits of {system.name} do not begin at a critical point of its step, so that it has no"
                " nuclei there; give one such as mandelbrot, or another z_0."
            )
        return round(degree), float(moved[0] / mpfr(_number(h)) ** round(degree))


def _number(value: Rational) -> Any:
    return mpfr(mpq(int(value.numerator), int(value.denominator)))


def _candidates(system: EscapeTimeSystem, view: View, bits: int, most: int) -> Iterator[int]:
    """Periods n for which the ball about the centre's z_n holds K, until all of the view has escaped."""
    space: dict[str, Any] = dict(source.FLOAT_FUNCTIONS)
    exec(source.curvature(system.iteration.formula), space)
    map_ = _Map(system, bits)
    with gmpy2.context(precision=bits):
        x, y, zx, zy = mpfr(view.x), mpfr(view.y), map_.kx, map_.ky
        reach = mpfr(view.depth) * math.hypot(1, view.width / view.height) / 2
        by_c: Matrix = (mpfr(0),) * 4
        dropped = ball = mpfr(0)
    for n in range(1, most + 1):
        with gmpy2.context(precision=bits):
            a, b = map_.slopes(zx, zy, x, y)
            try:
                k = space["curvature"](float(zx), float(zy), float(x), float(y))
            except (ZeroDivisionError, OverflowError, ValueError):
                k = (math.inf,) * 3
            dropped = _norm(a) * dropped + k[0] * ball**2 + k[1] * ball * reach + k[2] * reach**2
            by_c = _sum(_product(a, by_c), b)
            zx, zy = map_.step(zx, zy, x, y)
            ball = _norm(by_c) * reach + dropped
            holds = not _size_of(zx - map_.kx, zy - map_.ky) > ball
            escaped = _size_of(zx, zy) > ball + max(2.0, system.iteration.radius)
        if escaped:
            return
        if holds:
            yield n


def _starts(view: View) -> Iterator[tuple[Rational, Rational]]:
    """The centre of a view, then eight points around it."""
    yield view.x, view.y
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            if i or j:
                yield view.x + j * view.depth * view.width / view.height / 3, view.y + i * view.depth / 3


def _refined(
    system: EscapeTimeSystem,
    view: View,
    period: int,
    start: tuple[Rational, Rational],
    bits: int,
    degree: int,
    leading: float,
) -> Nucleus | None:
    """The nucleus to which Newton's method goes from a start, if it lies in the view."""
    x, y = mpfr(start[0], bits), mpfr(start[1], bits)
    wide = view.depth * max(1, Fraction(view.width, view.height))
    for _ in range(_MOST_NEWTON):
        map_ = _Map(system, bits)
        with gmpy2.context(precision=bits):
            p, q, by_c, along = map_.run(period, x, y)
            det, along_det = _determinant(by_c), abs(_determinant(along))
            if not (gmpy2.is_finite(det) and gmpy2.is_finite(along_det) and det != 0 and along_det != 0):
                return None
            dx, dy = (by_c[3] * p - by_c[1] * q) / det, (by_c[0] * q - by_c[2] * p) / det
            x, y = x - dx, y - dy
            away, moved = max(abs(x - mpfr(view.x)), abs(y - mpfr(view.y))), _size_of(dx, dy)
            if not away < 2 * mpfr(mpq(wide)):
                return None
            size = 1 / (gmpy2.sqrt(abs(det)) * gmpy2.root(leading * gmpy2.sqrt(along_det), degree - 1))
            needed = math.ceil(-float(gmpy2.log2(size))) + _GUARD
            reached = bits if moved == 0 else -float(gmpy2.log2(moved))
        if reached >= needed:
            return _accepted(system, view, period, x, y, size, bits)
        bits = max(bits, math.ceil(min(2 * reached, needed)) + 96)
    return None


def _accepted(
    system: EscapeTimeSystem, view: View, period: int, x: Any, y: Any, size: Any, bits: int
) -> Nucleus | None:
    """A nucleus in the view, of this very period."""
    exact = mpq(size)
    cx, cy = (rounded(mpq(v), exact / 2**_GUARD) for v in (x, y))
    if abs(cx - view.x) > view.depth * view.width / view.height / 2 or abs(cy - view.y) > view.depth / 2:
        return None
    map_ = _Map(system, bits)
    with gmpy2.context(precision=bits):
        for part in (n for n in range(1, period) if period % n == 0):
            p, q, by_c, _ = map_.run(part, x, y)
            if _size_of(p, q) <= _norm(by_c) * size / 2**20:  # one of a divisor, which lies in no ball before
                return None
    return Nucleus(period, cx, cy, rounded(exact, exact / 2**20))
