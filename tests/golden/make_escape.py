"""Make the golden counts of the escape-time systems: random pixels of deep views, run in fixed-point integers.

    python tests/golden/make_escape.py        takes about a minute on one core; writes escape.json beside it

The oracle is helpers/escape_oracle.py. Nothing comes from the package. A view has 64 x 64 pixels around the exact
decimal centre, y upwards: pixel (i, j) lies at centre + depth * ((j + 1/2 - 32) / 64, (32 - i - 1/2) / 64). Each pixel
runs with 200 fraction bits more than the depth has, then with 100 more, until the counts are equal and the smooth
counts agree to 1e-12. The file keeps the finer run's. `pixels` are row * 64 + column. `iterations` is the first n with
|z_n| > R, or 0 if there is none within `limit`. `smooth` has 14 digits, and is null if n is 0.

`delicate` lists the pixels whose count changes if only 45 bits more than the depth are used: a difference kept in
float64 cannot settle these. At most one pixel in five of a view may be delicate. The folded maps have wide regions
around their preperiodic points where nearly all pixels are, as orbits there are chaotic for long before they escape;
such centres were passed over.

The centres are found here, too, in two ways. Some are repelling preperiodic points, z_pre = z_(pre + per), of the
parameter, or of the plane for julia. Newton's method in two real variables finds them. Its derivatives are divided
differences at 2**-500. Some lie on the real axis, which is a fold for the ships and the shark fin. The other centres
come from descents along a fold, which zoom in by 14/3 at a time. Of 14 x 14 pixels a descent takes the block of 3 x 3
with the most different counts among those that z_k's fold crosses, so the fold is near the centre at all depths.
"""

from __future__ import annotations

import json
import random
import sys
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path

from gmpy2 import mpz

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "helpers"))

import escape_oracle as oracle  # noqa: E402

DEPTHS = ("1e-3", "1e-13", "1e-30", "1e-100")
PIXELS = 200
SIZE = 64
LIMIT = 5000
FLOAT = 45
DIGITS = 120
NEWTON = 1000

# system, settings, and a preperiodic point: preperiod, period and a place near it
PREPERIODIC = [
    ("mandelbrot", {"power": "2"}, 11, 3, -0.23061854880941493, -0.8160764508988396),
    ("mandelbrot", {"power": "3"}, 7, 2, 0.10240682688119258, -1.1527998610746706),
    ("mandelbrot", {"power": "5"}, 6, 3, -0.7015516288664, 0.42917232789454823),
    ("julia", {"power": "2", "cx": "-0.8", "cy": "0.156"}, 9, 4, 1.1246309931764609, -0.011269950834558161),
    ("julia", {"power": "2", "cx": "0.285", "cy": "0.01"}, 4, 1, -0.74743903739771, -0.48978426566818345),
    ("burning-ship", {}, 7, 2, 0.8029623638862189, -1.4300917371240598),
    ("burning-ship", {}, 8, 2, -1.5091717509014198, 0.0),
    ("perpendicular-burning-ship", {}, 10, 2, -0.5907833189477214, 0.7481168795352774),
    ("perpendicular-burning-ship", {}, 11, 2, -0.7560983737224622, 0.7783597711277231),
    ("perpendicular-burning-ship", {}, 8, 3, -1.7822332509696361, 0.0),
    ("celtic", {}, 7, 4, -1.3045653215014912, 0.3911888694917357),
    ("buffalo", {}, 5, 5, -0.6887322700672973, 0.17200376847384236),
    ("buffalo", {}, 8, 4, -1.72428972314334, 0.0),
    ("tricorn", {}, 11, 4, 0.5596457785788799, -1.0881506772548566),
    ("shark-fin", {}, 11, 2, -1.2304275035731964, -0.23811264002681684),
    ("shark-fin", {}, 8, 3, -1.7822332509696361, 0.0),
]
# system, k of the z_k on a fold, and where the descent starts
DESCENTS = [
    ("burning-ship", 6, "0.22", "-0.972"),
    ("celtic", 5, "-0.862", "0.583"),
    ("buffalo", 8, "0.187", "-1.141"),
]
FOLDS = {
    "burning-ship": lambda x, y: x * y > 0,
    "celtic": lambda x, y: x * x > y * y,
    "buffalo": lambda x, y: x * y * (x * x - y * y) > 0,
}


def orbit(system, settings, x, y, steps, bits):
    """z_0 ... z_steps of the pixel at x, y, in fixed point; None if it goes far."""
    map_, _ = oracle.step(system, settings)
    x, y = Fraction(int(x), 1 << bits), Fraction(int(y), 1 << bits)
    z, c, _ = oracle.start(system, settings, x, y, bits)
    found = [z]
    for _ in range(steps):
        found.append(map_(*found[-1], *c, bits))
        if max(map(abs, found[-1])) > mpz(100) << bits:
            return None
    return found


