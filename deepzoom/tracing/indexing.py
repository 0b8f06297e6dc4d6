"""Parts of a traced array: ``x[i]`` with numbers, slices, None, ..., and constant arrays of whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.errors import TracingError

from .array import Traced, lifted, made, numpy

MOST_PARTS = 8
"""Rows that lie in more pieces are taken by a matrix product with zeros and ones."""


def part(x: Traced, axis: int, start: int, stop: int, step: int = 1) -> Traced:
    """The elements from start to stop along one axis."""
    ranges = [(0, n, 1) for n in x.shape]
    ranges[axis] = start, stop, step
    return _sliced(x, ranges)


def joined(parts: Sequence[Traced], axis: int) -> Traced:
    """Arrays one after the other along an axis."""
    return parts[0] if len(parts) == 1 else made("join", *parts, data=axis)


def _sliced(x: Traced, ranges: Sequence[tuple[int, int, int]]) -> Traced:
    if all(r == (0, n, 1) for r, n in zip(ranges, x.shape)):
        return x
    return made("slice", x, data=tuple(ranges))


def index(x: Traced, key: Any) -> Traced:
    """``x[key]``, as NumPy has it. Raises TracingError for a key that is not constant, or outside the array."""
    keys = _completed(x, key)
    if any(isinstance(k, np.ndarray) for k in keys):  # then numbers count as arrays, too
        keys = [np.asarray(k) if isinstance(k, int) else k for k in keys]
    ranges: list[tuple[int, int, int]] = []
    shape: list[int] = []
    taken: list[tuple[int, NDArray[Any]]] = []  # axes of the result, and which of their elements are wanted
    backwards: list[tuple[int, NDArray[Any]]] = []
    for k in keys:
        if k is None:
            shape.append(1)
            continue
        n = x.shape[len(ranges)]
        if isinstance(k, int):
            ranges.append((_inside(k, n, x), _inside(k, n, x) + 1, 1))
            continue
        if isinstance(k, slice):
            start, stop, step = k.indices(n)
            if step > 0:
                ranges.append((start, max(start, stop), step))
                shape.append(len(range(start, stop, step)))
                continue
            backwards.append((len(shape), np.arange(start, stop, step)))
        else:
            taken.append((len(shape), np.array([_inside(int(i), n, x) for i in k.ravel()], int).reshape(k.shape)))
        ranges.append((0, n, 1))
        shape.append(n)
    result = _sliced(x, ranges).reshape(tuple(shape))
    for axis, rows in backwards:
        result = _rows(result, axis, rows)
    return _gathered(result, taken) if taken else result


def _completed(x: Traced, key: Any) -> list[Any]:
    """The key as int, slice, None and arrays of whole numbers, one for each axis. Masks become arrays."""
    keys: list[Any] = []
    for k in key if isinstance(key, tuple) else (key,):
        if isinstance(k, Traced):
            k.__index__()  # raises
        if isinstance(k, list | np.ndarray) and np.ndim(k):
            k = np.asarray(k)
            if k.dtype == bool:
                keys.extend(np.nonzero(k))
                continue
            if k.size == 0:
                k = k.astype(int)
            if k.dtype.kind not in "iu":
                raise TracingError(f"an index of {k.dtype}; give whole numbers")
        elif k is not None and k is not Ellipsis and not isinstance(k, slice):
            if isinstance(k, bool) or not hasattr(k, "__index__"):
                raise TracingError(f"{str(k)[:40]!r} is not an index of an array")
            k = k.__index__()
        keys.append(k)
    dots = [i for i, k in enumerate(keys) if k is Ellipsis]
    used = sum(k is not None and k is not Ellipsis for k in keys)
    if used > x.ndim or len(dots) > 1:
        raise TracingError(f"too many indices for an array of shape {x.shape}")
    at = dots[0] if dots else len(keys)
    return [*keys[:at], *[slice(None)] * (x.ndim - used), *keys[at + 1 :]]


def _inside(i: int, n: int, x: Traced) -> int:
    if not -n <= i < n:
        raise TracingError(f"the index {i} is outside an array of shape {x.shape}")
    return i % n


def _gathered(x: Traced, taken: Sequence[tuple[int, NDArray[Any]]]) -> Traced:
    """The elements at the places that arrays name along neighbouring axes."""
    axes = [axis for axis, _ in taken]
    first, last = axes[0], axes[-1] + 1
    if axes != list(range(first, last)):
        raise TracingError("arrays as indices must stand side by side, as in x[:, rows, columns]")
    try:
        places = np.broadcast_arrays(*(rows for _, rows in taken))
    except ValueError:
        raise TracingError(f"indices of shapes {', '.join(str(r.shape) for _, r in taken)} do not fit") from None
    shape = x.shape[:first] + places[0].shape + x.shape[last:]
    lengths = x.shape[first:last]
    if len(axes) == 2 and np.array_equal(places[0], np.arange(lengths[0])):  # one of each row, as labels name it
        chosen = np.eye(lengths[1])[places[1]].reshape(lengths + (1,) * (x.ndim - last))
        return numpy.sum(x * chosen, first + 1)
    flat = x.reshape((*x.shape[:first], int(np.prod(lengths)), *x.shape[last:]))
    return _rows(flat, first, np.ravel_multi_index(tuple(p.ravel() for p in places), lengths)).reshape(shape)


def _rows(x: Traced, axis: int, rows: NDArray[Any]) -> Traced:
    """The elements of an axis that a list names."""
    pieces: list[tuple[int, int]] = []
    for row in rows.tolist():
        if pieces and pieces[-1][1] == row:
            pieces[-1] = pieces[-1][0], row + 1
        else:
            pieces.append((row, row + 1))
    if 0 < len(pieces) <= MOST_PARTS:
        return joined([part(x, axis, *piece) for piece in pieces], axis)
    front = numpy.moveaxis(x, axis, 0)
    taken = lifted(np.eye(x.shape[axis])[rows]) @ front.reshape((x.shape[axis], -1))
    return numpy.moveaxis(taken.reshape((len(rows), *front.shape[1:])), 0, axis)
