"""Perturbation on the CPU: one exact reference run, and for every pixel only the difference from it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from deepzoom.reference.precision import reference_bits
from deepzoom.scene.view import View
from deepzoom.systems.base import Kind, System
from deepzoom.systems.escape_time import EscapeTimeSystem
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.lyapunov import LyapunovSystem

from .base import Backend, Job, Progress, Say, seconds_of_training
from .escape_time import perturbation as escape_time_differences

if TYPE_CHECKING:
    from deepzoom.reference.picture_coordinates import Frame
    from deepzoom.reference.training import Reference
    from deepzoom.systems.traced_system import TracedSystem
    from deepzoom.systems.trainable import Trainable


class CpuPerturbation(Backend):
    """Runs differences from an exact reference run, then float64."""

    name = "cpu-perturbation"
    title = "differences from one exact reference run, for deep views"

    def escape_time_job(
        self, system: EscapeTimeSystem, view: View, bits: int | None, progress: Progress, say: Say, distance: bool
    ) -> Job:
        return escape_time_differences.PerturbationJob(system, view, bits, progress, say, distance, self.executor(say))

    def network_job(self, system: TrainingSystem, view: View, bits: int | None, progress: Progress, say: Say) -> Job:
        from .training.batches import compile_kernels

        compile_kernels(say)
        reference, seconds, frame = _referred(system, view, bits, progress)
        return self._from_reference(system, view, reference, seconds, say, frame)

    def _from_reference(
        self, system: TrainingSystem, view: View, reference: Reference, seconds: float, say: Say, frame: Frame | None
    ) -> Job:
        """The job of a training system, given its reference run, the seconds that this took, and its frame."""
        from .training.perturbation import TrainingPerturbationJob

        return TrainingPerturbationJob(system, view, reference, seconds, say, frame)

    def traced_job(self, system: TracedSystem, view: View, bits: int | None, progress: Progress, say: Say) -> Job:
        self._compile_ahead(system)
        reference, seconds, frame = _referred(system, view, bits, progress)
        return self._traced_from_reference(system, view, reference, seconds, say, frame)

    def _compile_ahead(self, system: TracedSystem) -> None:
        from .training.traced import compile_kernels_ahead

        compile_kernels_ahead(system)

    def _traced_from_reference(
        self, system: TracedSystem, view: View, reference: Reference, seconds: float, say: Say, frame: Frame | None
    ) -> Job:
        """``_from_reference`` of a traced training."""
        from .training.traced import TracedPerturbationJob

        return TracedPerturbationJob(system, view, reference, seconds, say, frame)

    def bits(self, system: System, view: View) -> int:
        needed: dict[Kind, Callable[..., int]] = {
            "escape-time": reference_bits,
            "lyapunov": LyapunovSystem.first_bits,
            "network": _bits_of_training,
            "traced": _bits_of_training,
        }
        return needed[system.kind](system, view)

    def seconds_per_pixel(self, system: System, skipped: int, say: Say) -> float | None:
        return seconds_of_training(system, skipped, say)


def _bits_of_training(system: Trainable, view: View) -> int:
    from deepzoom.reference.training import bits_for

    return bits_for(system, view)


def _referred(
    system: Trainable, view: View, bits: int | None, progress: Progress
) -> tuple[Reference, float, Frame | None]:
    """The reference run of a view, the seconds that it took, and the frame."""
    from deepzoom.reference import picture_coordinates
    from deepzoom.reference import training as references

    before = time.perf_counter()
    reference = references.obtain(system, view, bits, progress)
    frame = picture_coordinates.obtain(system, view, reference, progress)
    return reference, time.perf_counter() - before, frame
