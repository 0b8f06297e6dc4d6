"""Deep places of escape-time systems, found without the package: preperiodic points, and nuclei of a given size.

The places are found from the maps' formulas alone (``deep_maps.py``), by Newton's method in gmpy2's floating point;
slopes are divided differences. Around a preperiodic point c0, nuclei of any size s lie about s**((d - 1) / d) away,
where d is the degree of the critical point.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import gmpy2
from deep_maps import MAPS, ROOTS, Pair, orbit
from gmpy2 import mpfr, mpq

Columns = list[Pair]
"""A 2 x 2 matrix, as its two columns."""


@dataclass(frozen=True)
class Nucleus:
    """The centre of a component of a map.

    (x, y): its place, with many more digits than the component's size needs.
    """

    map: str
    period: int
    x: Fraction
    y: Fraction
    size: float
    """log10 of its size in c."""
    scale: float
    """log10 of the size, in the plane of z, of what belongs to the component about the critical point."""


def _solved(f: Pair, j: Columns) -> Pair | None:
    """The vector d with j d = -f; None if j is singular."""
    (a, c), (b, d) = j
    det = a * d - b * c
    if not gmpy2.is_finite(det) or det == 0:
        return None
    return (b * f[1] - d * f[0]) / det, (c * f[0] - a * f[1]) / det


def _slopes(at: Pair, right: Pair, up: Pair, h: mpfr) -> Columns:
    """Divided differences of a function of x and y, from its values here and at distance h in x and in y."""
    return [((w[0] - at[0]) / h, (w[1] - at[1]) / h) for w in (right, up)]


def _newton(function: Callable[[mpfr, mpfr], Pair | None], x: mpfr, y: mpfr, h: mpfr, enough: mpfr) -> Pair | None:
    """The root near x + iy of a function of two numbers; None if Newton's method does not converge.

    h: distance for divided differences; enough: length of the last step.
    """
    for _ in range(80):
        f, right, up = function(x, y), function(x + h, y), function(x, y + h)
        if f is None or right is None or up is None:
            return None
        d = _solved(f, _slopes(f, right, up, h))
        if d is None:
            return None
        x, y = x + d[0], y + d[1]
        if not abs(x) + abs(y) < 10:
            return None
        if abs(d[0]) + abs(d[1]) < enough:
            return x, y
    return None


def preperiodic(name: str, seed: int | str, bits: int, box: float = 2.0) -> Pair | None:
    """(x, y) of a repelling preperiodic point that the seed chooses, as mpfr of so many bits.

    None if Newton's method does not converge with so many bits.
    """
    rng = random.Random(f"{name} {seed}")
    while True:
        early, cycle = rng.randint(2, 9), rng.randint(1, 4)
        x, y = rng.uniform(-box, box), rng.uniform(-box, box)
        found = refined(name, early, cycle, x, y, 200)
        if found is None or max(map(abs, found)) > box:
            continue
        with gmpy2.context(precision=200):
            tail = orbit(name, *found, early + cycle)
            moved = orbit(name, *found, cycle, (tail[early][0] + mpfr("1e-20"), tail[early][1]))
            if len(tail) <= early + cycle or len(moved) <= cycle:
                continue
            apart = math.hypot(*(float((p - q) * mpfr("1e20")) for p, q in zip(moved[-1], tail[-1])))
            earlier = math.hypot(*(float(p - q) for p, q in zip(tail[early - 1], tail[early - 1 + cycle])))
            steps = [math.hypot(float(p[0] - q[0]), float(p[1] - q[1])) for p, q in pairwise(tail)]
            if apart < 2 or earlier < 1e-6 or min(steps) < 1e-3:
                continue  # not repelling, or a shorter preperiod, or a fixed point for every c
        return refined(name, early, cycle, *found, bits)


def refined(name: str, early: int, cycle: int, x: mpfr | float, y: mpfr | float, bits: int) -> Pair | None:
    """The point near x + iy with z_(early + cycle) = z_early; None if Newton's method does not converge."""

    def apart(x: mpfr, y: mpfr) -> Pair | None:
        found = orbit(name, x, y, early + cycle)
        if len(found) <= early + cycle:
            return None
        return found[-1][0] - found[early][0], found[-1][1] - found[early][1]

    with gmpy2.context(precision=bits):
        return _newton(apart, mpfr(x), mpfr(y), mpfr(2) ** -(bits // 2), mpfr(2) ** (24 - bits // 2))


def nucleus(name: str, seed: int | str, digits: float, near: tuple[str, str] | None = None) -> Nucleus:
    """A nucleus whose size is about 10**-digits, that the seed chooses.

    near: a point on an axis, as decimal texts; None for a preperiodic point. Raises ValueError if none is found.
    """
    rng = random.Random(f"{name} {seed} {digits}")
    start, degree = MAPS[name][1:]
    # nuclei of this size lie about 10**-away from the point
    away = digits * (degree - 1) / degree
    bits = int(digits * 2.2 * 3.33) + 600
    for attempt in range(40):
        with gmpy2.context(precision=bits):
            if near is None:
                place = preperiodic(name, f"{seed} {attempt}", int(away * 3.33) * 2 + 300)
                if place is None:
                    continue
                turn = rng.uniform(0, 2 * math.pi)
            else:
                place, turn = (mpfr(near[0]), mpfr(near[1])), math.pi * rng.randint(0, 1)
            r = mpfr(10) ** -mpfr(away + rng.uniform(0, 1))
            x, y = mpfr(place[0]) + r * mpfr(math.cos(turn)), mpfr(place[1]) + r * mpfr(round(math.sin(turn), 15))
            found = _nucleus_by(name, x, y, r, bits, start)
        if found is not None and abs(found.size + digits) < 0.35 * digits:
            return found
    raise ValueError(f"no nucleus of {name} with {digits} digits by seed {seed}")


def _nucleus_by(name: str, x: mpfr, y: mpfr, r: mpfr, bits: int, start: int) -> Nucleus | None:
    """The nucleus near x + iy, of the first period whose Newton step from there is shorter than r / 2."""
    h = mpfr(2) ** -(bits * 2 // 3)
    goal = mpfr(start)
    beside = zip(*(orbit(name, x + u, y + v, 60_000) for u, v in ((0, 0), (h, 0), (0, h))))
    period = None
    for n, (z, right, up) in enumerate(beside):
        if n == 0:
            continue
        d = _solved((z[0] - goal, z[1]), _slopes(z, right, up, h))
        if d is not None and abs(d[0]) + abs(d[1]) < r / 2:
            period = n
            break
    if period is None or period < 3:
        return None

    def back(x: mpfr, y: mpfr) -> Pair | None:
        return returned(name, x, y, period)

    point = _newton(back, x, y, h, mpfr(2) ** -(bits * 7 // 10))
    if point is None or abs(point[0] - x) + abs(point[1] - y) > 2 * r:
        return None
    x, y = point
    size, scale = sizes(name, x, y, period, h)
    if size is None or scale is None:
        return None
    exact_x, exact_y = (Fraction(int(v.numerator), int(v.denominator)) for v in (round_to(w, size) for w in (x, y)))
    return Nucleus(name, period, exact_x, exact_y, float(gmpy2.log10(size)), float(gmpy2.log10(scale)))


def round_to(value: mpfr, size: mpfr) -> mpq:
    """The nearest multiple of a power of two that is about 2**-80 of the size."""
    places = 80 - int(gmpy2.floor(gmpy2.log2(size)))
    return mpq(gmpy2.mpz(gmpy2.rint(value * mpfr(2) ** places)), gmpy2.mpz(2) ** places)


def returned(name: str, x: mpfr, y: mpfr, period: int, begin: Pair | None = None) -> Pair | None:
    """z_period minus the critical point, or for a magnet the number whose square is z_period. None if z escapes.

    begin: another z_0 for a magnet, another z_1 for other maps.
    """
    root = ROOTS.get(name)
    steps = period - 1 if root or begin else period
    found = orbit(name, x, y, steps, begin)
    if len(found) <= steps:
        return None
    zx, zy = found[-1]
    if root is None:
        return zx - MAPS[name][1], zy
    q = root(gmpy2.mpc(zx, zy), gmpy2.mpc(x, y))
    return q.real, q.imag


def sizes(name: str, x: mpfr, y: mpfr, period: int, h: mpfr) -> tuple[mpfr, mpfr] | tuple[None, None]:
    """(size, scale) of the component at a nucleus, which ``Nucleus`` has as logarithms.

    Both are None if a slope is 0 or not finite. h: distance for divided differences.
    """
    degree = MAPS[name][2]
    begin = (mpfr(0), mpfr(0)) if name in ROOTS else orbit(name, x, y, 1)[1]
    at = returned(name, x, y, period)
    along = [returned(name, x, y, period, (begin[0] + u, begin[1] + v)) for u, v in ((h, 0), (0, h))]
    by_c = [returned(name, x + u, y + v, period) for u, v in ((h, 0), (0, h))]
    slopes = []
    for right, up in (along, by_c):
        if at is None or right is None or up is None:
            return None, None
        slopes.append(gmpy2.sqrt(abs(_determinant(_slopes(at, right, up, h)))))
    if not all(gmpy2.is_finite(s) and s > 0 for s in slopes):
        return None, None
    scale = 1 / gmpy2.root(slopes[0], degree - 1)
    return scale / slopes[1], scale


def _determinant(j: Columns) -> mpfr:
    return j[0][0] * j[1][1] - j[0][1] * j[1][0]
