"""Plain float64 on the CPU: every step of every pixel, for views whose pixels float64 can tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deepzoom.scene.view import View
from deepzoom.systems.base import System
from deepzoom.systems.escape_time import EscapeTimeSystem
from deepzoom.systems.experiments import TrainingSystem

from .base import Backend, Job, Progress, Say, seconds_of_training
from .escape_time import float64 as escape_time

if TYPE_CHECKING:
    from deepzoom.systems.traced_system import TracedSystem


class CpuFloat64(Backend):
    """Runs all steps in float64."""

    name = "cpu-float64"
    title = "float64 on the CPU, for shallow views"

    def escape_time_job(
        self, system: EscapeTimeSystem, view: View, bits: int | None, progress: Progress, say: Say, distance: bool
    ) -> Job:
        return escape_time.Float64Job(system, view, say, distance, self.executor(say), bits)

    def network_job(self, system: TrainingSystem, view: View, bits: int | None, progress: Progress, say: Say) -> Job:
        from .training.batches import compile_kernels
        from .training.float64 import Float64Job

        compile_kernels(say)
        return Float64Job(system, view, say)

    def traced_job(self, system: TracedSystem, view: View, bits: int | None, progress: Progress, say: Say) -> Job:
        from .training.traced import TracedFloat64Job

        return TracedFloat64Job(system, view, say)

    def bits(self, system: System, view: View) -> int:
        return 53

    def seconds_per_pixel(self, system: System, skipped: int, say: Say) -> float | None:
        return seconds_of_training(system, 0, say)
