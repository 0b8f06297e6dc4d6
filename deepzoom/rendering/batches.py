"""Runs batches of pixels on threads, with progress, checkpoints and stopping."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from deepzoom.errors import InputError

from .field import PASSES, Field

Pixels = NDArray[np.int64]
Result = TypeVar("Result")

Order = Callable[[int], Iterator[NDArray[np.int64]]]
"""Yields batches of flat pixel numbers, each of at most so many as it is given."""

FIRST_CHECKPOINT_SECONDS, CHECKPOINT_SECONDS = 1.0, 10.0
POLL_SECONDS = 0.2


def batches_of(
    width: int, height: int, size: int, wanted: NDArray[np.bool_] | None = None
) -> Iterator[NDArray[np.int64]]:
    """Yield batches of flat pixel numbers, coarse grid first, each batch within one pass; the same for every backend.

    wanted (height, width) bool: only these pixels.
    """
    numbers = np.arange(width * height, dtype=np.int64).reshape(height, width)
    left = np.ones((height, width), np.bool_) if wanted is None else wanted.reshape(height, width).copy()
    for stride in PASSES:
        grid = (slice(None, None, stride), slice(None, None, stride))
        pixels = numbers[grid][left[grid]]
        left[grid] = False
        for first in range(0, len(pixels), size):
            yield pixels[first : first + size]


class Observer:
    """Follows a render: gets its messages and progress, and can stop it. This one ignores everything."""

    def say(self, text: str) -> None:
        """Show a message of one line."""

    def reference(self, share: float) -> None:
        """The share of the reference that is done, 0 to 1."""

    def pixels(self, field: Field, done: int, total: int) -> None:
        """How many pixels are done so far, and the field that holds them."""

    def checkpoint(self, field: Field) -> None:
        """Save what is done, if that is wanted."""

    def part(self, name: str, done: int, total: int) -> None:
        """How much of a named part of the work is done, such as the frames of a film or the pixels of a retry."""

    def level(self, field: Field, text: str) -> None:
        """A view that a dive has rendered, and a line about it."""

    def stopped(self) -> bool:
        """Whether to stop now and keep what is done."""
        return False


def cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_jobs(jobs: int | None) -> None:
    """Raise InputError (--jobs) for a number of threads below 1."""
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs: {jobs} is too small; give at least 1.")


def run_batches(
    batches: Iterable[Pixels],
    call: Callable[[Pixels], Result],
    take: Callable[[Pixels, Result], None],
    field: Field,
    jobs: int,
    observer: Observer,
    until: float = math.inf,
) -> bool:
    """Run ``call`` for each batch on ``jobs`` threads; ``take`` its results in this thread, in any order.

    Starts no more batches once the observer stops it or ``time.perf_counter()`` passes ``until``. Returns whether all
    batches were run.
    """
    waiting = iter(batches)
    running: dict[Future[Result], Pixels] = {}
    due = time.perf_counter() + FIRST_CHECKPOINT_SECONDS
    taken, dropped = 0, False
    with ThreadPoolExecutor(jobs) as pool:
        while True:
            ended = observer.stopped() or time.perf_counter() > until
            if ended:
                begun = {future: batch for future, batch in running.items() if not future.cancel()}
                dropped, running = dropped or len(begun) < len(running), begun
            while not ended and len(running) < jobs + 1 and (batch := next(waiting, None)) is not None:
                running[pool.submit(call, batch)] = batch
            if not running:
                return not dropped and next(waiting, None) is None
            for future in wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED).done:
                batch = running.pop(future)
                take(batch, future.result())
                taken += 1
            if taken and time.perf_counter() > due:
                observer.checkpoint(field)
                due = time.perf_counter() + CHECKPOINT_SECONDS
