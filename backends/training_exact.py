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
from deepzoom.systems.training import Step
from deepzoom.systems.training_run import ExactRun

from .base import Facts, Job, ReadOut

AGREEMENT = 1e-9
"""Relative difference of the measure at which two precisions count as agreeing."""
_MARGIN, _MORE_BITS = 64, 52
_SEEN = 10  # of a slope with so many bits two runs of different precision have different roundings
_COUNTS = 64  # a slope counts that moves a layer's largest weight by more than 2**-64 of it
_MOST_GROWN = 1024.0  # log2 of what a derivative is taken for that no float64 holds
_MOST_DOUBLINGS = 5


def exact_bits(system: TrainingSystem, view: View) -> int:
    """What the depth needs, and digits for a run to lose; where they are too few, two precisions disagree."""
    height = view.smallest_difference() * 2 * view.height
    return math.ceil(-log2(height)) + _MARGIN + system.network.rate_bits(view.x, view.y)


def bits_of_slopes(run: ExactRun, step: Step) -> int:
    """Bits a run needs, where slopes of tanh that its last step rounded to 0 would have moved a weight; else 0.

    A unit's slope, about 4 exp(-2 |z|), vanishes below the last bit. Times a derivative of the loss that has grown as
    much it still counts, and a second run of some more bits need not show that: its slopes may be 0, too.
    """
    network, bits = run.network, step.loss.bits
    if network.activation != "tanh":
        return 0
    rows = network.rows_at(run.step - 1)
    needed = 0.0
    for layer, (z, p) in enumerate(zip(step.inner, step.back)):
        slopes = 2.0 - 2.0 / math.log(2.0) * np.abs((z if rows is None else z[rows]).floats())
        flushed = slopes < _SEEN - bits
        if not flushed.any():
            continue
        with np.errstate(divide="ignore"):
            grown = np.minimum(np.log2(np.abs(p.floats()[flushed])), _MOST_GROWN)
        share = -math.inf  # log2 of what a unit's derivative moves of a layer's largest weight
        through = math.log2(len(network.x))
        for k in range(layer, -1, -1):
            largest = max(run.weights[k].log2_largest(), -bits)
            share = max(share, through + run.rates.learning[k].log2_largest() - largest)
            through += largest + math.log2(run.weights[k].size)
        if float((grown + slopes[flushed]).max()) + share > -_COUNTS:
            needed = max(needed, float(grown.max()) + share + _COUNTS + _SEEN)
    return math.ceil(needed)


class ExactTrainingJob(Job):
    """bits: of the first run, None to choose. More are taken until two runs agree, but where they were given, and for
    slopes that would count.

    more: bits to begin with beyond those that would be chosen.
    """

    tile = 1

    def __init__(self, system: TrainingSystem, view: View, bits: int | None, more: int = 0) -> None:
        self._network, self._view, self._steps = system.network, view, system.steps
        self._given = bits
        self._bits = bits or exact_bits(system, view) + more
        self.facts = Facts(self._bits)

    def _measure(self, column: int, row: int, bits: int) -> tuple[float, int]:
        """Measure of a pixel, and the bits it took: more than given where slopes below the last bit would count."""
        run = ExactRun(self._network, *self._view.at(column, row), bits)
        totals = Totals(Exact.of(0.0, bits))
        for _ in range(self._steps):
            step = run.advance()
            if not math.isfinite(step.loss.floats()):
                break
            needed = bits_of_slopes(run, step)
            if needed > bits:
                return self._measure(column, row, max(needed, bits + bits // 2))
            totals.add(step.loss)
        return totals.measure(self._steps), bits

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        measure = np.zeros(len(pixels))
        trust = np.zeros(len(pixels), dtype=np.int8)
        for i, pixel in enumerate(pixels.tolist()):
            row, column = divmod(pixel, self._view.width)
            value, bits = self._measure(column, row, self._bits)
            for _ in range(_MOST_DOUBLINGS):
                more, _ = self._measure(column, row, bits + _MORE_BITS)
                settled = (more < 0) == (value < 0) and abs(more - value) <= AGREEMENT * abs(more)
                value, trust[i] = more, 1 if settled else -1
                if settled or self._given is not None:
                    break
                bits *= 2
            measure[i] = value
        return ReadOut(measure, np.where(measure < 0, -1, 1).astype(np.int8), trust)
