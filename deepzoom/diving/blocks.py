"""Where to go on in a view: blocks whose border is coherent at the pixel scale and rich, neither dust nor one edge.

A border lies where neighbouring pixels are of different kinds: of different fates, or, of escape-time maps, a tenth or
more apart in the rank of their counts. Speckles are pixels with at most two of their eight neighbours of their kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from deepzoom import systems
from deepzoom.colouring.colour import by_count
from deepzoom.rendering.field import Field

Floats = NDArray[np.float64]

FACTOR = 4
"""A block is so many times smaller than its view."""
LEAST_SIZE = 32
"""Pixels of a view each way: those of a block are a quarter."""
MOST_BLOCKS = 6
"""Blocks that are kept of a view: the best, and where to go if that leads nowhere."""
_LEAST_BORDER, _RICH_BORDER = 0.8, 1.5
"""Border of a block in its heights; a straight edge has 1 to 1.4."""
_ENOUGH_BORDER = 5.0
_MOST_COUNT_SPECKLES = 0.3
"""Of a block's counts, per border: where neighbours differ by chance there are 0.8."""
LEAST_CORRELATION = 0.35
"""Of neighbouring pixels' fates in a block; dust has 0, and stripes that are dust along them half of one."""
_LEAST_SPREAD = 2.0
"""Of a block's counts, in doublings: where they differ less, the set's border is far."""
_MOST_SPREAD = 1000.0
_MOST_INSIDE = 0.3
"""Share of a block that never ends."""
_LEAST_SHARE = 0.1
"""Of each side's pixels in a block."""
_COHERENT, _ENOUGH_CORRELATION = 20.0, 0.65
"""What a correlation of 1 would add to a score, and from where on it adds no more: one edge alone has 0.9."""
_RICH = 3.0
"""What more than a single edge adds to a score."""
STRAIGHT = "straight edges only"
DUST = "dust: neighbouring pixels differ everywhere"
_CHANCE = 0.3
"""What the seed adds to a score, at most."""


@dataclass(frozen=True)
class Block:
    """A block's score, the pixel of its middle, and whether it has more than a single edge."""

    score: float
    column: float
    row: float
    rich: bool


