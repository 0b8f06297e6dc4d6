"""Misiurewicz points in a view: c whose critical orbit enters a cycle that it did not start on, z_{k+p} = z_k, k >= 1.

The orbit of the view's centre tells which (k, p) are possible: z_{k+p} - z_k must be so small that a linear step within
the view can bring it to 0. Newton's method then looks for the point at full precision, and shows whether it exists.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gmpy2
from gmpy2 import mpfr, mpq

from deepzoom.coordinates import Rational, log2, rounded
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import EscapeTimeSystem

from .critical_orbit import (
    SLOPE_BITS,
    Disc,
    Map,
    Matrix,
    added,
    determinant,
    discs,
    length,
    norm,
    number,
    solved,
    starts,
)
from .nucleus import check

MOST_PERIOD = 24
_GUARD = 64  # bits of a point beyond those of the view's depth
_MOST_FAILED = 100  # give up after so many pairs (k, p) without a point
_MOST_NEWTON = 60


@dataclass(frozen=True)
class Misiurewicz:
    """A Misiurewicz point (x, y), exact decimals to 2**-64 of the view's depth.

    z_0 is the critical point, z_k the first iterate on the cycle, k = ``preperiod``; ``period``: of the cycle. alike:
    the slope of the map along the cycle. Magnified and turned by it about the point, the set looks the same, the more
    so the deeper (Tan Lei 1990); None if the map is not complex-differentiable.
    """

    preperiod: int
    period: int
    x: Rational
    y: Rational
    alike: complex | None


def find(system: EscapeTimeSystem, view: View, most: int) -> Misiurewicz | None:
    """The Misiurewicz point of lowest k + p that is found in a view, or None.

    k + p is at most ``most``, and p at most ``MOST_PERIOD``. Raises InputError if the system's pixel is not c, or if
    its orbits do not begin at a critical point.
    """
    check(system, view)
    bits = max(64, math.ceil(-log2(view.depth))) + _GUARD + 32
    for failed, (k, p) in enumerate(_candidates(system, view, bits, most), 1):
        for start in starts(view):
            found = _refined(system, view, k, p, start, bits)
            if found is not None:
                return found
        if failed == _MOST_FAILED:
            return None
    return None


def _candidates(system: EscapeTimeSystem, view: View, bits: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield (k, p) for which a linear step within the view can bring z_{k+p} - z_k to 0, until the centre escapes."""
    before: list[Disc] = []
    with gmpy2.context(precision=SLOPE_BITS):
        reach = number(view.depth) * math.hypot(1, view.width / view.height) / 2
    for n, disc in enumerate(discs(system, view, bits, most), 1):
        with gmpy2.context(precision=SLOPE_BITS):  # a difference of longer numbers is exact until it is rounded
            if length(disc.zx + 0, disc.zy + 0) > max(2.0, system.iteration.radius):
                return
            fits = [
                p
                for p, old in enumerate(reversed(before), 1)
                if not length(disc.zx - old.zx, disc.zy - old.zy) > norm(_less(disc.by_c, old.by_c)) * reach
            ]
        yield from ((n - p, p) for p in fits)
        before = [*before[1 - MOST_PERIOD :], disc]


def _less(m: Matrix, n: Matrix) -> Matrix:
    return added(m, (-n[0], -n[1], -n[2], -n[3]))


def _difference(map_: Map, k: int, p: int, x: Any, y: Any, bits: int = SLOPE_BITS) -> tuple[Any, Any, Matrix] | None:
    """z_{k+p} - z_k and its derivative by c, with so many bits; None if the orbit ends before."""
    zx, zy = map_.kx, map_.ky
    by_c: Matrix = (mpfr(0),) * 4
    for passed in map_.orbit(x, y, k + p, bits):
        if passed.n == k:
            zx, zy, by_c = passed.zx, passed.zy, passed.by_c
        if passed.n == k + p:
            with gmpy2.context(precision=bits):
                return passed.zx - zx, passed.zy - zy, _less(passed.by_c, by_c)
    return None


def _refined(
    system: EscapeTimeSystem, view: View, k: int, p: int, start: tuple[Rational, Rational], bits: int
) -> Misiurewicz | None:
    """The point to which Newton's method converges from a start, if it lies in the view and has this k and p."""
    needed = math.ceil(-log2(view.depth)) + _GUARD
    map_ = Map(system, bits)
    x, y = mpfr(start[0], bits), mpfr(start[1], bits)
    wide, known = 2 * number(view.depth) * max(1.0, view.width / view.height), 0.0
    for _ in range(_MOST_NEWTON):
        slope_bits = min(bits, SLOPE_BITS + math.ceil(2 * known))
        apart = _difference(map_, k, p, x, y, slope_bits)
        if apart is None:
            return None
        f, g, by_c = apart
        with gmpy2.context(precision=slope_bits):
            det = determinant(by_c)
            if not gmpy2.is_finite(det) or det == 0:
                return None
            dx, dy = solved(by_c, f, g)
            moved = length(dx, dy)
        with gmpy2.context(precision=bits):
            x, y = x - dx, y - dy
            if not max(abs(x - number(view.x)), abs(y - number(view.y))) < wide:
                return None
        if moved < gmpy2.exp2(-needed):
            return _accepted(map_, view, k, p, x, y)
        known = max(known, -float(gmpy2.log2(moved)) + log2(view.depth))
    return None


def _accepted(map_: Map, view: View, k: int, p: int, x: Any, y: Any) -> Misiurewicz | None:
    """The point (x, y), if it lies in the view and has exactly this preperiod and period; else None."""
    cx, cy = (rounded(mpq(v), view.depth / 2**_GUARD) for v in (x, y))
    if abs(cx - view.x) > view.depth * view.width / view.height / 2 or abs(cy - view.y) > view.depth / 2:
        return None
    lower = [(k - 1, p), *((k, part) for part in range(1, p) if p % part == 0)]
    for early, period in lower:
        apart = _difference(map_, early, period, x, y)
        assert apart is not None  # these steps are among those of the pair
        f, g, by_c = apart
        with gmpy2.context(precision=SLOPE_BITS):
            if length(f, g) <= norm(by_c) * number(view.depth) / 2**32:  # it is a root of this smaller pair too
                return None
    alike = None
    if map_.holomorphic:
        ends = [passed.along for passed in map_.orbit(x, y, k + p) if passed.n in (k, k + p)]
        with gmpy2.context(precision=SLOPE_BITS):
            before, after = (gmpy2.mpc(m[0], m[2]) for m in ends)
            alike = complex(after / before)
    return Misiurewicz(k, p, cx, cy, alike)
