"""Batches of pixels on all GPUs in use: halved where memory is short, moved to the CPU where a GPU fails."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import Say

from . import device
from .device import Arrays, DeviceError, OutOfMemory

Pixels = NDArray[np.int64]
Found = TypeVar("Found")

_FEWEST = 256
"""A batch of at most so many pixels is not halved any more."""


class Devices:
    """The GPUs of a job. A batch takes the next GPU that is free.

    A GPU has two batches at a time: while one runs, the other is prepared.
    """

    def __init__(self, there: Sequence[Arrays], say: Say) -> None:
        self._say = say
        self._free: queue.SimpleQueue[Arrays | None] = queue.SimpleQueue()  # None: no GPU is left
        for one in [*there, *there]:
            self._free.put(one)
        if not there:
            self._free.put(None)
        self._broken: set[int] = set()
        self.count = self._there = len(there)
        """How many GPUs are in use."""
        self._lock = threading.Lock()

    @classmethod
    def opened(cls, say: Say) -> Devices:
        """All GPUs that this process may use; none, which is said, where one cannot be opened."""
        try:
            return cls(device.opened(), say)
        except DeviceError as error:
            say(f"Running on the CPU: no GPU could be opened ({error}).")
            return cls([], say)

    def run(
        self,
        pixels: Pixels,
        call: Callable[[Arrays, Pixels], Found],
        cpu: Callable[[Pixels], Found],
        joined: Callable[[list[Found]], Found],
    ) -> Found:
        """The result of ``call`` for a batch, on some GPU. joined: joins the results of parts of the batch.

        Where memory is short, the batch is halved until it fits. Where even ``_FEWEST`` pixels do not fit, or no GPU is
        left that works, ``cpu`` runs them, which is said once. A GPU that failed is not used again.
        """
        one = self._free.get()
        if one is None or self.count == 0:
            self._free.put(one)
            return cpu(pixels)
        if id(one) in self._broken:
            return self.run(pixels, call, cpu, joined)
        try:
            found = call(one, pixels)
        except OutOfMemory as error:
            self._free.put(one)
            if len(pixels) <= _FEWEST:
                self._given_up(f"too little memory on the GPU ({error})", 0)
                return cpu(pixels)
            middle = len(pixels) // 2
            return joined([self.run(part, call, cpu, joined) for part in (pixels[:middle], pixels[middle:])])
        except DeviceError as error:
            self._broken.add(id(one))
            self._given_up(f"the GPU failed ({error})", self._there - len(self._broken))
            return self.run(pixels, call, cpu, joined)
        except BaseException:
            self._free.put(one)  # others would wait for it
            raise
        self._free.put(one)
        return found

    def _given_up(self, why: str, left: int) -> None:
        with self._lock:
            before, self.count = self.count, min(self.count, left)
        if before and not self.count:
            self._free.put(None)
            self._say(f"Running on the CPU from here on: {why}.")
