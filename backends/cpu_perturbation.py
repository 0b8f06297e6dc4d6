"""Perturbation on the CPU: one exact reference run, and for every pixel only the difference from it."""

from __future__ import annotations

import time

from deepzoom.reference.precision import reference_bits
from deepzoom.scene.view import View
from deepzoom.systems.base import System
from deepzoom.systems.escape_time import EscapeTimeSystem
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.lyapunov import LyapunovSystem

from .base import Backend, Job, Progress, Say
from .escape_time import perturbation as escape_time_differences


class CpuPerturbation(Backend):
    """Differences from an exact reference run, then float64."""

    name = "cpu-perturbation"
    title = "differences from one exact reference run, for deep views"

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
            return escape_time_differences.PerturbationJob(system, view, bits, progress, say, distance)
        from deepzoom.backends.training.batches import compile_kernels
        from deepzoom.backends.training.perturbation import TrainingPerturbationJob
        from deepzoom.reference import training as references

        assert isinstance(system, TrainingSystem)
        compile_kernels(say)
        before = time.perf_counter()
        reference = references.obtain(system, view, bits, progress)
        return TrainingPerturbationJob(system, view, reference, time.perf_counter() - before, say)

    def bits(self, system: System, view: View) -> int:
        if isinstance(system, LyapunovSystem):
            from .lyapunov import first_bits

            return first_bits(system, view)
        if isinstance(system, EscapeTimeSystem):
            return reference_bits(system, view)
        from deepzoom.reference import training as references

        assert isinstance(system, TrainingSystem)
        return references.bits_for(system, view)

    def seconds_per_pixel(self, system: System, skipped: int, say: Say) -> float | None:
        if isinstance(system, EscapeTimeSystem | LyapunovSystem):
            return None
        from deepzoom.backends.training.batches import seconds_per_pixel_step

        assert isinstance(system, TrainingSystem)
        return (system.steps - skipped) * seconds_per_pixel_step(system.network, say)
