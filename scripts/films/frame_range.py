"""Some frames of a film from keyframes that ``deepzoom zoom --keep-data`` left: for many machines that share a folder.

python scripts/films/frame_range.py film/data --frames 1800 --first 600 --last 899 --out film

Each machine makes its own range. Frames are those of the whole film, so that ``deepzoom zoom --from-data film/data
--frames 1800 --out film --resume`` finds them and makes only what is missing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from deepzoom.commands.requests.film import FilmRequest
from deepzoom.film.film import keyframes_of
from deepzoom.film.frames import Frames, in_order
from deepzoom.rendering.batches import cores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--frames", type=int, required=True, help="of the whole film")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--last", type=int)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    film = FilmRequest(frames=args.frames, from_data=args.data).to_film()
    frames = Frames(film, keyframes_of(film, args.data))
    args.out.mkdir(parents=True, exist_ok=True)
    last = args.frames - 1 if args.last is None else min(args.last, args.frames - 1)
    missing = [n for n in range(args.first, last + 1) if frames.state(args.out, n) != "done"]
    for _ in in_order(lambda n: frames.write(args.out, n), missing, cores(), lambda: False):
        pass
    print(f"{len(missing)} of {last + 1 - args.first} frames made in {args.out}")


if __name__ == "__main__":
    main()
