"""Chooses where a dive continues in a view: in blocks whose border is coherent at the pixel scale and rich.

Neither dust nor a single edge will do. A border is where neighbouring pixels are of different kinds: of different
fates or basins or, for escape-time maps, with counts whose ranks differ by a tenth or more. A speckle is a pixel that
has at most two neighbours of its own kind among eight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from deepzoom import systems
from deepzoom.backends.base import ReadOut
from deepzoom.colouring.places import by_count
from deepzoom.rendering.field import Field

Floats = NDArray[np.float64]

FACTOR = 4
"""A block is so many times smaller than its view."""
LEAST_SIZE = 32
"""The least width and height of a view, in pixels; a block has a quarter of them."""
MOST_BLOCKS = 6
"""How many blocks of a view are kept: the best, and others to try if it leads nowhere."""
_LEAST_BORDER, _RICH_BORDER = 0.8, 1.5
"""Length of the border in a block, in heights of the block; a straight edge has 1 to 1.4."""
_ENOUGH_BORDER = 5.0
_MOST_COUNT_SPECKLES = 0.3
"""The most speckles in a block's counts, per pixel of border; where neighbours differ by chance there are 0.8."""
LEAST_CORRELATION = 0.35
"""The least correlation of neighbouring pixels' fates in a block; dust has 0, stripes that are dust lengthwise 0.5."""
_LEAST_SPREAD = 2.0
"""The least spread of a block's counts, in doublings; if they differ less, the set's border is far away."""
_MOST_SPREAD = 1000.0
_MOST_INSIDE = 0.3
"""The largest share of a block that may never end."""
_LEAST_SHARE = 0.1
"""The least share of a block's pixels on each side of the border."""
_COHERENT, _ENOUGH_CORRELATION = 20.0, 0.65
"""What a correlation of 1 would add to a score, and the correlation above which it adds no more: one edge has 0.9."""
_RICH = 3.0
"""What a block with more than a single edge adds to its score."""
STRAIGHT = "straight edges only"
DUST = "dust: neighbouring pixels differ everywhere"
_CHANCE = 0.3
"""The most that chance (the seed) adds to a score."""


@dataclass(frozen=True)
class Block:
    """A block: its score, the pixel at its middle, and whether it has more than a single edge (rich)."""

    score: float
    column: float
    row: float
    rich: bool


def blocks(field: Field, rng: np.random.Generator) -> tuple[list[Block], str]:
    """(blocks, reason): at most ``MOST_BLOCKS`` blocks, best first, and why there are none if so.

    A long border, a border that runs in many directions, pixels that took long to decide and counts that differ much
    raise a block's score; speckles and pixels that never end lower it.
    """
    kind, inside = _kinds(field)
    rows, columns = (n // FACTOR for n in kind.shape)
    edge, along = borders(kind)
    if not edge.any():
        return [], _one_kind(field)
    count = window_sums(edge, rows - 1, columns - 1)
    side = window_sums(upper(kind), rows, columns) / (rows * columns)
    within = window_sums(inside, rows, columns) / (rows * columns)
    size = (rows + columns) / 2
    divided = (count >= _LEAST_BORDER * size) & (np.abs(side - 0.5) <= 0.5 - _LEAST_SHARE) & (within <= _MOST_INSIDE)
    if not divided.any():
        return [], STRAIGHT
    if systems.is_escape_time(field.scene.system):
        loose = window_sums(_speckles(kind), rows, columns) / np.maximum(count, 1)
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
        + window_sums(_lateness(field), rows, columns) / (rows * columns)
        + spread / 2
        + _RICH * (count >= _RICH_BORDER * size)
        + _CHANCE * rng.random(count.shape)
    )
    return apart(np.where(fine, score, -np.inf), count >= _RICH_BORDER * size, rows, columns), ""


def upper(kind: Floats) -> NDArray[np.bool_]:
    """Which of many kinds are above their median; of two kinds, which are above zero."""
    return kind > np.median(kind) if len(np.unique(kind)) > 2 else kind > 0


def correlation(kind: Floats, rows: int, columns: int) -> Floats:
    """The correlation of neighbouring pixels' kinds in each window, averaged over rows and columns; 0 by chance."""
    whole = rows * columns
    variance = window_sums(kind * kind, rows, columns) / whole - (window_sums(kind, rows, columns) / whole) ** 2
    down = window_sums(np.diff(kind, axis=0) ** 2, rows - 1, columns) / ((rows - 1) * columns)
    across = window_sums(np.diff(kind, axis=1) ** 2, rows, columns - 1) / (rows * (columns - 1))
    result: Floats = 1 - (down + across) / np.maximum(4 * variance, 1e-12)
    return result


