"""Colours by attractor: one hue for each end that runs can have, shaded by how fast they reach it.

Hues are evenly spaced in OKLCh, and neighbours differ in lightness, so that colour-blind eyes can tell the ends apart
too. A hue depends on the attractor's number and on how many there are, not on what a view shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deepzoom.scene.colours import DEFAULT_PALETTE

from . import oklab, palettes

Floats = NDArray[np.float64]

FIRST_HUE = 81.0  # degrees
CHROMA = 0.17
_LIGHTNESS, _MORE, _LIGHTEST_HUE = 0.71, 0.14, 130.0
"""Greenish yellows are light and violets are dark, as these hues are at their most vivid.

This and the first hue keep 2 to 8 ends apart for normal and colour-blind eyes (``tests/colouring/test_attractors.py``).
"""
_SHADES = 1024
# (speed, lightness and chroma as shares of the end's own, share of white)
_SHADING = np.array([(0.0, 0.2, 0.45, 0.0), (0.35, 0.62, 0.95, 0.0), (0.7, 1.0, 1.0, 0.0), (1.0, 1.08, 0.9, 0.3)])
_RIPPLE = 0.07
"""How much the contour of each whole count changes an end's fastest shades, as a share of the range of shades."""


def bases(ends: int, palette: str, colours: Sequence[str]) -> Floats:
    """OKLab (ends, 3) of each end: even hues; with another palette than the default, evenly spaced places in it."""
    if palette != DEFAULT_PALETTE:
        return oklab.from_rgb(palettes.apply(palette, (np.arange(ends) + 0.5) / ends, True, colours))
    hue = np.radians(FIRST_HUE + 360 * np.arange(ends) / ends)
    lightness = _LIGHTNESS + _MORE * np.cos(hue - math.radians(_LIGHTEST_HUE))
    return np.stack([lightness, CHROMA * np.cos(hue), CHROMA * np.sin(hue)], axis=-1)


def shades(base: Floats) -> Floats:
    """sRGB (ends, 1025, 3): each end's shades, from dark (slowest) to light (fastest). base: OKLab (ends, 3)."""
    speed, *columns = _SHADING.T
    light, vivid, white = (np.interp(np.linspace(0, 1, _SHADES + 1), speed, c)[:, None] for c in columns)
    lab = base[:, None, :] * np.concatenate([light, vivid, vivid], axis=-1)
    lab = lab + white * (np.array([1.0, 0.0, 0.0]) - lab)
    return oklab.to_rgb(lab)


def counts(measure: Floats, attractor: NDArray[np.int16]) -> Floats:
    """What stands for the smooth counts of trainings: log2(1 + |measure|) in basins, -1 outside, NaN where unknown."""
    return np.where((attractor > 0) | np.isnan(measure), np.log2(1 + np.abs(measure)), -1.0)


def apply(
    places: Floats, smooth: Floats, attractor: NDArray[np.int16], ends: range, palette: str, colours: Sequence[str]
) -> Floats:
    """RGB (..., 3) in 0 .. 1 of places in 0 .. 1, from fast to slow; NaN becomes grey. Each whole count has a contour.

    smooth: smooth counts. attractor: numbers within ``ends``.
    """
    known = ~np.isnan(places)
    speed = 1 - places[known]
    speed = speed + _RIPPLE * speed * np.cos(2 * math.pi * smooth[known])
    at = np.clip(speed, 0, 1) * _SHADES
    lower = np.minimum(at.astype(np.int64), _SHADES - 1)
    end = attractor[known].astype(np.int64) - ends.start
    table, part = shades(bases(len(ends), palette, colours)), (at - lower)[:, None]
    rgb = np.full((*places.shape, 3), 0.5)
    rgb[known] = (1 - part) * table[end, lower] + part * table[end, lower + 1]
    return rgb
