"""Deep places to look at, chosen by a seed, and views of them.

``deep_places.py`` finds the places without the package. Only the views and systems made of them are the package's.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import deep_maps
import deep_places
import escape_oracle
import gmpy2
import numpy as np
from escape_oracle import Count, Exact
from gmpy2 import mpc, mpfr

from deepzoom import systems
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import EscapeTimeSystem

Shift = Sequence[Fraction | int]
"""How far a view's centre lies beside a place, (x, y), in heights of the view."""
SIZES = Fraction(1, 2), Fraction(4), Fraction(30)
"""Heights of views, in units of the size of what is in their middle."""
ON_AXIS = {"mandelbrot-2": ("-2", "0"), "burning-ship": ("-2", "0"), "celtic": ("-2", "0"), "buffalo": ("-2", "0")}
"""The antenna's tip on an axis about which the map is symmetric or at which it folds, (x, y)."""
JULIA = "julia-2", "julia-3", "julia-5"


NUCLEI: dict[str, tuple[int | str, ...]] = {
    "mandelbrot-2": (500, 700, 1000, 1400, 2000, "648", "1300"),
    "mandelbrot-3": (500, 800, 1200, 2000),
    "mandelbrot-5": (500, 800, 1200, 2000),
    "julia-2": (500, 900, 1400, 2000),
    "julia-3": (500, 1200),
    "julia-5": (500, 1200),
    "burning-ship": (500, 1000, 2000, "500", "1000", "1600"),
    "perpendicular-burning-ship": (500, 1000, 2000),
    "celtic": (500, 1200, "800", "1600"),
    "buffalo": (500, 1200, "800"),
    "tricorn": (500, 1000, 2000),
    "shark-fin": (500, 1000, 2000),
    "nova": (500, 700, 1000),
    "magnet1": (500, 700),
    "magnet2": (500, 700),
}
"""Sizes of nuclei: 500 stands for 1e-500. A text stands for a nucleus on the axis."""


@dataclass(frozen=True)
class Place:
    """What to look at.

    (x, y): the place, to at least ten digits more than its size needs. The size is 10**-digits. steps: as many as show
    it. bits: as many as the oracle needs. c: of a Julia set, as decimal texts.
    """

    map: str
    what: str
    x: Fraction
    y: Fraction
    digits: float
    steps: int
    bits: int
    c: tuple[str, str] | None = None

    def system(self) -> EscapeTimeSystem:
        """The package's system that shows the place."""
        if self.c is None:
            name, settings = deep_maps.named(self.map)
        else:
            name, settings = "julia", {"power": self.map[-1], "cx": self.c[0], "cy": self.c[1]}
        system = systems.create(name, settings, self.steps)
        assert isinstance(system, EscapeTimeSystem)
        return system

    def count(self, x: Exact, y: Exact) -> Count:
        """(n, attractor, smooth) of a pixel by the oracle."""
        if self.c is None:
            return deep_maps.count(self.map, x, y, self.steps, self.bits)
        settings = {"power": self.map[-1], "cx": self.c[0], "cy": self.c[1]}
        n, smooth = escape_oracle.iterate("julia", settings, x, y, self.steps, self.bits)
        return n, 0, smooth


def _exact(value: mpfr, digits: float) -> Fraction:
    """An mpfr, rounded to so many decimal places."""
    ten = 10 ** int(digits)
    return Fraction(int(gmpy2.rint(value * ten)), ten)


def steps_about(period: int, digits: float) -> int:
    """Steps after which pixels a few sizes from a nucleus have escaped: each period squares their distance in sizes."""
    return int((5 + math.log2(digits + 1)) * period) + 300


def at_nucleus(name: str, seed: int | str, digits: float, near: tuple[str, str] | None = None) -> Place:
    """A nucleus whose size is near 10**-digits. Arguments and errors are those of ``deep_places.nucleus``."""
    found = deep_places.nucleus(name, seed, digits, near)
    bits = int(-found.size * 3.33) + 500
    what = f"nucleus of period {found.period}, seed {seed}"
    return Place(name, what, found.x, found.y, -found.size, steps_about(found.period, -found.size), bits)


def at_preperiodic(name: str, seed: int | str, digits: float) -> Place:
    """A preperiodic point, and as many steps as an orbit at distance 10**-digits needs to separate from it."""
    bits = int(digits * 3.33) + 500
    with gmpy2.context(precision=2 * bits):
        found = deep_places.preperiodic(name, seed, 2 * bits)
        assert found is not None
        x, y = (_exact(v, digits + 30) for v in found)
        beside = deep_maps.orbit(name, found[0] + mpfr(10) ** -mpfr(digits), found[1], 40_000)
    return Place(name, f"preperiodic point, seed {seed}", x, y, digits, len(beside) + 300, bits)


