"""Runs random pixels of a field again with the exact backend, and counts those that differ."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import SETTLED, Job, ReadOut
from deepzoom.errors import InputError, Stopped
from deepzoom.scene.colours import PERIOD, Colouring

from . import antialiasing
from . import render as rendering
from .batches import Observer, Pixels, cores, run_batches
from .field import Field

TINY = 1e-9
"""Measures that differ by less than this are equal: a Lyapunov exponent near 0 has no relative precision."""


@dataclass(frozen=True)
class Verdict:
    """What was found for each pixel or sample, in order of its flat number.

    trust: the field's trust in it. sure: whether the exact result is certain. differs: whether the field differs from
    the exact result. complete: whether all chosen pixels were run.
    """

    pixels: Pixels
    trust: NDArray[np.int8]
    sure: NDArray[np.bool_]
    differs: NDArray[np.bool_]
    complete: bool

    def counted(self, trust: int) -> tuple[int, int]:
        """(how many differ, how many were compared) among the pixels with this trust."""
        compared = (self.trust == trust) & self.sure
        return int(np.count_nonzero(compared & self.differs)), int(np.count_nonzero(compared))


def verify(
    field: Field, count: int = 200, seed: int = 0, jobs: int | None = None, observer: Observer | None = None
) -> Verdict:
    """Run ``count`` random pixels and samples of a field exactly (all, if it has fewer); the seed chooses them.

    Raises InputError if nothing in the field is done, or if its system cannot be made here.
    """
    observer = observer or Observer()
    done = antialiasing.numbers(field)
    if not len(done):
        raise InputError("FILE: no pixel of this data file is done; finish the render first.")
    chosen = np.sort(np.random.default_rng(seed).choice(done, min(count, len(done)), replace=False))
    # some colourings need what exact runs do not give
    planned = rendering.plan(replace(field.scene, backend="exact", bits=None, colouring=Colouring()))
    found: dict[int, tuple[bool, bool]] = {}

    def take(pixels: Pixels, out: ReadOut) -> None:
        sure = out.trust >= 0
        found.update(zip(pixels.tolist(), zip(sure.tolist(), _differs(field, pixels, out).tolist())))
        observer.part("verifying", len(found), len(chosen))

    def progress(share: float) -> None:
        observer.reference(share)
        if observer.stopped():
            raise Stopped

    complete = False
    observer.part("verifying", 0, len(chosen))
    try:
        job = planned.backend.job(planned.system, field.scene.view, None, progress, observer.say)
        size = min(job.batch_size, max(1, len(chosen) // (8 * (jobs or cores()))))
        batches = [chosen[i : i + size] for i in range(0, len(chosen), size)]
        complete = run_batches(batches, lambda p: _judged(job, field, p), take, field, jobs or cores(), observer)
    except Stopped:
        pass
    ran = np.array(sorted(found), dtype=np.int64)
    sure, differs = (np.array([found[p][k] for p in ran.tolist()], dtype=np.bool_) for k in (0, 1))
    return Verdict(ran, antialiasing.values(field, "trust", ran), sure, differs, complete)


def _judged(job: Job, field: Field, pixels: Pixels) -> ReadOut:
    """The exact read-outs of some pixels of a field."""
    measure, fate, trust = (antialiasing.values(field, channel, pixels) for channel in ("measure", "fate", "trust"))
    rungs = np.zeros(len(pixels), np.int8) if field.rung is None else antialiasing.values(field, "rung", pixels)
    attractor = None if field.attractor is None else antialiasing.values(field, "attractor", pixels)
    return job.judged(pixels, ReadOut(measure, fate, trust, attractor=attractor), rungs)


def _differs(field: Field, pixels: Pixels, out: ReadOut) -> NDArray[np.bool_]:
    """Whether a field's fate, count or attractor differs from the exact one, or its measure by more than allowed."""

    def here(channel: str) -> NDArray[Any]:
        return antialiasing.values(field, channel, pixels)

    fate = here("fate")
    if field.period is not None:  # bounded for certain, which the exact run cannot know
        fate = np.where(here(PERIOD) > 0, 0, fate)
    differs: NDArray[np.bool_] = fate != out.fate
    for channel in ("iterations", "attractor"):
        if getattr(field, channel) is not None:
            differs = differs | (here(channel) != getattr(out, channel))
    apart = np.abs(here("measure") - out.measure)
    return differs | ~(apart <= np.maximum(SETTLED * np.abs(out.measure), TINY))
