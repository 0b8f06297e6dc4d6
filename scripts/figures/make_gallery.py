"""Render every landmark, and the default one on its way down, to docs/gallery/, with a page that shows them.

    python scripts/figures/make_gallery.py [--size 512x512] [--samples 4] [--only NAME] [--out docs/gallery]

Pictures that are there are left as they are: remove one to have it made again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import deepzoom
from deepzoom import systems
from deepzoom.colouring.colour import coloured
from deepzoom.commands.requests.scene import Request
from deepzoom.files import whole_file
from deepzoom.landmarks import Landmark, all_landmarks
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.stretch import unfolded
from deepzoom.scene.scene import Scene

WAY_DOWN = ("9", "1e-6", "1e-12", "1e-20", "1e-28", "1e-35")
"""Depths at which the default landmark is shown."""
QUALITY = 80
"""Of WebP: all pictures together stay below 6 MB."""
COLUMNS = 3


def views() -> list[tuple[str, Landmark, str]]:
    """(file name without its ending, landmark, depth) of every picture."""
    found = []
    for place in all_landmarks():
        found.append((place.name, place, place.depth))
        if place.name == "tanh-deep":
            found += [(f"{place.name}-{d}", place, d) for d in WAY_DOWN if d != place.depth]
    return found


def scene_of(place: Landmark, depth: str, size: str, samples: int) -> Scene:
    """What ``deepzoom render --at`` makes of a landmark at a depth."""
    request = Request(at=place.name, depth=depth, size=size, samples=str(samples), trust="off")
    scene = request.to_scene()
    return unfolded(scene, 0.0, Observer()) if request.unfolds(scene) else scene


def page(shown: list[tuple[str, Landmark, str]]) -> str:
    """The gallery's page: a table for each system."""
    lines = [
        "# Gallery",
        "",
        "The bold number is the view's depth, which is its height in the plane. The command below it renders the view.",
        "",
        "Made by `scripts/figures/make_gallery.py`.",
        "",
    ]
    for system in dict.fromkeys(place.system for _, place, _ in shown):
        cells = [_cell(*view) for view in shown if view[1].system == system]
        lines += [f"## {system}", "", *_table(cells), ""]
    return "\n".join(lines)


def _cell(name: str, place: Landmark, depth: str) -> tuple[str, str]:
    """A picture, and what stands below it."""
    usual = systems.create(place.system, place.settings).default_steps
    steps = f", {place.steps:,} steps" if place.steps != usual else ""
    command = f"deepzoom render --at {place.name}" + ("" if depth == place.depth else f" --depth {depth}")
    return f"![{name}]({name}.webp)", f"**{depth}**{steps}: {place.note}<br>`{command}`"


def _table(cells: list[tuple[str, str]]) -> list[str]:
    """Rows of pictures, each with a row of texts below it."""
    lines = ["| " * COLUMNS + "|", "|---" * COLUMNS + "|"]
    for first in range(0, len(cells), COLUMNS):
        row = cells[first : first + COLUMNS]
        row += [("", "")] * (COLUMNS - len(row))
        lines += ["| " + " | ".join(part) + " |" for part in zip(*row, strict=True)]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", default="512x512")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("docs/gallery"))
    parser.add_argument("--only", help="names that contain this")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    shown = [v for v in views() if not args.only or args.only in v[0]]
    for name, place, depth in shown:
        path = args.out / f"{name}.webp"
        if not path.exists():
            result = deepzoom.render(scene_of(place, depth, args.size, args.samples))
            with whole_file(path) as file:
                picture = np.rint(255 * coloured(result.field)).astype(np.uint8)
                Image.fromarray(picture).save(file, "WEBP", quality=QUALITY, method=6)
            print(f"{path}  {result.facts['backend']}  {result.facts['seconds']:.1f} s", flush=True)
    if not args.only:
        (args.out / "README.md").write_text(page(shown), encoding="utf-8")


if __name__ == "__main__":
    main()
