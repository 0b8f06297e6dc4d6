"""Pairs of points: the share f(eps) of pairs eps apart whose fates differ, followed to any small eps.

Drawn evenly in a window, pairs with different fates are f(eps) of all: at 1e-30 no sample would hold one. So the pairs
are drawn where they are needed, and weighted by how rare the draw was (splitting, as for rare events: Kahn and Harris
1951; with resampling it is a particle filter, whose estimates have no bias: Del Moral 2004, section 7.4).

A pair shows the border where its points have two fates. Some of a set's border has one fate on both sides: filaments,
as those of the Mandelbrot set, have no area. Where points know how far the border is, a pair shows it, too, if one of
them is closer to it than eps/2: the share is then that of the border's neighbourhood, whose area goes as eps^(2 - D).

A **cell** is a square of 4x4 parts, each eps wide; the 5x5 corners of the parts make 40 pairs of neighbours eps apart.
The next, four times smaller cells are such parts. A part is chosen for the sides on which its corners differ, or for
those of its neighbours; a share of the draws goes to the other parts, so that a border which no pair shows is not
lost. A cell's weight is the area that it stands for, as a share of the window. The caller moves the whole lattice of
corners at random, so that each pair begins anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

PARTS = 4
"""Parts along a cell's side, and the ratio of one distance to the next."""
POINTS = (PARTS + 1) ** 2
PAIRS = 2 * PARTS * (PARTS + 1)
"""Points and pairs of a cell."""
_ANYWHERE = 0.02
"""Share of the draws that goes to all parts of all cells alike."""
_PROMISED = 0.15
"""How much of what a cell promised counts for each of its parts, whatever its pairs show."""
_BESIDE = 0.25
"""How much a differing side of a part counts for the parts around it, where the border may go on."""

_ROW, _COLUMN = (n.ravel() for n in np.indices((PARTS + 1, PARTS + 1)))


@dataclass(frozen=True)
class Points:
    """What is known of points (n,).

    label int64: which fate each has. counts: whether its pairs count. distance float64: how far the border is, as
    estimated, in lattice numbers, inf where no distance is known; None where only fates are asked for.
    """

    label: Ints
    counts: Bools
    distance: Floats | None = None


Fates = Callable[[Ints, Ints], Points]
"""Of points, given by whole numbers (columns, rows) of a lattice, counted right and up."""


@dataclass(frozen=True)
class Cells:
    """Cells of one size: corners (n, 2) int64, the lattice numbers (right, up) of their lower left ends.

    weights (n,): the share of the window that each stands for. wanted (n,): how much border each promises.
    """

    corners: Ints
    weights: Floats
    wanted: Floats

    def __len__(self) -> int:
        return len(self.weights)

    @classmethod
    def joined(cls, several: list[Cells]) -> Cells:
        """Cells one after the other."""
        return cls(*(np.concatenate([getattr(c, name) for c in several]) for name in ("corners", "weights", "wanted")))

    def at(self, chosen: Ints, weights: Floats) -> Cells:
        """The cells at some places, with other weights."""
        return Cells(self.corners[chosen], weights, self.wanted[chosen])


@dataclass(frozen=True)
class Seen:
    """What the pairs of some cells show. A pair differs where it shows the border.

    share: f(eps), the weighted share of counted pairs that differ. differ, counted, pairs: how many differ, how many
    count because no end is unsettled, and how many there are. sides (n, 4, 4): on how many of its sides the corners of
    each part differ.
    """

    share: float
    differ: int
    counted: int
    pairs: int
    sides: Floats


def look(cells: Cells, eps: int, fates: Fates) -> Seen:
    """Run the corners of the parts of each cell; eps: the distance of pairs, in lattice numbers."""
    columns, rows = cells.corners[:, :1] + eps * _COLUMN, cells.corners[:, 1:] + eps * _ROW
    points = fates(columns.ravel(), rows.ravel())
    square = len(cells), PARTS + 1, PARTS + 1
    label, settled = points.label.reshape(square), points.counts.reshape(square)
    near = np.zeros(square, np.bool_) if points.distance is None else points.distance.reshape(square) < eps / 2
    right = (label[:, :, 1:] != label[:, :, :-1]) | near[:, :, 1:] | near[:, :, :-1]
    up = (label[:, 1:] != label[:, :-1]) | near[:, 1:] | near[:, :-1]
    both = settled[:, :, 1:] & settled[:, :, :-1], settled[:, 1:] & settled[:, :-1]
    counted = sum(b.sum((1, 2)) for b in both)
    found = (right & both[0]).sum((1, 2)) + (up & both[1]).sum((1, 2))
    everywhere = float(found.sum() / counted.sum()) if counted.any() else 0.0
    share = np.where(counted > 0, found / np.maximum(counted, 1), everywhere)
    sides = (right[:, 1:] + 0.0) + right[:, :-1] + up[:, :, 1:] + up[:, :, :-1]
    return Seen(float(cells.weights @ share), int(found.sum()), int(counted.sum()), PAIRS * len(cells), sides)


def parts_of(cells: Cells, seen: Seen, eps: int) -> Cells:
    """Every part of every cell, with how much border it promises: the next cells are drawn from these."""
    row, column = np.indices((PARTS, PARTS))
    corners = cells.corners[:, None] + eps * np.stack([column.ravel(), row.ravel()], axis=1)
    spread = np.pad(seen.sides, ((0, 0), (1, 1), (1, 1)))
    around = sum(spread[:, i : i + PARTS, j : j + PARTS] for i in range(3) for j in range(3))
    wanted = seen.sides + _BESIDE * around + _PROMISED * cells.wanted[:, None, None]
    return Cells(corners.reshape(-1, 2), np.repeat(cells.weights / PARTS**2, PARTS**2), wanted.ravel())


def drawn(parts: Cells, count: int, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """(which, new weights) of ``count`` draws of parts, each with odds of its weight times how much border it promises.

    One random number places all draws, so each part is drawn its expected number of times, rounded up or down.
    """
    best = parts.weights * parts.wanted
    odds = np.full(len(best), 1 / len(best))
    if best.any():
        odds = (1 - _ANYWHERE) * best / best.sum() + _ANYWHERE * odds
    ends = np.cumsum(odds)
    places = (np.arange(count) + rng.random()) * (ends[-1] / count)
    chosen = np.minimum(np.searchsorted(ends, places, side="right"), len(ends) - 1)  # rounding may reach the end
    return chosen, parts.weights[chosen] * ends[-1] / (odds[chosen] * count)


def tiled(across: int, up: int, side: int, count: int, rng: np.random.Generator) -> Cells:
    """``count`` random cells of a window of ``across`` x ``up`` of them, each of the same weight.

    side: of a cell, in lattice numbers. They are spread evenly.
    """
    every = across * up
    places = ((np.arange(count) + rng.random(count)) * (every / count)).astype(np.int64) % every
    row, column = np.divmod(places, across)
    return Cells(np.stack([column, row], axis=1) * side, np.full(count, 1.0 / count), np.ones(count))


def followed(
    cells: Cells, eps: int, levels: int, count: int, fates: Fates, rng: np.random.Generator
) -> tuple[list[Seen], Cells]:
    """Look at cells, and at ``count`` ever smaller ones: (what each level shows, the parts of the last cells).

    eps: distance of the first level's pairs; each next one is a fourth.
    """
    found = [look(cells, eps, fates)]
    for _ in range(levels - 1):
        parts = parts_of(cells, found[-1], eps)
        cells = parts.at(*drawn(parts, count, rng))
        eps //= PARTS
        found.append(look(cells, eps, fates))
    return found, parts_of(cells, found[-1], eps)
