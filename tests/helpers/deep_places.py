"""Deep places of escape-time systems, found without the package: preperiodic points, and nuclei of a given size.

Everything is iterated from the maps' formulas alone, in gmpy2's floating point; slopes are divided differences. Around
a preperiodic point c0, nuclei of all sizes s lie about s**((d - 1) / d) away, d the degree of the critical point.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import escape_oracle
import gmpy2
from gmpy2 import mpfr, mpq


def _power(power):
    def step(x, y, a, b):
        z = gmpy2.mpc(x, y)
        w = z
        for _ in range(power - 1):
            w = w * z
        return w.real + a, w.imag + b

    return step


def _nova(x, y, a, b):
    z = gmpy2.mpc(x, y)
    w = z - (z * z * z - 1) / (3 * z * z)
    return w.real + a, w.imag + b


def _root1(z, c):
    return (z * z + c - 1) / (2 * z + c - 2)


def _root2(z, c):
    k = (c - 1) * (c - 2)
    return (z * z * z + 3 * (c - 1) * z + k) / (3 * z * z + 3 * (c - 2) * z + k + 1)


ROOTS = {"magnet1": _root1, "magnet2": _root2}
"""What the magnets square. Their critical points are its zeros, and 0, where orbits begin, is their image."""


def _squared(root):
    def step(x, y, a, b):
        q = root(gmpy2.mpc(x, y), gmpy2.mpc(a, b))
        q = q * q
        return q.real, q.imag

    return step


MAPS = {
    "mandelbrot-2": (_power(2), 0, 2),
    "mandelbrot-3": (_power(3), 0, 3),
    "mandelbrot-5": (_power(5), 0, 5),
    "burning-ship": (lambda x, y, a, b: (x * x - y * y + a, 2 * abs(x * y) + b), 0, 2),
    "perpendicular-burning-ship": (lambda x, y, a, b: (x * x - y * y + a, 2 * x * abs(y) + b), 0, 2),
    "celtic": (lambda x, y, a, b: (abs(x * x - y * y) + a, 2 * x * y + b), 0, 2),
    "buffalo": (lambda x, y, a, b: (abs(x * x - y * y) + a, 2 * abs(x * y) + b), 0, 2),
    "tricorn": (lambda x, y, a, b: (x * x - y * y + a, b - 2 * x * y), 0, 2),
    "shark-fin": (lambda x, y, a, b: (x * x - y * abs(y) + a, 2 * x * y + b), 0, 2),
    "nova": (_nova, 1, 2),
    "magnet1": (_squared(_root1), 0, 2),
    "magnet2": (_squared(_root2), 0, 2),
}
"""Of each: the step in real parts, where its orbits begin, and the degree of its critical point."""


@dataclass(frozen=True)
class Nucleus:
    """(x, y): to far beyond the size of the component there; scale: of the plane of z about its critical point."""

    map: str
    period: int
    x: Fraction
    y: Fraction
    size: float
    """log10 of its size in c."""
    scale: float


def orbit(name, x, y, steps, begin=None):
    """z_0 .. z_steps of the map at c = x + iy; fewer where it goes far out, or to a pole."""
    step, start, _ = MAPS[name]
    zx, zy = begin or (mpfr(start), mpfr(0))
    found = [(zx, zy)]
    for _ in range(steps):
        try:
            zx, zy = step(zx, zy, x, y)
        except ZeroDivisionError:
            break
        if not abs(zx) + abs(zy) < 1000:
            break
        found.append((zx, zy))
    return found


def _solved(f, j):
    """The 2-vector d with j d = -f; None where j is singular. j: two columns."""
    (a, c), (b, d) = j
    det = a * d - b * c
    if not gmpy2.is_finite(det) or det == 0:
        return None
    return (b * f[1] - d * f[0]) / det, (c * f[0] - a * f[1]) / det


def _newton(function, x, y, h, enough):
    """The root of a function of two numbers near x + iy, to ``enough``; None where Newton's method goes to none."""
    for _ in range(80):
        values = [function(x, y), function(x + h, y), function(x, y + h)]
        if any(v is None for v in values):
            return None
        f = values[0]
        d = _solved(f, [((v[0] - f[0]) / h, (v[1] - f[1]) / h) for v in values[1:]])
        if d is None:
            return None
        x, y = x + d[0], y + d[1]
        if not abs(x) + abs(y) < 10:
            return None
        if abs(d[0]) + abs(d[1]) < enough:
            return x, y
    return None


def preperiodic(name, seed, bits, box=2.0):
    """(x, y) of a repelling preperiodic point, as mpfr of so many bits; chosen by the seed."""
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
                continue  # not repelling, or of a lower preperiod, or at a fixed point of all c
        return refined(name, early, cycle, *found, bits)


