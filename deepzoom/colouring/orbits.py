"""Places in the palette for the last angle of an orbit, and for averages and traps of the whole orbit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deepzoom.scene.colours import ORBITS
from deepzoom.scene.scene import Scene

from . import palettes
from .course import by_value
from .places import by_cycle

Floats = NDArray[np.float64]


def in_palette(scene: Scene, value: Floats, among: Floats | None = None) -> Floats:
    """``place`` for the colouring and the palette of a scene."""
    how = scene.colouring
    return place(how.by, value, palettes.is_cyclic(scene.palette, how.colours), among)


def place(by: str, value: Floats, cyclic: bool, among: Floats | None = None) -> Floats:
    """The places in [0, 1] of the values of a colouring of ``PHASES`` or ``ORBITS``; NaN and angles below 0 are NaN.

    cyclic: whether the palette's ends match; else phases run through it and back. among: the values to rank within, if
    not these; for averages and traps.
    """
    if by in ORBITS:
        return by_value(value, among)
    turns = np.where(value < 0, np.nan, value)
    if by == "phase":
        return by_cycle(turns, 1.0, forth_and_back=not cyclic)
    # the upper half of the plane has angles below half a turn
    return np.where(np.isnan(turns), np.nan, np.where(turns < 0.5, 1.0, 0.0))
