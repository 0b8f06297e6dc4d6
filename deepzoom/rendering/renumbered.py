"""A job whose pixels have other numbers: samples, or the points of a measurement."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import Course, Job, ReadOut

from .batches import Pixels


class Renumbered(Job):
    """Another job's pixels by numbers of one's own; numbers: gives that job's numbers for these."""

    def __init__(self, job: Job, numbers: Callable[[Pixels], Pixels]) -> None:
        self._job, self._numbers = job, numbers
        self.batch_size, self.facts, self.rungs = job.batch_size, job.facts, job.rungs
        self.has_shadow, self.holds_differences = job.has_shadow, job.holds_differences

    @property
    def second_batch_size(self) -> int:
        return self._job.second_batch_size

    def run(self, pixels: Pixels) -> ReadOut:
        return self._job.run(self._numbers(pixels))

    def shadow(self, pixels: Pixels) -> ReadOut:
        return self._job.shadow(self._numbers(pixels))

    def horizon(self, pixels: Pixels) -> NDArray[np.int32]:
        return self._job.horizon(self._numbers(pixels))

    def course(self, pixels: Pixels, exponents: bool) -> Course:
        return self._job.course(self._numbers(pixels), exponents)

    def follow(self, pixels: Pixels) -> NDArray[np.float64]:
        return self._job.follow(self._numbers(pixels))

    def periods(self, pixels: Pixels) -> NDArray[np.int64]:
        return self._job.periods(self._numbers(pixels))

    def retry(self, pixels: Pixels, rung: int) -> ReadOut:
        return self._job.retry(self._numbers(pixels), rung)

    def retry_batch_size(self, rung: int) -> int:
        return self._job.retry_batch_size(rung)

    def remedy(self, rungs: int) -> str | None:
        return self._job.remedy(rungs)
