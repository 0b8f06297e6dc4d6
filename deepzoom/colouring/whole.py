"""What the colours of some rows of a picture depend on in the whole picture, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_VALUES = 1 << 22
"""The most values that stand for all values of a picture. With 400 parts, a rank is off by 1e-4 at most."""


@dataclass(frozen=True)
class Whole:
    """A picture's number of rows, the values to rank among, and the kind (attractor) of each, if they have kinds."""

    rows: int
    values: Floats
    kinds: NDArray[Any] | None = None


class Collected:
    """Collects the values of a picture, part by part: all of them, or of each part every n-th in ascending order.

    pixels: of the picture.
    """

    def __init__(self, rows: int, pixels: int, most: int = MOST_VALUES) -> None:
        self._rows, self._stride = rows, -(-pixels // most)
        self._found: dict[int | None, list[Floats]] = {}
        self._first: dict[int | None, int] = {}

    def add(self, values: Floats, kinds: NDArray[Any] | None) -> None:
        """Add the known values of a part; those of each kind are ranked by themselves."""
        for kind in [None] if kinds is None else np.unique(kinds).tolist():
            own = np.sort(values if kinds is None else values[kinds == kind])
            first = self._first.get(kind, self._stride // 2)
            self._found.setdefault(kind, []).append(own[first :: self._stride])
            self._first[kind] = (first - len(own)) % self._stride

    def whole(self) -> Whole:
        """What was collected."""
        found = {kind: np.sort(np.concatenate(parts)) for kind, parts in self._found.items()}
        values = np.concatenate([np.zeros(0), *found.values()])
        if None in found or not found:
            return Whole(self._rows, values, None if None in found else np.zeros(0, np.int16))
        return Whole(self._rows, values, np.repeat(np.array(list(found), np.int16), [len(v) for v in found.values()]))
