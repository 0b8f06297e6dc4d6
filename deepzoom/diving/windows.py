"""Views on the way down, each as a part of a wider one: a few levels share the pixels and the reference of one view."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gmpy2 import mpq

from deepzoom.coordinates import Rational
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY
from deepzoom.scene.view import View

from .blocks import FACTOR, Block

SHARED = 2
"""Levels down to which views share the one at the top."""
FINEST = 6
"""Levels down to which its pixels are divided: two of them are a 2e5th of its height apart, and what float64 makes of
their runs' difference, where it leaves the reference, still has nine digits."""


@dataclass(frozen=True)
class Window:
    """The view so many levels below its anchor's whose first pixel, in pixels of that level, is (column, row)."""

    anchor: Scene
    level: int = 0
    column: int = 0
    row: int = 0

    @property
    def part(self) -> int:
        """Pixels of ``finest`` from one of its own to the next."""
        return FACTOR ** (FINEST - self.level)

    @property
    def scene(self) -> Scene:
        """Its scene, in its anchor's shape; the centre is rounded as ``View.zoomed`` does."""
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
        """The window of a block of its pixels; where that is about as deep as ``end``, a view of that depth.

        It is in the same anchor down to ``shared`` levels below that.
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
    """An anchor's view in the smallest pixels that windows of it have."""
    return replace(view, width=view.width * FACTOR**FINEST, height=view.height * FACTOR**FINEST)


def deepest(view: View) -> View:
    """The deepest view of as many pixels in an anchor's: what can run that can run all of them."""
    return replace(view, depth=view.depth / FACTOR**FINEST)
