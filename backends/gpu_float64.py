"""Plain float64 on GPUs, for views whose pixels float64 can tell apart."""

from __future__ import annotations

from deepzoom.scene import View
from deepzoom.systems.base import System

from . import device
from .base import Backend, Job, Progress, Say
from .cpu_float64 import CpuFloat64


class GpuFloat64(Backend):
    """All steps in float64, on GPUs."""

    name = "gpu-float64"
    title = "float64 on GPUs, for shallow views"

    def obstacle(self) -> str | None:
        return device.obstacle()

    def job(
        self, system: System, view: View, bits: int | None, progress: Progress, say: Say, distance: bool = False
    ) -> Job:
        say("On the CPU: kernels for the GPU are still to come.")
        return CpuFloat64().job(system, view, bits, progress, say, distance)

    def bits(self, system: System, view: View) -> int:
        return 53

    def seconds_per_pixel(self, system: System, skipped: int, say: Say) -> float | None:
        return None
