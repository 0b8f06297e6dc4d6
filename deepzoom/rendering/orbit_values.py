"""Values of whole orbits, as channels of a field: averages of stripes and triangles, and traps."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import Backend, Job, Progress, Say
from deepzoom.backends.escape_time.perturbation import PerturbationJob
from deepzoom.errors import InputError
from deepzoom.scene.colours import ORBITS, PHASES
from deepzoom.scene.scene import Scene
from deepzoom.systems.base import System
from deepzoom.systems.escape_time import EscapeTimeSystem

from .batches import Observer, Pixels, run_batches
from .field import Field

CHANNELS = tuple(ORBITS.values())
"""In the order in which ``follow_orbits`` gives them."""


def is_wanted(scene: Scene) -> bool:
    """Whether a field of this scene needs values of whole orbits."""
    return scene.colouring.by in ORBITS


def has(system: System) -> TypeGuard[EscapeTimeSystem]:
    """Whether a system's orbits have such values: they escape."""
    return isinstance(system, EscapeTimeSystem) and math.isfinite(system.iteration.radius)


def check(scene: Scene, system: System, backend: Backend) -> None:
    """Raise InputError where a scene asks for values of orbits, or angles, that the backend or system does not have."""
    if not (is_wanted(scene) or scene.colouring.by in PHASES):
        return
    what = f"--colouring: {scene.colouring.by}"
    if not has(system):
        raise InputError(f"{what} needs orbits that escape, which {scene.system} does not have; give rank or cyclic.")
    if backend.exactly:
        raise InputError(f"{what}: the exact backend gives only counts; leave out --backend exact.")
    if PerturbationJob.is_wide(system, scene.view):
        raise InputError(f"{what}: this view is too deep for it; it reaches down to about 1e-270. Give rank or cyclic.")


def job_of(job: Job, scene: Scene, system: System, progress: Progress, say: Say) -> PerturbationJob:
    """The job that follows the pixels of another one: the same, or one by perturbation."""
    if isinstance(job, PerturbationJob):
        return job
    assert isinstance(system, EscapeTimeSystem)
    return PerturbationJob(system, scene.view, scene.bits, progress, say)


def find(job: Job, field: Field, batches: list[Pixels], jobs: int, observer: Observer) -> bool:
    """Follow the pixels that a field still lacks, in the same batches as its pixels; returns whether all are done.

    A pixel has values only if its orbit escapes with the count that the field has, and float64 can follow it: one that
    more digits had to settle has none (NaN).
    """
    if field.stripe is None:
        for name in CHANNELS:
            setattr(field, name, np.full(field.done.shape, np.nan))
    assert field.iterations is not None and field.stripe is not None
    counts, escaped = field.iterations.ravel(), (field.fate > 0).ravel()
    stripe = field.stripe.ravel()
    waiting = [t for t in batches if (np.isnan(stripe[t]) & escaped[t]).any()]
    total, done = sum(len(t) for t in waiting), 0

    def take(pixels: Pixels, found: NDArray[Any]) -> None:
        nonlocal done
        same = (found[:, 0] == counts[pixels]) & escaped[pixels]
        for name, values in zip(CHANNELS, found.T[1:], strict=True):
            getattr(field, name).ravel()[pixels] = np.where(same, values, np.nan)
        done += len(pixels)
        observer.part("orbits", done, total)

    if total:
        observer.part("orbits", 0, total)
    return run_batches(waiting, job.follow, take, field, jobs, observer)


def summary(field: Field) -> str:
    """A sentence on how many pixels have values."""
    assert field.stripe is not None
    escaped = field.done & (field.fate > 0)
    lost = int(np.count_nonzero(escaped & np.isnan(field.stripe)))
    text = f"{np.count_nonzero(escaped) - lost:,} orbits were followed step by step"
    return f"{text}; float64 could not follow {lost:,} others, which are grey." if lost else f"{text}."
