"""The strip of a dive: its views on the way down, side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_GAP = 2
_ROW = 10
"""Pictures in a row."""


def strip(thumbnails: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """One picture, float64 RGB in 0 .. 1, of thumbnails of equal size, uint8 (height, width, 3), in rows on white."""
    height, width, _ = thumbnails[0].shape
    columns = min(_ROW, len(thumbnails))
    rows = math.ceil(len(thumbnails) / columns)
    sheet = np.full((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3), 255, np.uint8)
    for n, picture in enumerate(thumbnails):
        row, column = (k * (size + _GAP) for k, size in zip(divmod(n, columns), (height, width)))
        sheet[row : row + height, column : column + width] = picture
    return sheet / 255.0
