"""Training runs in arbitrary precision: the precision grows until two runs agree."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.numpy_operations import NotANumber
from deepzoom.backends.base import SETTLED, Facts, Job, ReadOut
from deepzoom.coordinates import log2
from deepzoom.scene.view import View
from deepzoom.systems.convergence import CEILING, Totals
from deepzoom.systems.trainable import Trainable

AGREEMENT = 1e-9
"""Largest relative difference of the measure at which runs in two precisions agree."""
LIMBS_OF_RUNGS = (1, 2, 4, 8)
"""How many limbs numbers have, by the count of retries (``higher_precision.py``); after those, runs are exact."""
_MARGIN, _MORE_BITS = 64, 52
_MOST_DOUBLINGS = 5
_MOST_OF_SUDDEN = 2048
"""Bits from which a number that is 0 is taken for one: float64 has none between it and 2**-1074."""
Ended = tuple[float, int, float]
"""The measure of a run, the number of the basin in which it ended, and its ``excess`` as of ``ReadOut``."""


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

    def _ended(self, pixel: int, bits: int) -> Ended:
        run = self._system.exact_run(*self._view.point(pixel), bits)
        totals, sudden = Totals(Exact.of(0.0, bits), self._system.last), False
        for _ in range(self._steps):
            try:
                loss = run.advance().loss
            except NotANumber as error:  # as a loss that is NaN
                sudden = not error.sure and (not totals.count or totals.sum.floats() < CEILING)
                break
            if not math.isfinite(loss.floats()):
                break
            totals.add(loss)
        measure, excess = totals.measure(self._steps), totals.decisive(self._steps)
        basin = self._system.basin(run) if measure < 0 and run.step == self._steps else 0
        return measure, basin, math.nan if sudden and excess >= 0 else excess

    def judged(self, pixels: NDArray[np.int64], claimed: ReadOut, rungs: NDArray[np.int8]) -> ReadOut:
        """One exact run where it agrees with the other job's claim; for each limb of that job it has 53 bits more."""
        parts = []
        for i, (pixel, rung) in enumerate(zip(pixels.tolist(), rungs.tolist(), strict=True)):
            if rung >= len(LIMBS_OF_RUNGS):
                parts.append(self._until_two_agree(pixel, self._bits))
                continue
            bits = self._bits + 53 * LIMBS_OF_RUNGS[rung]
            ended = self._ended(pixel, bits)
            part, own = self._read_out(ended, True), slice(i, i + 1)
            basin = None if claimed.attractor is None else claimed.attractor[own]
            claim = ReadOut(claimed.measure[own], claimed.fate[own], part.trust, attractor=basin)
            if not part.agrees(claim).all():
                part = self._until_two_agree(pixel, bits, ended)
            parts.append(part)
        return ReadOut.joined(parts)

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        return ReadOut.joined([self._until_two_agree(pixel, self._bits) for pixel in pixels.tolist()])

    def _until_two_agree(self, pixel: int, bits: int, ended: Ended | None = None) -> ReadOut:
        """Run a pixel with more and more bits until two runs agree; ended: the first run, if it is known."""
        ended = self._ended(pixel, bits) if ended is None else ended
        settled = False
        for _ in range(_MOST_DOUBLINGS):
            more = self._ended(pixel, bits + _MORE_BITS)
            close = abs(more[0] - ended[0]) <= AGREEMENT * abs(more[0])
            close = close and abs(more[2] - ended[2]) <= SETTLED * abs(more[2])
            settled = (more[0] < 0) == (ended[0] < 0) and close and more[1] == ended[1]
            ended = more
            hopeless = math.isnan(more[2]) and bits > _MOST_OF_SUDDEN
            if settled or self._given is not None or hopeless:
                break
            bits *= 2
        return self._read_out(ended, settled)

    def _read_out(self, ended: Ended, settled: bool) -> ReadOut:
        measure, basin, excess = ended
        fate, trust = np.array([-1 if measure < 0 else 1], np.int8), np.array([1 if settled else -1], np.int8)
        attractor = np.array([basin], np.int16) if self._system.ends else None
        return ReadOut(np.array([measure]), fate, trust, attractor=attractor, excess=np.array([excess]))
