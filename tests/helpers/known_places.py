"""Places of the Mandelbrot set whose counts are known exactly, on a 3x3 grid."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from deepzoom.coordinates import scaled_float
from deepzoom.scene.view import View

GOLDEN = Path(__file__).parents[1] / "golden"


LOCATIONS = json.loads((GOLDEN / "locations.json").read_text())


class ThreeByThree(View):
    """Pixels at the centre and a quarter of a height from it, exactly: where the locations' counts are known."""

    def differences(self, pixels, about=(0, 0)):
        assert about == (0, 0)
        mantissa, exponent = scaled_float(self.depth)
        row, column = np.divmod(pixels, 3)
        return (column - 1) * 0.25 * mantissa, (1 - row) * 0.25 * mantissa, exponent

    def at(self, column, row):
        return self.x + self.depth * (column - 1) / 4, self.y + self.depth * (1 - row) / 4


def counts(out):
    return [int(n) if fate > 0 else None for n, fate in zip(out.iterations, out.fate)]
