"""Exact arithmetic: arrays of fixed-point numbers with as many fraction bits as asked for.

Sums are exact; a product, a quotient or a function is off by at most one unit of ``2**-bits``. What a training step
does to whole arrays runs in compiled routines (``fixed_point.py``, ``fixed_point_tanh.py``); what is done to a few
numbers goes through FLINT (``flint_functions.py``). This file does not tell how many digits of a long run are right:
``deepzoom/reference/training.py`` runs it at two precisions and compares.
"""

from __future__ import annotations

import math
from functools import lru_cache
from numbers import Rational
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import digits, fixed_point_tanh, flint_functions
from . import fixed_point as kernels
from .fixed_point import BASE_BITS
from .numpy_operations import Arithmetic, rules_of


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
        """Of values of tanh: 1 - value**2 as mantissa and shift, see ``tanh_slope.py``."""

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

    def sum(self) -> Exact:
        sums = np.zeros((len(self.digits) + 2, 1), np.int64)
        sums[:-2] = self.digits.reshape(len(self.digits), -1).sum(axis=1, dtype=np.int64, keepdims=True)
        kernels.carry(sums)
        return Exact.balanced(sums, (), self.point)

    def mean(self) -> Exact:
        result: Exact = self.sum() / self.size
        return result

    def floats(self) -> NDArray[np.float64]:
        """Nearest float64 of each number (inf where there is none)."""
        if self._floats is None:
            self._floats = kernels.to_floats(self._flat(), self.point).reshape(self.shape)
        return self._floats

    def signs(self) -> NDArray[np.int64]:
        """-1, 0 or 1 for each number."""
        return kernels.signs(self._flat()).reshape(self.shape)

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
        return digits.to_integers(self._flat())

    def _flat(self) -> NDArray[np.int32]:
        return np.ascontiguousarray(self.digits.reshape(len(self.digits), -1))


rule = rules_of(Exact.rules)


@lru_cache(maxsize=256)
def _constant(value: float, bits: int) -> Exact:
    return Exact.of(value, bits)


def _lifted(value: Any, bits: int) -> Exact:
    if isinstance(value, Exact):
        return value
    return _constant(value, bits) if isinstance(value, (int, float)) else Exact.of(value, bits)


def _same_point(a: Any, b: Any) -> tuple[Exact, Exact]:
    bits = a.bits if isinstance(a, Exact) else b.bits
    a, b = _lifted(a, bits), _lifted(b, bits)
    if a.point != b.point:
        raise ValueError(f"numbers of {a.bits} and {b.bits} bits meet")
    return a, b


def _add_signed(a: Any, b: Any, sign: int) -> Exact:
    a, b = _same_point(a, b)
    shape = np.broadcast_shapes(a.shape, b.shape)
    return Exact.balanced(kernels.add(_spread(a, shape), _spread(b, shape), sign), shape, a.point)


def _spread(a: Exact, shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Digits of numbers broadcast to a shape: (digits, n)."""
    if a.shape == shape:
        return a._flat()
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
    a, b = _same_point(a, b)
    shape = np.broadcast_shapes(a.shape, b.shape)
    return Exact.balanced(products(a, b, shape), shape, a.point)


def products(a: Exact, b: Exact, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Balanced digits (digits, n) of a * b, broadcast to a shape."""
    digits: NDArray[np.int64] = kernels.multiply(_spread(a, shape), _spread(b, shape), a.point)
    return digits


@rule(np.matmul)
def _matmul(a: Any, b: Any) -> Exact:
    a, b = _same_point(a, b)
    sums = kernels.matmul(np.ascontiguousarray(a.digits), np.ascontiguousarray(b.digits), a.point)
    return Exact.balanced(sums.reshape(len(sums), -1), (a.shape[0], b.shape[1]), a.point)


@rule(np.true_divide)
def _divide(a: Any, b: Any) -> Exact:
    a, b = _same_point(a, b)
    shape = np.broadcast_shapes(a.shape, b.shape)

    def spread(x: Exact) -> list[int]:
        return np.broadcast_to(np.array(x.integers(), dtype=object).reshape(x.shape), shape).ravel().tolist()

    return Exact.from_integers([(n << a.bits) // d for n, d in zip(spread(a), spread(b))], shape, a.point)


@rule(np.power)
def _power(a: Any, b: Any) -> Exact:
    if isinstance(b, Exact):
        result: Exact = np.exp(b * np.log(Exact.of(a, b.bits)))
        return result
    if b != int(b) or b < 1:
        raise ValueError(f"power {b}: give a whole number of at least 1")
    result = a
    for digit in bin(int(b))[3:]:
        result = result * result
        if digit == "1":
            result = result * a
    return result


@rule(np.absolute)
def _absolute(a: Exact) -> Exact:
    return Exact(a.digits * np.where(a.signs() < 0, -1, 1).astype(np.int32), a.point)


@rule(np.maximum)
def _maximum(a: Any, b: Any) -> Exact:
    a, b = _same_point(a, b)
    difference = a - b
    return b + Exact(difference.digits * (difference.signs() > 0).astype(np.int32), a.point)


@rule(np.heaviside)
def _heaviside(a: Exact, at_zero: float) -> Exact:
    return Exact.of(np.heaviside(a.signs().astype(np.float64), at_zero), a.bits)


def _register_function(ufunc: np.ufunc) -> None:
    def apply(a: Exact) -> Exact:
        return Exact.from_integers(flint_functions.of_integers(ufunc.__name__, a.integers(), a.bits), a.shape, a.point)

    rule(ufunc)(apply)


for _ufunc in (np.exp, np.log, np.sqrt, np.sin, np.cos):
    _register_function(_ufunc)


@lru_cache(maxsize=8)
def _tanh_constants(point: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Digits of ln 2 and of (-1)**k / k!, k = 1, 2, ..., with point + 1 digits after the point; how often to double."""
    ln2, factorials, halvings = flint_functions.tanh_constants(BASE_BITS * (point + 1), BASE_BITS - 4)

    def column(numbers: list[int]) -> NDArray[np.int64]:
        return Exact.from_integers(numbers, (len(numbers),), point + 1).digits[: point + 2].T.astype(np.int64)

    return column([ln2])[0], column(factorials), halvings


@rule(np.tanh)
def _tanh(a: Exact) -> Exact:
    ln2, factorials, halvings = _tanh_constants(a.point)
    sums, slopes, shifts = fixed_point_tanh.tanh(a._flat(), a.point, ln2, factorials, halvings)
    result = Exact.balanced(sums, a.shape, a.point)
    result.slope = (Exact.balanced(slopes, a.shape, a.point), shifts.reshape(a.shape))
    return result
