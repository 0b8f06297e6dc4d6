"""The course of training in one view, for docs/colouring.md: outcome, exponent, last loss, best step and output.

python scripts/figures/course_figure.py [--size 128] [--out docs/figures/course.png]
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

GAP = 6
SHOWN = ("rank", "lyapunov", "loss", "best-step", "output")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=128, help="pixels of a side")
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--out", type=Path, default=Path("docs/figures/course.png"))
    args = parser.parse_args()
    place, side = get("tanh-overview"), args.size
    view = place.view(None, f"{side}x{side}")
    scene = Scene(place.system, view, args.steps or place.steps, trust="off", course=True)
    field = deepzoom.render(scene).field
    canvas = np.ones((side, len(SHOWN) * (side + GAP) - GAP, 3))
    for k, name in enumerate(SHOWN):
        field.scene = replace(scene, colouring=Colouring(name))
        canvas[:, k * (side + GAP) : k * (side + GAP) + side] = coloured(field)
    with whole_file(args.out) as file:
        Image.fromarray(np.round(255 * canvas).astype(np.uint8)).save(file, format="png", optimize=True)


if __name__ == "__main__":
    main()
