"""Finds the nucleus of lowest period in a view, and the size of its component (the minibrot).

A nucleus of period p is a c whose critical orbit first returns to the critical point K after p steps. The ball method
finds the period (mathr.co.uk, "Deep zoom"): after n steps, the image of the view's disc lies in a ball around the
centre's z_n, and there can be a nucleus of period n only if this ball contains K. The ball's radius is |dz_n/dc| R plus
the part that a linear step neglects, to leading order. Newton's method at growing precision then finds the nucleus; its
size follows from the renormalised map near K (mathr.co.uk, "Atom domain size and size estimates").
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import gmpy2
from gmpy2 import mpfr, mpq

from deepzoom.coordinates import Rational, log2, rounded
from deepzoom.errors import InputError
from deepzoom.formula import source
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import EscapeTimeSystem

from .critical_orbit import (
    SLOPE_BITS,
    Map,
    Passed,
    compiled,
    determinant,
    discs,
    length,
    norm,
    number,
    solved,
    starts,
)

_GUARD = 64  # bits of a nucleus beyond those of its component's size
_MOST_FAILED = 64  # give up after so many periods whose ball contains K but that have no nucleus
_MOST_NEWTON = 60


@dataclass(frozen=True)
class Nucleus:
    """A nucleus: its period, its position (exact decimals, correct to 2**-64 of ``size``), and its component's size.

    size: an estimate in units of c, relative to the whole set of the map K + (z - K)**d + c, where d is the degree of
    the critical point. turn: by how many degrees the component is turned counter-clockwise against that set, from
    -180 / (d - 1) to 180 / (d - 1); None if the map is not complex-differentiable.
    """

    period: int
    x: Rational
    y: Rational
    size: Rational
    turn: float | None


def find(system: EscapeTimeSystem, view: View, most: int, largest: Rational | None = None) -> Nucleus | None:
    """The nucleus of lowest period, at most ``most``, that is found in a view, or None.

    largest: its size is at most that. Raises InputError if the system's pixel is not c, or if its orbits do not begin
    at a critical point.
    """
    near = _near_critical(system, view)
    bits = max(64, math.ceil(-log2(view.depth))) + _GUARD + 32
    for failed, period in enumerate(_candidates(system, view, bits, most), 1):
        for start in starts(view):
            found = _refined(system, view, period, start, bits, near)
            if found is not None and (largest is None or found.size <= largest):
                return found
        if failed == _MOST_FAILED:
            return None
    return None


def check(system: EscapeTimeSystem, view: View) -> None:
    """Raise InputError if the system's pixel is not c, or if its orbits do not begin at a critical point."""
    _near_critical(system, view)


def _near_critical(system: EscapeTimeSystem, view: View) -> tuple[int, complex]:
    """(d, a) such that f(K + h) is about f(K) + a h**d for small h > 0, from two values."""
    i = system.iteration
    if i.c is not None:
        raise InputError(
            f"SYSTEM: the pixels of {system.name} are starts z_0, so it has no nuclei; give a system whose pixels are"
            " c, such as mandelbrot."
        )
    if i.further:
        raise InputError("--formula: deepzoom finds no nuclei where formulas take turns; give one formula.")
    h, moved = Fraction(1, 1 << 20), []
    with gmpy2.context(precision=2400):
        f = compiled(i.formula, 2400)
        x, y, c = i.critical[0], i.critical[1], (mpfr(mpq(view.x)), mpfr(mpq(view.y)))
        here = f(number(x), number(y), *c)
        for step in (h, h / 2):
            there = f(number(x + step), number(y), *c)
            moved.append((there[0] - here[0], there[1] - here[1]))
        sizes = [length(*m) for m in moved]
        degree = float(gmpy2.log2(sizes[0] / sizes[1])) if sizes[0] > 0 and sizes[1] > 0 else 0.0
        if i.start != i.critical or not abs(degree - round(degree)) < 0.01 or round(degree) < 2:
            raise InputError(
                f"SYSTEM: the orbits of {system.name} do not begin at a critical point of its step, so it has no"
                " nuclei here; give a system such as mandelbrot, or another z_0."
            )
        unit = number(h) ** round(degree)
        return round(degree), complex(moved[0][0] / unit, moved[0][1] / unit)


