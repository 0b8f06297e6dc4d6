"""The shape of a view: an exact 2x2 matrix that stretches and turns it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from gmpy2 import mpq
from numpy.typing import NDArray

from deepzoom.coordinates import Rational, format_decimal, parse_decimal, rounded
from deepzoom.errors import InputError

Floats = NDArray[np.float64]

_DIGITS = 12
"""Decimals of an entry relative to the largest: with so few, int64 holds the pixels' multiples of a common unit."""
MOST_RATIO = 10**9


@dataclass(frozen=True)
class Shape:
    """The matrix ((xu, xv), (yu, yv)) that takes a point of the picture to the plane: (x, y) = depth * shape (u, v).

    u and v go right and up from the centre, in units of the picture's height. Entries are exact rationals; the
    determinant is above zero.
    """

    xu: Rational
    xv: Rational
    yu: Rational
    yv: Rational

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Shape:
        """A shape from four decimal texts, row by row. Raises InputError if they do not make one."""
        if len(texts) != 4 or not all(isinstance(t, str) for t in texts):
            raise InputError(f"view.shape: {list(texts)!r} is not four decimal texts, such as ['2', '0', '0', '1'].")
        shape = cls(*(parse_decimal(t, "view.shape") for t in texts))
        if not shape.determinant > 0:
            raise InputError(f"view.shape: the determinant of {list(texts)!r} is not above zero.")
        return shape

    @classmethod
    def of(cls, matrix: Floats) -> Shape:
        """A shape from a float64 matrix (2, 2) with a determinant above zero.

        Entries are rounded to ``_DIGITS`` decimals, counted from the largest one.
        """
        unit = mpq(float(np.abs(matrix).max())) / 10**_DIGITS
        return cls(*(rounded(mpq(float(v)), unit) for v in matrix.ravel()))

    def texts(self) -> list[str]:
        """Four decimal texts, which ``parse`` reads back."""
        return [format_decimal(v) for v in self.entries]

    @property
    def entries(self) -> tuple[Rational, Rational, Rational, Rational]:
        """The matrix, row by row."""
        return self.xu, self.xv, self.yu, self.yv

    @property
    def determinant(self) -> Rational:
        return self.xu * self.yv - self.xv * self.yu

    @property
    def matrix(self) -> Floats:
        """The entries as float64 (2, 2)."""
        return np.array([[float(self.xu), float(self.xv)], [float(self.yu), float(self.yv)]])

    @property
    def least(self) -> Rational:
        """The smallest ratio of max(|x|, |y|) to max(|u|, |v|): how much the shape shrinks at most."""
        return self.determinant / max(abs(self.xu) + abs(self.yu), abs(self.xv) + abs(self.yv))

    def times(self, u: Rational, v: Rational) -> tuple[Rational, Rational]:
        """Exact (x, y) of a point (u, v), in units of the depth."""
        return self.xu * u + self.xv * v, self.yu * u + self.yv * v

    def turned(self, degrees: float) -> Shape:
        """The shape for a picture that is first turned counter-clockwise by ``degrees``, then stretched."""
        return Shape.of(self.matrix @ rotation(degrees))

    @classmethod
    def stretched(cls, ratio: float, degrees: float) -> Shape:
        """The shape that stretches ``ratio`` times along the direction ``degrees``, counter-clockwise from x."""
        turn = rotation(degrees)
        return cls.of(turn @ np.diag([ratio, 1.0]) @ turn.T)

    @property
    def spans(self) -> tuple[float, float, float]:
        """(long, short, degrees): the most and the least that a picture's height spans, in units of the depth.

        degrees: the long direction, counter-clockwise from x, from 0 to below 180.
        """
        left, (long, short), _ = np.linalg.svd(self.matrix)
        return float(long), float(short), math.degrees(math.atan2(left[1, 0], left[0, 0])) % 180.0

    def part(self, stretch: float, turn: float) -> Shape:
        """The shape with only a share (0 to 1) of the logarithm of its stretch, and a share of its turn."""
        if stretch == turn == 1:
            return self
        left, sizes, right = np.linalg.svd(self.matrix)
        whole = left @ right
        angle = math.degrees(math.atan2(whole[1, 0], whole[0, 0]))
        return Shape.of(left @ np.diag(sizes**stretch) @ left.T @ rotation(angle * turn))

    def towards(self, other: Shape, share: float) -> Shape:
        """The shape a share of the way (0 to 1) from this one to another close to it."""
        return Shape.of((1 - share) * self.matrix + share * other.matrix)


IDENTITY = Shape(mpq(1), mpq(0), mpq(0), mpq(1))


def rotation(degrees: float) -> Floats:
    """The matrix (2, 2) that turns counter-clockwise; quarter turns are exact."""
    quarters, rest = divmod(degrees, 90.0)
    c, s = math.cos(math.radians(rest)), math.sin(math.radians(rest))
    for _ in range(int(quarters) % 4):
        c, s = -s, c
    return np.array([[c, -s], [s, c]])


def parse_stretch(text: str) -> Shape:
    """The shape of ``off`` or ``RATIO@ANGLE``. Raises InputError for anything else."""
    if text == "off":
        return IDENTITY
    ratio, at, angle = text.partition("@")
    if not at or ratio in ("auto", "off"):
        raise InputError(f"--stretch: {text!r} is not auto, off or RATIO@ANGLE, such as 32@45.")
    times = parse_decimal(ratio, "--stretch")
    if not 1 <= times * MOST_RATIO <= MOST_RATIO**2:
        raise InputError(f"--stretch: {ratio} is not a ratio from 1e-9 to 1e9, such as 32.")
    return Shape.stretched(float(times), _degrees(angle, "--stretch"))


def parse_rotation(text: str) -> float:
    """The degrees that a text gives. Raises InputError if it is not a decimal number."""
    return _degrees(text, "--rotate")


def _degrees(text: str, option: str) -> float:
    """An angle, reduced to 0 .. 360."""
    value = parse_decimal(text, option)
    return float(value % 360)
