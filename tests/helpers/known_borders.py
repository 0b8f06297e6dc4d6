"""Borders whose dimension is known, as fates of points of the unit square: labels (n,) of x and y (n,)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepzoom.measuring.fates import At
from deepzoom.measuring.pairs import Points
from deepzoom.scene.view import View

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SQUARE = View.parse("0.5", "0.5", "1", "64x64")


def line(x: Floats, y: Floats) -> Ints:
    """Either side of a straight line: dimension 1."""
    return (0.37 * x + y > 0.6).astype(np.int64)


def noise(x: Floats, y: Floats) -> Ints:
    """A fate of its own for each square of 2^-40: dimension 2."""
    mixed = np.floor(x * 2.0**40).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= np.floor(y * 2.0**40).astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xD6E8FEB86659FD93)
    return ((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(40)).astype(np.int64) & 1


def koch(x: Floats, y: Floats, generations: int = 22) -> Ints:
    """Above or below the Koch curve from the left to the right edge: dimension log 4 / log 3.

    The curve lies in a flat triangle over each of its four thirds; a point of the triangle over the whole that is in
    none of these lies below the curve if it is in the middle triangle, on which the curve's tip stands.
    """
    tall, out = math.sqrt(3), np.zeros(len(x), np.int64)
    a, b = x, y - 0.4

    def flat(a: Floats, b: Floats) -> NDArray[np.bool_]:
        return (b >= 0) & (b <= tall * a / 3) & (b <= tall * (1 - a) / 3)

    inside = flat(a, b)
    out[b < 0] = 1
    left = np.flatnonzero(inside)
    a, b = a[inside], b[inside]
    for _ in range(generations):
        c, s = 0.5, tall / 2
        thirds = (
            (3 * a, 3 * b),
            (3 * ((a - 1 / 3) * c + b * s), 3 * (b * c - (a - 1 / 3) * s)),
            (3 * ((a - 0.5) * c - (b - tall / 6) * s), 3 * ((a - 0.5) * s + (b - tall / 6) * c)),
            (3 * a - 2, 3 * b),
        )
        next_a, next_b, found = a.copy(), b.copy(), np.zeros(len(a), np.bool_)
        for third_a, third_b in thirds:
            here = flat(third_a, third_b)
            next_a[here], next_b[here], found = third_a[here], third_b[here], found | here
        out[left[~found]] = ((b <= tall * (a - 1 / 3)) & (b <= tall * (2 / 3 - a)))[~found]
        left, a, b = left[found], next_a[found], next_b[found]
    return out


def cantor_lines(x: Floats, y: Floats, generations: int = 26) -> Ints:
    """The parity of the generation in which x leaves the Cantor set: dimension 1 + log 2 / log 3."""
    out, kept, x = np.zeros(len(x), np.int64), np.ones(len(x), np.bool_), x.copy()
    for k in range(generations):
        x *= 3
        third = np.floor(x)
        out[kept & (third == 1)] = k % 2
        kept &= third != 1
        x -= third
    return out


def cantor_dust(x: Floats, y: Floats, generations: int = 24) -> Ints:
    """The parity of the generation in which a point leaves the Cantor dust: dimension log 4 / log 3.

    Seen at finite distances it is larger: the edges of all squares add up to (4/3)^k + ... + 1.
    """
    out, kept, x, y = np.zeros(len(x), np.int64), np.ones(len(x), np.bool_), x.copy(), y.copy()
    for k in range(generations):
        x, y = 3 * x, 3 * y
        right, up = np.floor(x), np.floor(y)
        gone = kept & ((right == 1) | (up == 1))
        out[gone] = k % 2
        kept &= ~gone
        x, y = x - right, y - up
    return out


@dataclass
class OfFunction:
    """Fates from a function of float64 coordinates."""

    function: Callable[[Floats, Floats], Ints]

    def opened(self, view: View, points: int) -> At:
        return lambda numbers: (
            Points(self.function(*view.points(numbers)), np.ones(len(numbers), np.bool_)),
            len(numbers), 0, len(numbers),
        )  # fmt: skip


class ExactCantorLines:
    """``cantor_lines`` of exact coordinates, with so many digits to base 3."""

    digits = 90

    def opened(self, view: View, points: int) -> At:
        power = 3**self.digits

        def label(column: int) -> int:
            x = view.point(column)[0]
            scaled = int(x.numerator) * power // int(x.denominator)
            digits = []
            for _ in range(self.digits):
                scaled, digit = divmod(scaled, 3)
                digits.append(digit)
            digits.reverse()
            return digits.index(1) % 2 if 1 in digits else 0

        def at(numbers: Ints) -> tuple[Points, int, int, int]:
            columns, places = np.unique(numbers % view.width, return_inverse=True)
            labels = np.array([label(c) for c in columns.tolist()])[places]
            return Points(labels, np.ones(len(numbers), np.bool_)), len(numbers), 0, len(numbers)

        return at
