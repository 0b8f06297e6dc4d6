"""What the backends on GPUs have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deepzoom.backends.base import Backend, Job, Progress, Say
from deepzoom.backends.executor import Gpus
from deepzoom.errors import InputError
from deepzoom.scene.view import View
from deepzoom.systems.base import System

from . import device

if TYPE_CHECKING:
    from deepzoom.systems.traced_system import TracedSystem


class GpuBackend(Backend):
    """A base class to put before the CPU backend: runs that backend's jobs on GPUs."""

    def obstacle(self) -> str | None:
        return device.obstacle()

    def executor(self, say: Say) -> Gpus:
        return Gpus.opened(say)

    def traced_job(self, system: TracedSystem, view: View, bits: int | None, progress: Progress, say: Say) -> Job:
        raise InputError(f"--backend: {self.name} has no kernels for {system.name}; leave the option out.")

    def seconds_per_pixel(self, system: System, skipped: int, say: Say) -> float | None:
        return None
