"""The published convergence measure, gathered loss by loss.

A loss that is not finite counts as 1e6; each is divided by the first and clipped at 1e6; the run converged when the
mean of the last 20 is below 1, and the measure is then minus their sum, else the sum of their inverses
(convergence_measure in the published notebook, arXiv 2402.06184).
"""

from __future__ import annotations

import numba
import numpy as np

CEILING = 1e6
LAST = 20

FIRST, SUM, INVERSE, TAIL = 0, 1, 2, 3
COLUMNS = 4
"""Columns of the table of sums, one row per pixel: first loss, sum, sum of inverses, sum of the last 20."""


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
            sums[pixel, TAIL] += v


@numba.njit(error_model="numpy")
def measure(sums, pixel, steps):
    """The convergence measure of a finished pixel: negative where it converged."""
    if sums[pixel, TAIL] / min(LAST, steps) < 1.0:
        return -sums[pixel, SUM]
    return sums[pixel, INVERSE]