def in_julia(name: str, seed: int | str, digits: float, exactly: bool = False) -> Place:
    """A preimage of the critical point in a Julia set, c near a nucleus. What is there is 10**-digits or larger.

    exactly: whether the nucleus has a size near 10**-digits. If not, the seed chooses a size up to that depth. Raises
    ValueError if no nucleus is found.
    """
    power, rng = int(name[-1]), random.Random(f"{name} {seed}")
    away = digits if exactly else max(20, digits * rng.uniform(0.3, 1.0))
    nucleus = deep_places.nucleus(f"mandelbrot-{power}", seed, away)
    back = rng.choice((0, 0, 1, 2, 5))
    places = int(-nucleus.size * (rng.choice((1.0, 1.0, 2.0)))) + 30
    c = [Fraction(round(v * 10**places), 10**places) for v in (nucleus.x, nucleus.y)]
    with gmpy2.context(precision=int(digits * 10) + 1000):
        z, scale = mpc(0), -nucleus.scale
        a = mpc(*(mpfr(gmpy2.mpq(v.numerator, v.denominator)) for v in c))
        for _ in range(back):
            turn = 2 * gmpy2.const_pi() * rng.randrange(power) / power
            z = gmpy2.exp(gmpy2.log(z - a) / power) * mpc(gmpy2.cos(turn), gmpy2.sin(turn))
            scale += float(gmpy2.log10(power * abs(z) ** (power - 1)))
        x, y = (_exact(v, scale + 30) for v in (z.real, z.imag))
    what = f"preimage {back} of 0, c at a nucleus of period {nucleus.period}, 1e{nucleus.size:.0f} large, seed {seed}"
    cx, cy = (f"{v.numerator * (10**places // v.denominator)}e-{places}" for v in c)
    steps, bits = steps_about(nucleus.period, -nucleus.size), int(power * max(scale, -nucleus.scale) * 3.33) + 1000
    return Place(name, what, x, y, scale, steps, bits, (cx, cy))


def view_at(place: Place, height: Fraction | int, off: Shift = (0, 0), size: int = 13) -> View:
    """A square view, so many times higher than the place's size; off: where its centre lies."""
    depth = _exact(mpfr(10) ** 20 * mpfr(10) ** -mpfr(place.digits % 1), 40) / 10 ** (20 + int(place.digits)) * height
    return View(place.x + off[0] * depth, place.y + off[1] * depth, depth, size, size)


def views(place: Place, rng: random.Random, size: int = 13) -> Iterator[tuple[View, str]]:
    """(view, what it is) for each of SIZES: the place in the middle, in another pixel's middle, or anywhere."""
    for height in SIZES:
        kind = rng.choice(("middle", "pixel", "anywhere"))
        off: Shift = (0, 0)
        if kind == "pixel":
            off = [Fraction(rng.randint(-5, 5), size) for _ in range(2)]
        elif kind == "anywhere":
            off = [Fraction(rng.uniform(-0.5, 0.5)) for _ in range(2)]
        yield view_at(place, height, off, size), f"{float(height):g} sizes high, {kind}"


def at(name: str, digits: int | str, seed: int = 1) -> Place:
    """The place of one of ``NUCLEI``."""
    if name in JULIA:
        return in_julia(name, seed, int(digits), exactly=True)
    return at_nucleus(name, seed, int(digits), ON_AXIS[name] if isinstance(digits, str) else None)


def place_by(
    rng: random.Random, seed: int | str, most: float = 3000, maps: Sequence[str] = (*deep_maps.MAPS, *JULIA)
) -> Place:
    """A place chosen by a random generator, at most 10**-most deep. Raises ValueError if none is found."""
    name = rng.choice(maps)
    digits = 10 ** rng.uniform(1.5, np.log10(most))
    if name in JULIA:
        return in_julia(name, seed, min(digits, most / 5))
    if rng.random() < 0.5:
        return at_preperiodic(name, seed, digits / 5 if name.startswith("magnet") else digits)
    digits = digits / (10 if name.startswith(("magnet", "nova")) else 3)
    near = ON_AXIS.get(name) if rng.random() < 0.4 else None
    return at_nucleus(name, seed, max(20, digits), near)
