"""Make the golden pixels of small networks, one of each published experiment's kind, from 1e-3 to 1e-100.

    python tests/golden/make_networks.py        takes some minutes on one core; writes networks.json beside it

The oracle is helpers/oracle.py, in mpmath. Nothing comes from the package. The published networks (make_golden.py) are
too slow to run exactly at these depths, and 500 steps are too few for differences of 1e-100 to show. The networks here
have 3 inputs, 4 hidden units and one output, from the seeds below. The file keeps their arrays. The rates of `tanh` are
chaotic: differences grow tenfold in 4 steps. It has as many steps at each depth as make its pixels differ. The other
experiments' pixels at 1e-60 and deeper differ from their centre by less than the file keeps. They test the path to it.

Views and pixels are as in make_escape.py, with 4 pixels each. Each pixel runs with 400 bits more than the depth has,
then with 100 more each time, until the measures agree to 1e-13. The file keeps the finer run's measure and its `bits`.
"""

from __future__ import annotations

import json
import random
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import mpmath
import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "helpers"))

import oracle  # noqa: E402

DEPTHS = ("1e-3", "1e-13", "1e-30", "1e-60", "1e-100")
PIXELS = 4
SIZE = 64
WIDTHS = (3, 4, 1)
STEPS = dict.fromkeys(DEPTHS, 300)
# seed, rows, activation, centre, steps; weight-init has its offset at x, minibatch draws 3 rows per step
NETWORKS = {
    "tanh": (45, 8, "tanh", "1.763081", "-0.346756", dict(zip(DEPTHS, (120, 160, 220, 340, 500), strict=True))),
    "linear": (42, 6, "identity", "0.3", "0.4", STEPS),
    "relu": (46, 8, "relu", "0.671", "0.203", STEPS),
    "single-datapoint": (44, 1, "tanh", "0.9", "0.7", STEPS),
    "minibatch": (43, 8, "tanh", "1.156", "-0.544", STEPS),
    "weight-init": (45, 8, "tanh", "-0.346", "0.882", STEPS),
}


def run(made, system, x, y, steps, bits):
    """The measure of a pixel by the oracle."""
    activation = NETWORKS[system][2]
    with mpmath.workprec(bits):
        a, b = (mpmath.mpf(10) ** (mpmath.mpf(v.numerator) / v.denominator) for v in (x, y))
        offset = system == "weight-init"
        losses, _ = oracle.train(
            made["X"], made["Y"], made["theta"], activation, (b, b) if offset else (a, b), steps,
            batches=made.get("minibatch_idx"), offset=a if offset else None,
        )  # fmt: skip
        return oracle.measure(losses)


def main():
    found = []
    for system, (seed, rows, activation, x, y, of_depth) in NETWORKS.items():
        rng = np.random.default_rng(seed)
        made = {
            "X": rng.normal(size=(rows, WIDTHS[0])).tolist(), "Y": rng.normal(size=(rows, WIDTHS[-1])).tolist(),
            "theta": [rng.normal(size=shape).tolist() for shape in pairwise(WIDTHS)],
        }  # fmt: skip
        if system == "minibatch":
            made["minibatch_idx"] = rng.integers(0, rows, size=(max(of_depth.values()), 3)).tolist()
        views = []
        for depth in DEPTHS:
            scale = Fraction(depth)
            pixels = sorted(random.Random(f"{system} {depth}").sample(range(SIZE * SIZE), PIXELS))
            measures, most = [], 0
            for pixel in pixels:
                i, j = divmod(pixel, SIZE)
                at = (
                    Fraction(x) + scale * Fraction(2 * j + 1 - SIZE, 2 * SIZE),
                    Fraction(y) + scale * Fraction(SIZE - 2 * i - 1, 2 * SIZE),
                )
                bits = scale.denominator.bit_length() + 400
                coarse = run(made, system, *at, of_depth[depth], bits)
                while True:
                    bits += 100
                    fine = run(made, system, *at, of_depth[depth], bits)
                    if abs(fine - coarse) <= 1e-13 * abs(fine):
                        break
                    coarse = fine
                measures.append(float(fine))
                most = max(most, bits)
            print(system, depth, measures, most, flush=True)
            views.append(
                {"depth": depth, "steps": of_depth[depth], "pixels": pixels, "measure": measures, "bits": most}
            )
        head = {"system": system, "activation": activation, "x": x, "y": y, "size": SIZE, **made}
        found.append({**head, "views": views})
    lines = ",\n".join(json.dumps(f, separators=(",", ":")) for f in found)
    (HERE / "networks.json").write_text('{"networks": [\n' + lines + "]}\n")


if __name__ == "__main__":
    main()
