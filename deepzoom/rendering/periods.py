"""Periods of the attracting cycles that orbits without an end are drawn to, as a channel of a field."""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np

from deepzoom.backends.base import Backend, Job
from deepzoom.errors import InputError
from deepzoom.scene.colours import PERIOD
from deepzoom.scene.scene import Scene
from deepzoom.systems.base import System
from deepzoom.systems.escape_time import EscapeTimeSystem

from .batches import Observer, Pixels, run_batches
from .field import Field


def is_wanted(scene: Scene) -> bool:
    """Whether a field of this scene needs periods."""
    return scene.colouring.by == PERIOD


def has(system: System) -> TypeGuard[EscapeTimeSystem]:
    """Whether periods of a system's cycles can be found: of one formula, as others take turns."""
    return isinstance(system, EscapeTimeSystem) and len(system.iteration.turns) == 1


def check(scene: Scene, system: System, backend: Backend) -> None:
    """Raise InputError where a scene asks for periods that the backend or system does not have."""
    if not is_wanted(scene):
        return
    if not has(system):
        raise InputError(
            f"--colouring: {PERIOD} works for maps of one formula, which {scene.system} is not; give rank."
        )
    if backend.exactly:
        raise InputError(f"--colouring: {PERIOD}: the exact backend gives only counts; leave out --backend exact.")


def find(job: Job, field: Field, batches: list[Pixels], jobs: int, observer: Observer) -> bool:
    """Find the periods that a field still lacks, in the same batches as its pixels; returns whether all are done.

    A pixel with a period is bounded for certain, so its fate becomes -1.
    """
    assert field.iterations is not None
    if field.period is None:
        field.period = np.full(field.done.shape, -1, np.int64)
    period, fate = field.period.ravel(), field.fate.ravel()
    period[field.done.ravel() & ((fate > 0) | (field.measure.ravel() >= 0))] = 0
    waiting = [rest for t in batches if len(rest := t[period[t] < 0])]
    total, done = sum(len(t) for t in waiting), 0

    def take(pixels: Pixels, found: Any) -> None:
        nonlocal done
        period[pixels] = found
        fate[pixels[found > 0]] = -1
        done += len(pixels)
        observer.part("periods", done, total)

    if total:
        job.periods(np.zeros(0, np.int64))  # compiles, so that the time left is that of pixels
        observer.part("periods", 0, total)
    return run_batches(waiting, job.periods, take, field, jobs, observer)


def summary(field: Field) -> str:
    """A sentence on how many pixels have a period."""
    assert field.period is not None
    inside = field.done & (field.measure < 0)
    known = int(np.count_nonzero(inside & (field.period > 0)))
    text = f"{known:,} orbits are proven to be drawn to a cycle"
    left = int(np.count_nonzero(inside)) - known
    return f"{text}; {left:,} others did not end, and have the interior's colour." if left else f"{text}."
