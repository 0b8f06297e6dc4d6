"""The tree of skips along a reference orbit: skips of 1, 2, 4, ... times the steps of the shortest.

Skips that begin at the same step stand side by side, the shortest first. A pixel takes the longest that holds.

This file is compiled together with the code of a formula and its kind of skips, as ``escape.py`` is.
"""

from __future__ import annotations

import math
from math import inf

import numpy as np

from deepzoom.backends.kernels.arithmetic.floatexp import narrowed, wide_divide, wide_less, wide_negative, widened
from deepzoom.backends.kernels.escape_time.centred import true_x, true_y, turn_of
from deepzoom.backends.kernels.escape_time.formula_placeholder import STILL, stretch
from deepzoom.backends.kernels.escape_time.series_composition import finished, followed
from deepzoom.backends.kernels.escape_time.series_first_step import one_step, room
from deepzoom.compiling.jit import inner, kernel
from deepzoom.systems.escape_time import NEAR


@kernel()
def place_skips(count, index):
    """Fill index (count + 2,): the first of the skips that begin at each place; places are a shortest skip apart.

    No skip begins at the last place, behind all of them.
    """
    total = 0
    for q in range(count):
        index[q] = total
        span = 1
        while q % span == 0 and q + span <= count:
            total += 1
            span *= 2
    index[count] = index[count + 1] = total


@inner
def _gap(x, y, excess, radius, targets):
    """Distance from the reference's x + iy within which no pixel has met an exit; halved for safety."""
    gap = wide_divide(wide_negative(excess), widened(2.0 * (radius + math.hypot(true_x(x), true_y(y)))))
    if radius == inf:
        gap = widened(1.0)
    for i in range(targets.shape[0]):
        left = widened(0.5 * (math.hypot(x - targets[i, 0], y - targets[i, 1]) - NEAR))
        if wide_less(left, gap) or left[0] < 0.0:
            gap = left
    return gap


@inner
def _still_gap(x, y, cx, cy, size, next_x, next_y, turn):
    """Distance from the reference's x + iy within which no pixel stands still in the next step.

    A pixel's step is shorter than the reference's by |A z + B c - z| at most. That is doubled for what A z + B c drops.
    """
    by_z, by_c = stretch(x, y, cx, cy, turn)
    left = 0.5 * (math.hypot(next_x - x, next_y - y) - STILL) - 2.0 * by_c * size
    return left / (1.0 + 2.0 * by_z)


@kernel()
def build_skips(
    zx, zy, kept, tiny, excess_m, excess_e, radius, targets, first, turn, shortest, cx, cy, size_m, size_e, index,
    tree, begin, end, spare,
):  # fmt: skip
    """Fill the skips along one reference orbit between two places.

    zx, zy, kept, tiny, excess: of all orbits; this one begins at ``first``. turn: of its first step. shortest: log2 of
    the shortest skip's steps; size: largest |c| of a pixel, in floatexp; index: from ``place_skips``. begin, end: the
    places; begin is a multiple of a power of 2 that is at least end - begin. spare: index of a skip to compute in.
    tree: rows (skips, ROW) for ``skip``; the linear part in c (skips, 4); exponents (skips, 4) of R, of values, of that
    linear part and of |A|; the mantissa of R (skips,), 0 where a skip never holds; bounds of what is dropped.
    """
    size = (size_m, size_e)
    space = room()
    steps = np.int64(1) << shortest
    for q in range(begin, end):
        for i in range(steps):
            m = first + 1 + q * steps + i
            now = turn_of(turn + m - first)
            gap = _gap(zx[m], zy[m], (excess_m[m], excess_e[m]), radius, targets)
            if STILL > 0.0:
                moves = widened(_still_gap(zx[m], zy[m], cx, cy, narrowed(size), zx[m + 1], zy[m + 1], now))
                if wide_less(moves, gap):
                    gap = moves
            t = index[q] if i == 0 else spare
            if tiny[m] or not gap[0] > 0.0:
                tree[3][t] = 0.0
            else:
                one_step(t, zx[m], zy[m], cx, cy, size, gap, kept, m, now, tree, space)
            if i > 0:
                followed(index[q], spare, index[q], size, tree, space)
    merge_skips(size, index, tree, begin, end, np.int64(0))


@kernel()
def merge_skips(size, index, tree, begin, end, level):
    """Fill all longer levels of the skips between two places, from one level on."""
    space = room()
    span = 1 << level
    while begin + 2 * span <= end:
        for q in range(begin, end - 2 * span + 1, 2 * span):
            followed(index[q] + level, index[q + span] + level, index[q] + level + 1, size, tree, space)
        level += 1
        span *= 2


@kernel()
def finish_skips(count, tree):
    """Fill in what pixels need of each skip, when all skips are made."""
    for t in range(count):
        finished(t, tree)
