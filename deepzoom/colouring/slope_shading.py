"""Slope shading: a relief under light from one side."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .relief import gradient

Floats = NDArray[np.float64]

STRENGTH = 0.6
"""How far the steepest slopes go towards white in the light, and towards black away from it."""


def shade(height: Floats, kind: NDArray[np.generic], degrees: float) -> Floats:
    """Light on a relief, from -1 (away from it) over 0 (level) to 1 (facing it); 0 where there is no relief.

    height: float64 in pixels, NaN where there is nothing; kind: see ``relief``. degrees: where the light comes from,
    counter-clockwise from the right. It is the component towards the light of the slope's normal, averaged over 3 x 3
    pixels, and fades where their slopes contradict each other: noise, to which light would add more noise.
    """
    right, up = gradient(height, kind)
    size = np.hypot(right, up)
    # a slope's direction counts as far as it is steep, but no more than a wall's
    scale = 1 / np.sqrt(1 + size**2)
    right, up, size = (_sum_of_nine(v * scale) for v in (right, up, size))
    together = np.hypot(right, up) / np.maximum(size, 1e-300)
    angle = math.radians(degrees)
    facing = -(math.cos(angle) * right + math.sin(angle) * up) / 9
    return np.where(np.isnan(height), 0.0, facing * together**2)


def shaded(rgb: Floats, light: Floats) -> Floats:
    """Colours (height, width, 3) in 0 .. 1 under light from -1 to 1 (height, width)."""
    share = STRENGTH * np.abs(light)[..., None]
    return (1 - share) * rgb + share * (light > 0)[..., None]


def _sum_of_nine(values: Floats) -> Floats:
    """Each pixel and its eight neighbours; those beyond the edge count as the ones on it."""
    for axis in (0, 1):
        padded = np.pad(values, [(1, 1) if axis == a else (0, 0) for a in (0, 1)], mode="edge")
        n = values.shape[axis]
        values = sum(np.take(padded, range(k, k + n), axis=axis) for k in range(3))  # type: ignore[assignment]
    return values
