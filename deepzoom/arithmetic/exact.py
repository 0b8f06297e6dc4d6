"""Exact arithmetic: arrays of fixed-point numbers with as many fraction bits as asked for.

Sums are exact; a product, a quotient or a function is off by at most one unit of ``2**-bits`` (``exact_functions.py``).
This file does not tell how many digits of a long run are right: ``deepzoom/reference/training.py`` runs it at two
precisions and compares.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from numbers import Rational
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import digits
from . import fixed_point as kernels
from .arrays import broadcast
from .fixed_point import BASE_BITS
from .numpy_operations import Arithmetic, Move, rules_of


class Exact(Arithmetic):
    """Array of fixed-point numbers.

    digits: int32 (digits, *shape), lowest first, balanced in base 2**26; point: how many of them stand after the point.
    """

    rank = 1
    rules = {}

    def __init__(self, digits: NDArray[np.int32], point: int) -> None:
        self.digits = digits
        self.point = point
        self._floats: NDArray[np.float64] | None = None
        self.slope: tuple[Exact, NDArray[np.int64]] | None = None
        """Of values of tanh: 1 - value**2 as mantissa and shift, see ``scaled.py``."""

    @classmethod
    def of(cls, value: Any, bits: int) -> Exact:
        """Fixed point with at least ``bits`` fraction bits.

        From float64 (taken as exact), a rational number (Fraction, mpq) or an Exact of other bits.
        """
        point = -(-bits // BASE_BITS)
        if isinstance(value, Exact):
            missing = point - value.point
            if missing >= 0:
                fill = np.zeros((missing, *value.shape), np.int32)
                return cls(np.concatenate([fill, value.digits]), point)
            return cls(value.digits[-missing:], point)
        if isinstance(value, Rational):
            return cls.from_integers([(int(value.numerator) << point * BASE_BITS) // int(value.denominator)], (), point)
        array = np.asarray(value, dtype=np.float64)
        return cls.balanced(digits.of_floats(array, point), array.shape, point)

    @classmethod
    def from_integers(cls, integers: list[int], shape: tuple[int, ...], point: int) -> Exact:
        """Numbers ``integers * 2**(-26 point)``."""
        return cls.balanced(digits.of_integers(integers, point + 1), shape, point)

    @classmethod
    def balanced(cls, sums: NDArray[np.int64], shape: tuple[int, ...], point: int) -> Exact:
        """From balanced digits (digits, n); the top one may still be too large."""
        while (top := kernels.digits_needed(sums, point + 1)) < 0:
            sums = np.concatenate([sums, np.zeros_like(sums[:1])])
            kernels.carry(sums)
        return cls(sums[:top].astype(np.int32).reshape(top, *shape), point)

    @property
    def bits(self) -> int:
        return self.point * BASE_BITS

    @property
    def shape(self) -> tuple[int, ...]:
        return self.digits.shape[1:]

    @property
    def ndim(self) -> int:
        return self.digits.ndim - 1

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def T(self) -> Exact:
        return Exact(np.ascontiguousarray(np.moveaxis(self.digits.T, -1, 0)), self.point)

    def __getitem__(self, key: Any) -> Exact:
        keys = key if isinstance(key, tuple) else (key,)
        result = Exact(np.ascontiguousarray(self.digits[(slice(None), *keys)]), self.point)
        if self.slope is not None:
            result.slope = (self.slope[0][key], self.slope[1][key])
        return result

    def moved(self, move: Move) -> Exact:
        """The same numbers in other places. The slope of tanh goes along."""
        result = Exact(np.ascontiguousarray(move(self.digits)), self.point)
        if self.slope is not None:
            mantissa = self.slope[0].moved(move)
            empty = ~move(np.ones((1, *self.shape), dtype=bool))[0]
            if empty.any():  # zeros that were put in; tanh has slope 1 there
                mantissa.digits[self.point, empty] = 1
            result.slope = (mantissa, move(self.slope[1][None])[0])
        return result

    def sum(self, axis: tuple[int, ...] | None = None) -> Exact:
        """The sum over some axes, or all."""
        axes = tuple(range(self.ndim)) if axis is None else axis
        added = self.digits.sum(axis=tuple(i + 1 for i in axes), dtype=np.int64)
        sums = np.zeros((len(self.digits) + 2, math.prod(added.shape[1:])), np.int64)
        sums[:-2] = added.reshape(len(added), -1)
        kernels.carry(sums)
        return Exact.balanced(sums, added.shape[1:], self.point)

    def mean(self) -> Exact:
        result: Exact = self.sum() / self.size
        return result

    def joined(self, arrays: Sequence[Any], axis: int) -> Exact:
        return Exact(np.concatenate(level(*(lifted(p, self.bits) for p in arrays)), axis=axis + 1), self.point)

    def floats(self, exponent: int = 0) -> NDArray[np.float64]:
        """Nearest float64 of each number (inf where there is none), in units of 2**exponent."""
        if exponent:
            digits, bits = divmod(exponent, BASE_BITS)
            return np.ldexp(kernels.to_floats(self.flat(), self.point + digits), -bits).reshape(self.shape)
        if self._floats is None:
            self._floats = kernels.to_floats(self.flat(), self.point).reshape(self.shape)
        return self._floats

    def signs(self) -> NDArray[np.int64]:
        """-1, 0 or 1 for each number."""
        return kernels.signs(self.flat()).reshape(self.shape)

    def log2_largest(self) -> float:
        """log2 of the largest magnitude, at any number of bits; -inf where all are zero."""
        rows = np.flatnonzero(self.digits.reshape(len(self.digits), -1).any(axis=1))
        if not len(rows):
            return -math.inf
        top = int(rows[-1])
        below = self.digits[top - 1].astype(np.float64) if top > 0 else 0.0
        largest = float(np.abs(self.digits[top] * 2.0**BASE_BITS + below).max())
        return math.log2(largest) + BASE_BITS * (top - 1 - self.point)

    def integers(self) -> list[int]:
        """Each number times ``2**bits``, exactly."""
        return digits.to_integers(self.flat())

    def flat(self) -> NDArray[np.int32]:
        """The digits as (digits, n)."""
        return np.ascontiguousarray(self.digits.reshape(len(self.digits), -1))


rule = rules_of(Exact.rules)


@lru_cache(maxsize=256)
def _constant(value: float, bits: int) -> Exact:
    return Exact.of(value, bits)


def lifted(value: Any, bits: int) -> Exact:
    """A number or an array as Exact of so many bits; an Exact as it is."""
    if isinstance(value, Exact):
        return value
    return _constant(value, bits) if isinstance(value, (int, float)) else Exact.of(value, bits)


def same_point(a: Any, b: Any) -> tuple[Exact, Exact]:
    """Two numbers, one of them Exact, as Exact. Raises ValueError if both are, of different bits."""
    bits = a.bits if isinstance(a, Exact) else b.bits
    a, b = lifted(a, bits), lifted(b, bits)
    if a.point != b.point:
        raise ValueError(f"numbers of {a.bits} and {b.bits} bits meet")
    return a, b


def _add_signed(a: Any, b: Any, sign: int) -> Exact:
    a, b = same_point(a, b)
    shape = np.broadcast_shapes(a.shape, b.shape)
    return Exact.balanced(kernels.add(spread(a, shape), spread(b, shape), sign), shape, a.point)


def spread(a: Exact, shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Digits of numbers broadcast to a shape: (digits, n)."""
    if a.shape == shape:
        return a.flat()
    digits = a.digits.reshape(len(a.digits), *(1,) * (len(shape) - a.ndim), *a.shape)
    return np.ascontiguousarray(np.broadcast_to(digits, (len(digits), *shape)).reshape(len(digits), -1))


