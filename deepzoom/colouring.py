"""From a field's measure to colours, again and again, without running anything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import palettes

_GAP = 0.25


def by_rank(measure: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spread measures evenly by rank, as published: negative ones over [0.25, 1], others over [-1, -0.25].

    So structure shows at every level and converged stays apart from diverged (cdf_img in the published notebook).
    NaN (not done) stays NaN.
    """
    known = np.sort(measure[~np.isnan(measure)].ravel())
    negative = int(np.searchsorted(known, 0.0))
    if not len(known):
        return np.full(measure.shape, np.nan)
    places = np.concatenate([np.linspace(-1, -_GAP, negative), np.linspace(_GAP, 1, len(known) - negative)])
    return np.where(np.isnan(measure), np.nan, -np.interp(measure, known, places))


def colour(measure: NDArray[np.float64], palette: str, fine: bool = False) -> NDArray[np.float64]:
    """RGB (height, width, 3) in 0 .. 1."""
    return palettes.apply(palette, (by_rank(measure) + 1) / 2, fine)
