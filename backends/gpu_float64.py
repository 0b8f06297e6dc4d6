"""Plain float64 on GPUs, for views whose pixels float64 can tell apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deepzoom.scene import View
from deepzoom.systems.base import System
from deepzoom.systems.escape_time import EscapeTimeSystem
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.lyapunov import LyapunovSystem

from . import device, escape_time, lyapunov, units
from .base import Backend, Job, Progress, ReadOut, Say
from .cpu_float64 import Float64Job
from .device import Arrays
from .executor import Gpus
from .pixel_lanes import runs_of
from .training import compile_kernels


class _GpuJob(units.AgainOnGpus, Float64Job):
    def __init__(self, system: TrainingSystem, view: View, say: Say) -> None:
        super().__init__(system, view, say)
        self._devices, self._again_devices = units.opened(self._arrays, say)
        if self._devices.count:
            self._runs = runs_of(self._arrays, self._steps)
            self.tile = self._runs.tile
            if isinstance(self._runs, units.Units):
                self._units = self._runs

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        return self._devices.run(pixels, self._on_gpu, super().run, ReadOut.joined)

    def _on_gpu(self, one: Arrays, pixels: NDArray[np.int64]) -> ReadOut:
        return self._runs.finish(one, *self._start(pixels, False, shared=True))

    def shadow(self, pixels: NDArray[np.int64]) -> ReadOut:
        return self._again_devices.run(pixels, self._shadow_on_gpu, super().shadow, ReadOut.joined)

    def _shadow_on_gpu(self, one: Arrays, pixels: NDArray[np.int64]) -> ReadOut:
        return self._units.finish(one, *self._start(pixels, True, shared=True), shadow=True, moved=pixels)

    def standing(self, one: Arrays, pixels: NDArray[np.int64], moved: bool) -> units.Standing:
        return self._start(pixels, moved)


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
            return escape_time.Float64Job(system, view, say, distance, Gpus.opened(say))
        assert isinstance(system, TrainingSystem)
        compile_kernels(say)
        return _GpuJob(system, view, say)

    def bits(self, system: System, view: View) -> int:
        return 53

    def seconds_per_pixel(self, system: System, skipped: int, say: Say) -> float | None:
        return None
