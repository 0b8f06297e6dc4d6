"""Pixels handed out to threads, batch by batch: progress, keeping what is done, and stopping."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from deepzoom.errors import InputError

from .field import Field

Pixels = NDArray[np.int64]
Result = TypeVar("Result")

FIRST_CHECKPOINT_SECONDS, CHECKPOINT_SECONDS = 1.0, 10.0
POLL_SECONDS = 0.2


class Observer:
    """What is told while a scene is rendered; this one listens to nothing."""

    def say(self, text: str) -> None:
        """A line worth showing."""

    def reference(self, share: float) -> None:
        """Share of the reference that is done."""

    def pixels(self, field: Field, done: int, total: int) -> None:
        """Pixels done so far, and the field they are in."""

    def checkpoint(self, field: Field) -> None:
        """A moment to keep what is done."""

    def part(self, name: str, done: int, total: int) -> None:
        """How much is done of a part of something larger: frames of a film, pixels of a round of repairing."""

    def level(self, field: Field, text: str) -> None:
        """A view that a dive has rendered, and what is to be said of it."""

    def stopped(self) -> bool:
        """Whether to stop, keeping what is done."""
        return False


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_jobs(jobs: int | None) -> None:
    """Raise InputError, naming --jobs, for a number of threads that is none."""
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs: {jobs} is not at least 1.")


def run_batches(
    batches: Iterable[Pixels],
    call: Callable[[Pixels], Result],
    take: Callable[[Pixels, Result], None],
    field: Field,
    jobs: int,
    observer: Observer,
    until: float = math.inf,
) -> bool:
    """Call for each batch on ``jobs`` threads and take what it returns, in this one, as they come.

    Ends early, with the batches in work, where the observer says so or ``time.perf_counter()`` passes ``until``; tells
    whether all were run.
    """
    waiting = iter(batches)
    running: dict[Future[Result], Pixels] = {}
    due = time.perf_counter() + FIRST_CHECKPOINT_SECONDS
    taken = 0
    with ThreadPoolExecutor(jobs) as pool:
        while True:
            ended = observer.stopped() or time.perf_counter() > until
            while not ended and len(running) < jobs + 1 and (batch := next(waiting, None)) is not None:
                running[pool.submit(call, batch)] = batch
            if not running:
                return next(waiting, None) is None
            for future in wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED).done:
                batch = running.pop(future)
                take(batch, future.result())
                taken += 1
            if taken and time.perf_counter() > due:
                observer.checkpoint(field)
                due = time.perf_counter() + CHECKPOINT_SECONDS
