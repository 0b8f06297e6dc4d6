"""The horizon of training beside its outcome, for docs/trust.md: the overview of tanh and the published window.

python scripts/figures/horizon_figure.py [--size 160] [--out docs/figures/horizon.png]
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

import deepzoom
from deepzoom.colouring.colour import coloured
from deepzoom.files import whole_file
from deepzoom.landmarks import get
from deepzoom.scene.colours import Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

GAP = 6
DEPTHS = {"tanh-deep": "9", "tanh-published": None}
"""Landmarks, and depths where not their own."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=160, help="pixels of a side")
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--out", type=Path, default=Path("docs/figures/horizon.png"))
    args = parser.parse_args()
    side = args.size
    canvas = np.ones((2 * side + GAP, 2 * side + GAP, 3))
    for row, (name, depth) in enumerate(DEPTHS.items()):
        place = get(name)
        view = View.parse(place.x, place.y, depth or place.depth, (side, side))
        scene = Scene(place.system, view, args.steps or place.steps, trust="off", horizon=True)
        field = deepzoom.render(scene).field
        top = row * (side + GAP)
        canvas[top : top + side, :side] = coloured(field)
        field.scene = replace(scene, palette="magma", colouring=Colouring("horizon"))
        canvas[top : top + side, side + GAP :] = coloured(field)
    with whole_file(args.out) as file:
        Image.fromarray(np.round(255 * canvas).astype(np.uint8)).save(file, format="png", optimize=True)


if __name__ == "__main__":
    main()
