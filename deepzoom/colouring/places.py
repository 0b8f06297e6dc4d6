"""From values to places in the palette: by rank, count, histogram, cycle, distance and horizon."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GAP = 0.25
"""How far from the middle the places of measures begin."""


def by_rank(measure: Floats, among: Floats | None = None) -> Floats:
    """Spread measures evenly by rank, as published: negative ones over [0.25, 1], others over [-1, -0.25].

    This shows structure at every level and separates converged from diverged pixels (cdf_img in the published
    notebook). NaN (not done) stays NaN. among: the values to rank within, if not the measures themselves.
    """
    among = measure if among is None else among
    known = np.sort(among[~np.isnan(among)].ravel())
    negative = int(np.searchsorted(known, 0.0))
    if not len(known):
        return np.full(measure.shape, np.nan)
    places = np.concatenate([np.linspace(-1, -GAP, negative), np.linspace(GAP, 1, len(known) - negative)])
    return np.where(np.isnan(measure), np.nan, -np.interp(measure, known, places))


def by_count(smooth: Floats, among: Floats | None = None) -> Floats:
    """Spread smooth counts evenly by rank over [-1, 1]; equal ones get their mean rank. Below 0 and NaN become NaN.

    among: the counts to rank within, if not these.
    """
    count = np.where(smooth < 0, np.nan, smooth)
    if among is None:
        return _ranks(count)
    known = np.sort(among[among >= 0].ravel())
    order = np.argsort(count, axis=None)  # looking up values in order is a tenth of the work
    ascending, twice = count.ravel()[order], np.empty(count.size)
    twice[order] = np.searchsorted(known, ascending) + np.searchsorted(known, ascending, "right")
    return np.where(np.isnan(count), np.nan, twice.reshape(count.shape) / max(1, len(known)) - 1)


def _ranks(count: Floats) -> Floats:
    """The mean rank of each count among all, from -1 to 1. One sorting takes a third of the time of two searches."""
    known = ~np.isnan(count)
    values = count[known]
    order = np.argsort(values)
    in_order = values[order]
    new = np.ones(len(values), dtype=np.bool_)
    new[1:] = in_order[1:] != in_order[:-1]
    begin = np.flatnonzero(new)
    ranks = (begin + np.append(begin[1:], len(values))) / max(1, len(values)) - 1
    places, sorted_places = np.full(count.shape, np.nan), np.empty(len(values))
    sorted_places[order] = ranks[np.cumsum(new) - 1]
    places[known] = sorted_places
    return places


def by_histogram(smooth: Floats, among: Floats | None = None) -> Floats:
    """Spread whole counts by their histogram over [-1, 1]: one flat band each, at the middle of its share of pixels.

    (A histogram of the smooth counts would be nearly the same as their rank.) among: as in ``by_count``.
    """
    return by_count(np.floor(smooth), None if among is None else np.floor(among))


def by_cycle(value: Floats, cycle: float, forth_and_back: bool) -> Floats:
    """The places in [0, 1] of values in a palette that repeats with period ``cycle``; NaN stays NaN.

    forth_and_back: the palette runs to its end and back in each cycle, so that one that is not cyclic has no seam.
    """
    place = (value / cycle) % 1.0
    return 1 - np.abs(2 * place - 1) if forth_and_back else place


def by_distance(distance: Floats, rows: int) -> Floats:
    """Spread distances in pixels over [0, 1]: log(1 + d) / log(1 + rows), and 1 above the picture's height."""
    return np.minimum(np.log1p(distance) / np.log1p(rows), 1.0)


def by_horizon(horizon: Floats, steps: int, among: Floats | None = None) -> Floats:
    """Spread the steps at which float64 lost pixels by rank over [0, 0.9]; pixels that it never lost get 1.

    horizon: ``steps`` for pixels that are not lost; below 0 and NaN become NaN. among: the horizons to rank within, if
    not these.
    """
    lost = np.where(horizon < steps, horizon, np.nan)
    return np.where(horizon >= steps, 1.0, 0.45 * (by_count(lost, None if among is None else among[among < steps]) + 1))
