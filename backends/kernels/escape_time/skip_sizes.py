"""Sizes of skips, for allocating them without importing the kernels."""

from __future__ import annotations

from typing import NamedTuple

ORDER = 4
"""Degree of a skip's polynomial, for maps with such skips."""
_TERMS = (ORDER + 1) * (ORDER + 2) // 2 - 1


class Sizes(NamedTuple):
    """row: how many numbers a skip has. top: degree up to which bounds of dropped terms are kept. kept: how many more
    numbers there are of a skip while longer ones are made of it."""

    row: int
    top: int
    kept: int


SERIES = Sizes(4 + 2 * _TERMS, ORDER + 1, ORDER + 12)
"""1 / R, ``BEYOND``, coefficients from degree 1 on, degree by degree, ``TAIL``, the share (``series_skips.py``)."""
LINEAR = Sizes(11, 0, 1)
"""1 / R, |A|, A, B, and the share (``bilinear_skips.py``)."""
