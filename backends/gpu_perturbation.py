"""Perturbation on GPUs: the exact reference run comes from the CPU, the pixels run on GPUs."""

from __future__ import annotations

from deepzoom.scene import View
from deepzoom.systems.base import System

from . import device
from .base import Backend, Job, Progress, Say
from .cpu_perturbation import CpuPerturbation


class GpuPerturbation(Backend):
    """Differences from an exact reference run, then float64, on GPUs."""

    name = "gpu-perturbation"
    title = "differences from one exact reference run on GPUs, for deep views"

    def obstacle(self) -> str | None:
        return device.obstacle()

    def job(
        self, system: System, view: View, bits: int | None, progress: Progress, say: Say, distance: bool = False
    ) -> Job:
        say("On the CPU: kernels for the GPU are still to come.")
        return CpuPerturbation().job(system, view, bits, progress, say, distance)

    def bits(self, system: System, view: View) -> int:
        return CpuPerturbation().bits(system, view)

    def seconds_per_pixel(self, system: System, skipped: int, say: Say) -> float | None:
        return None
