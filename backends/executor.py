"""Where kernels run that take their pixels from a queue (``kernels/queue.py``): on threads of the CPU, or on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

NEVER = 1 << 62
"""A stride after which no thread of the CPU looks up: it does not wait for others."""


class Executor(Protocol):
    """A way to run kernels."""

    def run(self, kernel: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        """Call a kernel of a queue and a stride with these arguments; it writes its results to the arrays ``out``, the
        last of them, and leaves the others as they are.
        """


class Cpu:
    """The thread that calls."""

    def run(self, kernel: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        kernel(np.zeros(1, dtype=np.int64), NEVER, *arguments)
