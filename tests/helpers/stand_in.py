"""A GPU's place taken by the CPU: NumPy's arrays, and the same kernels, compiled for the CPU, on some threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from deepzoom.backends.gpu.device import DeviceError, OutOfMemory


class StandIn:
    """memory: bytes that one array may take; fails: raise DeviceError at the launch of this number; tensor_rows: as of
    ``Arrays``.
    """

    name = "stand-in"

    def __init__(self, memory=None, fails=None, threads=2, tensor_rows=0):
        self.memory, self.fails, self.threads = memory, fails, threads
        self.tensor_rows = tensor_rows
        self.launches = 0

    def upload(self, array):
        return self._within(np.array(array, order="C"))

    def zeros(self, shape, dtype):
        return self._within(np.zeros(shape, dtype))

    def download(self, array):
        return array.copy()

    def launch(self, kernel, arguments, threads, registers=None):
        self.launches += 1
        if self.launches == self.fails:
            raise DeviceError("RuntimeError: it broke")
        with ThreadPoolExecutor(self.threads) as pool:
            for done in [pool.submit(kernel, *arguments) for _ in range(self.threads)]:
                done.result()

    def _within(self, array):
        if self.memory is not None and array.nbytes > self.memory:
            raise OutOfMemory(f"OutOfMemoryError: {array.nbytes} bytes")
        return array
