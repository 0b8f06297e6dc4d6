"""The base of the jobs of training systems: how their pixels run to the end, and run again."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import Job, ReadOut
from deepzoom.backends.kernels.training.network_arrays import NetworkArrays

from .batches import finish
from .horizon import State
from .network_expansions import NetworkExpansions


class TrainingJob(Job):
    """Runs training pixels in float64 to their end, from the states that ``handed_off`` gives."""

    has_shadow = True
    rungs = NetworkExpansions.rungs
    _arrays: NetworkArrays
    _steps: int
    _higher_precision: NetworkExpansions

    @abstractmethod
    def handed_off(self, pixels: NDArray[np.int64], moved: bool) -> State:
        """The states of pixels before their first step in float64.

        moved: of their second run, with values changed in the last place wherever rounding may have changed them.
        """

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        return finish(self._arrays, self._steps, *self.handed_off(pixels, False))

    def shadow(self, pixels: NDArray[np.int64]) -> ReadOut:
        return self._higher_precision.shadow(*self.handed_off(pixels, True))

    def horizon(self, pixels: NDArray[np.int64]) -> NDArray[np.int32]:
        return self._higher_precision.horizon(self.handed_off(pixels, False), self.handed_off(pixels, True))

    def retry(self, pixels: NDArray[np.int64], rung: int) -> ReadOut:
        return self._higher_precision.retry(pixels, rung)

    def retry_batch_size(self, rung: int) -> int:
        return self._higher_precision.retry_batch_size(rung)
