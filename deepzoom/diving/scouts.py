"""Looks ahead in training: small pictures of the border inside a block, some levels deeper.

Dust in a view may become clear in the next views, or stay dust all the way; a straight edge may fold, or not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deepzoom.rendering.field import Field

from .blocks import FACTOR, LEAST_CORRELATION, Block, borders, correlation, kinds_of, one_way
from .lattice import Lattice
from .windows import FINEST, SHARED, Window

AHEAD = FINEST - SHARED
"""How many levels to look ahead."""
SIZE = 16
"""Width and height of a picture, in pixels."""
_RICH_EDGES = 2.0
"""The least number of neighbours with two fates in a rich picture, in its heights; a straight edge has 1 to 1.4."""
_MOST_ONE_WAY = 0.8
"""The largest ``one_way`` of a picture with folds; bands have more."""
_FOLDS, _BANDS = 5.0, 2.5
"""What folds or bands deeper down add to a block's score."""

Floats = NDArray[np.float64]


def scouted(
    lattice: Lattice, window: Window, field: Field, found: list[Block], rng: np.random.Generator
) -> list[Block]:
    """The blocks of a window in a new order, after looking into each in turn until one has folds deeper down.

    That block comes first, then those with bands, those not looked into, and those with a straight edge. Blocks with
    dust or nothing deeper down are left out.
    """
    kind = kinds_of(field)
    bands: list[Block] = []
    straight: list[Block] = []
    for n, block in enumerate(found):
        picture = _ahead(lattice, window, kind, block, rng)
        edges = sum(np.count_nonzero(np.diff(picture, axis=k)) for k in (0, 1)) / SIZE
        if edges == 0 or correlation(picture, SIZE, SIZE)[0, 0] < LEAST_CORRELATION:
            continue
        if edges < _RICH_EDGES:
            straight.append(block)
            continue
        folds = one_way(borders(picture)[1], SIZE, SIZE)[0, 0] <= _MOST_ONE_WAY
        score = block.score + (_FOLDS if folds else _BANDS)
        bands.insert(0 if folds else len(bands), replace(block, score=round(score, 6), rich=True))
        if folds:
            return [*bands, *found[n + 1 :], *straight]
    return [*bands, *straight]


def _ahead(lattice: Lattice, window: Window, kind: Floats, block: Block, rng: np.random.Generator) -> Floats:
    """The kinds (SIZE, SIZE) of runs at a place on the border in a block.

    The place lies between two neighbouring pixels of different kinds, chosen at random; bisection finds the border.
    """
    one, other = (np.array(end, dtype=float) for end in _pair(kind, block, rng))
    first = kind[int(one[1]), int(one[0])]
    for _ in range(int(np.log2(FACTOR)) * AHEAD):
        middle = (one + other) / 2
        if lattice.kinds(window, middle[:1], middle[1:])[0] == first:
            one = middle
        else:
            other = middle
    places = (np.arange(SIZE) - (SIZE - 1) / 2) * (kind.shape[0] / SIZE / FACTOR**AHEAD)
    columns, rows = np.meshgrid(one[0] + places, one[1] + places)
    return lattice.kinds(window, columns, rows).reshape(SIZE, SIZE)


def _pair(kind: Floats, block: Block, rng: np.random.Generator) -> tuple[tuple[int, int], tuple[int, int]]:
    """Two neighbouring pixels (column, row) of a block with different kinds; every block has some."""
    height, width = (n // FACTOR for n in kind.shape)
    left, top = round(block.column - (width - 1) / 2), round(block.row - (height - 1) / 2)
    part = kind[top : top + height, left : left + width]
    across = [((j, i), (j + 1, i)) for i, j in np.argwhere(part[:, 1:] != part[:, :-1])]
    down = [((j, i), (j, i + 1)) for i, j in np.argwhere(part[1:] != part[:-1])]
    (a, b), (c, d) = (across + down)[rng.integers(len(across) + len(down))]
    return (left + a, top + b), (left + c, top + d)
