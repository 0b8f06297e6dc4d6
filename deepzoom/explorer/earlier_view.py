"""Where the pixels of a new view lie in an earlier one, and what that one knows of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.scene.scene import Scene

from .moves import Grid

if TYPE_CHECKING:
    from .canvas import Canvas


@dataclass(frozen=True)
class Source:
    """An earlier view, and where its pixels lie.

    inside: the part (rows, columns) of the new view that lies in it. rows, columns: of the pixels there that are
    nearest to those. ratio: size of a new pixel, in its pixels.
    """

    canvas: Canvas
    inside: tuple[slice, slice]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    ratio: float

    @classmethod
    def of(cls, earlier: Canvas, scene: Scene) -> Source | None:
        """None if the two views have nothing in common."""
        grid = Grid.of(scene.view, earlier.scene.view)
        if grid is None:
            return None
        found, inside = [], []
        there = earlier.field.done.shape
        for count, first, most in zip((scene.view.height, scene.view.width), (grid.top, grid.left), there):
            nearest = np.rint(grid.ratio * np.arange(count) + first).astype(np.int64)
            own = np.flatnonzero((nearest >= 0) & (nearest < most))
            if not len(own):
                return None
            inside.append(slice(int(own[0]), int(own[-1]) + 1))
            found.append(nearest[inside[-1]])
        return cls(earlier, (inside[0], inside[1]), found[0], found[1], grid.ratio)

    def shown_size(self) -> NDArray[np.float32]:
        """How wide what the page shows is, in new pixels."""
        return self.canvas.shown_size(self.rows, self.columns) / np.float32(self.ratio)

    def values(self, some: int = 1) -> dict[str, NDArray[Any]]:
        """The best known values, of every ``some``-th row and column."""
        return self.canvas.values(self.rows[::some], self.columns[::some])


def crossing(array: NDArray[Any], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[Any]:
    """A copy of an array where some rows and columns cross; both sorted."""
    return array[rows].take(columns, axis=1)  # several times as fast as one index of both
