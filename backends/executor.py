"""What runs kernels that take pixels from a queue (``kernels/pixel_queue.py``): the calling thread, or GPUs."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.gpu.devices import Devices

from .base import ReadOut, Say
from .gpu import device

Launch = Callable[[Any, str, tuple[Any, ...]], None]
"""Calls a kernel, given its module, its name and its arguments.

The kernel is ``run_NAME``, or ``share_NAME``, which takes a queue and a stride before these arguments. The last
argument is a tuple of arrays of zeros, into which the kernel writes.
"""
Call = Callable[[NDArray[np.int64], Launch], ReadOut]

_NEVER = 1 << 62
"""Stride on the CPU: a thread runs each pixel to its end, because it waits for no other thread."""
_STRIDE = 64
"""Iterations of a GPU thread between two looks at the queue: enough to make the looks cheap."""
_THREADS = 128
"""GPU threads of a block. They end together, so fewer are better; blocks of 128 still fill a multiprocessor."""


def on_cpu(module: Any, name: str, arguments: tuple[Any, ...]) -> None:
    """Run a kernel on this thread: ``run_NAME`` where there is one, faster for short runs, else ``share_NAME``."""
    alone = getattr(module, f"run_{name}", None)
    if alone is not None:
        alone(*arguments)
    else:
        getattr(module, f"share_{name}")(np.zeros(1, dtype=np.int64), _NEVER, *arguments)


class Executor(Protocol):
    """What runs the pixels of a job."""

    batch_size: int
    """How many pixels to run together, at least; the job's own number may be larger."""
    prepared: int
    """The same, where a CPU thread takes a while to prepare each pixel."""

    def run(self, pixels: NDArray[np.int64], call: Call) -> ReadOut:
        """Read-outs of pixels, by calls of ``call``: each gets some of the pixels and a ``Launch`` for kernels."""


class Cpu:
    """Runs pixels on the calling thread."""

    batch_size = prepared = 0

    def run(self, pixels: NDArray[np.int64], call: Call) -> ReadOut:
        return call(pixels, on_cpu)


class Gpus:
    """Runs pixels on the GPUs, and on the CPU where a GPU fails."""

    batch_size, prepared = 1 << 19, 1 << 14

    def __init__(self, devices: Devices, say: Say) -> None:
        self._devices, self._say = devices, say
        self._resident: dict[int, Resident] = {}
        self._compiled: set[Any] = set()
        self._lock = threading.Lock()

    @classmethod
    def opened(cls, say: Say) -> Gpus:
        """All GPUs that this process may use."""
        return cls(Devices.opened(say), say)

    def run(self, pixels: NDArray[np.int64], call: Call) -> ReadOut:
        return self._devices.run(
            pixels, lambda one, part: call(part, self._on(one)), lambda part: call(part, on_cpu), ReadOut.joined
        )

    def _on(self, one: device.Arrays) -> Launch:
        with self._lock:
            resident = self._resident.setdefault(id(one), Resident(one))

        def launch(module: Any, name: str, arguments: tuple[Any, ...]) -> None:
            kernel = getattr(module, f"share_{name}")
            with self._lock:
                if kernel not in self._compiled:
                    self._compiled.add(kernel)
                    self._say("Preparing a kernel for the GPU (the first time up to a minute) ...")
            resident.launch(kernel, arguments)

        return launch


class Resident:
    """A GPU and the arrays that stay on it: an array is uploaded once, for as long as it lives in Python."""

    def __init__(self, one: device.Arrays) -> None:
        self._device = one
        self._there: dict[int, tuple[weakref.ref[NDArray[Any]], Any]] = {}
        self._lock = threading.Lock()

    def launch(self, kernel: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        """Run a kernel that takes pixels from a queue; arguments: as of ``Launch``."""
        *given, out = arguments
        with self._lock:
            self._there = {key: kept for key, kept in self._there.items() if kept[0]() is not None}
            moved = [self._moved(a) for a in given]
        queue = self._device.zeros(1, np.int64)
        there = tuple(self._device.zeros(a.shape, a.dtype) for a in out)
        self._device.launch(kernel, (queue, _STRIDE, *moved, there), _THREADS)
        for here, found in zip(out, there, strict=True):
            here[:] = self._device.download(found)

    def _moved(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(self._moved, value))
        if not isinstance(value, np.ndarray):
            return value
        kept = self._there.get(id(value))
        if kept is None or kept[0]() is not value:
            kept = weakref.ref(value), self._device.upload(value)
            self._there[id(value)] = kept
        return kept[1]
