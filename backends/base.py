"""The interface of backends: a backend makes a job of a scene, and the job runs pixels to read-outs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from deepzoom.scene.view import View
from deepzoom.systems.base import Kind, System

if TYPE_CHECKING:
    from deepzoom.systems.escape_time import EscapeTimeSystem
    from deepzoom.systems.experiments import TrainingSystem
    from deepzoom.systems.lyapunov import LyapunovSystem
    from deepzoom.systems.traced_system import TracedSystem

    from .executor import Executor

Progress = Callable[[float], None]
Say = Callable[[str], None]


AGREEMENT = 1e-6
"""Largest relative difference of the measure at which two runs of a pixel still agree.

It is a thousandth of ``SETTLED``: diverged runs hardly ever agree by chance, and a drift shows before it matters.
"""
SETTLED = 1e-3
"""What "settled" promises: higher precision keeps the fate, and changes the measure by less than this share."""

CLEAR = 1e6
"""A sum of (ratio - 1) above which a run has diverged beyond doubt, whatever else the last losses are."""


@dataclass(frozen=True)
class ReadOut:
    """The results of some pixels, one array element for each.

    measure float64; fate int8: -1 converged, +1 diverged; trust int8: 1 settled, -1 in doubt, 0 unchecked.
    iterations int64: of escape-time systems, else None. attractor int16: of these and of trainings whose basins have
    numbers, from 1 on, 0 for none; else None.

    distance, direction, phase float64: as of a field; -1 where there is none, None where the backend does not estimate
    distances.

    excess float64: of a training, the sum of (ratio - 1) over the last losses, whose sign is the fate; NaN where a loss
    was suddenly not finite; None where it is not known.
    """

    measure: NDArray[np.float64]
    fate: NDArray[np.int8]
    trust: NDArray[np.int8]
    iterations: NDArray[np.int64] | None = None
    attractor: NDArray[np.int16] | None = None
    distance: NDArray[np.float64] | None = None
    direction: NDArray[np.float64] | None = None
    phase: NDArray[np.float64] | None = None
    excess: NDArray[np.float64] | None = None

    def agrees(self, other: ReadOut, within: float = AGREEMENT) -> NDArray[np.bool_]:
        """Which pixels have the same fate and attractor as in another run, and a measure within this share of it.

        A measure that is infinite, as where a loss is 0, agrees with none. Where both know what decides the fate, that
        must be the same to ``SETTLED`` and not 0: a few large terms can make up a measure, and runs that have parted
        long ago would agree on it; and losses that do not change in float64 may still fall or grow.
        """
        larger = np.maximum(np.abs(self.measure), np.abs(other.measure))
        with np.errstate(invalid="ignore"):  # inf - inf
            close = np.isfinite(larger) & (np.abs(self.measure - other.measure) <= within * larger)
        same: NDArray[np.bool_] = (self.fate == other.fate) & close
        if self.excess is not None and other.excess is not None:
            one, two = np.minimum(self.excess, CLEAR), np.minimum(other.excess, CLEAR)
            most = np.maximum(np.abs(one), np.abs(two))
            same = same & (np.abs(one - two) <= SETTLED * most) & (most > 0)
        return same if self.attractor is None else same & (self.attractor == other.attractor)

    @classmethod
    def joined(cls, parts: list[ReadOut]) -> ReadOut:
        """Several read-outs one after the other; an array that one of them lacks is None."""
        columns: Any = zip(*(vars(p).values() for p in parts), strict=True)
        arrays: list[Any] = [None if any(v is None for v in c) else np.concatenate(c) for c in columns]
        return cls(*arrays)

    def after(self, steps: int) -> ReadOut:
        """The same pixels, as if each had made ``steps`` more iterations first; 0 iterations where a pixel never ended.

        Without distances, because those iterations would have changed them.
        """
        assert self.iterations is not None
        ended = self.fate != 0
        return replace(
            self,
            measure=np.where(ended, self.measure + steps, self.measure),
            iterations=np.where(ended, self.iterations + steps, 0),
            distance=None,
            direction=None,
            phase=None,
        )


@dataclass(frozen=True)
class Course:
    """What the course of some training runs was, one array element for each pixel; float64, best_step int32.

    loss: the last finite one, before the last step. best_step: the step, from 0, before which the loss was lowest.
    output: for the probe input, with the weights of ``loss``; None where the training has none. lyapunov: the
    finite-time exponent; None if not asked for. Without any finite loss they are inf, and best_step the number of
    steps.
    """

    loss: NDArray[np.float64]
    best_step: NDArray[np.int32]
    output: NDArray[np.float64] | None
    lyapunov: NDArray[np.float64] | None


@dataclass(frozen=True)
class Facts:
    """What is known of a job before its pixels run; the summary shows it."""

    bits: int = 53
    digits: int | None = None
    """Decimal digits of the reference that are verified."""
    reference_steps: int = 0
    reference_seconds: float = 0.0
    skipped_steps: int = 0
    """Steps that every pixel skips, by the reference's Taylor polynomials."""


