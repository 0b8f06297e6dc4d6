"""How many samples a pixel needs: as many as bring the error of their mean colour below a bound.

The choice must not depend on the palette, so it looks at a value's place: its rank among all values of the picture of
the same kind (converged or diverged; attractor), spread as palettes are. A point that never ended has a place far from
all others. For escape-time maps the smooth count is a second place, for colours that repeat with it.

A pixel needs more samples while the error of their mean, estimated from the spread of their places, is above
``_ERROR``. Before it has samples, the neighbours give the estimate: if places change evenly from one side to the
other, the pixel's own place is already their mean, and it needs no samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .field import Field

Floats = NDArray[np.float64]

_ERROR = 0.01
"""The bound of the error, as a share of the whole palette."""
_COUNTS = 32.0
"""A change by so many smooth counts weighs as much as the whole palette."""
_FROM_NEIGHBOURS = 1
"""Once a pixel has samples, its neighbours' estimate weighs as much as this many of them."""
_INSIDE = -1.0


def rounds(samples: int) -> list[int]:
    """The numbers of samples after which a pixel may stop: steps of 4 at first, later of 1/4 to 1/2 of the number."""
    found, count = [], 0
    while count < samples:
        count += max(4, 1 << max(0, count.bit_length() - 2))
        found.append(min(count, samples))
    return found


def kinds(measure: Floats, attractor: NDArray[Any] | None, counts: bool) -> NDArray[np.int64]:
    """The kinds of values; below 0 where a value has none. counts: whether measures are smooth counts."""
    if attractor is None:
        return (measure < 0).astype(np.int64)
    return np.where(counts & (measure < 0), -1, attractor.astype(np.int64))


class Places:
    """The places of values among those of a field, at its known pixels (height, width).

    order: for each kind the values to rank among, ascending, if not the field's own.
    """

    def __init__(self, field: Field, known: NDArray[np.bool_], order: Mapping[int, Floats] | None = None) -> None:
        self._known = known
        self._counts = field.iterations is not None
        if order is None:
            measure = field.measure[known]
            kind = kinds(measure, None if field.attractor is None else field.attractor[known], self._counts)
            order = {k: np.sort(measure[kind == k]) for k in np.unique(kind[kind >= 0]).tolist()}
        self._order = order
        own = self.of(field.measure, field.attractor)
        self.pixels = np.where(known[..., None], own, np.nan)
        """(height, width, places): the places of the field's own values; NaN where not known."""

    def of(self, measure: Floats, attractor: NDArray[Any] | None) -> Floats:
        """The places (..., places) of values (...)."""
        kind, place = kinds(measure, attractor, self._counts), np.full(measure.shape, _INSIDE)
        for n, (k, order) in enumerate(self._order.items()):
            own = kind == k
            both = np.searchsorted(order, measure[own]) + np.searchsorted(order, measure[own], "right")
            rank, parts = both / (2 * len(order)), len(self._order)
            if attractor is None:  # converged values at one end of the palette, diverged ones at the other
                place[own] = 1 - 0.375 * rank if k else 0.375 * (1 - rank)
            else:
                place[own] = rank if parts == 1 else (n + 0.1 + 0.8 * rank) / parts
        if not self._counts:
            return place[..., None]
        return np.stack([place, np.maximum(measure, 0.0) / _COUNTS], axis=-1)

    def spread(self) -> Floats:
        """(height, width): the mean square of a pixel's distance from the mean of two opposite neighbours.

        An unknown neighbour counts as the pixel itself.
        """
        own = self.pixels
        height, width, _ = own.shape
        around = np.pad(own, [(1, 1), (1, 1), (0, 0)], constant_values=np.nan)

        def change(i: int, j: int) -> Floats:
            """The change to the neighbour i rows and j columns away."""
            beside = around[1 + i : 1 + i + height, 1 + j : 1 + j + width]
            return np.nan_to_num(beside - own)

        total = np.zeros(own.shape)
        for i, j in ((0, 1), (1, 0), (1, 1), (1, -1)):
            total += ((change(i, j) + change(-i, -j)) / 2) ** 2
        return np.where(self._known, (total / 4).max(axis=-1), 0.0)


def begins(spread: Floats) -> NDArray[np.bool_]:
    """Whether each pixel needs samples at all."""
    return spread > _ERROR**2


def goes_on(spread: Floats, places: Floats) -> NDArray[np.bool_]:
    """(m,) bool: which pixels need more samples.

    spread (m,): of the neighbours. places (m, samples, places): of the samples taken so far.
    """
    count = places.shape[1]
    own = places.var(axis=1, ddof=1).max(axis=-1)
    together = ((count - 1) * own + _FROM_NEIGHBOURS * spread) / (count - 1 + _FROM_NEIGHBOURS)
    return together / count > _ERROR**2
