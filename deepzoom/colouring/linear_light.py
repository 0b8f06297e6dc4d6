"""Conversion between sRGB and linear light, in which means of colours are taken, as an eye or a lens does.

The numbers of a picture are not amounts of light (sRGB, IEC 61966-2-1): the mean of black and white is not 0.5, but
0.735, the number that stands for half the light.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def linear(rgb: Floats) -> Floats:
    """The amounts of light, 0 to 1, of sRGB colours from 0 to 1."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def encoded(light: Floats) -> Floats:
    """The sRGB colours, 0 to 1, of amounts of light from 0 to 1."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0.0) ** (1 / 2.4) - 0.055)
