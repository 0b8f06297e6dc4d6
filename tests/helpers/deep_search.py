"""A search for settled pixels that are wrong, at deep places chosen by a seed.

``python tests/helpers/deep_search.py --minutes 60`` prints how many pixels it compared, and each that differs.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

import deep_places
import escape_oracle
import gmpy2
import numpy as np
from gmpy2 import mpfr

from deepzoom import systems
from deepzoom.backends.escape_time import perturbation as escape_time_differences
from deepzoom.backends.escape_time.perturbation import PerturbationJob
from deepzoom.scene.view import View

LEVELS = {"all skips": 3, "from single steps": 0, "long ones": 6, "none": 40}
"""log2 of the steps of the shortest skips."""
WITHIN = 2e-6
"""By which a settled smooth count may be off."""
SIZES = Fraction(1, 2), Fraction(4), Fraction(30)
"""Heights of views in sizes of what is in their middle."""
ON_AXIS = {"mandelbrot-2": ("-2", "0"), "burning-ship": ("-2", "0"), "celtic": ("-2", "0"), "buffalo": ("-2", "0")}
"""Tips of antennas on an axis that the map is symmetric about or folds at."""
JULIA = "julia-2", "julia-3", "julia-5"


NUCLEI = {
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
"""log10 of one over the sizes of nuclei, in texts of those on the axis."""


@dataclass(frozen=True)
class Place:
    """What to look at: (x, y) to ten digits beyond 10**-digits, its size; steps that show it; bits the oracle needs."""

    map: str
    what: str
    x: Fraction
    y: Fraction
    digits: float
    steps: int
    bits: int
    c: tuple[str, str] | None = None

    def system(self):
        if self.c is None:
            name, settings = deep_places.named(self.map)
        else:
            name, settings = "julia", {"power": self.map[-1], "cx": self.c[0], "cy": self.c[1]}
        return systems.create(name, settings, self.steps)

    def count(self, x, y):
        """(n, attractor, smooth) of a pixel by the oracle."""
        if self.c is None:
            return deep_places.count(self.map, x, y, self.steps, self.bits)
        settings = {"power": self.map[-1], "cx": self.c[0], "cy": self.c[1]}
        n, smooth = escape_oracle.iterate("julia", settings, x, y, self.steps, self.bits)
        return n, 0, smooth


@dataclass
class Tally:
    """What was found: pixels computed and settled (by what computed them), pixels compared, and those that differ."""

    computed: int = 0
    settled: int = 0
    compared: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other):
        self.computed += other.computed
        self.settled += other.settled
        self.compared += other.compared
        self.wrong += other.wrong


def _exact(value, digits):
    """A fraction near an mpfr, to so many digits."""
    ten = 10 ** int(digits)
    return Fraction(int(gmpy2.rint(value * ten)), ten)


def steps_about(period, digits):
    """Steps in which pixels some sizes from a nucleus have escaped: each return squares their distance in sizes."""
    return int((5 + math.log2(digits + 1)) * period) + 300


def at_nucleus(name, seed, digits, near=None):
    """A nucleus of a size near 10**-digits."""
    found = deep_places.nucleus(name, seed, digits, near)
    bits = int(-found.size * 3.33) + 500
    what = f"nucleus of period {found.period}, seed {seed}"
    return Place(name, what, found.x, found.y, -found.size, steps_about(found.period, -found.size), bits)


def at_preperiodic(name, seed, digits):
    """A preperiodic point, and the steps until pixels part from it."""
    bits = int(digits * 3.33) + 500
    with gmpy2.context(precision=2 * bits):
        found = deep_places.preperiodic(name, seed, 2 * bits)
        x, y = (_exact(v, digits + 30) for v in found)
        beside = deep_places.orbit(name, found[0] + mpfr(10) ** -mpfr(digits), found[1], 40_000)
    return Place(name, f"preperiodic point, seed {seed}", x, y, digits, len(beside) + 300, bits)


def in_julia(name, seed, digits, exactly=False):
    """A preimage of the critical point, c near a nucleus: what lies about it is as large as 10**-digits or more."""
    power, rng = int(name[-1]), random.Random(f"{name} {seed}")
    away = digits if exactly else max(20, digits * rng.uniform(0.3, 1.0))
    nucleus = deep_places.nucleus(f"mandelbrot-{power}", seed, away)
    back = rng.choice((0, 0, 1, 2, 5))
    places = int(-nucleus.size * (rng.choice((1.0, 1.0, 2.0)))) + 30
    c = [Fraction(round(v * 10**places), 10**places) for v in (nucleus.x, nucleus.y)]
    with gmpy2.context(precision=int(digits * 10) + 1000):
        z, scale = gmpy2.mpc(0), -nucleus.scale
        a = gmpy2.mpc(*(mpfr(gmpy2.mpq(v.numerator, v.denominator)) for v in c))
        for _ in range(back):
            turn = 2 * gmpy2.const_pi() * rng.randrange(power) / power
            z = gmpy2.exp(gmpy2.log(z - a) / power) * gmpy2.mpc(gmpy2.cos(turn), gmpy2.sin(turn))
            scale += float(gmpy2.log10(power * abs(z) ** (power - 1)))
        x, y = (_exact(v, scale + 30) for v in (z.real, z.imag))
    what = f"preimage {back} of 0, c at a nucleus of period {nucleus.period}, 1e{nucleus.size:.0f} large, seed {seed}"
    text = tuple(f"{v.numerator * (10**places // v.denominator)}e-{places}" for v in c)
    steps, bits = steps_about(nucleus.period, -nucleus.size), int(power * max(scale, -nucleus.scale) * 3.33) + 1000
    return Place(name, what, x, y, scale, steps, bits, text)


def view_at(place, height, off=(0, 0), size=13):
    """A view so many of the place's sizes high, its centre so many heights beside it."""
    depth = _exact(mpfr(10) ** 20 * mpfr(10) ** -mpfr(place.digits % 1), 40) / 10 ** (20 + int(place.digits)) * height
    return View(place.x + off[0] * depth, place.y + off[1] * depth, depth, size, size)


