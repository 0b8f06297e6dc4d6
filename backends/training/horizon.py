"""The horizon of a training pixel: the step from which its run and its shadow differ, so that float64 has lost it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import SETTLED
from deepzoom.backends.kernels.training import convergence_measure
from deepzoom.backends.kernels.training.expansion_run import run_expansions
from deepzoom.backends.kernels.training.expansion_step import ExpansionConstants
from deepzoom.backends.kernels.training.network_arrays import NetworkArrays
from deepzoom.backends.kernels.training.plain_run import run_plain

Floats = NDArray[np.float64]
State = tuple[Floats, Floats, Floats, NDArray[np.int64], Floats]
"""Where pixels stand in float64: weights, rates, offsets, step and sums, as of ``training.finish``."""

NEGLIGIBLE = 2.0**-53
"""Losses below this share of the first one count as equal: none of them changes the measure."""


def horizons(
    net: NetworkArrays, constants: ExpansionConstants, steps: int, plain: State, shadow: State
) -> NDArray[np.int32]:
    """The first step whose losses in a plain run and its shadow differ by more than ``SETTLED``; ``steps`` for none.

    Losses are compared as the measure takes them: divided by the first loss, and clipped. A pixel stops at that step.
    The arrays of the states are overwritten.
    """
    found = np.full(len(plain[3]), steps, dtype=np.int32)
    for t in range(min(int(plain[3].min()), int(shadow[3].min())), steps):
        both = (plain[3] == t) & (shadow[3] == t)
        for state in (plain, shadow):
            state[4][:, convergence_measure.SUM] = 0.0  # one step's sum is its ratio
        run_plain(net, t + 1, *plain)
        run_expansions(net, constants, t + 1, *shadow, (0.0,))
        one, two = plain[4][:, convergence_measure.SUM], shadow[4][:, convergence_measure.SUM]
        larger = np.maximum(one, two)
        lost = both & (np.abs(one - two) > SETTLED * larger) & (larger > NEGLIGIBLE)
        found[lost] = t
        plain[3][lost] = shadow[3][lost] = steps  # over
    return found
