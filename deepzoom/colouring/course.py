"""Places in the palette for the course of training runs: Lyapunov exponents, losses, best steps and outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def known(channel: str, values: NDArray[Any]) -> Floats:
    """The values of a channel of a field; NaN where they are not known."""
    return np.where(values < 0, np.nan, values) if channel == "best_step" else values.astype(np.float64)


def by_value(value: Floats, among: Floats | None = None) -> Floats:
    """Spread values evenly by rank over [0, 1]; equal ones get their mean rank. NaN stays NaN.

    among: the values to rank within, if not these.
    """
    known = value if among is None else among
    known = np.sort(known[~np.isnan(known)].ravel())
    places = (np.searchsorted(known, value) + np.searchsorted(known, value, "right")) / max(1, 2 * len(known))
    return np.where(np.isnan(value), np.nan, places)


def by_sign(value: Floats, among: Floats | None = None) -> Floats:
    """Spread values by rank on both sides of 0: positive ones over [0, 1/2], negative ones over [1/2, 1], NaN as NaN.

    0 has the place 1/2, and the value farthest from 0 has 0 or 1. among: as of ``by_value``.
    """
    known = value if among is None else among
    places = np.full(value.shape, 0.5)
    for sign in (-1, 1):
        sizes, own = sign * known[sign * known > 0], sign * value > 0
        places[own] -= sign * 0.5 * by_value(sign * value[own], sizes)
    return np.where(np.isnan(value), np.nan, places)


def place(by: str, value: Floats, among: Floats | None = None) -> Floats:
    """The places in [0, 1] of the values of a colouring of ``COURSE``; what trains well is high.

    value: NaN where it is not known. among: as of ``by_value``.
    """
    if by == "lyapunov":
        return by_sign(value, among)
    return 1 - by_value(value, among) if by == "loss" else by_value(value, among)
