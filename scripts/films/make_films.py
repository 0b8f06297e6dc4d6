"""A film of every system, from where all of it is seen down to its landmark at 1e-20 or below, or else its deepest one.

python scripts/films/make_films.py [--only tanh] [--size 256x256] [--seconds 60] [--out films]

Each is what ``deepzoom zoom`` makes, stretched by itself on the way; a film that was stopped goes on, and one that is
there is left alone. ``--only tanh`` is the published fractal from [-3, 6] x [-3, 6] down.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from deepzoom.commands.prepare_scene import prepared
from deepzoom.commands.requests.film import FilmRequest
from deepzoom.commands.requests.scene import Request
from deepzoom.commands.terminal.progress import Watcher
from deepzoom.coordinates import Rational, parse_decimal
from deepzoom.film.film import make
from deepzoom.film.output import target
from deepzoom.landmarks import Landmark, all_landmarks

BEGIN = {"tanh": "9", "lyapunov": "2"}
"""Depths of first frames; 4 for others."""
DEEPEST = parse_decimal("1e-20", "depth")


def places() -> dict[str, Landmark]:
    """Each system's default landmark where that reaches 1e-20, else the one that reaches deepest."""
    own: dict[str, list[Landmark]] = {}
    for place in all_landmarks():
        own.setdefault(place.system, []).append(place)

    def order(place: Landmark) -> tuple[bool, Rational]:
        return not (place.default and place.serves(DEEPEST)), parse_decimal(place.reaches, "reaches")

    return {system: min(found, key=order) for system, found in own.items()}


def end_of(place: Landmark) -> str:
    """Depth of the last frame."""
    return place.depth if place.default and place.serves(DEEPEST) else place.reaches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", help="one system")
    parser.add_argument("--size", default="256x256")
    parser.add_argument("--seconds", default="60")
    parser.add_argument("--fps", default="30")
    parser.add_argument("--to", help="depth of the last frame, not below where the place shows structure")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--out", type=Path, default=Path("films"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for system, place in places().items():
        path = args.out / f"{system}.mp4"
        if path.exists() or args.only not in (None, system):
            continue
        end = args.to or end_of(place)
        if parse_decimal(end, "depth") >= parse_decimal(BEGIN.get(system, "4"), "depth"):
            continue  # a system that has no deep place
        asked = Request(at=place.name, size=args.size, steps=args.steps, stretch="auto")
        wanted = FilmRequest(asked, BEGIN.get(system, "4"), end, None, args.fps, args.seconds)
        film = wanted.to_film(lambda request, scene: prepared(request, scene, quiet=False))
        with Watcher() as watcher:
            result = make(film, target(film, path, fps=wanted.rate, resume=True), observer=watcher)
        if not result.complete:
            raise SystemExit(3)
        print(f"{path}  {place.name} to {end}  {result.facts['pixels']} pixels  {result.facts['seconds']:.0f} s")


if __name__ == "__main__":
    main()
