"""Find dust: a tanh network with freshly drawn normal data, its densest edges followed down to a depth.

    python benchmarks/dust.py FOLDER [--seed 7] [--depth 1e-20]

Writes FOLDER/dust.npz and FOLDER/dust.toml, a view of 20x10 pixels, and prints on the way what share of pixels
converged, how many neighbours have another fate, and what share a sample finds not settled. Then:

    deepzoom render --scene FOLDER/dust.toml --trust settle --data settled.npz && deepzoom verify settled.npz
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from gmpy2 import mpq

from deepzoom import render
from deepzoom.coordinates import parse_decimal
from deepzoom.rendering import trust
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

ROWS, WIDTH = 16, 8
SIZE, BLOCK, FACTOR = 48, 8, 6


def edges(converged: np.ndarray) -> int:
    """Neighbours of another fate."""
    return int((converged[:, 1:] != converged[:, :-1]).sum() + (converged[1:] != converged[:-1]).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--depth", default="1e-20")
    args = parser.parse_args()
    rng, data = np.random.default_rng(args.seed), args.folder / "dust.npz"
    shapes = {"X": (ROWS, WIDTH), "Y": (ROWS, 1), "theta0": (WIDTH, WIDTH), "theta1": (WIDTH, 1)}
    np.savez(data, **{name: rng.normal(size=shape) for name, shape in shapes.items()})
    deepest = parse_decimal(args.depth, "--depth")
    scene = Scene("tanh", View.parse("0.5", "0.5", "6", f"{SIZE}x{SIZE}"), 500, {"data": str(data)})
    while True:
        field = render(scene).field
        converged, share = field.fate < 0, trust.facts(field)["unsettled_share"]
        depth = float(scene.view.depth)
        print(f"{depth:.3g}: {converged.mean():.0%} converged, {edges(converged)} edges, {share:.0%} lost")
        if scene.view.depth <= deepest:
            break
        corners = [(i, j) for i in range(0, SIZE, BLOCK) for j in range(0, SIZE, BLOCK)]
        i, j = max(corners, key=lambda at: edges(converged[at[0] : at[0] + BLOCK, at[1] : at[1] + BLOCK]))
        view = scene.view.zoomed(j + BLOCK // 2, i + BLOCK // 2, mpq(FACTOR))
        scene = replace(scene, view=replace(view, depth=max(view.depth, deepest)))
    scene = replace(scene, view=replace(scene.view, width=20, height=10))
    (args.folder / "dust.toml").write_text(scene.to_toml(), encoding="utf-8")


if __name__ == "__main__":
    main()