def refined(name, early, cycle, x, y, bits):
    """The point near x + iy with z_(early + cycle) = z_early."""

    def apart(x, y):
        found = orbit(name, x, y, early + cycle)
        if len(found) <= early + cycle:
            return None
        return found[-1][0] - found[early][0], found[-1][1] - found[early][1]

    with gmpy2.context(precision=bits):
        return _newton(apart, mpfr(x), mpfr(y), mpfr(2) ** -(bits // 2), mpfr(2) ** (24 - bits // 2))


def nucleus(name, seed, digits, near=None):
    """A nucleus whose size is about 10**-digits, near a preperiodic point, or near the point (x, y) on an axis."""
    rng = random.Random(f"{name} {seed} {digits}")
    start, degree = MAPS[name][1:]
    # that far away lie nuclei of the size
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
                place, turn = tuple(map(mpfr, near)), math.pi * rng.randint(0, 1)
            r = mpfr(10) ** -mpfr(away + rng.uniform(0, 1))
            x, y = mpfr(place[0]) + r * mpfr(math.cos(turn)), mpfr(place[1]) + r * mpfr(round(math.sin(turn), 15))
            found = _nucleus_by(name, x, y, r, bits, start, degree)
        if found is not None and abs(found.size + digits) < 0.35 * digits:
            return found
    raise ValueError(f"no nucleus of {name} with {digits} digits by seed {seed}")


def _nucleus_by(name, x, y, r, bits, start, degree):
    """The one of the first period whose linear step from x + iy is below r."""
    h = mpfr(2) ** -(bits * 2 // 3)
    goal = mpfr(start)
    beside = zip(*(orbit(name, x + u, y + v, 60_000) for u, v in ((0, 0), (h, 0), (0, h))))
    period = None
    for n, (z, right, up) in enumerate(beside):
        if n == 0:
            continue
        j = [((w[0] - z[0]) / h, (w[1] - z[1]) / h) for w in (right, up)]
        d = _solved((z[0] - goal, z[1]), j)
        if d is not None and abs(d[0]) + abs(d[1]) < r / 2:
            period = n
            break
    if period is None or period < 3:
        return None

    def back(x, y):
        return returned(name, x, y, period)

    point = _newton(back, x, y, h, mpfr(2) ** -(bits * 7 // 10))
    if point is None or abs(point[0] - x) + abs(point[1] - y) > 2 * r:
        return None
    x, y = point
    size, scale = sizes(name, x, y, period, h)
    if size is None:
        return None
    exact = [Fraction(int(v.numerator), int(v.denominator)) for v in (mpq(round_to(w, size)) for w in (x, y))]
    return Nucleus(name, period, *exact, float(gmpy2.log10(size)), float(gmpy2.log10(scale)))


def round_to(value, size):
    """A multiple of a power of two about 2**-80 of the size."""
    places = 80 - int(gmpy2.floor(gmpy2.log2(size)))
    return mpq(gmpy2.mpz(gmpy2.rint(value * mpfr(2) ** places)), gmpy2.mpz(2) ** places)


def returned(name, x, y, period, begin=None):
    """z_period less the critical point, of the magnets what is squared to it; from another z_0, of others from z_1."""
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


def sizes(name, x, y, period, h):
    """Sizes of the component in the plane of c, and of what belongs to it about the critical point in that of z."""
    degree = MAPS[name][2]
    begin = (mpfr(0), mpfr(0)) if name in ROOTS else orbit(name, x, y, 1)[1]
    at = returned(name, x, y, period)
    along = [returned(name, x, y, period, (begin[0] + u, begin[1] + v)) for u, v in ((h, 0), (0, h))]
    by_c = [returned(name, x + u, y + v, period) for u, v in ((h, 0), (0, h))]
    if at is None or None in along or None in by_c:
        return None, None
    slopes = [
        gmpy2.sqrt(abs(_determinant([((w[0] - at[0]) / h, (w[1] - at[1]) / h) for w in both])))
        for both in (along, by_c)
    ]
    if not all(gmpy2.is_finite(s) and s > 0 for s in slopes):
        return None, None
    scale = 1 / gmpy2.root(slopes[0], degree - 1)
    return scale / slopes[1], scale


def _determinant(j):
    return j[0][0] * j[1][1] - j[0][1] * j[1][0]


def count(name, x, y, limit, bits):
    """(n, attractor, smooth) of the pixel x + iy by the oracle of integers, or of gmpy2's complex numbers."""
    if name == "nova":
        n, smooth = escape_oracle.nova(3, ("1", "0"), x, y, limit, bits)
        return n, int(smooth is not None), smooth
    if name.startswith("magnet"):
        return escape_oracle.drawn(name, x, y, limit, bits)
    system, settings = named(name)
    n, smooth = escape_oracle.iterate(system, settings, x, y, limit, bits)
    return n, 0, smooth


def named(name):
    """The package's system and settings."""
    return ("mandelbrot", {"power": name[-1]}) if name.startswith("mandelbrot") else (name, {})
