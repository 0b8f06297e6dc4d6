"""What blocks of a view of training hold further down: small pictures of the border inside them, some levels deeper.

What is dust in a view may be clear in the next ones, or stay so all the way; a straight edge may fold, or not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deepzoom.rendering.field import Field

from .blocks import FACTOR, LEAST_CORRELATION, Block, borders, correlation, one_way
from .lattice import Lattice
from .windows import FINEST, SHARED, Window

AHEAD = FINEST - SHARED
"""Levels."""
SIZE = 16
"""Pixels of a picture each way."""
_RICH_EDGES = 2.0
"""Neighbours of two fates in a picture, in its heights; a straight edge has 1 to 1.4."""
_MOST_ONE_WAY = 0.8
"""Of the border in a picture, from 0 to 1; bands run one way."""
_FOLDS, _BANDS = 5.0, 2.5
"""What a block that holds such further down scores more than one with a straight edge there."""

Floats = NDArray[np.float64]


def scouted(
    lattice: Lattice, window: Window, field: Field, found: list[Block], rng: np.random.Generator
) -> list[Block]:
    """The blocks of a window's field, looked into in turn until one holds folds further down: that one comes first.

    Then those with bands there, those not looked into, and those with a straight edge; those with dust, or nothing, are
    left out.
    """
    fate = field.fate < 0
    bands: list[Block] = []
    straight: list[Block] = []
    for n, block in enumerate(found):
        picture = _ahead(lattice, window, fate, block, rng)
        edges = sum(np.abs(np.diff(picture, axis=k)).sum() for k in (0, 1)) / SIZE
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


def _ahead(lattice: Lattice, window: Window, fate: NDArray[np.bool_], block: Block, rng: np.random.Generator) -> Floats:
    """The picture (SIZE, SIZE), 1 where runs converge, of a place on the border in a block.

    Between two neighbouring pixels of two fates, chosen by chance, the border is found by halving.
    """
    one, other = (np.array(end, dtype=float) for end in _pair(fate, block, rng))
    first = fate[int(one[1]), int(one[0])]
    for _ in range(int(np.log2(FACTOR)) * AHEAD):
        middle = (one + other) / 2
        if (lattice.fates(window, middle[:1], middle[1:])[0] < 0) == first:
            one = middle
        else:
            other = middle
    places = (np.arange(SIZE) - (SIZE - 1) / 2) * (fate.shape[0] / SIZE / FACTOR**AHEAD)
    columns, rows = np.meshgrid(one[0] + places, one[1] + places)
    return (lattice.fates(window, columns, rows) < 0).reshape(SIZE, SIZE).astype(float)


def _pair(fate: NDArray[np.bool_], block: Block, rng: np.random.Generator) -> tuple[tuple[int, int], tuple[int, int]]:
    """Two neighbouring pixels (column, row) of a block that differ; a block of one fate is no block."""
    height, width = (n // FACTOR for n in fate.shape)
    left, top = round(block.column - (width - 1) / 2), round(block.row - (height - 1) / 2)
    part = fate[top : top + height, left : left + width]
    across = [((j, i), (j + 1, i)) for i, j in np.argwhere(part[:, 1:] != part[:, :-1])]
    down = [((j, i), (j, i + 1)) for i, j in np.argwhere(part[1:] != part[:-1])]
    (a, b), (c, d) = (across + down)[rng.integers(len(across) + len(down))]
    return (left + a, top + b), (left + c, top + d)
