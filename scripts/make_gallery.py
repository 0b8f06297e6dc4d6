"""Render every landmark, and the default one on its way down, to docs/gallery/, with a page that shows them.

    python scripts/make_gallery.py [--size 192x192] [--out docs/gallery]

Pictures that are there are kept: remove one to have it made again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import deepzoom
from deepzoom import systems
from deepzoom.colouring import coloured
from deepzoom.landmarks import Landmark, all_landmarks
from deepzoom.picture import write_png
from deepzoom.scene import Scene

WAY_DOWN = ("9", "1e-6", "1e-12", "1e-20", "1e-28", "1e-35")
"""Depths at which the default landmark is shown."""


def views() -> list[tuple[str, Landmark, str]]:
    """(file name without its ending, landmark, depth) of every picture."""
    found = []
    for place in all_landmarks():
        found.append((place.name, place, place.depth))
        if place.name == "tanh-deep":
            found += [(f"{place.name}-{d}", place, d) for d in WAY_DOWN if d != place.depth]
    return found


def page(shown: list[tuple[str, Landmark, str]]) -> str:
    """The gallery's page."""
    lines = [
        "# Gallery",
        "",
        "Made by `scripts/make_gallery.py`. Each picture carries its scene: `deepzoom info FILE`.",
        "",
    ]
    for name, place, depth in shown:
        usual = systems.create(place.system, place.settings).default_steps
        steps = f", {place.steps:,} steps" if place.steps != usual else ""
        command = f"deepzoom render --at {place.name}" + ("" if depth == place.depth else f" --depth {depth}")
        lines += [
            f"## {place.system}, {depth}{steps}",
            "",
            f"![{name}]({name}.png)",
            "",
            f"`{command}`: {place.note}.",
            "",
        ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", default="192x192")
    parser.add_argument("--out", type=Path, default=Path("docs/gallery"))
    parser.add_argument("--only", help="names that contain this")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    shown = [v for v in views() if not args.only or args.only in v[0]]
    for name, place, depth in shown:
        path = args.out / f"{name}.png"
        if not path.exists():
            view = place.view(depth, args.size)
            result = deepzoom.render(Scene(place.system, view, place.steps, dict(place.settings)))
            write_png(path, coloured(result.field), result.field.scene)
            facts = result.facts
            print(f"{path}  {facts['backend']}  {facts['reference_steps']} steps  {facts['seconds']:.1f} s", flush=True)
    if not args.only:
        (args.out / "README.md").write_text(page(shown), encoding="utf-8")


if __name__ == "__main__":
    main()