class Job(ABC):
    """A scene that is ready to run. Several threads may call ``run`` at once."""

    batch_size: int
    """How many pixels to run together. Never a setting, because the last bits of a result depend on it."""
    facts: Facts
    has_shadow: bool = False
    """Whether ``run`` leaves pixels unchecked and ``shadow`` checks them. Such jobs also have a horizon."""
    holds_differences: bool = True
    """Whether float64 can hold differences between pixels until they show; if not, ``run`` leaves pixels in doubt."""
    rungs: tuple[str, ...] = ()
    """Names of the precisions in which pixels can be run again, lowest first. A rung is an index into this tuple."""

    @property
    def second_batch_size(self) -> int:
        """How many pixels to give to one call of ``shadow`` or ``horizon``."""
        return self.batch_size

    def shadow(self, pixels: NDArray[np.int64]) -> ReadOut:
        """Read-outs of a second run of each pixel, which starts from values changed in the last place."""
        raise NotImplementedError

    def horizon(self, pixels: NDArray[np.int64]) -> NDArray[np.int32]:
        """The step from which ``run`` and ``shadow`` differ; the number of steps where they agree to the end."""
        raise NotImplementedError

    def course(self, pixels: NDArray[np.int64], exponents: bool) -> Course:
        """The course of runs in float64, of jobs of traced trainings. exponents: also find Lyapunov exponents."""
        raise NotImplementedError

    def follow(self, pixels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Values of the orbits (P, 7) of pixels that escape, of jobs of escape-time systems by perturbation.

        Columns: the count, or -1 where the orbit does not escape or float64 cannot follow it; its last angle in turns;
        the averages of stripes and of triangles; the least distances from a point, a line and a circle.
        """
        raise NotImplementedError

    def periods(self, pixels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Periods of the cycles that pixels are drawn to, of jobs by perturbation; 0 where none is proven."""
        raise NotImplementedError

    def retry(self, pixels: NDArray[np.int64], rung: int) -> ReadOut:
        """Run pixels, given by flat number, in the precision ``rungs[rung]``; trust 1, or -1 where it settles nothing.

        The read-out of a pixel does not depend on which other pixels are in the same call.
        """
        raise NotImplementedError

    def retry_batch_size(self, rung: int) -> int:
        """How many pixels to give to one call of ``retry``."""
        return self.batch_size

    def remedy(self, rungs: int) -> str | None:
        """The command-line option that may settle a pixel after ``rungs`` retries failed; None where there is none."""
        return None

    @abstractmethod
    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        """Read-outs of pixels, given by flat number."""

    def judged(self, pixels: NDArray[np.int64], claimed: ReadOut, rungs: NDArray[np.int8]) -> ReadOut:
        """Read-outs of pixels, to check what another job claimed of each after ``rungs`` retries.

        May take less work than ``run`` where the claim is right.
        """
        return self.run(pixels)


class Backend(ABC):
    """A method of computing pixels on some hardware."""

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
        """Prepare to run a view.

        bits: precision of exact runs, None for what the view needs. progress: called with the share of the preparation
        that is done; say: called with messages. distance: whether read-outs have distances, where the system has any.
        """
        # each of these imports its kernels itself, and so only if such a system runs
        made: dict[Kind, Callable[..., Job]] = {
            "escape-time": partial(self.escape_time_job, distance=distance),
            "lyapunov": self.lyapunov_job,
            "network": self.network_job,
            "traced": self.traced_job,
        }
        return made[system.kind](system, view, bits, progress, say)

    def executor(self, say: Say) -> Executor | None:
        """What runs kernels that take pixels from a queue; None: the calling thread."""
        return None

    @abstractmethod
    def escape_time_job(
        self, system: EscapeTimeSystem, view: View, bits: int | None, progress: Progress, say: Say, distance: bool
    ) -> Job:
        """``job`` for an escape-time system."""

    def lyapunov_job(self, system: LyapunovSystem, view: View, bits: int | None, progress: Progress, say: Say) -> Job:
        """``job`` for the Lyapunov system."""
        from .lyapunov import LyapunovJob

        return LyapunovJob(system, view, bits, self.exactly, say, self.executor(say))

    @abstractmethod
    def network_job(self, system: TrainingSystem, view: View, bits: int | None, progress: Progress, say: Say) -> Job:
        """``job`` for a published experiment, or for its step with a network of the user's."""

    @abstractmethod
    def traced_job(self, system: TracedSystem, view: View, bits: int | None, progress: Progress, say: Say) -> Job:
        """``job`` for a traced training."""

    @abstractmethod
    def bits(self, system: System, view: View) -> int:
        """Precision in bits of a view's exact runs where the user gives none; 53 where nothing runs exactly."""

    def seconds_per_pixel(self, system: System, skipped: int, say: Say) -> float | None:
        """Estimated seconds for one pixel on one core, if it skips ``skipped`` steps; measured in some milliseconds.

        None where the time of a pixel is not known before it runs.
        """
        return None


def seconds_of_training(system: System, skipped: int, say: Say) -> float | None:
    """``seconds_per_pixel`` of a training system in float64; None for other systems."""
    measured: dict[Kind, Callable[..., float]] = {"network": _step_of_network, "traced": _step_of_trace}
    if system.kind not in measured:
        return None
    return (system.steps - skipped) * measured[system.kind](system, say)


def _step_of_network(system: TrainingSystem, say: Say) -> float:
    from .training.batches import seconds_per_pixel_step  # imports Numba

    return seconds_per_pixel_step(system.network, say)


def _step_of_trace(system: TracedSystem, say: Say) -> float:
    from .training.traced_runs import seconds_per_step

    return seconds_per_step(system, say)
