"""Which distances the pairs have, and the lattices of points that hold them: one lattice for each stage of a descent.

A **stage** is what one exact reference serves: up to ``LEVELS`` distances, each a fourth of the one before. Its lattice
is a view of the plane, whose pixels, up to 2^31 a side, are the points that pairs may have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from gmpy2 import mpq

from deepzoom.coordinates import Rational, log2, parse_decimal
from deepzoom.errors import InputError
from deepzoom.scene.view import View

from .pairs import PARTS

LEVELS = 10
"""Distances of a stage at most: 6 decades, so that rounding in a stage stays far below its smallest distance."""
FINE = 4
"""Lattice numbers of a stage's smallest distance."""
_MOST = 29
"""log2 of the most lattice numbers along a side."""
LEAST_LEVELS = 4
"""The fewest distances that make a fit with a residual worth looking at."""
_LARGEST, _SMALLEST_FIRST = mpq(1, 4), mpq(1, 10**6)


@dataclass(frozen=True)
class Lattice:
    """A view whose pixels are the points of a stage.

    across, up: how many cells of the first distance the window has; side: of such a cell, in lattice numbers; spare:
    numbers by which the cells may be moved right and up.
    """

    view: View
    across: int
    up: int
    side: int
    spare: int
    levels: int

    @property
    def eps(self) -> int:
        """The first distance, in lattice numbers."""
        return self.side // PARTS

    @property
    def pitch(self) -> Rational:
        """Distance of neighbouring points before stretching, in units of the plane."""
        return self.view.depth / self.view.height

    def log_distances(self) -> list[float]:
        """Natural logarithms of the distances, in units of the plane before stretching."""
        first = log2(self.pitch * self.eps)
        return [(first - 2 * n) * math.log(2) for n in range(self.levels)]

    def inside(self, column: int, row: int, levels: int) -> Lattice:
        """The lattice of the next stage, in a cell of the last distance that begins at a point; its cells are the parts."""
        side = PARTS**levels * FINE
        old, new = PARTS * FINE, PARTS * side
        x, y = self.view.at(mpq(column) + mpq(old, 2), mpq(self.view.height - 1 - row) - mpq(old, 2))
        view = replace(self.view, x=x, y=y, depth=self.pitch * old * (new + 1) / new, width=new + 1, height=new + 1)
        return Lattice(view, PARTS, PARTS, side, 0, levels)


@dataclass(frozen=True)
class Distances:
    """The distances asked for: how many each stage has, and how many cells the window is high at first."""

    up: int
    stages: tuple[int, ...]

    @classmethod
    def parse(cls, largest: str, smallest: str) -> Distances:
        """From two decimal texts, as shares of the window's height.

        The first distance is the largest power of two that is at most ``largest``. Raises InputError for a range that
        is upside down, too short, or begins beyond a fourth or below a millionth.
        """
        first, last = parse_decimal(largest, "--from"), parse_decimal(smallest, "--to")
        if not _SMALLEST_FIRST <= first <= _LARGEST:
            raise InputError(f"--from: {largest} is not a share of the window's height from 1e-6 to 0.25, such as 0.1.")
        if not 0 < last < first:
            raise InputError(
                f"--to: {smallest} is not between 0 and --from {largest}; give a smaller share, such as 1e-6."
            )
        power = math.ceil(-log2(first) - 1e-12)
        levels = math.floor((-power - log2(last)) / 2 + 1e-9) + 1
        if levels < LEAST_LEVELS:
            raise InputError(
                f"--to: from {largest} to {smallest} there are fewer than {LEAST_LEVELS} distances, each a fourth of"
                f" the one before; give at most {float(mpq(1, 2**power) / PARTS ** (LEAST_LEVELS - 1)):.2g}."
            )
        up = 2 ** (power - 2)
        room = (_MOST - up.bit_length() + 1 - int(math.log2(FINE))) // 2
        stages = [min(levels, LEVELS, room)]
        while sum(stages) < levels:
            stages.append(min(levels - sum(stages), LEVELS))
        return cls(up, tuple(stages))

    @property
    def levels(self) -> int:
        return sum(self.stages)

    def lattice(self, window: View) -> Lattice:
        """The first stage's lattice: whole cells about the window's middle, as many across as fit, at least one."""
        levels = self.stages[0]
        side = PARTS**levels * FINE
        across, spare = max(1, self.up * window.width // window.height), side // PARTS
        width, height = across * side + spare + 1, self.up * side + spare + 1
        depth = window.depth * height / (self.up * side)
        view = replace(window, depth=depth, width=width, height=height, flip=False, samples=1)
        return Lattice(view, across, self.up, side, spare, levels)
