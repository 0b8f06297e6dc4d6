"""The tree of skips along a reference orbit: skips of 1, 2, 4, ... times the steps of the shortest.

Skips that begin at the same step stand side by side, the shortest first. A pixel takes the longest that holds. The last
that begins at step 1 reaches to the end of the reference. So where a reference is one period of a nucleus, a pixel
takes a period in two steps.

This file is compiled together with the code of a formula and its kind of skips, as ``escape.py`` is.
"""

from __future__ import annotations

import math
from math import inf

import numpy as np

from deepzoom.backends.kernels.arithmetic.floatexp import narrowed, wide_divide, wide_less, wide_negative, widened
from deepzoom.backends.kernels.escape_time.centred import true_x, true_y, turn_of
from deepzoom.backends.kernels.escape_time.error_bound import ROUNDING
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
        if q == 0:
            total += 1
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


@inner
def _first_step(t, m, orbit, size, tree, space):
    """Make the skip t: the step m of all orbits' steps. orbit: as ``build_skips`` takes it."""
    zx, zy, kept, tiny, excess_m, excess_e, radius, targets, first, turn, _, c, rests = orbit
    now = turn_of(turn + m - first)
    gap = _gap(zx[m], zy[m], (excess_m[m], excess_e[m]), radius, targets)
    if STILL > 0.0:
        moves = widened(_still_gap(zx[m], zy[m], c[0][0], c[1][0], narrowed(size), zx[m + 1], zy[m + 1], now))
        if wide_less(moves, gap):
            gap = moves
    if tiny[m] or not gap[0] > 0.0:
        tree[3][t] = 0.0
    else:
        rest = 0.0, 0.0, ROUNDING * (abs(zx[m]) + abs(zy[m]))
        if m - first < rests.shape[0]:
            rest = rests[m - first, 0], rests[m - first, 1], rests[m - first, 2]
        one_step(t, (zx[m], zy[m], rest), c, size, gap, kept, m, now, tree, space)


@kernel()
def build_skips(orbit, size, index, tree, begin, end, spare):
    """Fill the skips along one reference orbit between two places.

    orbit: zx, zy, kept, tiny, excess of all orbits; radius; targets; where this orbit begins; the turn of its first
    step; log2 of the shortest skip's steps; c's parts in double-double; rests of its iterates, or none. size: largest
    |c| of a pixel, in floatexp; index: from ``place_skips``. begin, end: the places; begin is a multiple of a power of
    2 that is at least end - begin. spare: index of a skip to compute in.
    tree: rows (skips, ROW) for ``skip``; the linear part in c (skips, 4); exponents (skips, 4) of R, of values, of that
    linear part and of |A|; the mantissa of R (skips,), 0 where a skip never holds; what else longer skips need.
    """
    space = room()
    steps = np.int64(1) << orbit[10]
    for q in range(begin, end):
        for i in range(steps):
            t = index[q] if i == 0 else spare
            _first_step(t, orbit[8] + 1 + q * steps + i, orbit, size, tree, space)
            if i > 0:
                followed(index[q], spare, index[q], size, tree, space)
    _merged(size, index, tree, begin, end, np.int64(0), space)


@inner
def _copied(source, t, tree):
    """Make the skip t the same as another."""
    rows, bs, exponents, radii, bounds = tree
    radii[t] = radii[source]
    for values in (rows, bs, bounds):
        for i in range(values.shape[1]):
            values[t, i] = values[source, i]
    for i in range(exponents.shape[1]):
        exponents[t, i] = exponents[source, i]


@kernel()
def build_whole(orbit, size, index, tree, count, length, spare):
    """Fill the skip from step 1 to the end of an orbit of so many steps, of the longest skips at ``count`` places."""
    space = room()
    steps = np.int64(1) << orbit[10]
    t = index[1] - 1
    q = np.int64(0)
    while q < count:
        longest = index[q + 1] - 1 - (1 if q == 0 else 0)
        if q == 0:
            _copied(longest, t, tree)
        else:
            followed(t, longest, t, size, tree, space)
        q += np.int64(1) << (longest - index[q])
    for m in range(1 + count * steps, length):
        _first_step(spare, orbit[8] + m, orbit, size, tree, space)
        followed(t, spare, t, size, tree, space)


@inner
def _merged(size, index, tree, begin, end, level, space):
    span = 1 << level
    while begin + 2 * span <= end:
        for q in range(begin, end - 2 * span + 1, 2 * span):
            followed(index[q] + level, index[q + span] + level, index[q] + level + 1, size, tree, space)
        level += 1
        span *= 2


@kernel()
def merge_skips(size, index, tree, begin, end, level):
    """Fill all longer levels of the skips between two places, from one level on."""
    _merged(size, index, tree, begin, end, level, room())


@kernel()
def finish_skips(count, tree):
    """Fill in what pixels need of each skip, when all skips are made."""
    space = room()
    for t in range(count):
        finished(t, tree, space)
