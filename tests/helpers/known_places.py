"""Places of the Mandelbrot set whose iteration counts are known exactly, on a grid of 3 x 3 pixels.

``tests/golden/locations.json`` holds the counts: published ones, computed with big integers, not by the package.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import ReadOut
from deepzoom.coordinates import Rational, scaled_float
from deepzoom.scene.view import Floats, View

GOLDEN = Path(__file__).parents[1] / "golden"


LOCATIONS: list[dict[str, Any]] = json.loads((GOLDEN / "locations.json").read_text())


class ThreeByThree(View):
    """A view whose pixels lie at the centre and exactly a quarter of its height from it, as in the golden file."""

    def differences(self, pixels: NDArray[np.int64], about: tuple[int, int] = (0, 0)) -> tuple[Floats, Floats, int]:
        """(dx, dy, e): the pixels' differences from the centre, times 2**-e."""
        assert about == (0, 0)
        mantissa, exponent = scaled_float(self.depth)
        row, column = np.divmod(pixels, 3)
        return (column - 1) * 0.25 * mantissa, (1 - row) * 0.25 * mantissa, exponent

    def at(self, column: float | Rational, row: float | Rational) -> tuple[Rational, Rational]:
        """Exact (x, y) of a pixel."""
        return self.x + self.depth * (column - 1) / 4, self.y + self.depth * (1 - row) / 4


def counts(out: ReadOut) -> list[int | None]:
    """Each pixel's iteration count as the golden file has it: None if the pixel did not escape."""
    assert out.iterations is not None
    return [int(n) if fate > 0 else None for n, fate in zip(out.iterations, out.fate)]
