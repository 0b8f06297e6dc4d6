"""Every pixel in arbitrary precision: for small pictures, and to check the other backends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from deepzoom.backends.training.exact import ExactTrainingJob, exact_bits
from deepzoom.scene.view import View
from deepzoom.systems.base import Kind, System
from deepzoom.systems.escape_time import EscapeTimeSystem
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.lyapunov import LyapunovSystem

from .base import Backend, Job, Progress, Say, seconds_of_training
from .escape_time import float64 as escape_time

_SLOWER = 1000.0  # time of an exact pixel-step over that of a float64 one, for the estimate

if TYPE_CHECKING:
    from deepzoom.systems.traced_system import TracedSystem


class ExactBackend(Backend):
    """Runs each pixel at two precisions, and at higher ones until two runs agree."""

    name = "exact"
    title = "every pixel in arbitrary precision, for small images"

    exactly = True

    def escape_time_job(
        self, system: EscapeTimeSystem, view: View, bits: int | None, progress: Progress, say: Say, distance: bool
    ) -> Job:
        return escape_time.ExactJob(system, view, bits, say)

    def network_job(self, system: TrainingSystem, view: View, bits: int | None, progress: Progress, say: Say) -> Job:
        return ExactTrainingJob(system, view, bits)

    def traced_job(self, system: TracedSystem, view: View, bits: int | None, progress: Progress, say: Say) -> Job:
        return ExactTrainingJob(system, view, bits)

    def bits(self, system: System, view: View) -> int:
        needed: dict[Kind, Callable[..., int]] = {
            "escape-time": escape_time.exact_bits,
            "lyapunov": LyapunovSystem.first_bits,
            "network": exact_bits,
            "traced": exact_bits,
        }
        return needed[system.kind](system, view)

    def seconds_per_pixel(self, system: System, skipped: int, say: Say) -> float | None:
        seconds = seconds_of_training(system, 0, say)
        return None if seconds is None else _SLOWER * seconds
