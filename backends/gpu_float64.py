"""Plain float64 on GPUs, for views whose pixels float64 can tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.gpu.device import Arrays
from deepzoom.backends.gpu.training import GpuJob
from deepzoom.backends.gpu.unit_per_lane import Standing
from deepzoom.backends.training.batches import compile_kernels
from deepzoom.backends.training.float64 import Float64Job
from deepzoom.scene.view import View
from deepzoom.systems.experiments import TrainingSystem

from .base import Job, Progress, Say
from .cpu_float64 import CpuFloat64
from .gpu.backend import GpuBackend

if TYPE_CHECKING:
    from deepzoom.systems.traced_system import TracedSystem


class _Job(GpuJob, Float64Job):
    _weights_to_move = True

    def __init__(self, system: TrainingSystem, view: View, say: Say) -> None:
        super().__init__(system, view, say)
        if self._open(say):
            self._run_by()

    def standing(self, one: Arrays, pixels: NDArray[np.int64], moved: bool) -> Standing:
        return self.handed_off(pixels, moved, shared=True)


class GpuFloat64(GpuBackend, CpuFloat64):
    """Runs all steps in float64, on GPUs."""

    name = "gpu-float64"
    title = "float64 on GPUs, for shallow views"

    def network_job(self, system: TrainingSystem, view: View, bits: int | None, progress: Progress, say: Say) -> Job:
        compile_kernels(say)
        return _Job(system, view, say)

    def traced_job(self, system: TracedSystem, view: View, bits: int | None, progress: Progress, say: Say) -> Job:
        from .gpu.traced import GpuTracedFloat64Job

        return GpuTracedFloat64Job(system, view, say)
