"""What the backends on GPUs have in common."""

from __future__ import annotations

from deepzoom.backends.base import Backend, Say
from deepzoom.backends.executor import Gpus
from deepzoom.systems.base import System

from . import device


class GpuBackend(Backend):
    """A base class to put before the CPU backend: runs that backend's jobs on GPUs."""

    def obstacle(self) -> str | None:
        return device.obstacle()

    def executor(self, say: Say) -> Gpus:
        return Gpus.opened(say)

    def seconds_per_pixel(self, system: System, skipped: int, say: Say) -> float | None:
        return None
