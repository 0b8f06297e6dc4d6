"""The ways of colouring side by side, for docs/colouring.md: one view of the Mandelbrot set in each.

python scripts/figures/colouring_figure.py [--out docs/figures/colouring.png]
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import deepzoom
from deepzoom.colouring.colour import coloured
from deepzoom.files import whole_file
from deepzoom.scene.colours import Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

SIDE, GAP = 132, 6
VIEW = View.parse("-0.7", "0", "2.7", (SIDE, SIDE))
SHOWN = {
    "rank": ("Spectral", Colouring()),
    "cyclic, 8": ("twilight", Colouring("cyclic", 8.0)),
    "histogram": ("Spectral", Colouring("histogram")),
    "distance": ("magma", Colouring("distance")),
    "slope 135": ("Spectral", Colouring(slope=135.0)),
    "interior navy": ("bone", Colouring(slope=135.0, interior="#000080")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/figures/colouring.png"))
    args = parser.parse_args()
    field = deepzoom.render(Scene("mandelbrot", VIEW, 1000)).field
    width, height = len(SHOWN) * (SIDE + GAP), SIDE + 30
    figure = Figure(figsize=(width / 100, height / 100), dpi=100)
    FigureCanvasAgg(figure)
    for k, (name, (palette, how)) in enumerate(SHOWN.items()):
        field.scene = replace(field.scene, palette=palette, colouring=how)
        # a pixel of the view to one of the figure
        left = k * (SIDE + GAP) + GAP // 2
        ax = figure.add_axes((left / width, GAP / 2 / height, SIDE / width, SIDE / height))
        ax.imshow(coloured(field), interpolation="nearest")
        ax.set_title(name, fontsize=8, pad=4)
        ax.set_axis_off()
    with whole_file(args.out) as file:
        figure.savefig(file, format="png", pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main()
