"""What arrays of every arithmetic can do besides NumPy's functions: move their numbers, choose, join, add along axes.

A float64 array does it by NumPy; the other numbers have methods of the same names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .numpy_operations import Arithmetic, Move


def reshape(shape: tuple[int, ...]) -> Move:
    """Reshapes to a shape."""
    return lambda a: a.reshape(len(a), *shape)


def transpose(axes: tuple[int, ...]) -> Move:
    """Puts the axes into another order."""
    return lambda a: a.transpose(0, *(i + 1 for i in axes))


def broadcast(shape: tuple[int, ...]) -> Move:
    """Broadcasts to a shape."""

    def move(a: NDArray[Any]) -> NDArray[Any]:
        missing = len(shape) + 1 - a.ndim
        return np.broadcast_to(a.reshape(len(a), *(1,) * missing, *a.shape[1:]), (len(a), *shape))

    return move


def take(parts: Sequence[tuple[int, int, int]]) -> Move:
    """Takes (start, stop, step) of each axis, as of a ``range``."""
    key = (slice(None), *(_slice(*part) for part in parts))
    return lambda a: a[key]


def _slice(start: int, stop: int, step: int) -> slice:
    return slice(start, None if stop < 0 else stop, step)  # a range may count down past 0


def place(shape: tuple[int, ...], parts: Sequence[tuple[int, int]]) -> Move:
    """Places the array inside zeros of a shape: (start, step) of each axis."""

    def move(a: NDArray[Any]) -> NDArray[Any]:
        result = np.zeros((len(a), *shape), a.dtype)
        ends = [start + step * n for (start, step), n in zip(parts, a.shape[1:])]
        key = (_slice(start, end, step) for (start, step), end in zip(parts, ends))
        result[(slice(None), *key)] = a
        return result

    return move


def moved(x: Any, move: Move) -> Any:
    """The numbers of an array in other places."""
    return x.moved(move) if isinstance(x, Arithmetic) else move(np.asarray(x)[None])[0]


def largest(x: Any, axis: int) -> Any:
    """An element along an axis, kept with length 1, whose float64 is the largest."""
    if not isinstance(x, Arithmetic):
        return np.max(x, axis=axis, keepdims=True)
    at = np.expand_dims(x.floats().argmax(axis=axis), axis)
    return x.moved(lambda a: np.take_along_axis(a, at[None], axis + 1))


def join(parts: Sequence[Any], axis: int) -> Any:
    """The arrays one after the other along an axis."""
    highest = max(parts, key=lambda x: x.rank if isinstance(x, Arithmetic) else 0)
    if not isinstance(highest, Arithmetic):
        return np.concatenate(parts, axis=axis)
    return highest.joined(parts, axis)
