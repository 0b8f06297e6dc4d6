"""Make the golden Lyapunov exponents, from 1e-3 to 1e-100.

    python tests/golden/make_lyapunov.py        takes a minute on one core; writes lyapunov.json beside it

The oracle is helpers/escape_oracle.py. Nothing comes from the package. Pixels are chosen at random from a view of
64 x 64, numbered row by row from the top. Each runs with 150 digits more than the depth has, then with 100 more each
time, until the exponent stays the same to 1e-15. `digits` is the number in a view's last run.
"""

from __future__ import annotations

import json
import random
import sys
from fractions import Fraction
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "helpers")]

from escape_oracle import exponent  # noqa: E402

DEPTHS = ("1e-3", "1e-13", "1e-30", "1e-60", "1e-100")
PIXELS, SIZE, WARMUP, STEPS = 8, 64, 60, 200

TANGENT = "3.82842712474619009760337744841939615713934375075389614635335947598146495692421407770077506865528314547"
# sequence and centre: order, chaos, the edge of Zircon City, a superstable point, the tangent bifurcation 1 + sqrt(8)
PLACES = (
    ("AB", "3.2461", "3.1174"),
    ("AB", "3.8123", "3.9217"),
    ("BBBBBBAAAAAA", "3.7123", "2.9517"),
    ("AABAB", "2", "2"),
    (
        "A",
        "3.8284271247461900976033774484193961571393437507538961463533594759814649569242140777007750686552831454700",
        "3",
    ),
)


def view(sequence, x, y, depth):
    pixels = sorted(random.Random(f"{sequence} {x} {depth}").sample(range(SIZE * SIZE), PIXELS))
    scale = Fraction(depth)
    most, values = 0, []
    for pixel in pixels:
        i, j = divmod(pixel, SIZE)
        at = (
            Fraction(x) + scale * Fraction(2 * j + 1 - SIZE, 2 * SIZE),
            Fraction(y) + scale * Fraction(SIZE - 2 * i - 1, 2 * SIZE),
        )
        digits = len(str(scale.denominator)) + 150
        coarse, fine = exponent(*at, sequence, WARMUP, STEPS, digits), None
        while fine is None or not abs(fine - coarse) < 1e-15:
            digits += 100
            coarse, fine = fine or coarse, exponent(*at, sequence, WARMUP, STEPS, digits)
        most = max(most, digits)
        values.append(float(f"{float(fine):.16g}"))
    return {"depth": depth, "pixels": pixels, "value": values, "digits": most}


def main():
    lines = []
    for sequence, x, y in PLACES:
        views = ",\n".join(json.dumps(view(sequence, x, y, d), separators=(",", ":")) for d in DEPTHS)
        head = {"sequence": sequence, "x": x, "y": y, "warmup": WARMUP, "steps": STEPS, "size": SIZE}
        lines.append(json.dumps(head)[:-1] + ', "views": [\n' + views + "]}")
        print(sequence, x, y, flush=True)
    (HERE / "lyapunov.json").write_text('{"places": [\n' + ",\n".join(lines) + "]}\n")


if __name__ == "__main__":
    main()
