"""Batches of pixels over all GPUs in use: smaller ones where memory is short, the CPU where a GPU fails."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from .base import ReadOut, Say
from .device import Arrays, DeviceError, OutOfMemory

Pixels = NDArray[np.int64]

_FEWEST = 256
"""Pixels below which a batch is not halved any more."""


class Devices:
    """The GPUs of a job. A batch takes the next one that is free; on one GPU, one batch at a time."""

    def __init__(self, there: Sequence[Arrays], say: Say) -> None:
        self._say = say
        self._free: queue.SimpleQueue[Arrays | None] = queue.SimpleQueue()  # None: there is none any more
        for one in there or [None]:
            self._free.put(one)
        self._count = len(there)
        self._lock = threading.Lock()

    def run(
        self, pixels: Pixels, call: Callable[[Arrays, Pixels], ReadOut], cpu: Callable[[Pixels], ReadOut]
    ) -> ReadOut:
        """Read-outs of a batch by ``call`` on some GPU.

        Where its memory is short the batch is halved, again and again; where even few pixels have no room, or a GPU
        fails, ``cpu`` runs them, which is said once. A GPU that failed is not used again.
        """
        one = self._free.get()
        if one is None or self._count == 0:
            self._free.put(one)
            return cpu(pixels)
        try:
            found = call(one, pixels)
        except OutOfMemory as error:
            self._free.put(one)
            if len(pixels) <= _FEWEST:
                self._given_up(f"too little memory on the GPU ({error})", all_of_them=True)
                return cpu(pixels)
            middle = len(pixels) // 2
            return ReadOut.joined([self.run(part, call, cpu) for part in (pixels[:middle], pixels[middle:])])
        except DeviceError as error:
            self._given_up(f"the GPU failed ({error})", all_of_them=False)
            return self.run(pixels, call, cpu)
        self._free.put(one)
        return found

    def _given_up(self, why: str, all_of_them: bool) -> None:
        with self._lock:
            before = self._count
            self._count = 0 if all_of_them else self._count - 1
            if before and not self._count:
                self._free.put(None)
                self._say(f"On the CPU from here on: {why}.")
