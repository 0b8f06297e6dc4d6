"""The horizon of a pixel: the step at which float64 loses it. It is a channel of a field (docs/trust.md)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import Job
from deepzoom.scene.scene import Scene

from .batches import Observer, Pixels, run_batches
from .confidence_interval import percent
from .field import Field


def is_wanted(scene: Scene) -> bool:
    """Whether a field of this scene needs horizons."""
    return scene.horizon or scene.colouring.by == "horizon"


def find(job: Job, field: Field, batches: list[Pixels], jobs: int, observer: Observer) -> bool:
    """Find the horizons that a field still lacks, in the same batches as its pixels; returns whether all are found."""
    if field.horizon is None:
        field.horizon = np.full(field.done.shape, -1, dtype=np.int32)
    horizon = field.horizon.ravel()
    waiting = [t for t in batches if (horizon[t] < 0).any()]
    total, done = sum(len(t) for t in waiting), 0

    def take(pixels: Pixels, found: NDArray[np.int32]) -> None:
        nonlocal done
        horizon[pixels] = found
        done += len(pixels)
        observer.part("horizon", done, total)

    if total:
        observer.part("horizon", 0, total)
    return run_batches(waiting, job.horizon, take, field, jobs, observer)


def summary(field: Field) -> str:
    """A sentence on how many pixels float64 loses, and when."""
    assert field.horizon is not None
    known = field.horizon[field.horizon >= 0]
    lost = known[known < field.scene.steps]
    if not len(lost):
        return f"float64 loses none of {len(known):,} pixels within {field.scene.steps} steps."
    share = percent(len(lost) / len(known))
    return f"float64 loses {share} % of {len(known):,} pixels, half of these by step {int(np.median(lost))}."
