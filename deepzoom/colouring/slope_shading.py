"""Slope shading: a relief, lit from one side."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .relief import gradient

Floats = NDArray[np.float64]

STRENGTH = 0.6
"""How far the steepest slopes go towards white on the lit side, and towards black on the other."""


def shade(height: Floats, kind: NDArray[np.generic], degrees: float) -> Floats:
    """The light on a relief: -1 facing away from it, 0 level, 1 facing it; 0 where there is no relief.

    height: float64 in pixels, NaN where there is no value. kind: see ``relief``. degrees: the direction that light
    comes from, counter-clockwise from the right. The result is the normal's component towards the light, averaged over
    3 x 3 pixels. It fades where the slopes of these pixels contradict each other: shading would only add to such noise.
    """
    right, up = gradient(height, kind)
    size = np.hypot(right, up)
    # a slope's direction counts in proportion to its steepness, up to that of a wall
    scale = 1 / np.sqrt(1 + size**2)
    right, up, size = (_sum_of_nine(v * scale) for v in (right, up, size))
    together = np.hypot(right, up) / np.maximum(size, 1e-300)
    angle = math.radians(degrees)
    facing = -(math.cos(angle) * right + math.sin(angle) * up) / 9
    return np.where(np.isnan(height), 0.0, facing * together**2)


def shaded(rgb: Floats, light: Floats) -> Floats:
    """Colours (height, width, 3) in 0 .. 1, shaded by light (height, width) from -1 to 1."""
    share = STRENGTH * np.abs(light)[..., None]
    return (1 - share) * rgb + share * (light > 0)[..., None]


def _sum_of_nine(values: Floats) -> Floats:
    """The sum over each pixel and its eight neighbours; pixels at the edge stand in for those beyond it."""
    for axis in (0, 1):
        padded = np.pad(values, [(1, 1) if axis == a else (0, 0) for a in (0, 1)], mode="edge")
        n = values.shape[axis]
        values = sum(np.take(padded, range(k, k + n), axis=axis) for k in range(3))  # type: ignore[assignment]
    return values
