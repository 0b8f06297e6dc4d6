"""The descent: follows pairs from the largest distance to the smallest, in strands that know nothing of each other.

All strands of the first stage begin with the whole window, and share its reference. A strand of a later stage begins
with one part of one cell that the stage before has left, drawn among all of them, and has a reference of its own there.
So the shares of different strands say how sure their mean is, and what is done of a strand never depends on another one
of its stage: strands are what a stopped measurement keeps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deepzoom.errors import InputError, Stopped
from deepzoom.rendering.batches import Observer
from deepzoom.scene.view import View

from .distances import Distances, Lattice
from .fates import At, Source
from .pairs import PAIRS, POINTS, Bools, Cells, Fates, Ints, drawn, followed, tiled
from .uncertainty_exponent import Fit, Stage, fit

STRANDS = 8
"""Of each stage: enough to say how much they differ, and few, because each needs a reference in the later stages."""
LEAST_PAIRS = STRANDS * PAIRS * 2


@dataclass(frozen=True)
class Strand:
    """What a strand found: shares (levels,) of its pairs, and the parts of its last cells.

    counts (levels, 5) int64: pairs that differ, that were counted, that were run; points known to be settled, and run.
    """

    shares: NDArray[np.float64]
    counts: Ints
    parts: Cells


@dataclass
class Descent:
    """A measurement, to be run or gone on with. done: the strands of each stage that are finished, in order.

    pairs: how many each distance has, about, in all strands together.
    """

    window: View
    distances: Distances
    pairs: int
    seed: int
    done: list[list[Strand]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.pairs < LEAST_PAIRS:
            raise InputError(f"--pairs: {self.pairs} is too few for an interval; give at least {LEAST_PAIRS}.")

    @property
    def cells(self) -> int:
        """Of each strand."""
        return self.pairs // (STRANDS * PAIRS)

    def run(self, source: Source, observer: Observer, keep: Callable[[Descent], None]) -> None:
        """Run the strands that are not done; ``keep`` is called after each.

        Raises Stopped where the observer stops it, and InputError where all pairs of a distance have the same fate.
        """
        first = self.distances.lattice(self.window)
        shared: list[At] = []

        def opened(lattice: Lattice) -> At:
            return source.opened(lattice.view, self.cells * POINTS * len(self.distances.stages) * STRANDS)

        for stage, levels in enumerate(self.distances.stages):
            if stage == len(self.done):
                self.done.append([])
            starts: list[tuple[Lattice, Cells | None]] = [(first, None)] * STRANDS
            if stage:
                starts = [*self._roots(stage, levels)]
            for number in range(len(self.done[stage]), STRANDS):
                self._show(observer)
                lattice, start = starts[number]
                if stage == 0:
                    shared = shared or [opened(lattice)]
                    at = shared[0]
                else:
                    at = opened(lattice)
                self.done[stage].append(self._strand(stage, number, lattice, start, at, observer))
                keep(self)
            self._check(stage)
        self._show(observer)

    def _strand(
        self, stage: int, number: int, lattice: Lattice, start: Cells | None, at: At, observer: Observer
    ) -> Strand:
        """Follow the pairs of one strand; start: its only cell, None for the whole window."""
        rng = np.random.default_rng([self.seed, stage, number])
        cells = start
        if cells is None:
            cells = tiled(lattice.across, lattice.up, lattice.side, self.cells, rng)
            cells = Cells(cells.corners + rng.integers(0, lattice.spare + 1, 2), cells.weights, cells.wanted)
        known: list[tuple[int, int]] = []

        def fates(columns: Ints, rows: Ints) -> tuple[Ints, Bools]:
            if observer.stopped():
                raise Stopped
            labels, sure, settled = at((lattice.view.height - 1 - rows) * lattice.view.width + columns)
            known.append((settled, len(labels)))
            return labels, sure

        looked: Fates = fates
        seen, parts = followed(cells, lattice.eps, lattice.levels, self.cells, looked, rng)
        counts = [(s.differ, s.counted, s.pairs, *k) for s, k in zip(seen, known, strict=True)]
        return Strand(np.array([s.share for s in seen]), np.array(counts, dtype=np.int64), parts)

    def _roots(self, stage: int, levels: int) -> list[tuple[Lattice, Cells]]:
        """Where the strands of a later stage begin: parts of all cells that the stage before has left."""
        before, lattices = self.done[stage - 1], self._lattices(stage - 1)
        parts = Cells.joined([s.parts for s in before])
        owner = np.repeat(np.arange(STRANDS), [len(s.parts) for s in before])
        chosen, weights = drawn(parts, STRANDS, np.random.default_rng([self.seed, stage]))
        found = []
        for k, weight in zip(chosen.tolist(), weights.tolist()):
            column, row = parts.corners[k].tolist()
            cell = Cells(np.zeros((1, 2), np.int64), np.array([weight]), parts.wanted[[k]])
            found.append((lattices[owner[k]].part(column, row, levels), cell))
        return found

    def _lattices(self, stage: int) -> list[Lattice]:
        """The lattices of a stage's strands, whose stage before is done."""
        if stage == 0:
            return [self.distances.lattice(self.window)] * STRANDS
        return [lattice for lattice, _ in self._roots(stage, self.distances.stages[stage])]

    def _check(self, stage: int) -> None:
        shares = np.mean([s.shares for s in self.done[stage]], axis=0)
        if (shares == 0).any():
            eps = np.exp(self._lattices(stage)[0].log_distances())[np.argmin(shares)]
            raise InputError(
                f"--pairs: all pairs {eps:.2g} apart have the same fate; give a view with a border, more --pairs, or a"
                " larger --to."
            )

    def _show(self, observer: Observer) -> None:
        observer.part("strands", sum(map(len, self.done)), STRANDS * len(self.distances.stages))

    def stages(self) -> list[Stage]:
        """The finished stages' shares."""
        logs = [np.array(self._lattices(k)[0].log_distances()) for k in range(len(self.done))]
        return [Stage(log, np.array([s.shares for s in strands])) for log, strands in zip(logs, self.done)]

    def fit(self) -> Fit:
        """The dimension; every strand must be done."""
        return fit(self.stages())

    def counts(self) -> Ints:
        """``Strand.counts`` of all strands together, (levels, 5)."""
        return np.concatenate([np.sum([s.counts for s in strands], axis=0) for strands in self.done])
