"""Some frames of a film, evenly apart, as one picture.

python scripts/films/contact_sheet.py FILM [--frames 24] [--columns 6] [--out contact-sheet.png]

FILM is a folder that ``deepzoom zoom`` wrote its frames to.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from deepzoom.files import whole_file

GAP = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--columns", type=int, default=6)
    parser.add_argument("--out", type=Path, default=Path("contact-sheet.png"))
    args = parser.parse_args()
    frames = sorted(args.film.glob("frame-*.png"))
    if not frames:
        parser.error(f"{args.film} holds no frames")
    chosen = np.unique(np.linspace(0, len(frames) - 1, args.frames).round().astype(int))
    with Image.open(frames[0]) as first:
        width, height = (side + GAP for side in first.size)
    rows = -(-len(chosen) // args.columns)
    sheet = Image.new("RGB", (args.columns * width, rows * height), "white")
    for n, number in enumerate(chosen.tolist()):
        with Image.open(frames[number]) as frame:
            sheet.paste(frame, (n % args.columns * width + GAP // 2, n // args.columns * height + GAP // 2))
    with whole_file(args.out) as file:
        sheet.save(file, "PNG")


if __name__ == "__main__":
    main()
