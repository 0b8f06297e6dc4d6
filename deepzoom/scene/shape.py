"""The shape of a view: an exact 2x2 matrix that stretches and turns it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import gmpy2
import numpy as np
from gmpy2 import mpq
from numpy.typing import NDArray

from deepzoom.coordinates import Rational, format_decimal, log2, parse_decimal, rounded
from deepzoom.errors import InputError

Floats = NDArray[np.float64]

_DIGITS = 12
"""Decimals of an entry relative to the largest: with so few, int64 holds the pixels' multiples of a common unit."""
MOST_RATIO = 10**9
"""That --stretch takes: one angle in degrees says no more."""
STEEP = 10.0**6
"""Ratio of the long span to the short one from which on entries have more digits, and runs exact tangents."""


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

    @classmethod
    def along(cls, ratio: Rational, x: Rational, y: Rational) -> Shape:
        """``ratio`` times along the direction (x, y), exact; entries have ``_DIGITS`` decimals of the short span."""
        more = (ratio - 1) / (x * x + y * y)
        return cls._of_exact((1 + more * x * x, more * x * y, more * x * y, 1 + more * y * y))

    @classmethod
    def _of_exact(cls, entries: Sequence[Rational]) -> Shape:
        """Entries rounded so far below the largest that the short span keeps ``_DIGITS`` decimals."""
        largest, exact = max(map(abs, entries)), cls(*entries)
        unit = largest / 10 ** (_DIGITS + math.ceil(exact.log2_ratio * math.log10(2)))
        return cls(*(rounded(e, unit) for e in entries))

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
    def log2_ratio(self) -> float:
        """log2 of the long span over the short one, also where float64 does not hold them both."""
        both = sum(e * e for e in self.entries) / self.determinant  # the ratio, and its inverse
        return log2(both) if both > STEEP else math.log2((float(both) + math.sqrt(max(float(both) ** 2 - 4, 0.0))) / 2)

    @property
    def is_steep(self) -> bool:
        """Whether float64 does not do for what changes along both directions together."""
        return self.log2_ratio > math.log2(STEEP)

    @property
    def least(self) -> Rational:
        """The smallest ratio of max(|x|, |y|) to max(|u|, |v|): how much the shape shrinks at most."""
        return self.determinant / max(abs(self.xu) + abs(self.yu), abs(self.xv) + abs(self.yv))

    def times(self, u: Rational, v: Rational) -> tuple[Rational, Rational]:
        """Exact (x, y) of a point (u, v), in units of the depth."""
        return self.xu * u + self.xv * v, self.yu * u + self.yv * v

    def solved(self, other: Shape) -> Floats:
        """The matrix (2, 2) by which this one is to be multiplied to become the other, without rounding on the way."""
        (a, b, c, d), (xu, xv, yu, yv) = self.entries, other.entries
        rows = (d * xu - b * yu, d * xv - b * yv), (a * yu - c * xu, a * yv - c * xv)
        return np.array([[float(v / self.determinant) for v in row] for row in rows])

    def turned(self, degrees: float) -> Shape:
        """The shape for a picture that is first turned counter-clockwise by ``degrees``, then stretched."""
        return self.after(rotation(degrees))

    def after(self, matrix: Floats) -> Shape:
        """The shape for a picture that first goes through a matrix (2, 2) with a determinant above zero."""
        if self.is_steep:
            (a, b), (c, d) = ([mpq(float(v)) for v in row] for row in matrix)
            xu, xv, yu, yv = self.entries
            return Shape._of_exact((xu * a + xv * c, xu * b + xv * d, yu * a + yv * c, yu * b + yv * d))
        return Shape.of(self.matrix @ matrix)

    @classmethod
    def stretched(cls, ratio: float, degrees: float) -> Shape:
        """The shape that stretches ``ratio`` times along the direction ``degrees``, counter-clockwise from x."""
        turn = rotation(degrees)
        return cls.of(turn @ np.diag([ratio, 1.0]) @ turn.T)

    def _long_direction(self) -> tuple[Rational, Rational]:
        """The direction (x, y) in which it stretches most, with the digits that its entries have."""
        xu, xv, yu, yv = self.entries
        a, b, c = xu * xu + xv * xv, xu * yu + xv * yv, yu * yu + yv * yv
        _, x, y = principal_axis(a, b, c, 4 * math.ceil(self.log2_ratio) + 64)
        return x, y

    @property
    def spans(self) -> tuple[float, float, float]:
        """(long, short, degrees): the most and the least that a picture's height spans, in units of the depth.

        degrees: the long direction, counter-clockwise from x, from 0 to below 180.
        """
        left, (long, short), _ = np.linalg.svd(self.matrix)
        if self.is_steep:  # where rounding of the long one hides the short one
            short = float(self.determinant / mpq(float(long)))
        return float(long), float(short), math.degrees(math.atan2(left[1, 0], left[0, 0])) % 180.0

    def part(self, stretch: float, turn: float) -> Shape:
        """The shape with only a share (0 to 1) of the logarithm of its stretch, and a share of its turn."""
        if stretch == turn == 1:
            return self
        if self.is_steep:
            return self._steep_part(stretch, turn)
        left, sizes, right = np.linalg.svd(self.matrix)
        whole = left @ right
        angle = math.degrees(math.atan2(whole[1, 0], whole[0, 0]))
        return Shape.of(left @ np.diag(sizes**stretch) @ left.T @ rotation(angle * turn))

    def _steep_part(self, stretch: float, turn: float) -> Shape:
        """The same, of the long direction alone: float64's singular vectors of the short one are anything."""
        x, y = self._long_direction()
        straight = Shape.along(mpq(2.0 ** (self.log2_ratio * stretch)), x, y)
        short = mpq(self.spans[1] ** stretch)
        right, up = self.xu * x + self.yu * y, self.xv * x + self.yv * y  # what is turned into the long direction
        angle = math.degrees(math.atan2(y * right - x * up, x * right + y * up))
        return Shape(*(short * e for e in straight.entries)).turned(angle * turn)

    def towards(self, other: Shape, share: float) -> Shape:
        """The shape a share of the way (0 to 1) from this one to another close to it."""
        if self.is_steep or other.is_steep:
            return Shape._of_exact([a + (b - a) * mpq(share) for a, b in zip(self.entries, other.entries)])
        return Shape.of((1 - share) * self.matrix + share * other.matrix)


IDENTITY = Shape(mpq(1), mpq(0), mpq(0), mpq(1))


def principal_axis(a: Rational, b: Rational, c: Rational, bits: int) -> tuple[Rational, Rational, Rational]:
    """(larger, x, y): of a symmetric matrix ((a, b), (b, c)), its larger eigenvalue and that one's eigenvector.

    Exact but for a square root of so many bits; the vector is not of length 1.
    """
    with gmpy2.context(gmpy2.get_context(), precision=bits):
        larger = mpq((gmpy2.mpfr(a + c) + gmpy2.sqrt(gmpy2.mpfr((a - c) ** 2 + 4 * b * b))) / 2)
    return (larger, larger - c, b) if a > c else (larger, b, larger - a)


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
