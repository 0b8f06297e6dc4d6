"""How ordinary NumPy code runs on numbers that are not floats.

A class has a table with a rule for each NumPy function that it knows. NumPy looks up every operator and function there
(the protocol of NEP 13). So a map written as ``np.tanh(x @ w) * 2`` can be evaluated exactly, or as a difference,
without any change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

Rule = Callable[..., Any]


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

    def floats(self) -> Any:
        """Nearest float64 of each number."""
        raise TypeError(f"a {type(self).__name__} has no float64")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return NotImplemented


def rules_of(table: dict[np.ufunc, Rule]) -> Callable[[np.ufunc], Callable[[Rule], Rule]]:
    """Decorator factory that enters a function into a table of rules."""

    def rule(ufunc: np.ufunc) -> Callable[[Rule], Rule]:
        def enter(function: Rule) -> Rule:
            table[ufunc] = function
            return function

        return enter

    return rule
