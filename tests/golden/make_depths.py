"""Make the golden pixels of every escape-time system and of formulas, from 1e-3 to 1e-1000.

    python tests/golden/make_depths.py        takes some minutes on one core; writes depths.json beside it

It does not repeat what escape.json has: for powers and folds there is only 1e-1000 here. The oracle is
helpers/escape_oracle.py. For formulas Python evaluates their text in gmpy2's complex numbers. Nothing comes from the
package. Views and pixels are as in make_escape.py. Each pixel runs with 200 bits more than the depth has, then with 100
more each time, until the count and the attractor are equal, and the smooth counts agree to 1e-12. `bits` is the number
in a view's last run. If the limit was reached, `n` is 0 and `value` is null. Formulas have no value.

Centres are preperiodic points, z_pre = z_(pre + per), which have structure at every depth. Newton's method in two real
variables finds them. Its derivatives are divided differences. It starts at random, or for folds and powers where
make_escape.py starts.
"""

from __future__ import annotations

import json
import random
import sys
from fractions import Fraction
from pathlib import Path

import gmpy2
from gmpy2 import mpc, mpfr

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "helpers")]

import escape_oracle as oracle  # noqa: E402
import make_escape  # noqa: E402

DEPTHS = ("1e-3", "1e-13", "1e-30", "1e-100", "1e-1000")
PIXELS = 8
SIZE = 64
LIMIT = 30000
DIGITS = 1020
BITS = 8000

RELAXED = {"relaxation": "0.7"}
QUADRATIC = {"formula": "z**2 + c"}
SINE = {"formula": "c*sin(z)", "z0x": "1.5707963267948966", "radius": "50"}
EXPONENTIAL = {"formula": "c*exp(z)"}
QUOTIENT = {"formula": "z**3 + c/z", "z0x": "1"}
FOLDED = {"formula": "fold(z)**3 + c"}
CONJUGATE = {"formula": "conj(z)**3 + c/2"}

# system, settings, preperiod and period, and the square to search: its middle and half its side
HOLOMORPHIC = [
    ("newton", {}, 3, 2, 0.0, 0.0, 1.5),
    ("newton", RELAXED, 3, 2, 0.0, 0.0, 1.5),
    ("nova", {}, 7, 2, -0.45, 0.0, 1.0),
    ("magnet1", {}, 6, 2, 1.0, 0.0, 1.5),
    ("magnet2", {}, 6, 2, 1.0, 0.0, 1.5),
    ("formula", QUADRATIC, 7, 2, -0.7, 0.0, 1.0),
    ("formula", SINE, 4, 2, 0.0, 0.0, 2.0),
    ("formula", EXPONENTIAL, 3, 1, 0.0, 0.0, 3.0),
    ("formula", QUOTIENT, 5, 2, 0.0, 0.0, 1.0),
    ("formula", FOLDED, 6, 2, 0.0, 0.0, 1.0),
    ("formula", CONJUGATE, 6, 2, 0.0, 0.0, 1.5),
]


def evaluated(text):
    """A formula, evaluated in gmpy2's complex numbers."""
    names = {
        "sin": gmpy2.sin, "cos": gmpy2.cos, "exp": gmpy2.exp, "i": mpc(0, 1), "conj": lambda v: v.conjugate(),
        "fold": lambda v: mpc(abs(v.real), abs(v.imag)),
    }  # fmt: skip
    code = compile(text, "formula", "eval")
    return lambda z, c: eval(code, names, {"z": z, "c": c})


def step_of(system, settings):
    """(the map z, c -> z', z_0 or None if z_0 is the pixel)."""
    if system == "newton":
        a = settings.get("relaxation", "1")
        return lambda z, c: z - mpfr(a) * (z * z * z - 1) / (3 * z * z), None
    if system == "nova":
        return lambda z, c: z - (z * z * z - 1) / (3 * z * z) + c, 1
    if system == "magnet1":
        return lambda z, c: ((z * z + c - 1) / (2 * z + c - 2)) ** 2, 0
    if system == "magnet2":

        def magnet2(z, c):
            k = (c - 1) * (c - 2)
            return ((z * z * z + 3 * (c - 1) * z + k) / (3 * z * z + 3 * (c - 2) * z + k + 1)) ** 2

        return magnet2, 0
    return evaluated(settings["formula"]), settings.get("z0x", "0")


def decimals(number):
    """The text of a number to DIGITS decimals."""
    scaled = int(gmpy2.rint(number * gmpy2.mpz(10) ** DIGITS))
    digits = gmpy2.mpz(abs(scaled)).digits().rjust(DIGITS + 1, "0")
    return ("-" if scaled < 0 else "") + digits[:-DIGITS] + "." + digits[-DIGITS:]


def number(text):
    return mpfr(gmpy2.mpq(Fraction(text).numerator, Fraction(text).denominator))


