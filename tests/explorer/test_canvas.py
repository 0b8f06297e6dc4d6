"""What a page shows of a view that fills."""

from __future__ import annotations

import numpy as np

from deepzoom.explorer.canvas import Canvas
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View


def test_the_first_pass_is_painted_again_at_its_end():
    """The first pixels' colours are ranks among few; at the end of the pass they are those among all of it."""
    canvas = Canvas(Scene("mandelbrot", View.parse("-0.75", "0", "2.6", "64x32"), 50))
    rows, columns = np.divmod(np.arange(64 * 32), 64)
    first = np.flatnonzero((rows % 16 == 0) & (columns % 16 == 0))
    canvas.stride[first] = 16
    field = canvas.field
    field.measure.ravel()[first], field.fate.ravel()[first] = np.arange(8.0), 1

    def painted():
        """The opaque blocks' colours, by their column and row."""
        found = {}
        for tiles in canvas.fresh():
            for (left, top), rgba in zip(tiles.corners.tolist(), tiles.rgba, strict=True):
                for j, i in zip(*np.nonzero(rgba[..., 3]), strict=True):
                    found[left + tiles.stride * i, top + tiles.stride * j] = tuple(rgba[j, i, :3].tolist())
        return found

    field.done.ravel()[first[:2]] = True
    few = painted()
    field.done.ravel()[first] = True
    whole = painted()
    assert len(few) == 2 and len(whole) == 8 and few.keys() < whole.keys()
    assert whole[16, 0] != few[16, 0]
    assert painted() == {}