def views(place, rng, size=13):
    """(view, what) about a place: with it in the middle, in the middle of another pixel, or anywhere."""
    for height in SIZES:
        kind = rng.choice(("middle", "pixel", "anywhere"))
        off = 0, 0
        if kind == "pixel":
            off = [Fraction(rng.randint(-5, 5), size) for _ in range(2)]
        elif kind == "anywhere":
            off = [Fraction(rng.uniform(-0.5, 0.5)) for _ in range(2)]
        yield view_at(place, height, off, size), f"{float(height):g} sizes high, {kind}"


def check(place, view, what, levels, pixels, again=False):
    """What pixels of a view come to, with these skips each, and with more digits."""
    known, tally, pixels = {}, Tally(), list(pixels)

    def compare(out, how):
        tally.computed += len(pixels)
        for k, pixel in enumerate(pixels):
            if out.trust[k] < 1:
                continue
            tally.settled += 1
            if pixel not in known:
                column, row = pixel % view.width, pixel // view.width
                known[pixel] = place.count(*view.at(column, row))
                tally.compared += 1
            n, attractor, smooth = known[pixel]
            found = int(out.iterations[k]), int(out.attractor[k])
            right = found == (n, attractor) and (out.fate[k] != 0) == (smooth is not None)
            if right and smooth is not None:
                right = abs(out.measure[k] - smooth) <= WITHIN
            if not right:
                tally.wrong.append(
                    f"{place.map}, {place.what}, 1e-{place.digits:.1f}, {what}, {how}, pixel {pixel}: "
                    f"{found} {out.measure[k]} {out.fate[k]} for {n, attractor} {smooth}"
                )

    system = place.system()
    default = escape_time_differences._SHORTEST
    try:
        for level in levels:
            escape_time_differences._SHORTEST = LEVELS[level]
            job = PerturbationJob(system, view, None, lambda share: None, lambda text: None)
            compare(job.first(np.array(pixels)), level)
        if again:
            compare(job.again(np.array(pixels), 0), job.rungs[0])
    finally:
        escape_time_differences._SHORTEST = default
    return tally


def at(name, digits, seed=1):
    """The place of one of ``NUCLEI``."""
    if name in JULIA:
        return in_julia(name, seed, digits, exactly=True)
    return at_nucleus(name, seed, int(digits), ON_AXIS[name] if isinstance(digits, str) else None)


