"""Palettes: matplotlib's colour maps by name."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError


def check(name: str) -> None:
    """Raise InputError where there is no such palette."""
    import matplotlib

    if name not in matplotlib.colormaps:
        near = get_close_matches(name, list(matplotlib.colormaps), 3, 0.5)
        hint = f"; near it are {', '.join(near)}" if near else ""
        raise InputError(f"--palette: {name!r} is no colour map of matplotlib{hint}. Such as Spectral, viridis, magma.")


def apply(name: str, values: NDArray[np.float64], fine: bool = False) -> NDArray[np.float64]:
    """RGB (..., 3) in 0 .. 1 of values in 0 .. 1; NaN becomes grey. ``fine``: in more than the map's own 256 steps."""
    import matplotlib

    colours: Any = matplotlib.colormaps[name]
    if fine:
        colours = colours.resampled(1 << 16)
    rgb = colours(np.where(np.isnan(values), 0.0, values))[..., :3]
    return np.where(np.isnan(values)[..., None], 0.5, rgb)
