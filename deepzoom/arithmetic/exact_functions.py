"""Quotients and functions of exact numbers.

Quotients, square roots and tanh run in compiled routines (``fixed_point_division.py``, ``fixed_point_tanh.py``); the
other functions go through FLINT, number by number (``flint_functions.py``). Where float64 gives NaN or inf, they raise
``NotANumber``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from . import fixed_point_division, fixed_point_tanh, flint_functions
from .exact import Exact, rule, same_point, spread
from .fixed_point import BASE_BITS
from .numpy_operations import NotANumber, whole_power

_LARGEST_EXPONENT = 1e5
"""exp of a larger number has no value here, because it would fill the memory with digits."""


@rule(np.true_divide)
def _divide(a: Any, b: Any) -> Exact:
    a, b = same_point(a, b)
    _refuse("division by zero", b.signs() == 0)
    shape = np.broadcast_shapes(a.shape, b.shape)
    return Exact.balanced(fixed_point_division.divide(spread(a, shape), spread(b, shape), a.point), shape, a.point)


def _refuse(message: str, where: NDArray[np.bool_], sure: bool = False) -> None:
    if where.any():
        raise NotANumber(message, where, sure)


@rule(np.sqrt)
def _sqrt(a: Exact) -> Exact:
    _refuse("square root of a negative number", a.signs() < 0, sure=True)
    return Exact.balanced(fixed_point_division.sqrt(a.flat(), a.point), a.shape, a.point)


@rule(np.power)
def _power(a: Any, b: Any) -> Exact:
    if isinstance(b, Exact):
        result: Exact = np.exp(b * np.log(Exact.of(a, b.bits)))
        return result
    if b != int(b) or b < 1:
        raise ValueError(f"power {b}: give a whole number of at least 1")
    return whole_power(a, int(b))  # type: ignore[no-any-return]


@rule(np.exp)
def _exp(a: Exact) -> Exact:
    _refuse(f"exp of a number above {_LARGEST_EXPONENT:g}", a.floats() > _LARGEST_EXPONENT)
    return _by_flint("exp", a)


@rule(np.log)
def _log(a: Exact) -> Exact:
    signs = a.signs()
    _refuse("logarithm of a number that is not positive", signs <= 0, sure=bool((signs != 0).all()))
    return _by_flint("log", a)


@rule(np.sin)
def _sin(a: Exact) -> Exact:
    return _by_flint("sin", a)


@rule(np.cos)
def _cos(a: Exact) -> Exact:
    return _by_flint("cos", a)


def _by_flint(name: str, a: Exact) -> Exact:
    return Exact.from_integers(flint_functions.of_integers(name, a.integers(), a.bits), a.shape, a.point)


@rule(np.logaddexp)
def _softplus(zero: float, a: Exact) -> Exact:
    """log(1 + exp(a)) = max(a, 0) + log(1 + exp(-|a|))."""
    if zero != 0:
        raise ValueError("logaddexp: only with 0 as its first number")
    result: Exact = np.maximum(cast(Any, a), 0.0) + np.log(1.0 + np.exp(-abs(a)))
    return result


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
    sums, slopes, shifts = fixed_point_tanh.tanh(a.flat(), a.point, ln2, factorials, halvings)
    result = Exact.balanced(sums, a.shape, a.point)
    result.slope = (Exact.balanced(slopes, a.shape, a.point), shifts.reshape(a.shape))
    return result
