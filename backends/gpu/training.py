"""Jobs of training systems on GPUs."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import Job, ReadOut, Say
from deepzoom.backends.kernels.training.delta_layout import RecordLayout
from deepzoom.backends.kernels.training.network_arrays import NetworkArrays
from deepzoom.backends.training.batches import batch_size_of
from deepzoom.backends.training.network_expansions import NetworkExpansions
from deepzoom.systems.training_step import Network

from .device import Arrays
from .devices import Devices
from .pixel_per_thread import PixelPerThread, runs_of
from .unit_per_lane import EXPANSION_BATCHES, ReferenceArrays, Standing, UnitPerLane, obstacle

Pixels = NDArray[np.int64]


class GpuJob(Job):
    """A base class to put before the CPU's job: runs that job's pixels on GPUs.

    On GPUs run the pixels, their second runs, horizons, and retries in a precision that has a kernel. The CPU's job
    runs everything else, and whatever a GPU cannot.
    """

    _arrays: NetworkArrays
    _network: Network
    _steps: int
    _higher_precision: NetworkExpansions
    _devices: Devices
    _retry_devices: Devices
    """GPUs for second runs, retries and horizons: none where ``UnitPerLane`` does not fit the network."""
    _weights_to_move: bool
    """Whether the kernels, not ``standing``, move the weights of second runs."""
    _runs: UnitPerLane | PixelPerThread
    _unit_per_lane: UnitPerLane

    def _open(self, say: Say) -> bool:
        """Open the GPUs, and say what will not run on them. Returns whether there is one."""
        self._devices = Devices.opened(say)
        why = obstacle(self._arrays)
        self._retry_devices = self._devices
        if self._devices.count and why is not None:
            say(f"Second runs, higher precision and horizons run on the CPU: {why}.")
            self._retry_devices = Devices([], say)
        return self._devices.count > 0

    def _run_by(self, reference: ReferenceArrays | None = None, drawn: RecordLayout | None = None) -> None:
        """Choose the kernels; reference, drawn: as of ``runs_of``."""
        self._runs = runs_of(self._arrays, self._steps, reference, drawn)
        self.batch_size = self._runs.batch_size
        if isinstance(self._runs, UnitPerLane):
            self._unit_per_lane = self._runs

    @property
    def second_batch_size(self) -> int:
        return self.batch_size if self._retry_devices.count else batch_size_of(self._network, self._steps)

    def _finished(self, one: Arrays, pixels: Pixels, moved: bool) -> ReadOut | None:
        """Run pixels to their end on a GPU; None where only the CPU can. moved: as of ``standing``."""
        found = self.standing(one, pixels, moved)
        if found is None:
            return None
        if not moved:
            return self._runs.finish(one, *found)
        return self._unit_per_lane.finish(one, *found, shadow=True, moved=pixels if self._weights_to_move else None)

    def run(self, pixels: Pixels) -> ReadOut:
        cpu = super().run  # type: ignore[safe-super]  # of the CPU's own job

        def on_gpu(one: Arrays, some: Pixels) -> ReadOut:
            found = self._finished(one, some, False)
            return cpu(some) if found is None else found

        return self._devices.run(pixels, on_gpu, cpu, ReadOut.joined)

    def shadow(self, pixels: Pixels) -> ReadOut:
        cpu = super().shadow

        def on_gpu(one: Arrays, some: Pixels) -> ReadOut:
            found = self._finished(one, some, True)
            return cpu(some) if found is None else found

        return self._retry_devices.run(pixels, on_gpu, cpu, ReadOut.joined)

    def retry(self, pixels: Pixels, rung: int) -> ReadOut:
        if self.rungs[rung] not in EXPANSION_BATCHES:
            return self._higher_precision.retry(pixels, rung)

        def on_gpu(one: Arrays, some: Pixels) -> ReadOut:
            return self._higher_precision.retry_by(partial(self._unit_per_lane.in_expansions, one), some, rung)

        return self._retry_devices.run(
            pixels, on_gpu, lambda some: self._higher_precision.retry(some, rung), ReadOut.joined
        )

    def standing(self, one: Arrays, pixels: Pixels, moved: bool) -> Standing | None:
        """``handed_off`` on a GPU; None where only the CPU can.

        moved: for the second run, changed in the last place; the weights too, unless the kernels move them.
        """
        raise NotImplementedError

    def horizon(self, pixels: Pixels) -> NDArray[np.int32]:
        def on_gpu(one: Arrays, some: Pixels) -> NDArray[np.int32]:
            plain, shadow = (self.standing(one, some, moved) for moved in (False, True))
            if plain is None or shadow is None:
                return cpu(some)
            return self._unit_per_lane.horizons(one, plain, shadow, some if self._weights_to_move else None)

        cpu = super().horizon
        return self._retry_devices.run(pixels, on_gpu, cpu, np.concatenate)

    def retry_batch_size(self, rung: int) -> int:
        size = EXPANSION_BATCHES.get(self.rungs[rung], 0) if self._retry_devices.count else 0
        return size or self._higher_precision.retry_batch_size(rung)