def check_nucleus(place, count=40):
    """``count`` pixels of the nucleus, of its edge and the antenna, and ten and more sizes out."""
    tally, rng = Tally(), random.Random(f"{place.map} {place.digits}")
    shares = [count // 3, count // 3, count - 2 * (count // 3)]
    for height, some in zip(SIZES, shares):
        view = view_at(place, height, (Fraction(rng.uniform(-0.1, 0.1)), Fraction(rng.uniform(-0.1, 0.1))))
        pixels = sorted(rng.sample(range(view.pixels), some))
        tally.add(check(place, view, f"{float(height):g} sizes high", ["all skips"], pixels))
    return tally


def place_by(rng, seed, most=3000, maps=(*deep_places.MAPS, *JULIA)):
    """A place chosen by a random generator."""
    name = rng.choice(maps)
    digits = 10 ** rng.uniform(1.5, np.log10(most))
    if name in JULIA:
        return in_julia(name, seed, min(digits, most / 5))
    if rng.random() < 0.5:
        return at_preperiodic(name, seed, digits / 5 if name.startswith("magnet") else digits)
    digits = digits / (10 if name.startswith(("magnet", "nova")) else 3)
    near = ON_AXIS.get(name) if rng.random() < 0.4 else None
    return at_nucleus(name, seed, max(20, digits), near)


def search(seeds, minutes, most=3000, say=lambda text: None, levels=2, count=8):
    """{map: Tally} of the places of these seeds, one after the other, until the time is over."""
    found, end = {}, time.monotonic() + 60 * minutes
    for seed in seeds:
        rng = random.Random(f"deep {seed}")
        before = time.monotonic()
        try:
            place = place_by(rng, seed, most)
        except ValueError as error:
            say(f"{seed}: {error}")
            continue
        tally = found.setdefault(place.map, Tally())
        wrong = len(tally.wrong)
        made = time.monotonic()
        for view, what in views(place, rng):
            pixels = sorted([*rng.sample(range(view.pixels), count), view.pixels // 2])
            tally.add(check(place, view, what, rng.sample(list(LEVELS), levels), pixels, rng.random() < 0.2))
        for text in tally.wrong[wrong:]:
            say(f"WRONG {text}")
        say(
            f"{seed}: {place.map}, {place.what}, 1e-{place.digits:.1f}: {made - before:.1f} s to find, "
            f"{time.monotonic() - made:.1f} s to check; in all {tally.settled} of {tally.computed} settled, "
            f"{tally.compared} compared"
        )
        if time.monotonic() > end:
            break
    return found


def all_nuclei(first, stride):
    """{map: Tally} of ``NUCLEI``."""
    found = {}
    for name, digits in [(name, d) for name, sizes in NUCLEI.items() for d in sizes][first::stride]:
        before = time.monotonic()
        place = at(name, digits)
        made = time.monotonic()
        tally = check_nucleus(place)
        found.setdefault(name, Tally()).add(tally)
        print(
            f"{name}, {place.what}, 1e-{place.digits:.1f}: {made - before:.1f} s to find, "
            f"{time.monotonic() - made:.1f} s to check; {tally.settled} of {tally.computed} settled, "
            f"{len(tally.wrong)} wrong {tally.wrong[:1]}",
            flush=True,
        )
    return found


def main():
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--minutes", type=float, default=1)
    given.add_argument("--first", type=int, default=0, help="the first seed")
    given.add_argument("--stride", type=int, default=1, help="from one seed to the next")
    given.add_argument("--nuclei", action="store_true", help="instead, those of NUCLEI, each STRIDE-th from FIRST on")
    given.add_argument("--digits", type=float, default=3000, help="the deepest")
    options = given.parse_args()
    if options.nuclei:
        found = all_nuclei(options.first, options.stride)
    else:
        seeds = range(options.first, 10**9, options.stride)
        found = search(seeds, options.minutes, options.digits, lambda text: print(text, flush=True))
    total = Tally()
    for name, tally in sorted(found.items()):
        total.add(tally)
        share = 100 * tally.settled / max(1, tally.computed)
        print(f"{name}: {share:.0f} % settled, {tally.compared} pixels compared, {len(tally.wrong)} wrong")
    kinds = Counter(text.split(",")[0] for text in total.wrong)
    print(f"{total.compared} pixels compared, {len(total.wrong)} wrong {dict(kinds) or ''}")


if __name__ == "__main__":
    main()
