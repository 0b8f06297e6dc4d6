"""The published convergence measure, for runs in any arithmetic.

Each loss is divided by the first one and clipped at ``CEILING``. A run has converged if the mean of its last ``LAST``
ratios is below 1; its measure is then minus the sum of all ratios, else the sum of their inverses (convergence_measure
in the published notebook, arXiv 2402.06184). A loss outside the range of float64 counts as ``CEILING``. The compiled
form is ``backends/kernels/training/convergence_measure.py``.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from deepzoom.arithmetic.delta import Delta
from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.numpy_operations import floats

CEILING = 1e6
LAST = 20
_LEAST = 1022  # ratios count as at least 2**-1022, so that their inverses are float64


def reference_of(value: Any) -> Any:
    """The number itself, without its difference."""
    return value.reference if isinstance(value, Delta) else value


class Totals:
    """The sums of the measure, loss by loss; for Exact numbers, or for Delta with an Exact reference.

    last: how many of the last ratios decide the fate.
    """

    def __init__(self, zero: Any, last: int = LAST) -> None:
        self.first: Any = zero
        self.sum: Any = zero
        self.inverse: Any = zero
        self.recent: deque[Exact] = deque(maxlen=last)
        self._last = last
        self.count = 0
        self.ratio = float("nan")  # the last one, not clipped

    def add(self, loss: Any) -> None:
        """Add the next loss."""
        with np.errstate(over="ignore", invalid="ignore"):  # derivatives of a loss that overflows or is tiny
            self._add(loss)

    def _add(self, loss: Any) -> None:
        if self.count == 0:
            self.first = loss
        ratio = loss / self.first
        exact: Exact = reference_of(ratio)
        self.ratio = float(floats(exact))
        if floats(exact) >= CEILING:
            ratio = ratio - ratio + CEILING
        elif floats(exact) == 0:  # below the last bit
            self.ratio = 2.0 ** -min(exact.bits, _LEAST)
            ratio = ratio - ratio + self.ratio
        self.sum = self.sum + ratio
        self.inverse = self.inverse + 1.0 / ratio
        self.recent.append(reference_of(ratio) - 1.0)
        self.count += 1

    def excess(self) -> Exact:
        """The exact sum of (ratio - 1) over the last ratios: negative if the run has converged by now."""
        total = self.recent[0]
        for ratio in list(self.recent)[1:]:
            total = total + ratio
        return total

    def measure(self, steps: int) -> float:
        """The measure of an exact run of ``steps`` steps; losses missing at its end count as not finite."""
        if not self.count:  # the first loss counts as CEILING, and so do all others
            return float(steps)
        missing = steps - self.count
        after = min(CEILING / float(self.first.floats()), CEILING)
        total = float(self.sum.floats()) + missing * after
        inverse = float(self.inverse.floats()) + missing / after
        return -total if self.decisive(steps) < 0 else inverse

    def decisive(self, steps: int) -> float:
        """The sum of (ratio - 1) over the last of ``steps`` losses; those that are missing count as not finite."""
        if not self.count:
            return 0.0
        missing, last = steps - self.count, self._last
        after = min(CEILING / float(self.first.floats()), CEILING)
        recent = list(self.recent)[max(0, len(self.recent) - (min(last, steps) - missing)) :] if missing < last else []
        excess = float(sum(recent[1:], recent[0]).floats()) if recent else 0.0
        return excess + min(missing, last) * (after - 1.0)
