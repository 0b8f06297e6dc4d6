"""Conversion of whole arrays to and from the balanced digits of ``fixed_point.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .fixed_point import BASE_BITS, carry


def of_floats(array: NDArray[np.float64], point: int) -> NDArray[np.int64]:
    """Balanced digits (digits, n) of float64 numbers, taken as exact, with ``point`` digits after the point.

    Bits below the last digit are dropped.
    """
    mantissa, exponent = np.frexp(array)
    whole = np.ldexp(mantissa, 53).astype(np.int64).ravel()
    shifts = exponent.astype(np.int64).ravel() - 53 + point * BASE_BITS
    whole >>= np.clip(-shifts, 0, 63)
    first, left = np.divmod(np.maximum(shifts, 0), BASE_BITS)
    sums = np.zeros((max(point, int(first.max(initial=0)) + 3) + 1, whole.size), np.int64)
    mask = (1 << BASE_BITS) - 1
    for k, part in enumerate((whole & mask, whole >> BASE_BITS & mask, whole >> 2 * BASE_BITS)):
        sums[first + k, np.arange(whole.size)] += part << left
    carry(sums)
    return sums


def of_integers(integers: list[int], least: int) -> NDArray[np.int64]:
    """Balanced digits (digits, n) of integers, more than ``least`` of them."""
    longest = max((abs(v).bit_length() for v in integers), default=0)
    count = max(least, longest // BASE_BITS + 1)
    mask = (1 << BASE_BITS) - 1
    sums = np.empty((count + 1, len(integers)), np.int64)
    for column, value in enumerate(integers):
        sign, value = (-1, -value) if value < 0 else (1, value)
        for row in range(count + 1):
            sums[row, column] = sign * (value & mask)
            value >>= BASE_BITS
    carry(sums)
    return sums


def to_integers(digits: NDArray[Any]) -> list[int]:
    """The integers whose balanced digits (digits, n) these are."""
    result = []
    for column in digits.T.tolist():
        value = 0
        for digit in reversed(column):
            value = (value << BASE_BITS) + digit
        result.append(value)
    return result
