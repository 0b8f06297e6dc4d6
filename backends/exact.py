"""Every pixel in arbitrary precision, for small images and for checking the others."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from deepzoom.arithmetic.exact import Exact
from deepzoom.coordinates import log2
from deepzoom.scene import View
from deepzoom.systems.base import System
from deepzoom.systems.convergence import Totals
from deepzoom.systems.escape_time import EscapeTimeSystem
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.lyapunov import LyapunovSystem
from deepzoom.systems.training_run import ExactRun

from . import escape_time, lyapunov
from .base import Backend, Facts, Job, Progress, ReadOut, Say
from .training import seconds_per_pixel_step

AGREEMENT = 1e-9
"""Relative difference of the measure at which two precisions count as agreeing."""
_MORE_BITS = 52
_MOST_DOUBLINGS = 5
_SLOWER = 1000.0  # an exact pixel-step against a float64 one, for the estimate


def _bits(system: TrainingSystem, view: View) -> int:
    """What the depth needs, and digits for a chaotic run to lose."""
    return (
        math.ceil(-log2(view.smallest_difference() * 2 * view.height)) + 192 + system.network.rate_bits(view.x, view.y)
    )


class _ExactJob(Job):
    tile = 1

    def __init__(self, system: TrainingSystem, view: View, bits: int | None) -> None:
        self._network, self._view, self._steps = system.network, view, system.steps
        self._given = bits
        self._bits = bits or _bits(system, view)
        self.facts = Facts(self._bits)

    def _measure(self, column: int, row: int, bits: int) -> float:
        run = ExactRun(self._network, *self._view.at(column, row), bits)
        totals = Totals(Exact.of(0.0, bits))
        for _ in range(self._steps):
            loss = run.advance().loss
            if not math.isfinite(loss.floats()):
                break
            totals.add(loss)
        return totals.measure(self._steps)

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        measure = np.zeros(len(pixels))
        trust = np.zeros(len(pixels), dtype=np.int8)
        for i, pixel in enumerate(pixels.tolist()):
            row, column = divmod(pixel, self._view.width)
            bits = self._bits
            value = self._measure(column, row, bits)
            for _ in range(_MOST_DOUBLINGS):
                more = self._measure(column, row, bits + _MORE_BITS)
                settled = (more < 0) == (value < 0) and abs(more - value) <= AGREEMENT * abs(more)
                value, trust[i] = more, 1 if settled else -1
                if settled or self._given is not None:
                    break
                bits *= 2
            measure[i] = value
        return ReadOut(measure, np.where(measure < 0, -1, 1).astype(np.int8), trust)


class ExactBackend(Backend):
    """Two exact runs per pixel, of different precision, until they agree."""

    name = "exact"
    title = "every pixel in arbitrary precision, for small images"

    def obstacle(self) -> str | None:
        return None

    def job(
        self, system: System, view: View, bits: int | None, progress: Progress, say: Say, distance: bool = False
    ) -> Job:
        if isinstance(system, LyapunovSystem):
            return lyapunov.LyapunovJob(system, view, bits, True, say)
        if isinstance(system, EscapeTimeSystem):
            return escape_time.ExactJob(system, view, bits, say)
        assert isinstance(system, TrainingSystem)
        return _ExactJob(system, view, bits)

    def bits(self, system: System, view: View) -> int:
        if isinstance(system, LyapunovSystem):
            return lyapunov.first_bits(system, view)
        if isinstance(system, EscapeTimeSystem):
            return escape_time.exact_bits(view)
        assert isinstance(system, TrainingSystem)
        return _bits(system, view)

    def seconds_per_pixel(self, system: System, skipped: int, say: Say) -> float | None:
        if isinstance(system, EscapeTimeSystem | LyapunovSystem):
            return None
        assert isinstance(system, TrainingSystem)
        return _SLOWER * system.steps * seconds_per_pixel_step(system.network, say)
