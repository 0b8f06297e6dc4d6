"""Training runs in arbitrary precision: the precision grows until two runs agree."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.numpy_operations import NotANumber
from deepzoom.backends.base import Facts, Job, ReadOut
from deepzoom.coordinates import log2
from deepzoom.scene.view import View
from deepzoom.systems.convergence import Totals
from deepzoom.systems.trainable import Trainable

AGREEMENT = 1e-9
"""Largest relative difference of the measure at which runs in two precisions agree."""
LIMBS_OF_RUNGS = (1, 2, 4, 8)
"""How many limbs numbers have, by the count of retries (``higher_precision.py``); after those, runs are exact."""
_MARGIN, _MORE_BITS = 64, 52
_MOST_DOUBLINGS = 5


def exact_bits(system: Trainable, view: View) -> int:
    """First precision in bits: what the depth needs, and some that a run may lose. If too low, two runs disagree."""
    height = view.smallest_difference() * 2 * view.height
    return math.ceil(-log2(height)) + _MARGIN + system.rate_bits(view.x, view.y)


class ExactTrainingJob(Job):
    """Runs training pixels exactly, with more and more bits until two runs agree.

    bits: the precision of all runs, None to choose it; more: bits to add to the first precision that is chosen.
    """

    batch_size = 1

    def __init__(self, system: Trainable, view: View, bits: int | None, more: int = 0) -> None:
        self._system, self._view, self._steps = system, view, system.steps
        self._given = bits
        self._bits = bits or exact_bits(system, view) + more
        self.facts = Facts(self._bits)

    def _measure(self, pixel: int, bits: int) -> float:
        run = self._system.exact_run(*self._view.point(pixel), bits)
        totals = Totals(Exact.of(0.0, bits), self._system.last)
        for _ in range(self._steps):
            try:
                loss = run.advance().loss
            except NotANumber:  # as a loss that is NaN
                break
            if not math.isfinite(loss.floats()):
                break
            totals.add(loss)
        return totals.measure(self._steps)

    def judged(self, pixels: NDArray[np.int64], claimed: ReadOut, rungs: NDArray[np.int8]) -> ReadOut:
        """One exact run where it agrees with the other job's claim; for each limb of that job it has 53 bits more."""
        parts = []
        for i, (pixel, rung) in enumerate(zip(pixels.tolist(), rungs.tolist(), strict=True)):
            if rung >= len(LIMBS_OF_RUNGS):
                parts.append(self._until_two_agree(pixel, self._bits))
                continue
            bits = self._bits + 53 * LIMBS_OF_RUNGS[rung]
            part = _read_out(self._measure(pixel, bits), True)
            claim = ReadOut(claimed.measure[i : i + 1], claimed.fate[i : i + 1], part.trust)
            if not part.agrees(claim).all():
                part = self._until_two_agree(pixel, bits, float(part.measure[0]))
            parts.append(part)
        return ReadOut.joined(parts)

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        return ReadOut.joined([self._until_two_agree(pixel, self._bits) for pixel in pixels.tolist()])

    def _until_two_agree(self, pixel: int, bits: int, value: float | None = None) -> ReadOut:
        """Run a pixel with more and more bits until two runs agree; value: the first run's measure, if it is known."""
        value = self._measure(pixel, bits) if value is None else value
        settled = False
        for _ in range(_MOST_DOUBLINGS):
            more = self._measure(pixel, bits + _MORE_BITS)
            settled = (more < 0) == (value < 0) and abs(more - value) <= AGREEMENT * abs(more)
            value = more
            if settled or self._given is not None:
                break
            bits *= 2
        return _read_out(value, settled)


def _read_out(measure: float, settled: bool) -> ReadOut:
    fate, trust = -1 if measure < 0 else 1, 1 if settled else -1
    return ReadOut(np.array([measure]), np.array([fate], np.int8), np.array([trust], np.int8))