def preperiodic(system, settings, pre, per, x, y):
    """The preperiodic point near x, y, to DIGITS decimals."""
    bits = NEWTON
    x, y = oracle.fixed(x, bits), oracle.fixed(y, bits)
    h = mpz(1) << bits // 2

    def gap(x, y):
        found = orbit(system, settings, x, y, pre + per, bits)
        return found[-1][0] - found[pre][0], found[-1][1] - found[pre][1]

    for _ in range(20):
        (f, g), (fx, gx), (fy, gy) = gap(x, y), gap(x + h, y), gap(x, y + h)
        fx, gx, fy, gy = fx - f, gx - g, fy - f, gy - g
        det = fx * gy - fy * gx
        dx, dy = h * (f * gy - g * fy) // det, h * (g * fx - f * gx) // det
        x, y = x - dx, y - dy
        if max(abs(dx), abs(dy)) < mpz(1) << bits // 4:
            break
    else:
        raise ValueError(f"no preperiodic point of {system} near {x}, {y}")
    return decimals(Fraction(int(x), 1 << bits)), decimals(Fraction(int(y), 1 << bits))


def descend(system, k, x, y):
    """A centre, found by a descent along the fold of z_k."""
    grid, block = 14, 3
    x, y, depth = Fraction(x), Fraction(y), Fraction(1, 2)
    while depth > Fraction(1, 10**112):
        bits = depth.denominator.bit_length() - depth.numerator.bit_length() + 150
        counts, sides = {}, {}
        for i in range(grid):
            for j in range(grid):
                at = x + depth * Fraction(2 * j + 1 - grid, 2 * grid), y - depth * Fraction(2 * i + 1 - grid, 2 * grid)
                counts[i, j], _ = oracle.iterate(system, {}, *at, LIMIT, bits)
                found = orbit(system, {}, *(oracle.fixed(a, bits) for a in at), k, bits)
                sides[i, j] = None if found is None else FOLDS[system](*found[-1])
        best = None
        for i in range(grid - block + 1):
            for j in range(grid - block + 1):
                cells = [(i + a, j + b) for a in range(block) for b in range(block)]
                if not {sides[cell] for cell in cells} >= {True, False}:
                    continue
                n = [counts[cell] for cell in cells]
                score = len({*n} - {0}) - n.count(0) / 2, -sum(n)
                if best is None or score > best[0]:
                    best = score, i, j
        _, i, j = best
        x += depth * Fraction(2 * j + block - grid, 2 * grid)
        y -= depth * Fraction(2 * i + block - grid, 2 * grid)
        depth *= Fraction(block, grid)
        x, y = (Fraction(round(a * 2**bits), 2**bits) for a in (x, y))
    return decimals(x), decimals(y)


def decimals(number):
    with localcontext() as context:
        context.prec = DIGITS + 10
        text = format(Decimal(round(number * 10**DIGITS)).scaleb(-DIGITS), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def settled(system, settings, x, y, bits):
    """The pixel's count and smooth count, once 100 bits more give the same."""
    coarse = oracle.iterate(system, settings, x, y, LIMIT, bits)
    while True:
        bits += 100
        fine = oracle.iterate(system, settings, x, y, LIMIT, bits)
        if fine[0] == coarse[0] and (fine[1] is None or abs(fine[1] - coarse[1]) < 1e-12 * fine[1]):
            return fine
        print(f"    {system}: {coarse} became {fine} at {bits} bits")
        coarse = fine


def view(system, settings, x, y, depth):
    rng = random.Random(f"{system} {settings} {x} {depth}")
    pixels = sorted(rng.sample(range(SIZE * SIZE), PIXELS))
    scale = Fraction(depth)
    bits = scale.denominator.bit_length() + 200
    found, delicate = [], []
    for pixel in pixels:
        i, j = divmod(pixel, SIZE)
        u, v = Fraction(2 * j + 1 - SIZE, 2 * SIZE), Fraction(SIZE - 2 * i - 1, 2 * SIZE)
        at = Fraction(x) + scale * u, Fraction(y) + scale * v
        found.append(settled(system, settings, *at, bits))
        if oracle.iterate(system, settings, *at, LIMIT, bits - 200 + FLOAT)[0] != found[-1][0]:
            delicate.append(pixel)
    counts = [n for n, _ in found]
    distinct = len({*counts})
    print(
        f"  {depth}: {distinct} counts from {min(counts)} to {max(counts)}, {counts.count(0)} within, "
        f"{len(delicate)} delicate",
        flush=True,
    )
    assert distinct >= 10 and len(delicate) <= PIXELS / 5
    smooth = [None if s is None else float(f"{s:.14g}") for _, s in found]
    return {"depth": depth, "pixels": pixels, "iterations": counts, "smooth": smooth, "delicate": delicate}


def main():
    found = []
    for system, settings, pre, per, *about in PREPERIODIC:
        note = f"preperiodic: z_{pre} = z_{pre + per}"
        found.append((system, settings, note, *preperiodic(system, settings, pre, per, *about)))
    for system, k, *about in DESCENTS:
        found.append((system, {}, f"by the fold of z_{k}", *descend(system, k, *about)))
    systems = []
    for system, settings, note, x, y in found:
        print(f"{system} {settings} {note}\n  {x}\n  {y}", flush=True)
        views = [view(system, settings, x, y, depth) for depth in DEPTHS]
        head = {"system": system, "settings": settings, "centre": note, "x": x, "y": y, "limit": LIMIT, "size": SIZE}
        lines = ",\n".join(json.dumps(a, separators=(",", ":")) for a in views)
        systems.append(json.dumps(head)[:-1] + ', "views": [\n' + lines + "]}")
    (HERE / "escape.json").write_text('{"systems": [\n' + ",\n".join(systems) + "]}\n")


if __name__ == "__main__":
    main()
