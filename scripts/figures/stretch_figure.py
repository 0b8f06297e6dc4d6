"""A deep view of a training fractal as it is, and unfolded by ``--stretch auto``, side by side for docs/theory.md.

python scripts/figures/stretch_figure.py [--at tanh-deep] [--depth 1e-16] [--size 192x192]
    [--out docs/figures/stretch.png]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import deepzoom
from deepzoom.colouring.colour import coloured
from deepzoom.commands.requests.scene import Request
from deepzoom.files import whole_file
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.stretch import unfolded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--at", default="tanh-deep")
    parser.add_argument("--depth", default="1e-16")
    parser.add_argument("--size", default="192x192")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--out", type=Path, default=Path("docs/figures/stretch.png"))
    args = parser.parse_args()
    plain = Request(at=args.at, depth=args.depth, size=args.size, steps=args.steps).to_scene()
    width, height = plain.view.width, plain.view.height
    figure = Figure(figsize=((2 * width + 18) / 100, (height + 30) / 100), dpi=100)
    FigureCanvasAgg(figure)
    whole = figure.get_size_inches() * 100
    for k, (name, scene) in enumerate({"plain": plain, "--stretch auto": unfolded(plain, 0.0, Observer())}.items()):
        field = deepzoom.render(scene).field
        # a pixel of the view to one of the figure
        ax = figure.add_axes(((6 + k * (width + 6)) / whole[0], 6 / whole[1], width / whole[0], height / whole[1]))
        ax.imshow(coloured(field), interpolation="nearest")
        ax.set_title(name, fontsize=8, pad=4)
        ax.set_axis_off()
    with whole_file(args.out) as file:
        figure.savefig(file, format="png", pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main()