def _candidates(system: EscapeTimeSystem, view: View, bits: int, most: int) -> Iterator[int]:
    """Yield periods n for which the ball around the centre's z_n contains K, until the whole view has escaped."""
    map_ = Map(system, bits)
    for n, disc in enumerate(discs(system, view, bits, most), 1):
        with gmpy2.context(precision=SLOPE_BITS):  # a difference of longer numbers is exact until it is rounded
            away = length(disc.zx - map_.kx, disc.zy - map_.ky)
            ends = length(disc.zx + 0, disc.zy + 0) > disc.radius + max(2.0, system.iteration.radius)
            holds = not away > disc.radius
        if ends:
            return
        if holds:
            yield n


def _refined(
    system: EscapeTimeSystem,
    view: View,
    period: int,
    start: tuple[Rational, Rational],
    bits: int,
    near: tuple[int, complex],
) -> Nucleus | None:
    """The nucleus to which Newton's method converges from a start, if it lies in the view. near: d and a."""
    x, y = mpfr(start[0], bits), mpfr(start[1], bits)
    wide, known = view.depth * max(1, Fraction(view.width, view.height)), 0.0
    for _ in range(_MOST_NEWTON):
        map_, slope_bits = Map(system, bits), min(bits, SLOPE_BITS + math.ceil(2 * known))
        end = map_.last(x, y, period, slope_bits)
        if end is None:
            return None
        with gmpy2.context(precision=slope_bits):
            det, along = determinant(end.by_c), abs(determinant(end.along))
            if not (gmpy2.is_finite(det) and gmpy2.is_finite(along) and det != 0 and along != 0):
                return None
            dx, dy = solved(end.by_c, end.zx - map_.kx, end.zy - map_.ky)
            moved = length(dx, dy)
        with gmpy2.context(precision=bits):
            x, y = x - dx, y - dy
            if not max(abs(x - number(view.x)), abs(y - number(view.y))) < 2 * number(wide):
                return None
        with gmpy2.context(precision=SLOPE_BITS):
            size = 1 / (gmpy2.sqrt(abs(det)) * gmpy2.root(abs(near[1]) * gmpy2.sqrt(along), near[0] - 1))
            needed = math.ceil(-float(gmpy2.log2(size))) + _GUARD
            reached = bits if moved == 0 else -float(gmpy2.log2(moved))
        if reached >= needed:
            turn = _turn(end, near) if source.is_holomorphic(system.iteration.formula) else None
            return _accepted(system, view, period, x, y, size, turn, bits)
        known = max(known, reached + log2(view.depth))
        bits = max(bits, math.ceil(min(2 * reached, needed)) + 96)
    return None


def _turn(end: Passed, near: tuple[int, complex]) -> float:
    """``Nucleus.turn``: the angle of 1 / (D (a L)**(1 / (d - 1))), for the slopes D by c and L by z_1."""
    degree, leading = near
    along, by_c = (float(gmpy2.atan2(m[2], m[0])) for m in (end.along, end.by_c))
    turn = -by_c - (along + cmath.phase(leading)) / (degree - 1)
    return math.degrees(math.remainder(turn, 2 * math.pi / (degree - 1)))


def _accepted(
    system: EscapeTimeSystem, view: View, period: int, x: Any, y: Any, size: Any, turn: float | None, bits: int
) -> Nucleus | None:
    """The nucleus (x, y), if it lies in the view and has exactly this period; else None."""
    exact = mpq(size)
    cx, cy = (rounded(mpq(v), exact / 2**_GUARD) for v in (x, y))
    if abs(cx - view.x) > view.depth * view.width / view.height / 2 or abs(cy - view.y) > view.depth / 2:
        return None
    map_ = Map(system, bits)
    for passed in map_.orbit(x, y, period // 2):
        if period % passed.n == 0:
            with gmpy2.context(precision=SLOPE_BITS):  # its period is a divisor, whose ball missed K
                if length(passed.zx - map_.kx, passed.zy - map_.ky) <= norm(passed.by_c) * size / 2**20:
                    return None
    return Nucleus(period, cx, cy, rounded(exact, exact / 2**20), turn)
