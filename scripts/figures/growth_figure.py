"""How the time of a render grows with depth and with iterations, for docs/escape-time.md: two charts of one figure.

    python scripts/figures/growth_figure.py [--out docs/figures/growth.png] [--rounds 3]

Left: views of the Mandelbrot set from 1e-10 to 1e-1000 around one centre, that of ``mandelbrot-e1000``. Right: a view
beside the cusp 1/4, which orbits pass so slowly that every pixel runs to the limit.
320x180 pixels, kernels compiled; processor time of all cores together, which other work on the machine hardly moves.
Every scene is rendered with its reference and again with that from the cache; the difference is the reference's time.
Medians over the rounds, of limits from 1e6 one round.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import deepzoom
from deepzoom import cache
from deepzoom.coordinates import log2
from deepzoom.files import whole_file
from deepzoom.landmarks import get
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

SIZE = "320x180"
DEPTHS = (10, 20, 50, 100, 200, 300, 500, 700, 1000)
LIMITS = (10**3, 10**4, 10**5, 10**6)
CUSP = ("0.2500000000000001", "0", "1e-17")

Times = list[tuple[float, float]]


def scene(x: str, y: str, depth: str, steps: int) -> Scene:
    return Scene("mandelbrot", View.parse(x, y, depth, SIZE), steps, backend="cpu-perturbation")


def processor_time(scene: Scene) -> float:
    begin = time.process_time()
    deepzoom.render(scene)
    return time.process_time() - begin


def measured(scenes: Sequence[Scene], rounds: int) -> Times:
    """(seconds of the reference, of everything else) for each scene."""
    for each in (scenes[0], scenes[-1]) if scenes[-1].steps <= 10**6 else scenes[:1]:
        deepzoom.render(each)  # compiles
    found = []
    for each in scenes:
        of_rounds = []
        for _ in range(rounds if each.steps < 10**6 else 1):
            cache.clear("references")
            whole, rest = processor_time(each), processor_time(each)
            of_rounds.append((max(whole - rest, 1e-3), rest))  # below a millisecond is noise
        found.append((statistics.median(a for a, _ in of_rounds), statistics.median(b for _, b in of_rounds)))
        print(f"{log2(each.view.depth) / log2(10):6.0f} {each.steps:9}", *(f"{t:.3f}" for t in found[-1]), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/figures/growth.png"))
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    place = get("mandelbrot-e1000")
    by_depth = measured([scene(place.x, place.y, f"1e-{d}", place.steps) for d in DEPTHS], args.rounds)
    by_limit = measured([scene(*CUSP, n) for n in LIMITS], args.rounds)
    figure = Figure(figsize=(8, 3), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for ax, at, times in ((left, DEPTHS, by_depth), (right, LIMITS, by_limit)):
        ax.plot(at, [a for a, _ in times], "o-", label="reference orbit", color="#3288bd")
        ax.plot(at, [b for _, b in times], "s-", label="pixels and skips", color="#d53e4f")
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8)
    left.set(xlabel="digits of depth", ylabel="processor seconds", ylim=(0, None))
    right.set(xlabel="iteration limit", ylabel="processor seconds", xscale="log", yscale="log")
    with whole_file(args.out) as file:
        figure.savefig(file, format="png", pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main()
