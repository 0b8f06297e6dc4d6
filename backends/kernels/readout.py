"""The published convergence measure, gathered loss by loss: ``deepzoom/systems/convergence.py``, compiled."""

from __future__ import annotations

import numba
import numpy as np

CEILING = 1e6
LAST = 20

FIRST, SUM, INVERSE, EXCESS = 0, 1, 2, 3
COLUMNS = 4
"""Columns of the table of sums, one row per pixel: first loss, sum of the ratios to it, sum of their inverses, and sum
of (ratio - 1) over the last ones."""


@numba.njit(error_model="numpy")
def add_loss(sums, pixel, t, steps, loss):
    """Take the loss of step t into the pixel's sums; a loss that is NaN stands for all steps from t on."""
    end = steps if np.isnan(loss) else t + 1
    if not np.isfinite(loss):
        loss = CEILING
    if t == 0:
        sums[pixel, FIRST] = loss
    v = min(loss / sums[pixel, FIRST], CEILING)
    for i in range(t, end):  # one by one, so that the sums do not depend on when a NaN appears
        sums[pixel, SUM] += v
        sums[pixel, INVERSE] += 1.0 / v
        if i >= steps - LAST:
            sums[pixel, EXCESS] += v - 1.0


@numba.njit(error_model="numpy")
def add_difference(sums, pixel, t, steps, ratio, first, change):
    """Take the difference of a loss from the reference's into the pixel's sums, which are differences too.

    ratio: the reference's loss over its first, ``first``; change: the difference of the loss. With V the ratio and v
    its difference, the inverse differs by -v / (V (V + v)).
    """
    if t == 0:
        sums[pixel, FIRST] = change
    v = (change - ratio * sums[pixel, FIRST]) / (first + sums[pixel, FIRST])
    if max(ratio, ratio + v) > CEILING:
        v = min(ratio + v, CEILING) - min(ratio, CEILING)
        ratio = min(ratio, CEILING)
    sums[pixel, SUM] += v
    sums[pixel, INVERSE] -= v / (ratio * (ratio + v))
    if t >= steps - LAST:
        sums[pixel, EXCESS] += v


@numba.njit(error_model="numpy")
def measure(sums, pixel):
    """The convergence measure of a finished pixel: negative where it converged."""
    if sums[pixel, EXCESS] < 0.0:
        return -sums[pixel, SUM]
    return sums[pixel, INVERSE]
