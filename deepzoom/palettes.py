"""Palettes: matplotlib's colour maps by name, or colours in a row, such as a palette file's."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

_SEAM = 0.1


def check(name: str) -> None:
    """Raise InputError where there is no such palette."""
    import matplotlib

    if name not in matplotlib.colormaps:
        near = get_close_matches(name, list(matplotlib.colormaps), 3, 0.5)
        hint = f"; near it are {', '.join(near)}" if near else ""
        raise InputError(
            f"--palette: {name!r} is no colour map of matplotlib{hint}. Such as Spectral, viridis, magma, or a file"
            " .map or .gpl."
        )


def _map(name: str, colours: Sequence[str], steps: int | None = None) -> Any:
    """matplotlib's colour map, of its own number of steps or of so many."""
    import matplotlib
    from matplotlib.colors import LinearSegmentedColormap

    if colours:
        ends = [*colours, *colours] if len(colours) == 1 else list(colours)
        return LinearSegmentedColormap.from_list(name, ends, steps or 256)
    found = matplotlib.colormaps[name]
    return found if steps is None else found.resampled(steps)


def is_cyclic(name: str, colours: Sequence[str] = ()) -> bool:
    """Whether a palette ends where it begins: each of red, green and blue to a tenth."""
    first, last = (np.array(_map(name, colours)(end)[:3]) for end in (0.0, 1.0))
    return bool(np.abs(first - last).max() <= _SEAM)


def apply(
    name: str, values: NDArray[np.float64], fine: bool = False, colours: Sequence[str] = ()
) -> NDArray[np.float64]:
    """RGB (..., 3) in 0 .. 1 of values in 0 .. 1; NaN becomes grey.

    colours: ``#rrggbb`` from 0 to 1, evenly apart and blended between; none for matplotlib's map of that name.
    ``fine``: in more than the map's own 256 steps.
    """
    rgb = _map(name, colours, 1 << 16 if fine else None)(np.where(np.isnan(values), 0.0, values))[..., :3]
    return np.where(np.isnan(values)[..., None], 0.5, rgb)
