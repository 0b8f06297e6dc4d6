"""Means of colours: in linear light, as an eye or a lens takes them that does not tell one from the other.

The numbers of a picture are not amounts of light (sRGB, IEC 61966-2-1): half black and half white together are not 0.5,
but the number that stands for half the light, 0.735.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def linear(rgb: Floats) -> Floats:
    """Amounts of light, 0 to 1, of sRGB colours from 0 to 1."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def encoded(light: Floats) -> Floats:
    """sRGB colours, 0 to 1, of amounts of light from 0 to 1."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0.0) ** (1 / 2.4) - 0.055)
