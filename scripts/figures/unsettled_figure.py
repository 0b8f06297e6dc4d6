"""A published window as float64 draws it, and with the pixels marked that are not settled, for docs/trust.md.

python scripts/figures/unsettled_figure.py [--at tanh-published] [--size 192] [--out docs/figures/unsettled.png]
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

import deepzoom
from deepzoom.colouring.colour import coloured
from deepzoom.commands.requests.scene import Request
from deepzoom.files import whole_file
from deepzoom.rendering.batches import Observer
from deepzoom.scene.colours import Colouring

GAP = 6


class OnlyTheShadow(Observer):
    """Stops before anything is repaired."""

    def __init__(self) -> None:
        self._over = False

    def part(self, name: str, done: int, total: int) -> None:
        self._over = name != "checking"

    def stopped(self) -> bool:
        return self._over


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--at", default="tanh-published")
    parser.add_argument("--size", type=int, default=192, help="pixels of a side")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--out", type=Path, default=Path("docs/figures/unsettled.png"))
    args = parser.parse_args()
    size = f"{args.size}x{args.size}"
    scene = Request(at=args.at, size=size, steps=args.steps, trust="settle").to_scene()
    field = deepzoom.render(scene, observer=OnlyTheShadow()).field
    canvas = np.ones((args.size, 2 * args.size + GAP, 3))
    for k, how in enumerate((Colouring(), Colouring(mark_unsettled=True))):
        field.scene = replace(field.scene, colouring=how)
        canvas[:, k * (args.size + GAP) :][:, : args.size] = coloured(field)
    with whole_file(args.out) as file:
        Image.fromarray(np.round(255 * canvas).astype(np.uint8)).save(file, format="png", optimize=True)
    print(f"{(field.trust < 0).mean():.1%} of {field.trust.size:,} pixels are not settled")


if __name__ == "__main__":
    main()
