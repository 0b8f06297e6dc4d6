"""Very deep minibrots beside the Misiurewicz point -1.2964 + 0.4419i: found, rendered, and what that takes.

    python benchmarks/deep.py 10000 30000 100000 [--folder deep-places]

A minibrot of size 10**-D has about 0.91 D steps in its period. It is found from one of half the period: near the point
c0, nuclei of periods n and m lie at c0 + d and about c0 + d a**(n - m), where a is the slope of the map at the fixed
point that c0's orbit runs into. Two steps of Newton's method then suffice. Places are kept in the folder. Each is
rendered at 320x180, four times as high as it is large. Printed are the seconds of the reference and of all, and the
most memory in MiB, which includes the program's own.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import time
from pathlib import Path
from typing import Any

import gmpy2
from gmpy2 import mpc, mpfr, mpq

import deepzoom
from deepzoom import cache, systems
from deepzoom.coordinates import format_decimal, log2, parse_decimal, rounded, with_digits
from deepzoom.reference import nucleus
from deepzoom.reference.critical_orbit import Map, determinant, length, solved

PREPERIOD = 4
NEAR = -1.29635514, 0.44185161
SIZE = "320x180"


def preperiodic(bits: int) -> tuple[Any, Any]:
    """(c0, a): z_5 = z_4, for the orbit of c0; a is 2 z_4."""
    with gmpy2.context(precision=bits):
        c, moved = mpc(*NEAR), mpfr(1)
        while moved > mpfr(2) ** (40 - bits):
            z, d, before = mpc(0), mpc(0), []
            for _ in range(PREPERIOD + 2):
                before.append((z, d))
                z, d = z * z + c, 2 * z * d + 1
            (z, d), (last, slope) = before[-2:]
            step = (last - z) / (slope - d)
            c, moved = c - step, abs(step)
        return c, 2 * z


def refined(period: int, x: Any, y: Any, known: float, far: float) -> tuple[Any, Any, Any]:
    """(x, y, size) of a nucleus. known: bits of x + iy relative to its distance from c0; far: log2 of that, negated."""
    size = mpfr(1)
    needed = 0.0
    while far + known < needed or not needed:
        bits, slope_bits = math.ceil(max(far + 2 * known, needed)) + 200, 64 + math.ceil(known)
        end = Map(systems.create("mandelbrot"), bits).last(x, y, period, slope_bits)  # type: ignore[arg-type]
        assert end is not None
        with gmpy2.context(precision=slope_bits):
            dx, dy = solved(end.by_c, end.zx, end.zy)
            size = 1 / (gmpy2.sqrt(abs(determinant(end.by_c))) * gmpy2.sqrt(abs(determinant(end.along))))
            needed = 104 - float(gmpy2.log2(size))
            print(f"  period {period:,}: {bits:,} bits, moved by {with_digits(mpq(length(dx, dy)), 2)}", flush=True)
        with gmpy2.context(precision=bits):
            x, y, known = x - dx, y - dy, 2 * known
    return x, y, size


def found(digits: int) -> dict[str, str | int]:
    """A nucleus of size about 10**-digits."""
    c, a = preperiodic(400)
    gain = math.log2(abs(complex(a)))
    last = int(digits * math.log2(10) / (2 * gain))
    periods = [last]
    while periods[0] > 110:
        periods.insert(0, periods[0] // 2)
    point = [with_digits(mpq(v), 60) for v in (c.real, c.imag)]
    away = abs(complex(a)) ** (PREPERIOD - periods[0])
    view = deepzoom.View.parse(*point, repr(8 * away), "64x64")
    first = nucleus.find(systems.create("mandelbrot"), view, 400)  # type: ignore[arg-type]
    assert first is not None
    n, x, y = first.period, first.x, first.y
    size = first.size
    for m in (p for p in periods if p > 1.5 * n or p == last):
        bits = int(2 * m * gain) + 400
        c, a = preperiodic(bits)
        with gmpy2.context(precision=bits):
            moved = c + (mpc(mpfr(x), mpfr(y)) - c) / a ** (m - n)
        u, v, estimate = refined(m, moved.real, moved.imag, max(20.0, n * gain - 40), m * gain)
        size = mpq(estimate)
        n, x, y = m, *(rounded(mpq(w), size / 2**64) for w in (u, v))
    return {"period": n, "x": format_decimal(x), "y": format_decimal(y), "size": with_digits(size, 6)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("digits", nargs="+", type=int)
    parser.add_argument("--folder", type=Path, default=Path("deep-places"))
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    for digits in args.digits:
        path = args.folder / f"{digits}.json"
        if not path.exists():
            path.write_text(json.dumps(found(digits)))
        place = json.loads(path.read_text())
        depth = with_digits(4 * parse_decimal(place["size"], "size"), 6)
        view = deepzoom.View.parse(place["x"], place["y"], depth, SIZE)
        cache.clear("references")
        begin = time.perf_counter()
        facts = deepzoom.render(deepzoom.Scene("mandelbrot", view, 100 * place["period"])).facts
        seconds, memory = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"1e{log2(view.depth) / math.log2(10):.0f}: period {place['period']:,}, {facts['bits']:,} bits, reference"
            f" {facts['reference_seconds']:.1f} s, all {seconds:.1f} s, {memory:.0f} MiB,"
            f" settled {facts['settled'] / view.pixels:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
