"""How large skips are: for whoever makes room for them, without the kernels that fill it."""

from __future__ import annotations

from typing import NamedTuple

ORDER = 4
"""Degree of a skip's polynomial, where there is one."""
_TERMS = (ORDER + 1) * (ORDER + 2) // 2 - 1


class Sizes(NamedTuple):
    """row: numbers of a skip. top: degree that its maker keeps of bounds on what is dropped."""

    row: int
    top: int


SERIES = Sizes(3 + 2 * _TERMS, ORDER + 1)
"""1 / R, |A|, the coefficients but for that of degree 0, degree by degree, and the share (``series_skips.py``)."""
LINEAR = Sizes(11, 0)
"""1 / R, |A|, A, B, and the share (``bilinear_skips.py``)."""
