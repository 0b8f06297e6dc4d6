"""Views of a dive as parts of a wider one, the anchor: a few levels share the anchor's pixels and its reference."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gmpy2 import mpq

from deepzoom.coordinates import Rational
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY
from deepzoom.scene.view import View

from .blocks import FACTOR, Block

SHARED = 2
"""Views down to this level share the anchor."""
FINEST = 6
"""Pixels of the anchor are divided down to this level. Neighbours are then 1/2e5 of its height apart, and where their
difference leaves the reference, float64 still has nine digits of it."""


@dataclass(frozen=True)
class Window:
    """A view ``level`` levels below its anchor; its first pixel is (column, row), in pixels of that level."""

    anchor: Scene
    level: int = 0
    column: int = 0
    row: int = 0

    @property
    def part(self) -> int:
        """The distance of neighbouring pixels, in pixels of ``finest``."""
        return FACTOR ** (FINEST - self.level)

    @property
    def scene(self) -> Scene:
        """The window's scene, in its anchor's shape; its centre is rounded as in ``View.zoomed``."""
        if self.level == 0:
            return self.anchor
        view = self.anchor.view
        column, row = (
            (first + (size - 1) / 2) * self.part + self.part // 2
            for first, size in ((self.column, view.width), (self.row, view.height))
        )
        inner = finest(view).zoomed(column, row, mpq(FACTOR**self.level))
        return replace(self.anchor, view=replace(inner, width=view.width, height=view.height))

    def inside(self, block: Block, end: Rational, shared: int) -> Window:
        """The window of one of its blocks; if that is about as deep as ``end``, a view of exactly that depth.

        The window keeps the anchor down to ``shared`` levels below it.
        """
        view = self.scene.view
        child = view.zoomed(block.column, block.row, min(mpq(FACTOR), view.depth / end))
        if child.depth < end * mpq(3, 2):
            return Window(replace(self.anchor, view=replace(child, depth=end, shape=IDENTITY)))
        if self.level >= shared:
            return Window(replace(self.anchor, view=replace(child, shape=IDENTITY)))
        column, row = (
            FACTOR * first + round(FACTOR * (middle + 0.5) - size / 2)
            for first, middle, size in (
                (self.column, block.column, view.width),
                (self.row, block.row, view.height),
            )
        )
        return Window(self.anchor, self.level + 1, column, row)

    def with_steps(self, steps: int) -> Window:
        return replace(self, anchor=replace(self.anchor, steps=steps))


def finest(view: View) -> View:
    """An anchor's view, in the smallest pixels of its windows."""
    return replace(view, width=view.width * FACTOR**FINEST, height=view.height * FACTOR**FINEST)


def deepest(view: View) -> View:
    """The deepest view with as many pixels inside an anchor's: a backend that can run it can run all windows."""
    return replace(view, depth=view.depth / FACTOR**FINEST)
