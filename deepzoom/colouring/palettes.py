"""Palettes: matplotlib's colour maps by name, or a list of colours, such as that of a palette file.

Importing matplotlib takes a fifth of a second. The default palette and lists of colours do not need it: they are
blended here exactly as matplotlib does it, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from deepzoom.errors import InputError, similar

_SEAM = 0.1
_STEPS, _KEYS = 256, 33
_SPECTRAL = (
    "#9e0142", "#d53e4f", "#f46d43", "#fdae61", "#fee08b", "#ffffbf", "#e6f598", "#abdda4", "#66c2a5", "#3288bd",
    "#5e4fa2",
)  # fmt: skip
"""The default palette, from ColorBrewer 2.0 by Cynthia Brewer (Apache License 2.0)."""

_OURS = {"Spectral": _SPECTRAL}
Colours = Callable[[NDArray[np.float64] | float], NDArray[np.float64]]


def check(name: str) -> None:
    """Raise InputError if there is no palette of this name."""
    if name in _OURS:
        return
    import matplotlib

    if name not in matplotlib.colormaps:
        raise InputError(
            f"--palette: {name!r} is not a colour map of matplotlib{similar(name, matplotlib.colormaps)}; give one such"
            " as Spectral, viridis or magma, or a palette file (.map, .gpl, .kfp, .ggr and others)."
        )


def names() -> list[str]:
    """The names of all palettes of matplotlib."""
    import matplotlib

    return sorted(matplotlib.colormaps)


def _map(name: str, colours: Sequence[str], steps: int | None = None) -> Colours:
    """A function that gives the RGB (..., 3) of values in 0 .. 1. steps: of the palette; None for its own number."""
    row = colours or _OURS.get(name)
    if row:
        table = _blended([row[0], row[0]] if len(row) == 1 else row, steps or max(_STEPS, len(row)))
        return lambda values: table[np.clip(np.asarray(values) * len(table), 0, len(table) - 1).astype(np.int64)]
    import matplotlib

    found = matplotlib.colormaps[name]
    map_ = found if steps is None else found.resampled(steps)
    return lambda values: np.asarray(map_(values))[..., :3]


def _blended(row: Sequence[str], steps: int) -> NDArray[np.float64]:
    """Colours (steps, 3), blended between the evenly spaced colours ``#rrggbb`` of a row."""
    rgb = np.array([[int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)] for colour in row])
    # in the order of matplotlib's operations, for the same rounding
    places = np.linspace(0, 1, len(row)) * (steps - 1)
    at = (steps - 1) * np.linspace(0, 1, steps)
    after = np.searchsorted(places, at)[1:-1]
    share = (at[1:-1] - places[after - 1]) / (places[after] - places[after - 1])
    between = share[:, None] * (rgb[after] - rgb[after - 1]) + rgb[after - 1]
    return np.clip(np.concatenate([rgb[:1], between, rgb[-1:]]), 0.0, 1.0)


def row(name: str, colours: Sequence[str] = ()) -> tuple[str, ...]:
    """A palette's colours ``#rrggbb``, evenly spaced: those given, else ``_KEYS`` of the map. Raises as ``check``."""
    if colours:
        return tuple(colours)
    check(name)
    levels = np.rint(255 * apply(name, np.linspace(0, 1, _KEYS))).astype(int)
    return tuple("#{:02x}{:02x}{:02x}".format(*level) for level in levels.tolist())


def is_cyclic(name: str, colours: Sequence[str] = ()) -> bool:
    """Whether a palette ends where it begins: red, green and blue each to 0.1."""
    map_ = _map(name, colours)
    return bool(np.abs(map_(0.0) - map_(1.0)).max() <= _SEAM)


def apply(
    name: str, values: NDArray[np.float64], fine: bool = False, colours: Sequence[str] = ()
) -> NDArray[np.float64]:
    """RGB (..., 3) in 0 .. 1 of values in 0 .. 1; NaN becomes grey.

    colours: ``#rrggbb``, evenly spaced from 0 to 1 and blended; empty for matplotlib's map of that name. fine: in more
    than the map's own 256 steps.
    """
    missing = np.isnan(values)
    rgb = _map(name, colours, 1 << 16 if fine else None)(np.where(missing, 0.0, values))
    rgb[missing] = 0.5
    return rgb
