"""Retries of pixels of traced trainings, in expansions and in exact arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import ReadOut, Say
from deepzoom.backends.kernels.arithmetic.expansion_series import split
from deepzoom.reference.exact_tangents import joined
from deepzoom.scene.view import View
from deepzoom.systems.traced_system import TracedSystem

from . import expansions
from .higher_precision import Floats, HigherPrecision, Points
from .traced_runs import TracedRuns

_GUARD = 64  # extra bits of what limbs are made of


class TracedExpansions(HigherPrecision):
    """Retries of pixels. runs: the kernels; all else as of ``HigherPrecision``."""

    # eight limbs compile longer than a whole picture of most trainings takes in exact arithmetic
    rungs = ("double-double", "quad-double", "exact arithmetic")

    def __init__(self, runs: TracedRuns, system: TracedSystem, view: View, say: Say, *of_reference: Any) -> None:
        super().__init__(system, view, say, *of_reference)
        self._runs, self._counting = runs, runs.counting

    def _mark(self, count: int) -> str:
        return f"{self._runs.mark}-limbs-{count}"

    def _compile(self, count: int) -> None:
        self._runs.compile(count)

    def _on_cpu(
        self, count: int, state: Floats, parameters: tuple[Floats, ...], step: NDArray[np.int64], sums: Floats
    ) -> None:
        self._runs.ran((state, parameters[0], step, sums), len(step) // 2, None, count)

    def _read_out(self, count: int, state: Floats, sums: Floats) -> ReadOut:
        return self._runs.read_out(state, sums, count)

    def _first_states(self, points: Points, count: int) -> Floats:
        if self._runs.moves_start:
            return np.stack([self._first_state(point, count) for point in points])
        return np.tile(self._first_state(points[0], count), (len(points), 1, 1))

    def _first_state(self, point: Any, count: int) -> Floats:
        x, y = (np.array([float(v)]) for v in point[:2])
        bits = 53 * count + _GUARD + expansions.bits_before(self._runs.start(self._runs.parameters(x, y)))
        run = self._system.exact_run(point[0], point[1], bits)
        return expansions.of_exact(joined(run.weights), count)

    def _parameters(self, points: Points, count: int) -> tuple[Floats, ...]:
        powers = self._runs.training.powers_of_ten
        found = [
            [expansions.power_of_ten(v, count) if power else split(v, count) for v, power in zip(point, powers)]
            for point in points
        ]
        return (np.array(found),)
