"""What a backend is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from deepzoom.scene.view import View
from deepzoom.systems.base import System
from deepzoom.systems.escape_time import EscapeTimeSystem
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.lyapunov import LyapunovSystem

if TYPE_CHECKING:
    from .executor import Executor

Progress = Callable[[float], None]
Say = Callable[[str], None]


AGREEMENT = 1e-6
"""Relative difference of the measure up to which two runs of a pixel agree: a thousandth of what settled promises, so
that runs that have lost each other hardly ever agree by chance, and those drifting apart are seen before it matters."""
SETTLED = 1e-3
"""What settled promises: with more precision the fate is the same, and the measure to this share of it."""


@dataclass(frozen=True)
class ReadOut:
    """What came of some pixels: measure float64, fate int8 (-1 converged, +1 diverged), trust int8 (0 unchecked).

    iterations int64 and attractor int16 of escape-time systems, else None. distance float64, or None where the backend
    gives none: estimated distance to the set's border in pixels, -1 where there is none.
    """

    measure: NDArray[np.float64]
    fate: NDArray[np.int8]
    trust: NDArray[np.int8]
    iterations: NDArray[np.int64] | None = None
    attractor: NDArray[np.int16] | None = None
    distance: NDArray[np.float64] | None = None

    def agrees(self, other: ReadOut, within: float = AGREEMENT) -> NDArray[np.bool_]:
        """Which pixels have the same fate and, relatively, measure as in another run."""
        larger = np.maximum(np.abs(self.measure), np.abs(other.measure))
        close = np.abs(self.measure - other.measure) <= within * larger
        return (self.fate == other.fate) & close

    @classmethod
    def joined(cls, parts: list[ReadOut]) -> ReadOut:
        """Read-outs of some pixels after those of others; of what all of them have."""
        columns: Any = zip(*(vars(p).values() for p in parts), strict=True)
        arrays: list[Any] = [None if any(v is None for v in c) else np.concatenate(c) for c in columns]
        return cls(*arrays)

    def after(self, steps: int) -> ReadOut:
        """The same, had the pixels made so many more iterations before; those that ended.

        Without distances, which those iterations would have changed.
        """
        assert self.iterations is not None
        ended = self.fate != 0
        return replace(
            self,
            measure=np.where(ended, self.measure + steps, self.measure),
            iterations=np.where(ended, self.iterations + steps, 0),
            distance=None,
        )


@dataclass(frozen=True)
class Facts:
    """What a job found while it was prepared, for the summary."""

    bits: int = 53
    digits: int | None = None
    """Verified decimal digits of the reference."""
    reference_steps: int = 0
    reference_seconds: float = 0.0
    skipped_steps: int = 0
    """Steps that pixels take at once from the reference's Taylor polynomials."""


class Job(ABC):
    """A scene made ready to run; ``run`` may be called from several threads at once."""

    tile: int
    """Pixels that are best run together; part of what decides the last bits of a result, so never a setting."""
    facts: Facts
    has_shadow: bool = False
    """Whether ``run`` leaves pixels unchecked, and ``shadow`` checks them; these jobs have horizons too."""
    holds_differences: bool = True
    """Whether float64 holds how far pixels are apart until that shows; else what ``run`` says is in doubt."""
    rungs: tuple[str, ...] = ()
    """Names of the ways to run pixels again, each with more digits than the one before."""

    @property
    def second_tile(self) -> int:
        """Pixels that are best given to one call of ``shadow`` or ``horizon``."""
        return self.tile

    def shadow(self, pixels: NDArray[np.int64]) -> ReadOut:
        """Read-outs of a second run, disturbed in the last place of what rounding may have touched."""
        raise NotImplementedError

    def horizon(self, pixels: NDArray[np.int64]) -> NDArray[np.int32]:
        """The step at which ``run`` and ``shadow`` lose each other, the system's steps where they do not."""
        raise NotImplementedError

    def retry(self, pixels: NDArray[np.int64], rung: int) -> ReadOut:
        """Read-outs of flat pixel numbers at rungs[rung]; trust 1, or -1 where this many digits do not settle it.

        A pixel's read-out does not depend on which others are run with it.
        """
        raise NotImplementedError

    def batch(self, rung: int) -> int:
        """How many pixels are best given to one call of ``retry``."""
        return self.tile

    def remedy(self, rungs: int) -> str | None:
        """The option that may settle a pixel which so many rungs did not; None where there is none."""
        return None

    @abstractmethod
    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        """Read-outs of flat pixel numbers."""

    def judged(self, pixels: NDArray[np.int64], claimed: ReadOut, rungs: NDArray[np.int8]) -> ReadOut:
        """The same of pixels of which another job claims something, after so many of its rungs; by less work, if any,
        where that is right.
        """
        return self.run(pixels)


class Backend(ABC):
    """A way to run pixels."""

    name: ClassVar[str]
    title: ClassVar[str]
    exactly: ClassVar[bool] = False
    """Whether every pixel runs in arbitrary precision."""

    def obstacle(self) -> str | None:
        """Why this backend cannot run on this machine, or None."""
        return None

    def job(
        self, system: System, view: View, bits: int | None, progress: Progress, say: Say, distance: bool = False
    ) -> Job:
        """Make ready to run a view.

        progress is told the share done of what comes before pixels, say what is going on. distance: whether read-outs
        are to have distances, where there are any.
        """
        # each kind of system imports its kernels when its turn comes
        if isinstance(system, LyapunovSystem):
            from .lyapunov import LyapunovJob

            return LyapunovJob(system, view, bits, self.exactly, say, self.executor(say))
        if isinstance(system, EscapeTimeSystem):
            return self.escape_time_job(system, view, bits, progress, say, distance)
        assert isinstance(system, TrainingSystem)
        return self.training_job(system, view, bits, progress, say)

    def executor(self, say: Say) -> Executor | None:
        """What runs kernels that take pixels from a queue; None for the thread that calls."""
        return None

    @abstractmethod
    def escape_time_job(
        self, system: EscapeTimeSystem, view: View, bits: int | None, progress: Progress, say: Say, distance: bool
    ) -> Job:
        """``job`` of an escape-time system."""

    @abstractmethod
    def training_job(self, system: TrainingSystem, view: View, bits: int | None, progress: Progress, say: Say) -> Job:
        """``job`` of training runs."""

    @abstractmethod
    def bits(self, system: System, view: View) -> int:
        """Bits of the exact runs of a view, where none are given; 53 where there are none."""

    def seconds_per_pixel(self, system: System, skipped: int, say: Say) -> float | None:
        """An estimate of one pixel's time on one core when it skips so many steps, measured in some milliseconds.

        None where a pixel's time is not known before it has run.
        """
        return None


def seconds_of_training(system: System, skipped: int, say: Say) -> float | None:
    """``seconds_per_pixel`` of training runs in float64; None of other systems."""
    if not isinstance(system, TrainingSystem):
        return None
    from .training.batches import seconds_per_pixel_step  # which imports Numba

    return (system.steps - skipped) * seconds_per_pixel_step(system.network, say)
