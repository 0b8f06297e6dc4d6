"""Plain float64 on the CPU: every step of every pixel, for views whose pixels float64 can tell apart."""

from __future__ import annotations

from deepzoom.scene.view import View
from deepzoom.systems.base import System
from deepzoom.systems.escape_time import EscapeTimeSystem
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.lyapunov import LyapunovSystem

from .base import Backend, Job, Progress, Say
from .escape_time import float64 as escape_time


class CpuFloat64(Backend):
    """All steps in float64."""

    name = "cpu-float64"
    title = "float64 on the CPU, for shallow views"

    def obstacle(self) -> str | None:
        return None

    def job(
        self, system: System, view: View, bits: int | None, progress: Progress, say: Say, distance: bool = False
    ) -> Job:
        # each kind of system has kernels, and imports them when it is its turn
        if isinstance(system, LyapunovSystem):
            from .lyapunov import LyapunovJob

            return LyapunovJob(system, view, bits, False, say)
        if isinstance(system, EscapeTimeSystem):
            return escape_time.Float64Job(system, view, say, distance, bits=bits)
        from deepzoom.backends.training.batches import compile_kernels
        from deepzoom.backends.training.float64 import Float64Job

        assert isinstance(system, TrainingSystem)
        compile_kernels(say)
        return Float64Job(system, view, say)

    def bits(self, system: System, view: View) -> int:
        return 53

    def seconds_per_pixel(self, system: System, skipped: int, say: Say) -> float | None:
        if isinstance(system, EscapeTimeSystem | LyapunovSystem):
            return None
        from deepzoom.backends.training.batches import seconds_per_pixel_step

        assert isinstance(system, TrainingSystem)
        return system.steps * seconds_per_pixel_step(system.network, say)