@rule(np.add)
def _add(a: Any, b: Any) -> Exact:
    return _add_signed(a, b, 1)


@rule(np.subtract)
def _subtract(a: Any, b: Any) -> Exact:
    return _add_signed(a, b, -1)


@rule(np.negative)
def _negative(a: Exact) -> Exact:
    return _add_signed(0.0, a, -1)


@rule(np.multiply)
def _multiply(a: Any, b: Any) -> Exact:
    a, b = same_point(a, b)
    shape = np.broadcast_shapes(a.shape, b.shape)
    return Exact.balanced(products(a, b, shape), shape, a.point)


def products(a: Exact, b: Exact, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Balanced digits (digits, n) of a * b, broadcast to a shape."""
    digits: NDArray[np.int64] = kernels.multiply(spread(a, shape), spread(b, shape), a.point)
    return digits


@rule(np.matmul)
def _matmul(a: Any, b: Any) -> Exact:
    a, b = same_point(a, b)
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    left, right = (broadcast((*batch, *x.shape[-2:]))(x.digits) for x in (a, b))
    sums = [
        kernels.matmul(*(np.ascontiguousarray(x[(slice(None), *place)]) for x in (left, right)), a.point)
        for place in np.ndindex(batch)
    ]
    together = sums[0] if not batch else np.stack(sums, axis=1)
    return Exact.balanced(together.reshape(len(together), -1), (*batch, a.shape[-2], b.shape[-1]), a.point)


@rule(np.absolute)
def _absolute(a: Exact) -> Exact:
    return Exact(a.digits * np.where(a.signs() < 0, -1, 1).astype(np.int32), a.point)


@rule(np.maximum)
def _maximum(a: Any, b: Any) -> Exact:
    a, b = same_point(a, b)
    difference = a - b
    return b + Exact(difference.digits * (difference.signs() > 0).astype(np.int32), a.point)


@rule(np.heaviside)
def _heaviside(a: Exact, at_zero: float) -> Exact:
    return Exact.of(np.heaviside(a.signs().astype(np.float64), at_zero), a.bits)


def level(*numbers: Exact) -> list[NDArray[np.int32]]:
    """The digits of several arrays, each with as many as the longest."""
    most = max(len(a.digits) for a in numbers)
    return [np.concatenate([a.digits, np.zeros((most - len(a.digits), *a.shape), np.int32)]) for a in numbers]


from . import exact_functions  # noqa: E402, F401  it enters the rules of functions