def _kinds(field: Field) -> tuple[Floats, NDArray[np.bool_]]:
    """(kinds, inside): kinds differ by at least 1 across a border; inside: which pixels never end."""
    if systems.is_escape_time(field.scene.system):
        inside = field.measure < 0
        return np.where(inside, -1.0, 5 * (1 + by_count(field.measure))), inside
    return kinds_of(field), np.zeros(field.fate.shape, bool)


def kinds_of(runs: Field | ReadOut) -> Floats:
    """The kinds of runs of a training: their basin where basins have numbers, else 1 if converged; 0 if diverged."""
    return (runs.fate < 0).astype(float) if runs.attractor is None else runs.attractor.astype(float)


def _one_kind(field: Field) -> str:
    if systems.is_escape_time(field.scene.system):
        return "no border: counts change too little" if (field.measure >= 0).any() else "no pixel escapes"
    basin = "" if field.attractor is None else " in one basin"
    return f"one fate: all pixels {f'converge{basin}' if (field.fate < 0).all() else 'diverge'}"


def borders(kind: Floats) -> tuple[NDArray[np.bool_], Floats]:
    """(edge, slopes): where 2x2 pixels contain kinds at least 1 apart, and the slopes there (2, h - 1, w - 1)."""
    a, b, c, d = kind[:-1, :-1], kind[:-1, 1:], kind[1:, :-1], kind[1:, 1:]
    corners = np.stack([a, b, c, d])
    edge = corners.max(axis=0) - corners.min(axis=0) >= 1
    return edge, np.where(edge, np.stack([b + d - a - c, c + d - a - b]), 0.0)


def one_way(along: Floats, rows: int, columns: int) -> Floats:
    """From 0, for a border that runs in all directions, to 1, for a straight one or for stripes."""
    size = np.hypot(*along)
    x, y = along / np.sqrt(np.maximum(size, 1e-300))  # slopes weigh by their size
    xx, yy, xy = (window_sums(v, rows - 1, columns - 1) for v in (x * x, y * y, x * y))
    return np.hypot(xx - yy, 2 * xy) / np.maximum(xx + yy, 1e-300)


def _speckles(kind: Floats) -> NDArray[np.bool_]:
    around = sliding_window_view(np.pad(kind, 1, mode="edge"), (3, 3))
    same = (np.abs(around - kind[:, :, None, None]) < 1).sum(axis=(2, 3)) - 1
    return same <= 2


def _lateness(field: Field) -> Floats:
    """How long pixels took to decide, in doublings of the median, from -1 to 1. Later ones show more deeper down."""
    size = np.abs(field.measure)
    if systems.is_escape_time(field.scene.system):
        size = np.where(field.measure < 0, np.nan, field.measure + 1)
    size = np.where(np.isfinite(size) & (size > 0), size, np.nan)
    if np.isnan(size).all():
        return np.zeros(size.shape)
    return np.clip(np.nan_to_num(np.log2(size / np.nanmedian(size))), -1.0, 1.0)


def _spread(field: Field, rows: int, columns: int) -> Floats:
    """log2 of 1 + the difference between a block's counts, at most ``_MOST_SPREAD``; the least one without counts."""
    if not systems.is_escape_time(field.scene.system):
        return np.full([n - size + 1 for n, size in zip(field.measure.shape, (rows, columns))], _LEAST_SPREAD)
    ends = np.where(field.measure < 0, np.nan, field.measure)
    most, least = np.nan_to_num(ends, nan=-np.inf), np.nan_to_num(ends, nan=np.inf)
    for axis, size in enumerate((rows, columns)):
        most = sliding_window_view(most, size, axis).max(axis=-1)
        least = sliding_window_view(least, size, axis).min(axis=-1)
    return np.log2(1 + np.clip(most - least, 0, _MOST_SPREAD))


def window_sums(values: NDArray[np.generic], rows: int, columns: int) -> Floats:
    """Sums over all windows of this size."""
    total = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    total[1:, 1:] = values.astype(np.float64).cumsum(axis=0).cumsum(axis=1)
    return total[rows:, columns:] - total[:-rows, columns:] - total[rows:, :-columns] + total[:-rows, :-columns]


def apart(score: Floats, rich: NDArray[np.bool_], rows: int, columns: int) -> list[Block]:
    """The best windows that do not overlap, best first."""
    found: list[Block] = []
    score = score.copy()
    while len(found) < MOST_BLOCKS and np.isfinite(score).any():
        i, j = (int(n) for n in np.unravel_index(np.argmax(score), score.shape))
        middle = j + (columns - 1) / 2, i + (rows - 1) / 2
        found.append(Block(round(float(score[i, j]), 6), *middle, bool(rich[i, j])))
        score[max(0, i - rows + 1) : i + rows, max(0, j - columns + 1) : j + columns] = -np.inf
    return found
