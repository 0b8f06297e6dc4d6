"""Colours of orbits that are drawn to a cycle: a hue for each period."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from . import oklab

FIRST_HUE = 255.0  # degrees
_TURN = 180 * (3 - math.sqrt(5))  # degrees: multiples of the golden angle stay far apart
_LIGHTNESS, _CHROMA = 0.66, 0.13


def applied(rgb: NDArray[np.float64], period: NDArray[np.float64]) -> NDArray[np.float64]:
    """RGB (..., 3) in 0 .. 1, with other colours where the period (...) is above 0."""
    known = period > 0
    kinds, which = np.unique(period[known], return_inverse=True)
    hue = np.radians((FIRST_HUE + _TURN * (kinds - 1)) % 360)
    lab = np.stack([np.full(len(kinds), _LIGHTNESS), _CHROMA * np.cos(hue), _CHROMA * np.sin(hue)], axis=-1)
    result = rgb.copy()
    result[known] = oklab.to_rgb(lab)[which]
    return result
