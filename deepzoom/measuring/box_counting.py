"""Box counting of the border between the fates of saved fields, as the publication counts it, with its spread.

A box of the border is one that holds an edge; an edge is a 2x2 block of pixels that holds two fates. The published
dimension is the median of the local slopes of log N against log s, over all sizes of all frames
(J. Sohl-Dickstein, arXiv 2402.06184, which counts by porespy's ``boxcount``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepzoom.errors import InputError
from deepzoom.rendering.field import Field

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_SIDE = 32
"""Pixels of the shorter side: with fewer there are too few box sizes for a slope."""
_SHIFTED = 8
"""Shifted grids begin within this part of a side."""
_SMALLEST, _SIZES = 10, 10
"""The smallest box in pixels, and the number of sizes up to the shorter side: those of ``boxcount``."""


def labels_of(fate: NDArray[np.int8], attractor: NDArray[np.int16] | None) -> Ints:
    """What a point of the plane belongs to, as a whole number: its attractor if it has one, else escaped or not.

    A run that reached its limit undecided belongs with the bounded ones, as in pictures.
    """
    escaped = (fate > 0).astype(np.int64)
    return escaped if attractor is None else np.where(attractor > 0, attractor.astype(np.int64) + 1, escaped)


def edges(labels: NDArray[np.int64]) -> Bools:
    """Where a 2x2 block of pixels holds more than one label: (height - 1, width - 1)."""
    a, b, c, d = labels[1:, 1:], labels[:-1, 1:], labels[1:, :-1], labels[:-1, :-1]
    found: Bools = (a != b) | (a != c) | (a != d)
    return found


def box_sizes(shape: tuple[int, int]) -> Ints:
    """Box sizes in pixels, as ``boxcount`` chooses them: ten from 10 to the shorter side, evenly spaced in log."""
    sizes = np.logspace(np.log10(_SMALLEST), np.log10(min(shape)), _SIZES)
    return np.unique(sizes.astype(np.int64))


def box_counts(border: Bools, sizes: Ints) -> Ints:
    """How many boxes of each size hold the border without being full of it, as ``boxcount`` counts."""
    sums = np.zeros((border.shape[0] + 1, border.shape[1] + 1), np.int64)
    sums[1:, 1:] = border.cumsum(0, dtype=np.int64).cumsum(1)
    counts = []
    for size in sizes.tolist():
        rows, columns = (np.append(np.arange(0, n, size), n) for n in border.shape)
        held = np.diff(np.diff(sums[np.ix_(rows, columns)], axis=0), axis=1)
        counts.append(np.count_nonzero((held > 0) & (held < np.outer(np.diff(rows), np.diff(columns)))))
    return np.array(counts, dtype=np.int64)


def local_slopes(sizes: Ints, counts: Ints) -> Floats:
    """-d log N / d log s at each size, by second-order differences; NaN beside a size at which no box counts."""
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes: Floats = -np.gradient(np.log(counts.astype(np.float64)), np.log(sizes.astype(np.float64)))
    return np.where(np.isfinite(slopes), slopes, np.nan)


@dataclass(frozen=True)
class Counted:
    """What box counting finds. sizes, counts (n,): of all fields, one after the other.

    dimension: the median of ``slopes`` (n,), as published. low, high: the spread: the 2.5th and the 97.5th percentile
    of that median over shifted grids. It says how much the grid matters, not what too few pixels hide.
    """

    dimension: float
    low: float
    high: float
    sizes: Ints
    counts: Ints
    slopes: Floats


def _counted(borders: Sequence[Bools]) -> tuple[Ints, Ints, Floats]:
    """(sizes, counts, slopes) of all borders, one after the other."""
    sizes = [box_sizes((b.shape[0], b.shape[1])) for b in borders]
    counts = [box_counts(b, s) for b, s in zip(borders, sizes)]
    slopes = [local_slopes(s, c) for s, c in zip(sizes, counts)]
    return np.concatenate(sizes), np.concatenate(counts), np.concatenate(slopes)


def count(borders: Sequence[Bools], seed: int = 0, shifts: int = 200) -> Counted:
    """Count the boxes of some borders, and again on ``shifts`` other grids.

    A shifted grid begins at a random pixel of the first eighth of both sides and counts seven eighths, so that it has
    as many boxes as any other. Raises InputError where no size has boxes that the border enters without filling them.
    """
    rng = np.random.default_rng(seed)
    sizes, counts, slopes = _counted(borders)
    if np.isnan(slopes).all():
        raise InputError("FILE: the border fills every box, so that no slope can be found; give larger pictures.")
    medians = []
    for _ in range(shifts):
        cut = []
        for border in borders:
            height, width = (n - n // _SHIFTED for n in border.shape)
            row, column = (int(rng.integers(0, n // _SHIFTED + 1)) for n in border.shape)
            cut.append(border[row : row + height, column : column + width])
        found = _counted(cut)[2]
        medians.append(float(np.median(found[~np.isnan(found)])) if not np.isnan(found).all() else np.nan)
    low, high = np.nanpercentile(medians, [2.5, 97.5])
    return Counted(float(np.nanmedian(slopes)), float(low), float(high), sizes, counts, slopes)


def border_of(field: Field, name: str) -> Bools:
    """The edges of a field; name: of its file, for errors.

    Raises InputError where the field is unfinished or too small, or holds one fate only or a measure that is NaN.
    """
    if not field.done.all():
        raise InputError(f"FILE: {name} is unfinished; finish the render first, with --resume.")
    if min(field.done.shape) < LEAST_SIDE:
        height, width = field.done.shape
        raise InputError(
            f"FILE: {name} has {width}x{height} pixels; box counting needs at least {LEAST_SIDE}x{LEAST_SIDE}."
        )
    if np.isnan(field.measure).any():
        raise InputError(f"FILE: {name} holds measures that are not numbers (NaN); render it again.")
    border = edges(labels_of(field.fate, field.attractor))
    if not border.any():
        raise InputError(f"FILE: {name} holds only one fate, so it has no border; give a view that shows both.")
    return border
