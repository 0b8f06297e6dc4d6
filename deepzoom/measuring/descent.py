"""The descent: follows pairs from the largest distance to the smallest, in strands that know nothing of each other.

All strands of the first stage begin with the whole window, and share its reference. A strand of a later stage begins
with one of the last cells of the stage before, drawn among those of all strands, and has a reference of its own there.
So the shares of different strands say how sure their mean is, and what is done of a strand never depends on another one
of its stage: strands are what a stopped measurement keeps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deepzoom.errors import InputError, Stopped
from deepzoom.rendering.batches import Observer
from deepzoom.scene.view import View

from .distances import FINE, Distances, Lattice
from .fates import At, Source
from .pairs import PAIRS, PARTS, POINTS, Cells, Ints, Points, drawn, followed, tiled
from .uncertainty_exponent import Fit, Stage, fit

STRANDS = 8
"""Of each stage: enough to say how much they differ, and few, because each needs a reference in the later stages."""
LEAST_PAIRS = STRANDS * PAIRS * 4
"""With fewer cells in a strand it would lose the border."""
LEAST_STRANDS = 3
"""Of each distance that see two fates: with fewer, no interval follows from leaving one out."""


@dataclass(frozen=True)
class Strand:
    """What a strand found: shares (levels,) of its pairs, and the parts of its last cells.

    counts (levels, 6) int64: pairs that differ, that count, and all; points that are settled, run again with more
    digits, and checked.
    """

    shares: NDArray[np.float64]
    counts: Ints
    parts: Cells


@dataclass
class Descent:
    """A measurement, to be run or gone on with. done: the strands of each stage that are finished, in order.

    seconds: how long it took, in all runs together. pairs: how many each distance has, about, in all strands together.
    """

    window: View
    distances: Distances
    pairs: int
    seed: int
    done: list[list[Strand]] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.pairs < LEAST_PAIRS:
            raise InputError(f"--pairs: {self.pairs} is too few for an interval; give at least {LEAST_PAIRS}.")

    @property
    def cells(self) -> int:
        """Of each strand."""
        return self.pairs // (STRANDS * PAIRS)

    def run(self, source: Source, observer: Observer, keep: Callable[[Descent], None]) -> None:
        """Run the strands that are not done; ``keep`` is called after each.

        Raises Stopped where the observer stops it, and InputError where too few pairs of a distance differ.
        """
        begin, first = time.perf_counter() - self.seconds, self.distances.lattice(self.window)
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
                self.seconds = time.perf_counter() - begin
                keep(self)
            self._check(stage)
        self._show(observer)
        self.seconds = time.perf_counter() - begin

    def _strand(
        self, stage: int, number: int, lattice: Lattice, start: Cells | None, at: At, observer: Observer
    ) -> Strand:
        """Follow the pairs of one strand; start: what its cells are drawn from, None for the whole window."""
        rng = np.random.default_rng([self.seed, stage, number])
        if start is not None:
            cells = start.at(*drawn(start, self.cells, rng))
        else:
            cells = tiled(lattice.across, lattice.up, lattice.side, self.cells, rng)
            cells = Cells(cells.corners + rng.integers(0, lattice.spare + 1, 2), cells.weights, cells.wanted)
        known: list[list[int]] = []

        def fates(columns: Ints, rows: Ints) -> Points:
            if observer.stopped():
                raise Stopped
            points, *trusted = at((lattice.view.height - 1 - rows) * lattice.view.width + columns)
            known.append(trusted)
            return points

        seen, parts = followed(cells, lattice.eps, lattice.levels, self.cells, fates, rng)
        counts = [(s.differ, s.counted, s.pairs, *k) for s, k in zip(seen, known, strict=True)]
        return Strand(np.array([s.share for s in seen]), np.array(counts, dtype=np.int64), parts)

    def _roots(self, stage: int, levels: int) -> list[tuple[Lattice, Cells]]:
        """Where the strands of a later stage begin: each with the parts of one of the last cells before it."""
        before, lattices = self.done[stage - 1], self._lattices(stage - 1)
        parts, size = Cells.joined([s.parts for s in before]), PARTS**2
        owner = np.repeat(np.arange(STRANDS), [len(s.parts) // size for s in before])
        cells = Cells(parts.corners[::size], parts.weights[::size] * size, parts.wanted.reshape(-1, size).mean(axis=1))
        chosen, weights = drawn(cells, STRANDS, np.random.default_rng([self.seed, stage]))
        found = []
        for k, weight in zip(chosen.tolist(), weights.tolist()):
            lattice = lattices[owner[k]].inside(*cells.corners[k].tolist(), levels)
            own = slice(k * size, (k + 1) * size)
            corners = (parts.corners[own] - cells.corners[k]) // FINE * lattice.side
            found.append((lattice, Cells(corners, np.full(size, weight / size), parts.wanted[own])))
        return found

    def _lattices(self, stage: int) -> list[Lattice]:
        """The lattices of a stage's strands, whose stage before is done."""
        if stage == 0:
            return [self.distances.lattice(self.window)] * STRANDS
        return [lattice for lattice, _ in self._roots(stage, self.distances.stages[stage])]

    def _check(self, stage: int) -> None:
        found = np.array([s.shares for s in self.done[stage]])
        strands = np.count_nonzero(found, axis=0)
        level = int(np.argmin(strands))
        if strands[level] < LEAST_STRANDS:
            eps = np.exp(self._lattices(stage)[0].log_distances())[level]
            same = "too many" if strands[level] else "all"
            raise InputError(
                f"--pairs: {same} pairs {eps:.2g} apart have the same fate; give a view with a border, more --pairs, or"
                " a larger --to."
            )

    def _show(self, observer: Observer) -> None:
        observer.part("strands", sum(map(len, self.done)), STRANDS * len(self.distances.stages))

    def stages(self) -> list[Stage]:
        """The finished stages' shares, without the distances that only lead to those asked for."""
        found, leading = [], self.distances.leading
        for number, strands in enumerate(self.done):
            logs = np.array(self._lattices(number)[0].log_distances())[leading:]
            if len(logs):
                found.append(Stage(logs, np.array([s.shares for s in strands])[:, leading:]))
            leading = max(0, leading - self.distances.stages[number])
        return found

    def fit(self) -> Fit:
        """The dimension; every strand must be done."""
        return fit(self.stages())

    def counts(self) -> Ints:
        """``Strand.counts`` of all strands together, (levels, 6), for the distances asked for."""
        every = np.concatenate([np.sum([s.counts for s in strands], axis=0) for strands in self.done])
        return every[self.distances.leading :]
