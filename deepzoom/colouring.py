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


def by_count(smooth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spread smooth counts evenly by rank over [-1, 1], equal ones at their mean rank; below 0 and NaN become NaN."""
    count = np.where(smooth < 0, np.nan, smooth)
    known = np.sort(count[~np.isnan(count)].ravel())
    places = (np.searchsorted(known, count) + np.searchsorted(known, count, "right")) / max(1, len(known)) - 1
    return np.where(np.isnan(count), np.nan, places)


def colour(
    measure: NDArray[np.float64], palette: str, fine: bool = False, attractor: NDArray[np.int16] | None = None
) -> NDArray[np.float64]:
    """RGB (height, width, 3) in 0 .. 1 of ``Field.shown()``; ``fine``: for 16 bits.

    Training is coloured by the rank of the signed measure, as published. Escape time, where ``attractor`` is given, by
    the rank of the smooth count, each attractor in a part of the palette of its own; black where the limit was reached.
    """
    if attractor is None:
        return palettes.apply(palette, (by_rank(measure) + 1) / 2, fine)
    places = np.full(measure.shape, np.nan)
    kinds = np.unique(attractor[measure >= 0])
    for k, kind in enumerate(kinds):  # each attractor, and escape, has its own part of the palette
        own = attractor == kind
        places[own] = (by_count(measure[own]) + 1) / 2
        if len(kinds) > 1:
            places[own] = (k + 0.1 + 0.8 * places[own]) / len(kinds)
    rgb = palettes.apply(palette, places, fine)
    rgb[measure < 0] = 0.0
    return rgb
