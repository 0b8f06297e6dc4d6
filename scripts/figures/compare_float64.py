"""What float64 shows past its wall, beside what is there: the same views by cpu-float64 and cpu-perturbation.

    python scripts/figures/compare_float64.py [--size 256x256] [--out docs/figures/past-float64.png] [DEPTH ...]

For each view it prints how many distinct values a row of pixels has, in the median over rows: float64 gives many
neighbouring pixels the same coordinates, hence the same run.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import deepzoom
from deepzoom import landmarks
from deepzoom.colouring.colour import colour
from deepzoom.files import whole_file
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

BACKENDS = ("cpu-float64", "cpu-perturbation")


def distinct(values: np.ndarray) -> float:
    """Distinct values in a row, the median over rows."""
    return float(np.median([len(np.unique(row)) for row in values]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("depths", nargs="*", default=["1e-17", "1e-20"])
    parser.add_argument("--size", default="256x256")
    parser.add_argument("--out", type=Path, default=Path("docs/figures/past-float64.png"))
    args = parser.parse_args()
    place = landmarks.get("tanh-deep")
    figure = Figure(figsize=(7.0, 3.7 * len(args.depths)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(args.depths), len(BACKENDS), squeeze=False)
    for row, depth in zip(axes, args.depths):
        scene = Scene(place.system, View.parse(place.x, place.y, depth, args.size), place.steps)
        for ax, backend in zip(row, BACKENDS):
            field = deepzoom.render(replace(scene, backend=backend)).field
            count = distinct(field.measure)
            print(f"{depth}  {backend:<17} {count:g} distinct values in a row of {scene.view.width}", flush=True)
            ax.imshow(colour(field.measure, scene.palette), interpolation="nearest")
            ax.set_title(f"{depth}, {backend}\n{count:g} distinct values in a row", fontsize=9)
            ax.set_axis_off()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(args.out) as file:
        figure.savefig(file, format="png")


if __name__ == "__main__":
    main()
