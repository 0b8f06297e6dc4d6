"""How ordinary NumPy code runs on numbers that are not floats.

A class has a table with a rule for each NumPy function that it knows. NumPy looks up every operator and function there
(the protocol of NEP 13). So a map written as ``np.tanh(x @ w) * 2`` can be evaluated exactly, or as a difference,
without any change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

Rule = Callable[..., Any]
Move = Callable[[NDArray[Any]], NDArray[Any]]
"""Moves the elements of an array whose first axis is left alone: digits, pixels or monomials."""


class NotANumber(ArithmeticError):
    """Where float64 gives NaN or inf, fixed point has no number.

    where: bool, broadcasts to the shape of the result, True where it is not defined. sure: whether more bits would not
    change that. They may where a number is 0 only because it is below the last bit.
    """

    def __init__(self, message: str, where: NDArray[np.bool_], sure: bool = False) -> None:
        super().__init__(message)
        self.where = where
        self.sure = sure


class Arithmetic(NDArrayOperatorsMixin):
    """The base of array-like numbers with rules of their own."""

    rank: ClassVar[int]
    """Where two kinds meet, the one of higher rank applies its rule."""
    rules: ClassVar[dict[np.ufunc, Rule]]

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        highest = max(x.rank for x in inputs if isinstance(x, Arithmetic))
        rule = self.rules.get(ufunc)
        if method != "__call__" or options or rule is None or self.rank < highest:
            return NotImplemented
        return rule(*inputs)

    def floats(self, exponent: int = 0) -> Any:
        """Nearest float64 of each number in units of 2**exponent."""
        raise TypeError(f"a {type(self).__name__} has no float64")

    def moved(self, move: Move) -> Any:
        """The same numbers in other places."""
        raise TypeError(f"numbers of a {type(self).__name__} cannot be moved")

    def joined(self, arrays: Sequence[Any], axis: int) -> Any:
        """Arrays one after the other along an axis; this is one of them."""
        raise TypeError(f"arrays of a {type(self).__name__} cannot be joined")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return NotImplemented


def whole_power(base: Any, exponent: int) -> Any:
    """base**exponent for a whole exponent of at least 1, by squares and products."""
    result = base
    for digit in bin(exponent)[3:]:
        result = result * result
        if digit == "1":
            result = result * base
    return result


def rules_of(table: dict[np.ufunc, Rule]) -> Callable[[np.ufunc], Callable[[Rule], Rule]]:
    """Decorator factory that enters a function into a table of rules."""

    def rule(ufunc: np.ufunc) -> Callable[[Rule], Rule]:
        def enter(function: Rule) -> Rule:
            table[ufunc] = function
            return function

        return enter

    return rule


def floats(value: Any, exponent: int = 0) -> NDArray[np.float64]:
    """Numbers of any arithmetic as float64, in units of 2**exponent."""
    if isinstance(value, Arithmetic):
        result: NDArray[np.float64] = value.floats(exponent)
        return result
    array = np.asarray(value, dtype=np.float64)
    return np.ldexp(array, -exponent) if exponent else array
