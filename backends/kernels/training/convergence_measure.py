"""The published convergence measure, compiled: sums that grow loss by loss (``deepzoom/systems/convergence.py``)."""

from __future__ import annotations

import math

import numba
import numpy as np

from deepzoom.compiling.jit import inner, kernel

CEILING = 1e6
LAST = 20

FIRST, SUM, INVERSE, EXCESS = 0, 1, 2, 3
COLUMNS = 4
"""Columns of the table of sums, which has one row per pixel.

They are: the first loss, the sum of the ratios to it, the sum of their inverses, the sum of (ratio - 1) over the last
steps. The last is NaN where a loss was not finite although none before it had reached ``CEILING``: more digits, or a
wider range of exponents, may give a number there.
"""


@inner
def with_loss(sums, t, steps, loss):
    """A pixel's sums, a tuple, after the loss of step t; a NaN stands for the losses of all steps from t on."""
    first, total, inverse, excess = sums
    end = steps if math.isnan(loss) else t + 1
    sudden = not math.isfinite(loss) and total < CEILING
    if not math.isfinite(loss):
        loss = CEILING
    if t == 0:
        first = loss
    v = min(loss / first, CEILING)
    for i in range(t, end):  # one by one, so that the sums do not depend on when a NaN appears
        total += v
        inverse += 1.0 / v
        if i >= steps - LAST:
            excess += v - 1.0
    if sudden and v >= 1.0:
        excess = math.nan
    return first, total, inverse, excess


@inner
def with_difference(sums, t, steps, ratio, first, change):
    """A pixel's sums, a tuple of differences from the reference's, after the difference of the loss of step t.

    ratio: the reference's loss over its first, ``first``; change: the difference of the loss. With V the ratio and v
    its difference, the inverse differs by -v / (V (V + v)).
    """
    own, total, inverse, excess = sums
    if t == 0:
        own = change
    v = (change - ratio * own) / (first + own)
    if max(ratio, ratio + v) > CEILING:
        v = min(ratio + v, CEILING) - min(ratio, CEILING)
        ratio = min(ratio, CEILING)
    total += v
    inverse -= v / (ratio * (ratio + v))
    if t >= steps - LAST:
        excess += v
    return own, total, inverse, excess


@inner
def sums_of(sums, pixel):
    """A row of the table."""
    return sums[pixel, FIRST], sums[pixel, SUM], sums[pixel, INVERSE], sums[pixel, EXCESS]


@inner
def put_sums(sums, pixel, row):
    """Write a row of the table."""
    sums[pixel, FIRST], sums[pixel, SUM], sums[pixel, INVERSE], sums[pixel, EXCESS] = row


@numba.njit(error_model="numpy")
def add_loss(sums, pixel, t, steps, loss):
    """``with_loss`` in the table."""
    put_sums(sums, pixel, with_loss(sums_of(sums, pixel), t, steps, loss))


@numba.njit(error_model="numpy")
def add_difference(sums, pixel, t, steps, ratio, first, change):
    """``with_difference`` in the table."""
    put_sums(sums, pixel, with_difference(sums_of(sums, pixel), t, steps, ratio, first, change))


@numba.njit(error_model="numpy")
def measure(sums, pixel):
    """The convergence measure of a finished pixel: negative where it converged."""
    if sums[pixel, EXCESS] < 0.0:
        return -sums[pixel, SUM]
    return sums[pixel, INVERSE]


@kernel()
def measures(sums):
    """``measure`` of every row."""
    found = np.empty(len(sums))
    for pixel in range(len(sums)):
        found[pixel] = measure(sums, pixel)
    return found