def centre(system, settings, pre, per, x, y, half):
    """A place with structure at every depth."""
    step, start = step_of(system, settings)
    rng = random.Random(f"{system} {settings}")

    def orbit(p, steps):
        z = p if start is None else mpc(number(start), 0)
        found = [z]
        for _ in range(steps):
            z = step(z, p)
            found.append(z)
        return found

    def gap(p):
        found = orbit(p, pre + per)
        return found[-1] - found[pre]

    def solved(p, bits, rounds):
        with gmpy2.context(precision=bits):
            h = mpfr(2) ** -(bits // 2)
            p = mpc(p)
            for _ in range(rounds):
                here = gap(p)
                across, up = (gap(p + mpc(h, 0)) - here) / h, (gap(p + mpc(0, h)) - here) / h
                det = across.real * up.imag - across.imag * up.real
                if not gmpy2.is_finite(det) or det == 0:
                    return None
                move = mpc(
                    (here.real * up.imag - here.imag * up.real) / det,
                    (across.real * here.imag - across.imag * here.real) / det,
                )
                p = p - move
                if abs(move) < mpfr(2) ** -(3 * bits // 4):
                    return p
        return None

    def fits(p):
        """Whether an orbit stays within bounds, and its cycle repels in all directions without much shear."""
        found = orbit(p, pre + per)
        if not all(gmpy2.is_finite(z) for z in found) or max(abs(z) for z in found) > 40 or abs(p.imag) < 0.05:
            return False
        if abs(found[pre - 1] - found[pre + per - 1]) < 1e-3 or abs(found[pre] - 1) < 1e-2:
            return False  # the cycle starts earlier, or the orbit rests at the magnets' attractor
        slopes = []
        for d in (mpc(mpfr("1e-20"), 0), mpc(0, mpfr("1e-20"))):
            z, w = found[pre], found[pre] + d
            for _ in range(per):
                z, w = step(z, p), step(w, p)
            slopes.append(abs(w - z) / mpfr("1e-20"))
        return min(slopes) > 1.3 and max(slopes) < 30

    while True:
        p = solved(complex(x + half * rng.uniform(-1, 1), y + half * rng.uniform(-1, 1)), 200, 60)
        if p is None or abs(p - complex(x, y)) > 1.5 * half:
            continue
        with gmpy2.context(precision=200):
            if not fits(p):
                continue
        p = solved(p, BITS, 30)
        with gmpy2.context(precision=BITS):
            yield decimals(p.real), decimals(p.imag)


def run(system, settings, x, y, bits, limit=LIMIT):
    """(n, attractor, value) of a pixel by the oracle, value None if there is none."""
    if system == "nova":
        n, smooth = oracle.nova(3, ("1", "0"), x, y, limit, bits)
        return n, int(smooth is not None), smooth
    if system == "newton" and settings:
        return oracle.relaxed((1, 0, 0, -1), ("0.7", "0"), x, y, limit, bits)
    if system in ("newton", "magnet1", "magnet2"):
        return oracle.drawn(system, x, y, limit, bits)
    if system != "formula":
        n, smooth = oracle.iterate(system, settings, x, y, limit, bits)
        return n, 0, smooth
    with gmpy2.context(precision=bits):
        step, start = step_of(system, settings)
        z, c, radius = mpc(number(start), 0), mpc(number(x), number(y)), float(settings.get("radius", 100))
        for n in range(limit + 1):
            if not abs(z) <= radius:
                return n, 0, None
            z = step(z, c)
        return 0, 0, None


def view(system, settings, x, y, depth):
    rng = random.Random(f"{system} {settings} {x[:40]} {depth}")
    pixels = sorted(rng.sample(range(SIZE * SIZE), PIXELS))
    scale = Fraction(depth)
    most, found = 0, []
    for pixel in pixels:
        i, j = divmod(pixel, SIZE)
        at = (
            Fraction(x) + scale * Fraction(2 * j + 1 - SIZE, 2 * SIZE),
            Fraction(y) + scale * Fraction(SIZE - 2 * i - 1, 2 * SIZE),
        )
        bits = scale.denominator.bit_length() + 200
        coarse, fine = run(system, settings, *at, bits), None
        while (
            fine is None or fine[:2] != coarse[:2] or abs((fine[2] or 0) - (coarse[2] or 0)) > 1e-12 * max(1, fine[0])
        ):
            bits += 100
            coarse, fine = fine or coarse, run(system, settings, *at, bits)
        most = max(most, bits)
        found.append(fine)
    values = [None if f[2] is None else float(f"{f[2]:.14g}") for f in found]
    return {
        "depth": depth, "pixels": pixels, "n": [f[0] for f in found], "attractor": [f[1] for f in found],
        "value": values, "bits": most,
    }  # fmt: skip


def views_of(system, settings, x, y, depths):
    """The golden pixels of all views, or None if a view has fewer than three kinds of pixels."""
    found = []
    for depth in depths:
        found.append(view(system, settings, x, y, depth))
        kinds = {*zip(found[-1]["n"], found[-1]["attractor"])}
        if len(kinds) < 3:
            print(f"  {depth}: {kinds}: another place", flush=True)
            return None
        print(f"  {depth}: n to {max(found[-1]['n'])}, {len(kinds)} kinds", flush=True)
    return found


def main():
    systems = []

    def keep(system, settings, note, x, y, views):
        head = {"system": system, "settings": settings, "centre": note, "x": x, "y": y, "limit": LIMIT, "size": SIZE}
        lines = ",\n".join(json.dumps(a, separators=(",", ":")) for a in views)
        systems.append(json.dumps(head)[:-1] + ', "views": [\n' + lines + "]}")
        (HERE / "depths.json").write_text('{"systems": [\n' + ",\n".join(systems) + "]}\n")

    for system, settings, pre, per, *about in HOLOMORPHIC:
        note = f"preperiodic: z_{pre} = z_{pre + per}"
        print(system, settings, note, flush=True)
        for x, y in centre(system, settings, pre, per, *about):
            views = views_of(system, settings, x, y, DEPTHS)
            if views is not None:
                keep(system, settings, note, x, y, views)
                break
    make_escape.DIGITS, make_escape.NEWTON = DIGITS, BITS
    for system, settings, pre, per, *about in make_escape.PREPERIODIC:
        print(system, settings, flush=True)
        x, y = make_escape.preperiodic(system, settings, pre, per, *about)
        views = views_of(system, settings, x, y, DEPTHS[-1:])
        if views is not None:
            keep(system, settings, f"preperiodic: z_{pre} = z_{pre + per}", x, y, views)


if __name__ == "__main__":
    main()
