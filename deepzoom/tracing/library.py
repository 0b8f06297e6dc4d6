"""The library that a user's functions are written with: how deepzoom calls them with traced arrays."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from deepzoom.errors import TracingError

from .array import Traced, lifted
from .gradient import gradient
from .trees import filled, named


@dataclass(frozen=True)
class Library:
    """How a function gets traced arrays, in containers that its library knows, and what it gives.

    named(tree): its arrays by name. filled(tree, arrays): the same containers with other arrays.
    called(function, *arguments): the result. value_and_slopes(function, weights, *arguments): the result and, if it is
    one number, its derivatives by the arrays of weights, in the order of their names.
    """

    named: Callable[[Any], dict[str, Any]]
    filled: Callable[[Any, dict[str, Any]], Any]
    called: Callable[..., Any]
    value_and_slopes: Callable[..., tuple[Any, Sequence[Any]]]


def _called(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except TypeError as error:
        if "jax" not in sys.modules or Traced.__qualname__ not in str(error):
            raise
        message = "JAX cannot take the arrays of a step that is written with NumPy; give the Training library='jax'"
        raise TracingError(message).with_traceback(error.__traceback__) from None


def _value_and_slopes(function: Callable[..., Any], weights: Any, *arguments: Any) -> tuple[Any, Sequence[Any]]:
    arrays = named(weights)
    copies = {name: w.copy() for name, w in arrays.items()}  # a function may change what it gets
    value = _called(function, filled(weights, copies), *arguments)
    if isinstance(value, tuple | list | dict) or (value := lifted(value)).shape:
        return value, ()
    return value, gradient(value, list(arrays.values()))


NUMPY = Library(named, filled, _called, _value_and_slopes)

LIBRARIES = ("numpy", "jax")


def library(name: str) -> Library:
    """The library of this name. JAX is imported only here. Raises TracingError if there is none, or no JAX."""
    if name not in LIBRARIES:
        raise TracingError(f"library = {name!r} is not one of {', '.join(LIBRARIES)}")
    if name == "numpy":
        return NUMPY
    try:
        from .jax_library import JAX
    except ModuleNotFoundError:
        raise TracingError("library = 'jax' needs JAX: python -m pip install 'deepzoom[jax]'") from None
    return JAX
