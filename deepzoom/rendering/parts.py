"""What a render checks: its pixels and their samples, which share one sample to check and one budget."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import Job

from . import antialiasing, trust
from .batches import Observer
from .field import Field


@dataclass(frozen=True)
class Part:
    """One thing to check: the pixels, or their samples. batches: of the second runs."""

    job: Job
    field: Field
    batches: list[NDArray[np.int64]]
    observer: Observer

    @classmethod
    def of_samples(cls, job: Job, field: Field, observer: Observer) -> Part:
        """The samples of a field that has them."""
        assert field.samples is not None
        places, size = np.flatnonzero(field.samples.done).astype(np.int64), job.second_batch_size
        batches = [places[k : k + size] for k in range(0, len(places), size)]
        return cls(antialiasing.OfSamples(job, field), field.samples, batches, antialiasing.OfWhole(observer, field))


class Checks:
    """Checks parts with ``trust.check``. budget: seconds of all checks together; None for no limit."""

    def __init__(self, jobs: int, budget: float | None = None) -> None:
        self._jobs, self._budget, self._spent, self._checked = jobs, budget, 0.0, 0

    def run(self, parts: list[Part]) -> bool:
        """Check those parts that an earlier call, with the first of them, has not; returns whether all are checked."""
        begin = time.perf_counter() - self._spent
        parts = parts[self._checked :]
        for part, some in zip(parts, _shared(parts), strict=True):
            self._spent = time.perf_counter() - begin
            own = part.job, part.field, part.batches, self._jobs, part.observer
            if not trust.check(*own, self._budget, some, self._spent):
                return False
        self._checked += len(parts)
        self._spent = time.perf_counter() - begin
        return True


def _shared(parts: list[Part]) -> list[NDArray[np.int64] | None]:
    """The pixels and samples of the sample to check (trust "sample")."""
    if len(parts) < 2 or parts[0].field.scene.trust != "sample":
        return [None] * len(parts)
    whole, samples = np.sort(np.concatenate(parts[0].batches)), np.flatnonzero(parts[1].field.done)
    every = trust.sample_of(np.arange(len(whole) + len(samples)))
    own = np.searchsorted(every, len(whole))
    return [whole[every[:own]], samples[every[own:] - len(whole)].astype(np.int64)]
