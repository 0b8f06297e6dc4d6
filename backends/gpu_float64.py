"""Plain float64 on GPUs, for views whose pixels float64 can tell apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.gpu.device import Arrays
from deepzoom.backends.gpu.training import GpuJob
from deepzoom.backends.gpu.unit_per_lane import Standing
from deepzoom.backends.training.batches import compile_kernels
from deepzoom.backends.training.float64 import Float64Job
from deepzoom.scene.view import View
from deepzoom.systems.base import System
from deepzoom.systems.escape_time import EscapeTimeSystem
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.lyapunov import LyapunovSystem

from . import lyapunov
from .base import Backend, Job, Progress, Say
from .escape_time import float64 as escape_time
from .executor import Gpus
from .gpu import device


class _Job(GpuJob, Float64Job):
    _weights_to_move = True

    def __init__(self, system: TrainingSystem, view: View, say: Say) -> None:
        super().__init__(system, view, say)
        if self._open(say):
            self._run_by()

    def standing(self, one: Arrays, pixels: NDArray[np.int64], moved: bool) -> Standing:
        return self._start(pixels, moved, shared=True)


class GpuFloat64(Backend):
    """All steps in float64, on GPUs."""

    name = "gpu-float64"
    title = "float64 on GPUs, for shallow views"

    def obstacle(self) -> str | None:
        return device.obstacle()

    def job(
        self, system: System, view: View, bits: int | None, progress: Progress, say: Say, distance: bool = False
    ) -> Job:
        if isinstance(system, LyapunovSystem):
            return lyapunov.LyapunovJob(system, view, bits, False, say, Gpus.opened(say))
        if isinstance(system, EscapeTimeSystem):
            return escape_time.Float64Job(system, view, say, distance, Gpus.opened(say), bits)
        assert isinstance(system, TrainingSystem)
        compile_kernels(say)
        return _Job(system, view, say)

    def bits(self, system: System, view: View) -> int:
        return 53

    def seconds_per_pixel(self, system: System, skipped: int, say: Say) -> float | None:
        return None
