"""Perturbation on GPUs: the exact reference run comes from the CPU, the pixels run on GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.gpu.device import Arrays
from deepzoom.backends.gpu.training import GpuJob
from deepzoom.backends.kernels.arithmetic.last_bit import OF_DIFFERENCES
from deepzoom.backends.training.expansions import disturbed, signs
from deepzoom.backends.training.perturbation import TrainingPerturbationJob, series_of
from deepzoom.reference.picture_coordinates import Frame
from deepzoom.reference.training import HAND_OFF, Reference
from deepzoom.scene.view import View
from deepzoom.systems.experiments import TrainingSystem

from .base import Job, Say
from .cpu_perturbation import CpuPerturbation
from .gpu import unit_per_lane
from .gpu.backend import GpuBackend

if TYPE_CHECKING:
    from deepzoom.systems.traced_system import TracedSystem


class _Job(GpuJob, TrainingPerturbationJob):
    _weights_to_move = False

    def __init__(
        self,
        system: TrainingSystem,
        view: View,
        reference: Reference,
        seconds: float,
        say: Say,
        frame: Frame | None = None,
    ) -> None:
        super().__init__(system, view, reference, seconds, say, frame)
        self._last = min(reference.steps, self._steps)
        if self._open(say):
            sizes = np.stack([np.abs(reference.weights[:, s]).max(axis=1) for s in self._layers], axis=1)
            given = unit_per_lane.ReferenceArrays(
                reference.record, self._layout, reference.weights, sizes, reference.learning, reference.ratios,
                self._totals,
            )  # fmt: skip
            self._run_by(given, self._drawn)

    def standing(self, one: Arrays, pixels: NDArray[np.int64], moved: bool) -> unit_per_lane.Standing | None:
        """``handed_off`` on a GPU; None where no step has a reference."""
        ref, (by, at), size = self._reference, self._differences(pixels, moved), self._layers[-1].stop
        if self._skip is not None and isinstance(self._runs, unit_per_lane.UnitPerLane):
            series = series_of(self._skip, self._skip.weights)
            start: Any = unit_per_lane.Polynomials(series.terms(*at), series.data)
            first, rates, offsets, sums = self._beside_weights(self._skip, by, at)
        else:
            first, start, rates, offsets, sums = self._start(self._skip, by, at)
        if first >= self._last:
            return None
        learning = ref.learning + rates
        if moved:
            rates = disturbed(rates, signs(pixels, size, OF_DIFFERENCES, rates.shape[1]))
            learning = disturbed(learning, signs(pixels, learning.shape[1], 2))
        weights, step, own = self._runs.from_reference(
            one, first, self._last, HAND_OFF, start, rates, offsets, sums, pixels if moved else None
        )
        return weights, learning, ref.offset + offsets, step, own


class GpuPerturbation(GpuBackend, CpuPerturbation):
    """Runs differences from an exact reference run, then float64, on GPUs."""

    name = "gpu-perturbation"
    title = "differences from one exact reference run on GPUs, for deep views"

    def _from_reference(
        self, system: TrainingSystem, view: View, reference: Reference, seconds: float, say: Say, frame: Frame | None
    ) -> Job:
        return _Job(system, view, reference, seconds, say, frame)

    def _compile_ahead(self, system: TracedSystem) -> None:
        """Nothing: a GPU has its own kernels."""

    def _traced_from_reference(
        self, system: TracedSystem, view: View, reference: Reference, seconds: float, say: Say, frame: Frame | None
    ) -> Job:
        from .gpu.traced import GpuTracedPerturbationJob

        return GpuTracedPerturbationJob(system, view, reference, seconds, say, frame)
