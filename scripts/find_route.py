"""Find a route of nested views down to a depth, by following borders that are coherent at the pixel scale.

    python scripts/find_route.py tanh --center 1.1238443 2.3018076 --from 1e-6 --to 1e-20

At each level the view is rendered small; of all blocks that hold both fates, the next view is the one with the most
border among those whose border is coherent (no pixel of a fate of its own among its neighbours). Where a level has no
such block, the search goes one level back and takes the next best. Prints one JSON object per level, with the exact
centre; the last line is a landmark. With ``--by measure`` borders are jumps of the measure's rank by a tenth or more,
whatever the fates: the linear pieces of a ReLU network, say.
"""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np

import deepzoom
from deepzoom import systems
from deepzoom.colouring import by_rank
from deepzoom.coordinates import format_decimal, parse_decimal, rounded, with_digits
from deepzoom.scene import Scene, View

SIZE = 64
FACTOR = 4
BLOCK = SIZE // FACTOR


def borders(kind: np.ndarray) -> np.ndarray:
    """Where a 2x2 block holds kinds of pixels at least 1 apart: both fates, or ranks in tenths."""
    corners = np.stack([kind[1:, 1:], kind[:-1, 1:], kind[1:, :-1], kind[:-1, :-1]])
    return corners.max(axis=0) - corners.min(axis=0) >= 1


def kinds(field: deepzoom.Field, by: str) -> np.ndarray:
    """What borders lie between: fates 0 and 1, or the measure's rank from 0 to 10."""
    if by == "fate":
        return (field.fate < 0).astype(float)
    return 5 * (by_rank(field.measure) + 1)


def speckles(kind: np.ndarray) -> np.ndarray:
    """Pixels with at most two of their eight neighbours of the same kind."""
    padded = np.pad(kind, 1, mode="edge")
    same = sum(
        (np.abs(padded[1 + i : 1 + i + kind.shape[0], 1 + j : 1 + j + kind.shape[1]] - kind) < 1).astype(int)
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
        if (i, j) != (0, 0)
    )
    return same <= 2


def candidates(
    kind: np.ndarray, measure: np.ndarray, least: float, rng: np.random.Generator
) -> list[tuple[float, int, int]]:
    """(score, row, column) of blocks to go on in, best first.

    A large measure, of either sign, is a run that took long to decide: such blocks hold structure further down.
    """
    late = np.log2(np.abs(measure) / np.median(np.abs(measure)))
    edge, speck = borders(kind), speckles(kind)
    share = kind > np.median(kind) if len(np.unique(kind)) > 2 else kind > 0
    found = []
    for i in range(0, SIZE - BLOCK + 1, 2):
        for j in range(0, SIZE - BLOCK + 1, 2):
            block = edge[i : i + BLOCK - 1, j : j + BLOCK - 1]
            count, loose = int(block.sum()), int(speck[i : i + BLOCK, j : j + BLOCK].sum())
            if count < least * BLOCK or not 0.1 < share[i : i + BLOCK, j : j + BLOCK].mean() < 0.9:
                continue
            lateness = float(late[i : i + BLOCK, j : j + BLOCK].mean())
            score = min(count, 5 * BLOCK) / BLOCK - 10 * loose / count + lateness + 0.3 * rng.random()
            found.append((score, i, j))
    return sorted(found, reverse=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("system", choices=systems.names())
    parser.add_argument("--center", nargs=2, required=True)
    parser.add_argument("--from", dest="begin", required=True)
    parser.add_argument("--to", dest="end", required=True)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--by", choices=["fate", "measure"], default="fate")
    parser.add_argument("--least", type=float, default=1.5, help="border in a view, in heights: 1 is a straight line")
    parser.add_argument("--tries", type=int, default=80, help="renders before giving up")
    args = parser.parse_args()

    rng = np.random.default_rng(args.seed)
    steps = args.steps or systems.create(args.system).default_steps
    x, y = (parse_decimal(c, "--center") for c in args.center)
    depth, end = parse_decimal(args.begin, "--from"), parse_decimal(args.end, "--to")
    stack: list[tuple[View, list[tuple[float, int, int]]]] = []
    view = View(x, y, depth, SIZE, SIZE)
    for _ in range(args.tries):
        result = deepzoom.render(Scene(args.system, view, steps))
        kind = kinds(result.field, args.by)
        places = candidates(kind, result.field.measure, args.least, rng)
        edges = borders(kind).sum()
        coherent = 1 - speckles(kind).sum() / max(1, edges)
        print(
            json.dumps(
                {
                    "x": format_decimal(view.x),
                    "y": format_decimal(view.y),
                    "depth": with_digits(view.depth, 7),
                    "converged": round(float((result.field.fate < 0).mean()), 3),
                    "edges": int(edges),
                    "coherent": round(float(coherent), 3),
                    "reference_steps": result.facts["reference_steps"],
                    "seconds": round(result.facts["seconds"], 1),
                    "score": round(places[0][0], 2) if places else None,
                }
            ),
            flush=True,
        )
        if view.depth <= end and edges > 2 * args.least * SIZE and coherent > 0.7:
            return
        if places and places[0][0] > 0:
            stack.append((view, places))
        while stack and not stack[-1][1]:
            stack.pop()
        if not stack:
            print("no coherent border left", file=sys.stderr)
            sys.exit(1)
        view, places = stack[-1]
        _, i, j = places.pop(0)
        # the next best of the same view should lie elsewhere
        places[:] = [p for p in places if abs(p[1] - i) + abs(p[2] - j) > BLOCK // 2]
        new_x, new_y = (rounded(v, view.depth / 10000) for v in view.at(j + BLOCK / 2 - 0.5, i + BLOCK / 2 - 0.5))
        view = View(new_x, new_y, view.depth / FACTOR, SIZE, SIZE)


if __name__ == "__main__":
    main()
