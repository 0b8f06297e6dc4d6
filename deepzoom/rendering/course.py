"""The course of training runs: last loss, best step, output and Lyapunov exponent, as channels of a field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from deepzoom.backends import select
from deepzoom.backends.base import Backend, Course, Job, Progress, Say
from deepzoom.errors import InputError
from deepzoom.scene.colours import COURSE
from deepzoom.scene.scene import Scene
from deepzoom.systems.base import System
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.traced_system import TracedSystem

from .batches import Observer, Pixels, run_batches
from .confidence_interval import percent
from .field import Field


def is_wanted(scene: Scene) -> bool:
    """Whether a field of this scene needs the course of its runs."""
    return scene.course or scene.colouring.by in COURSE


def needs_exponents(scene: Scene) -> bool:
    """Whether a field of this scene needs Lyapunov exponents."""
    return scene.course or scene.colouring.by == "lyapunov"


def check(scene: Scene, system: System, backend: Backend) -> None:
    """Raise InputError where a scene asks for what the backend or the training does not have."""
    if not is_wanted(scene):
        return
    option = "--course" if scene.course else f"--colouring: {scene.colouring.by}"
    if backend.exactly:
        raise InputError(f"{option}: the exact backend gives only fates and measures; leave out --backend exact.")
    if scene.colouring.by == "output" and not has_output(system):
        raise InputError(
            f"--colouring: {system.name} has no output for a probe input; give its Training an output, or another"
            " colouring."
        )


def has_output(system: System) -> bool:
    """Whether a training has an output for a probe input, as all networks of the published form do."""
    return isinstance(system, TrainingSystem) or (
        isinstance(system, TracedSystem) and system.training.output is not None
    )


def job_of(job: Job, scene: Scene, system: System, backend: Backend, progress: Progress, say: Say) -> Job:
    """The job that follows the pixels of another one: the same, or one by generated kernels on the CPU."""
    if not isinstance(system, TrainingSystem):
        return job
    from deepzoom.systems.published_trace import traced

    on_cpu, _ = select.select(backend.name.replace("gpu-", "cpu-"), scene.view, system, scene.steps)
    return on_cpu.traced_job(traced(system), scene.view, scene.bits, progress, say)


def find(job: Job, field: Field, outputs: bool, batches: list[Pixels], jobs: int, observer: Observer) -> bool:
    """Follow the pixels that a field still lacks, in the same batches as its pixels; returns whether all are done.

    outputs: whether they have an output.
    """
    exponents = needs_exponents(field.scene)
    shape = field.done.shape
    lacking = field.loss is None or (exponents and field.lyapunov is None)
    if lacking:
        field.loss, field.best_step = np.full(shape, np.nan), np.full(shape, -1, np.int32)
        field.lyapunov = np.full(shape, np.nan) if exponents else None
        field.output = np.full(shape, np.nan) if outputs else None
    assert field.loss is not None
    waiting = [t for t in batches if np.isnan(field.loss.ravel()[t]).any()]
    total, done = sum(len(t) for t in waiting), 0

    def take(pixels: Pixels, found: Course) -> None:
        nonlocal done
        for name, values in vars(found).items():
            if values is not None:
                getattr(field, name).ravel()[pixels] = values
        done += len(pixels)
        observer.part("course", done, total)

    if total:
        observer.part("course", 0, total)
    run: Callable[[Pixels], Any] = lambda pixels: job.course(pixels, exponents)  # noqa: E731
    return run_batches(waiting, run, take, field, jobs, observer)


def summary(field: Field) -> str:
    """A sentence on the exponents of a field, or on its losses."""
    if field.lyapunov is not None:
        known = field.lyapunov[field.done & ~np.isnan(field.lyapunov)]
        share, middle = percent(float(np.mean(known > 0))), np.median(known)
        return f"{share} % of {len(known):,} pixels have a Lyapunov exponent above 0; the median is {middle:.4g}."
    assert field.loss is not None
    known = field.loss[field.done & ~np.isnan(field.loss)]
    return f"The last losses go from {known.min():.3g} to {known.max():.3g}; the median is {np.median(known):.3g}."
