"""How many samples a pixel needs: by what the values of its neighbours, then of its own samples, make of their mean.

A value's place is where it stands among all of the picture, as palettes are spread: by its rank, in the part of its
kind (converged or diverged; attractor), and far from all of them where it never ended. So no palette decides, but what
all have in common. Of escape-time maps the smooth count is a second place, for colours that repeat with it.

A pixel needs more samples as long as the error of their mean, estimated from how far places are spread, is above
``_ERROR``. Before there are samples it is estimated from the neighbours: where places change evenly from one side to
the other, their mean is in the middle, and none are needed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .field import Field

Floats = NDArray[np.float64]

_ERROR = 0.01
"""Of the whole palette."""
_COUNTS = 32.0
"""Smooth counts that weigh as much as the whole palette."""
_FROM_NEIGHBOURS = 1
"""Samples that the neighbours stand for when a pixel has some."""
_INSIDE = -1.0


def rounds(samples: int) -> list[int]:
    """Numbers of samples after which a pixel may have enough, the last one being all: four more, then half as many."""
    found, count = [], 0
    while count < samples:
        count += max(4, 1 << max(0, count.bit_length() - 2))
        found.append(min(count, samples))
    return found


class Places:
    """Where values stand among those of a field, at the pixels (height, width) that are known."""

    def __init__(self, field: Field, known: NDArray[np.bool_]) -> None:
        self._known = known
        self._counts = field.attractor is not None
        measure = field.measure[known]
        kind = self._kinds(measure, None if field.attractor is None else field.attractor[known])
        self._order = {k: np.sort(measure[kind == k]) for k in np.unique(kind[kind >= 0]).tolist()}
        own = self.of(field.measure, field.attractor)
        self.pixels = np.where(known[..., None], own, np.nan)
        """(height, width, places) of the field's own; NaN where not known."""

    def _kinds(self, measure: Floats, attractor: NDArray[Any] | None) -> NDArray[np.int64]:
        if attractor is None:
            return (measure < 0).astype(np.int64)
        return np.where(measure < 0, -1, attractor.astype(np.int64))

    def of(self, measure: Floats, attractor: NDArray[Any] | None) -> Floats:
        """(..., places) of values (...)."""
        kind, place = self._kinds(measure, attractor), np.full(measure.shape, _INSIDE)
        for n, (k, order) in enumerate(self._order.items()):
            own = kind == k
            both = np.searchsorted(order, measure[own]) + np.searchsorted(order, measure[own], "right")
            rank, parts = both / (2 * len(order)), len(self._order)
            if not self._counts:  # the most negative of the converged at one end, of the diverged at the other
                place[own] = 1 - 0.375 * rank if k else 0.375 * (1 - rank)
            else:
                place[own] = rank if parts == 1 else (n + 0.1 + 0.8 * rank) / parts
        if not self._counts:
            return place[..., None]
        return np.stack([place, np.maximum(measure, 0.0) / _COUNTS], axis=-1)

    def spread(self) -> Floats:
        """(height, width): mean square by which pixels differ from the middle between two opposite neighbours.

        A neighbour that is not known counts as the pixel itself.
        """
        own = self.pixels
        height, width, _ = own.shape
        around = np.pad(own, [(1, 1), (1, 1), (0, 0)], constant_values=np.nan)

        def change(i: int, j: int) -> Floats:
            """To the neighbour so many rows and columns away."""
            beside = around[1 + i : 1 + i + height, 1 + j : 1 + j + width]
            return np.nan_to_num(beside - own)

        total = np.zeros(own.shape)
        for i, j in ((0, 1), (1, 0), (1, 1), (1, -1)):
            total += ((change(i, j) + change(-i, -j)) / 2) ** 2
        return np.where(self._known, (total / 4).max(axis=-1), 0.0)


def begins(spread: Floats) -> NDArray[np.bool_]:
    """Which pixels get samples at all."""
    return spread > _ERROR**2


def goes_on(spread: Floats, places: Floats) -> NDArray[np.bool_]:
    """(m,): which pixels need more samples; spread (m,): of neighbours, places (m, samples, places): of those taken."""
    count = places.shape[1]
    own = places.var(axis=1, ddof=1).max(axis=-1)
    together = ((count - 1) * own + _FROM_NEIGHBOURS * spread) / (count - 1 + _FROM_NEIGHBOURS)
    return together / count > _ERROR**2