def blocks(field: Field, rng: np.random.Generator) -> tuple[list[Block], str]:
    """(best blocks first, at most ``MOST_BLOCKS``; what there is in place of one, where there is none).

    A block scores by its border's length, by how little of it runs one way, by pixels that took long to decide, by how
    much their counts differ, and against speckles and pixels that never end.
    """
    kind, inside = _kinds(field)
    rows, columns = (n // FACTOR for n in kind.shape)
    edge, along = borders(kind)
    if not edge.any():
        return [], _one_kind(field)
    count = _sums(edge, rows - 1, columns - 1)
    side = _sums(kind > np.median(kind) if len(np.unique(kind)) > 2 else kind > 0, rows, columns) / (rows * columns)
    within = _sums(inside, rows, columns) / (rows * columns)
    size = (rows + columns) / 2
    divided = (count >= _LEAST_BORDER * size) & (np.abs(side - 0.5) <= 0.5 - _LEAST_SHARE) & (within <= _MOST_INSIDE)
    if not divided.any():
        return [], STRAIGHT
    if systems.is_escape_time(field.scene.system):
        loose = _sums(_speckles(kind), rows, columns) / np.maximum(count, 1)
        coherent = -10 * loose
        fine = divided & (loose <= _MOST_COUNT_SPECKLES)
    else:
        together = correlation(kind, rows, columns)
        coherent = _COHERENT * np.minimum(together, _ENOUGH_CORRELATION)
        fine = divided & (together >= LEAST_CORRELATION)
    if not fine.any():
        return [], DUST
    spread = _spread(field, rows, columns)
    fine &= spread >= _LEAST_SPREAD
    if not fine.any():
        return [], "no border: counts change too little"
    score = (
        np.minimum(count, _ENOUGH_BORDER * size) / size
        + 2 * (1 - one_way(along, rows, columns))
        + coherent
        - 10 * within
        + _sums(_lateness(field), rows, columns) / (rows * columns)
        + spread / 2
        + _RICH * (count >= _RICH_BORDER * size)
        + _CHANCE * rng.random(count.shape)
    )
    return _apart(np.where(fine, score, -np.inf), count >= _RICH_BORDER * size, rows, columns), ""


def correlation(kind: Floats, rows: int, columns: int) -> Floats:
    """Of neighbouring pixels' kinds in each window, the mean of along rows and along columns: by chance it is 0."""
    whole = rows * columns
    variance = _sums(kind * kind, rows, columns) / whole - (_sums(kind, rows, columns) / whole) ** 2
    down = _sums(np.diff(kind, axis=0) ** 2, rows - 1, columns) / ((rows - 1) * columns)
    across = _sums(np.diff(kind, axis=1) ** 2, rows, columns - 1) / (rows * (columns - 1))
    result: Floats = 1 - (down + across) / np.maximum(4 * variance, 1e-12)
    return result


def _kinds(field: Field) -> tuple[Floats, NDArray[np.bool_]]:
    """What borders lie between (1 apart at least), and which pixels never end."""
    if systems.is_escape_time(field.scene.system):
        inside = field.measure < 0
        return np.where(inside, -1.0, 5 * (1 + by_count(field.measure))), inside
    return (field.fate < 0).astype(float), np.zeros(field.fate.shape, bool)


def _one_kind(field: Field) -> str:
    if systems.is_escape_time(field.scene.system):
        return "no border: counts change too little" if (field.measure >= 0).any() else "nothing that ends"
    return f"one fate: all {'converge' if (field.fate < 0).all() else 'diverge'}"


def borders(kind: Floats) -> tuple[NDArray[np.bool_], Floats]:
    """Where a 2x2 block of pixels holds kinds at least 1 apart, and the kinds' slopes there (2, h - 1, w - 1)."""
    a, b, c, d = kind[:-1, :-1], kind[:-1, 1:], kind[1:, :-1], kind[1:, 1:]
    corners = np.stack([a, b, c, d])
    edge = corners.max(axis=0) - corners.min(axis=0) >= 1
    return edge, np.where(edge, np.stack([b + d - a - c, c + d - a - b]), 0.0)


def one_way(along: Floats, rows: int, columns: int) -> Floats:
    """From 0, where a block's border runs all ways, to 1, where it is straight or in stripes."""
    size = np.hypot(*along)
    x, y = along / np.sqrt(np.maximum(size, 1e-300))  # slopes weigh by their size
    xx, yy, xy = (_sums(v, rows - 1, columns - 1) for v in (x * x, y * y, x * y))
    return np.hypot(xx - yy, 2 * xy) / np.maximum(xx + yy, 1e-300)


def _speckles(kind: Floats) -> NDArray[np.bool_]:
    around = sliding_window_view(np.pad(kind, 1, mode="edge"), (3, 3))
    same = (np.abs(around - kind[:, :, None, None]) < 1).sum(axis=(2, 3)) - 1
    return same <= 2


def _lateness(field: Field) -> Floats:
    """How long pixels took to decide, in doublings of the median, from -1 to 1: later ones hold more further down."""
    size = np.abs(field.measure)
    if systems.is_escape_time(field.scene.system):
        size = np.where(field.measure < 0, np.nan, field.measure + 1)
    size = np.where(np.isfinite(size) & (size > 0), size, np.nan)
    if np.isnan(size).all():
        return np.zeros(size.shape)
    return np.clip(np.nan_to_num(np.log2(size / np.nanmedian(size))), -1.0, 1.0)


def _spread(field: Field, rows: int, columns: int) -> Floats:
    """log2 of 1 + the difference between a block's counts, at most ``_MOST_SPREAD``; that where there are none."""
    if not systems.is_escape_time(field.scene.system):
        return np.full([n - size + 1 for n, size in zip(field.measure.shape, (rows, columns))], _LEAST_SPREAD)
    ends = np.where(field.measure < 0, np.nan, field.measure)
    most, least = np.nan_to_num(ends, nan=-np.inf), np.nan_to_num(ends, nan=np.inf)
    for axis, size in enumerate((rows, columns)):
        most = sliding_window_view(most, size, axis).max(axis=-1)
        least = sliding_window_view(least, size, axis).min(axis=-1)
    return np.log2(1 + np.clip(most - least, 0, _MOST_SPREAD))


def _sums(values: NDArray[np.generic], rows: int, columns: int) -> Floats:
    """Sums over all windows of so many rows and columns."""
    total = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    total[1:, 1:] = values.astype(np.float64).cumsum(axis=0).cumsum(axis=1)
    return total[rows:, columns:] - total[:-rows, columns:] - total[rows:, :-columns] + total[:-rows, :-columns]


def _apart(score: Floats, rich: NDArray[np.bool_], rows: int, columns: int) -> list[Block]:
    """The best windows, each a window from those before it at least."""
    found: list[Block] = []
    score = score.copy()
    while len(found) < MOST_BLOCKS and np.isfinite(score).any():
        i, j = (int(n) for n in np.unravel_index(np.argmax(score), score.shape))
        middle = j + (columns - 1) / 2, i + (rows - 1) / 2
        found.append(Block(round(float(score[i, j]), 6), *middle, bool(rich[i, j])))
        score[max(0, i - rows + 1) : i + rows, max(0, j - columns + 1) : j + columns] = -np.inf
    return found
