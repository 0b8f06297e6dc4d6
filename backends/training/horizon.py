"""The horizon of a training pixel: the step from which its run and its shadow differ, so that float64 has lost it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import SETTLED
from deepzoom.backends.kernels.training import convergence_measure

Floats = NDArray[np.float64]
State = tuple[Floats, Floats, Floats, NDArray[np.int64], Floats]
"""Where pixels stand in float64: weights, rates, offsets, step and sums, as of ``training.finish``."""

NEGLIGIBLE = 2.0**-53
"""Losses below this share of the first one count as equal: none of them changes the measure."""


RunTo = Callable[[int], object]
Standing = tuple[NDArray[np.int64], Floats]
"""The last two parts of a state: step and sums."""


def horizons(
    steps: int,
    plain: Standing,
    shadow: Standing,
    run_plain: Callable[[int], object],
    run_shadow: Callable[[int], object],
) -> NDArray[np.int32]:
    """The first step whose losses in a plain run and its shadow differ by more than ``SETTLED``; ``steps`` for none.

    run_plain, run_shadow: take the runs on to a step, and update the arrays of ``plain`` and ``shadow``. Losses are
    compared as the measure takes them: divided by the first loss, and clipped. A pixel stops at that step.
    """
    (step, sums), (step_beside, sums_beside) = plain, shadow
    found = np.full(len(step), steps, dtype=np.int32)
    one, two = sums[:, convergence_measure.SUM], sums_beside[:, convergence_measure.SUM]
    for t in range(min(int(step.min()), int(step_beside.min())), steps):
        both = (step == t) & (step_beside == t)
        one[:] = two[:] = 0.0  # one step's sum is its ratio
        run_plain(t + 1)
        run_shadow(t + 1)
        larger = np.maximum(one, two)
        lost = both & (np.abs(one - two) > SETTLED * larger) & (larger > NEGLIGIBLE)
        found[lost] = t
        step[lost] = step_beside[lost] = steps  # over
    return found
