"""The CPU in place of a GPU: NumPy's arrays, and the same kernels, compiled for the CPU, on a few threads."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from deepzoom.backends.gpu.device import DeviceError, OutOfMemory


class StandIn:
    """A device as ``Arrays`` describes it.

    memory: the most bytes that one array may take. fails: the number of the launch that raises DeviceError.
    threads: how many run each kernel. tensor_rows: as in ``Arrays``.
    """

    name = "stand-in"

    def __init__(
        self, memory: int | None = None, fails: int | None = None, threads: int = 2, tensor_rows: int = 0
    ) -> None:
        self.memory, self.fails, self.threads = memory, fails, threads
        self.tensor_rows = tensor_rows
        self.launches = 0

    def upload(self, array: NDArray[Any]) -> NDArray[Any]:
        """A copy of an array. Raises OutOfMemory if it is too large."""
        return self._within(np.array(array, order="C"))

    def zeros(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array of zeros. Raises OutOfMemory if it is too large."""
        return self._within(np.zeros(shape, dtype))

    def download(self, array: NDArray[Any]) -> NDArray[Any]:
        """A copy of an array."""
        return array.copy()

    def launch(self, kernel: Any, arguments: Sequence[Any], threads: int, registers: int | None = None) -> None:
        """Call a compiled kernel from each thread. All take their work from the queue among the arguments."""
        self.launches += 1
        if self.launches == self.fails:
            raise DeviceError("RuntimeError: it broke")
        with ThreadPoolExecutor(self.threads) as pool:
            for done in [pool.submit(kernel, *arguments) for _ in range(self.threads)]:
                done.result()

    def _within(self, array: NDArray[Any]) -> NDArray[Any]:
        if self.memory is not None and array.nbytes > self.memory:
            raise OutOfMemory(f"OutOfMemoryError: {array.nbytes} bytes")
        return array
