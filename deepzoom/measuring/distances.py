"""Which distances the pairs have, and the lattices of points that hold them: one lattice for each stage of a descent.

A **stage** is what one exact reference serves: up to ``LEVELS`` distances, each a fourth of the one before. Its lattice
is a view of the plane, whose pixels, up to 2^25 a side, are the points that pairs may have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from gmpy2 import mpq

from deepzoom.coordinates import Rational, log2, parse_decimal, with_digits
from deepzoom.errors import InputError
from deepzoom.scene.view import View

from .pairs import PARTS

LEVELS = 10
"""Distances of a stage at most: 6 decades, so that rounding in a stage stays far below its smallest distance."""
FINE = 4
"""Lattice numbers of a stage's smallest distance."""
LEAST_LEVELS = 4
"""The fewest distances that make a fit with a residual worth looking at."""
_TILES = 4
"""How many cells of the first distance the window is high."""


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
        """The next stage's lattice, in a cell of the last distance that begins at a point; its cells are the parts."""
        side = PARTS**levels * FINE
        old, new = PARTS * FINE, PARTS * side
        x, y = self.view.at(mpq(column) + mpq(old, 2), mpq(self.view.height - 1 - row) - mpq(old, 2))
        view = replace(self.view, x=x, y=y, depth=self.pitch * old * (new + 1) / new, width=new + 1, height=new + 1)
        return Lattice(view, PARTS, PARTS, side, 0, levels)


@dataclass(frozen=True)
class Distances:
    """The distances of a measurement: how many each stage has, and how many of the first only lead to those asked for.

    The first distance of all is a sixteenth of the window's height.
    """

    stages: tuple[int, ...]
    leading: int

    @classmethod
    def parse(cls, largest: str, smallest: str) -> Distances:
        """From two decimal texts, as shares of the window's height, between which the distances lie.

        Raises InputError for a range that is upside down, too short, or begins beyond a fourth.
        """
        first, last = parse_decimal(largest, "--from"), parse_decimal(smallest, "--to")
        if not 0 < first <= mpq(1, PARTS):
            raise InputError(f"--from: {largest} is not a share of the window's height up to 0.25, such as 0.1.")
        if not 0 < last < first:
            raise InputError(f"--to: {smallest} is not between 0 and {largest}, --from; give a share such as 1e-6.")
        step, begin = math.log2(PARTS), log2(mpq(1, PARTS * _TILES))
        leading = max(0, math.ceil((begin - log2(first)) / step - 1e-9))
        levels = math.floor((begin - log2(last)) / step + 1e-9) + 1
        if levels - leading < LEAST_LEVELS:
            most = with_digits(mpq(1, PARTS * _TILES) / PARTS ** (leading + LEAST_LEVELS - 1), 2)
            raise InputError(
                f"--to: from {largest} to {smallest} there are fewer than {LEAST_LEVELS} distances, each a fourth of"
                f" the one before; give at most {most}."
            )
        return cls(tuple(min(LEVELS, levels - k) for k in range(0, levels, LEVELS)), leading)

    @property
    def levels(self) -> int:
        return sum(self.stages)

    def lattice(self, window: View) -> Lattice:
        """The first stage's lattice: whole cells about the window's middle, as many across as fit, at least one."""
        side = PARTS ** self.stages[0] * FINE
        across, spare = max(1, _TILES * window.width // window.height), side // PARTS
        width, height = across * side + spare + 1, _TILES * side + spare + 1
        depth = window.depth * height / (_TILES * side)
        view = replace(window, depth=depth, width=width, height=height, flip=False, samples=1)
        return Lattice(view, across, _TILES, side, spare, self.stages[0])
