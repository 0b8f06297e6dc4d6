"""Pixels of a training system in arbitrary precision, until two runs of different precision agree."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from deepzoom.arithmetic.exact import Exact
from deepzoom.coordinates import log2
from deepzoom.scene import View
from deepzoom.systems.convergence import Totals
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.training_run import ExactRun

from .base import Facts, Job, ReadOut

AGREEMENT = 1e-9
"""Relative difference of the measure at which two precisions count as agreeing."""
LIMBS_OF_RUNGS = (1, 2, 4, 8)
"""Limbs of a pixel's numbers after so many rungs of ``training_again.py``; beyond them they are exact."""
_MARGIN, _MORE_BITS = 64, 52
_MOST_DOUBLINGS = 5


def exact_bits(system: TrainingSystem, view: View) -> int:
    """What the depth needs, and digits for a run to lose; where they are too few, two precisions disagree."""
    height = view.smallest_difference() * 2 * view.height
    return math.ceil(-log2(height)) + _MARGIN + system.network.rate_bits(view.x, view.y)


class ExactTrainingJob(Job):
    """bits: of the first run, None to choose. More are taken until two runs agree, but where they were given.

    more: bits to begin with beyond those that would be chosen.
    """

    tile = 1

    def __init__(self, system: TrainingSystem, view: View, bits: int | None, more: int = 0) -> None:
        self._network, self._view, self._steps = system.network, view, system.steps
        self._given = bits
        self._bits = bits or exact_bits(system, view) + more
        self.facts = Facts(self._bits)

    def _measure(self, pixel: int, bits: int) -> float:
        row, column = divmod(pixel, self._view.width)
        run = ExactRun(self._network, *self._view.at(column, row), bits)
        totals = Totals(Exact.of(0.0, bits))
        for _ in range(self._steps):
            loss = run.advance().loss
            if not math.isfinite(loss.floats()):
                break
            totals.add(loss)
        return totals.measure(self._steps)

    def judged(self, pixels: NDArray[np.int64], claimed: ReadOut, rungs: NDArray[np.int8]) -> ReadOut:
        """One run in place of two, with as many bits more as the other job's numbers have, where they agree."""
        parts = []
        for i, (pixel, rung) in enumerate(zip(pixels.tolist(), rungs.tolist(), strict=True)):
            part = None
            if rung < len(LIMBS_OF_RUNGS):
                measure = np.array([self._measure(pixel, self._bits + 53 * LIMBS_OF_RUNGS[rung])])
                part = ReadOut(measure, np.where(measure < 0, -1, 1).astype(np.int8), np.ones(1, np.int8))
                claim = ReadOut(claimed.measure[i : i + 1], claimed.fate[i : i + 1], part.trust)
                if not part.agrees(claim).all():
                    part = None
            parts.append(part or self.run(pixels[i : i + 1]))
        return ReadOut.joined(parts)

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        measure = np.zeros(len(pixels))
        trust = np.zeros(len(pixels), dtype=np.int8)
        for i, pixel in enumerate(pixels.tolist()):
            bits = self._bits
            value = self._measure(pixel, bits)
            for _ in range(_MOST_DOUBLINGS):
                more = self._measure(pixel, bits + _MORE_BITS)
                settled = (more < 0) == (value < 0) and abs(more - value) <= AGREEMENT * abs(more)
                value, trust[i] = more, 1 if settled else -1
                if settled or self._given is not None:
                    break
                bits *= 2
            measure[i] = value
        return ReadOut(measure, np.where(measure < 0, -1, 1).astype(np.int8), trust)
