"""Perturbation on the CPU: one exact reference run, and for every pixel only the difference from it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from deepzoom.reference.precision import reference_bits
from deepzoom.scene.view import View
from deepzoom.systems.base import System
from deepzoom.systems.escape_time import EscapeTimeSystem
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.lyapunov import LyapunovSystem
from deepzoom.systems.trainable import Trainable

from .base import Backend, Job, Progress, Say, seconds_of_training
from .escape_time import perturbation as escape_time_differences

if TYPE_CHECKING:
    from deepzoom.reference.picture_coordinates import Frame
    from deepzoom.reference.training import Reference
    from deepzoom.systems.traced_system import TracedSystem


class CpuPerturbation(Backend):
    """Runs differences from an exact reference run, then float64."""

    name = "cpu-perturbation"
    title = "differences from one exact reference run, for deep views"

    def escape_time_job(
        self, system: EscapeTimeSystem, view: View, bits: int | None, progress: Progress, say: Say, distance: bool
    ) -> Job:
        return escape_time_differences.PerturbationJob(system, view, bits, progress, say, distance, self.executor(say))

    def training_job(self, system: TrainingSystem, view: View, bits: int | None, progress: Progress, say: Say) -> Job:
        from deepzoom.reference import picture_coordinates
        from deepzoom.reference import training as references

        from .training.batches import compile_kernels

        compile_kernels(say)
        before = time.perf_counter()
        reference = references.obtain(system, view, bits, progress)
        frame = picture_coordinates.obtain(system, view, reference, progress)
        return self._from_reference(system, view, reference, time.perf_counter() - before, say, frame)

    def _from_reference(
        self, system: TrainingSystem, view: View, reference: Reference, seconds: float, say: Say, frame: Frame | None
    ) -> Job:
        """The job of a training system, given its reference run, the seconds that this took, and its frame."""
        from .training.perturbation import TrainingPerturbationJob

        return TrainingPerturbationJob(system, view, reference, seconds, say, frame)

    def traced_job(self, system: TracedSystem, view: View, bits: int | None, progress: Progress, say: Say) -> Job:
        from deepzoom.reference import picture_coordinates
        from deepzoom.reference import training as references

        from .training.traced import TracedPerturbationJob

        before = time.perf_counter()
        reference = references.obtain(system, view, bits, progress)
        frame = picture_coordinates.obtain(system, view, reference, progress)
        return TracedPerturbationJob(system, view, reference, time.perf_counter() - before, say, frame)

    def bits(self, system: System, view: View) -> int:
        if isinstance(system, LyapunovSystem):
            from .lyapunov import first_bits

            return first_bits(system, view)
        if isinstance(system, EscapeTimeSystem):
            return reference_bits(system, view)
        from deepzoom.reference import training as references

        assert isinstance(system, Trainable)
        return references.bits_for(system, view)

    def seconds_per_pixel(self, system: System, skipped: int, say: Say) -> float | None:
        return seconds_of_training(system, skipped, say)
