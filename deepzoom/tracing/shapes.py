"""The functions of NumPy that only move the numbers of traced arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from deepzoom.errors import TracingError

from .array import Traced, axis_of, lifted, made
from .graph import Shape
from .indexing import joined, part


def _reshape(a: Any, shape: Any, order: str = "C") -> Traced:
    x = lifted(a)
    if order != "C":
        raise TracingError("np.reshape in a step knows only the order C")
    sizes = [int(n) for n in (shape if isinstance(shape, tuple | list) else (shape,))]
    if -1 in sizes:
        rest = math.prod(n for n in sizes if n != -1)
        if rest == 0 or x.size % rest or sizes.count(-1) > 1:
            raise TracingError(f"an array of shape {x.shape} cannot be reshaped to {tuple(sizes)}")
        sizes[sizes.index(-1)] = x.size // rest
    return made("reshape", x, data=tuple(sizes))


def _transpose(a: Any, axes: Any = None) -> Traced:
    x = lifted(a)
    order = tuple(range(x.ndim))[::-1] if axes is None else tuple(axis_of(x, i) for i in axes)
    if sorted(order) != list(range(x.ndim)):
        raise TracingError(f"axes {axes} are not all axes of an array of shape {x.shape}")
    return made("transpose", x, data=order)


def _swapaxes(a: Any, axis1: int, axis2: int) -> Traced:
    x = lifted(a)
    order = list(range(x.ndim))
    i, j = axis_of(x, axis1), axis_of(x, axis2)
    order[i], order[j] = j, i
    return made("transpose", x, data=tuple(order))


def _moveaxis(a: Any, source: int, destination: int) -> Traced:
    x = lifted(a)
    order = [i for i in range(x.ndim) if i != axis_of(x, source)]
    order.insert(axis_of(x, destination), axis_of(x, source))
    return made("transpose", x, data=tuple(order))


def _expand_dims(a: Any, axis: Any) -> Traced:
    x = lifted(a)
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    ndim = x.ndim + len(axes)
    sizes = iter(x.shape)
    placed = {i % ndim for i in axes}
    return x.reshape(tuple(1 if i in placed else next(sizes) for i in range(ndim)))


def _squeeze(a: Any, axis: Any = None) -> Traced:
    x = lifted(a)
    wanted = axis if isinstance(axis, tuple | list) else () if axis is None else (axis,)
    axes = [axis_of(x, i) for i in wanted] if axis is not None else [i for i, n in enumerate(x.shape) if n == 1]
    if any(x.shape[i] != 1 for i in axes):
        raise TracingError(f"np.squeeze of axis {axis} of an array of shape {x.shape}, which is longer than 1")
    return x.reshape(tuple(n for i, n in enumerate(x.shape) if i not in axes))


def _broadcast_to(array: Any, shape: Any) -> Traced:
    return made(
        "broadcast", lifted(array), data=tuple(int(n) for n in (shape if isinstance(shape, tuple | list) else (shape,)))
    )


def _concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Traced:
    parts = [lifted(a) for a in arrays]
    if axis is None:
        return joined([p.reshape((p.size,)) for p in parts], 0)
    return joined(parts, axis_of(parts[0], axis))


def _stack(arrays: Sequence[Any], axis: int = 0) -> Traced:
    parts = [_expand_dims(a, axis) for a in arrays]
    return _concatenate(parts, axis)


def _hstack(tup: Sequence[Any]) -> Traced:
    parts = [lifted(a) for a in tup]
    return _concatenate([p.reshape((1,)) if not p.shape else p for p in parts], 0 if parts[0].ndim < 2 else 1)


def _vstack(tup: Sequence[Any]) -> Traced:
    parts = [lifted(a) for a in tup]
    return _concatenate([p.reshape((1, p.size)) if p.ndim < 2 else p for p in parts], 0)


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Traced]:
    x = lifted(ary)
    i = axis_of(x, axis)
    n, cuts = x.shape[i], indices_or_sections
    if isinstance(cuts, int | np.integer):
        if cuts < 1 or n % cuts:
            raise TracingError(f"np.split: {n} elements along axis {axis} cannot be cut into {cuts} equal parts")
        cuts = range(n // int(cuts), n, n // int(cuts))
    ends = [0, *(slice(int(c)).indices(n)[1] for c in cuts), n]
    return [part(x, i, start, max(start, stop)) for start, stop in pairwise(ends)]


def _repeated(x: Traced, counts: Sequence[int], outside: bool) -> Traced:
    """Each axis repeated: as a whole (outside), or each of its elements."""
    long: list[int] = []
    wide: list[int] = []
    for n, count in zip(x.shape, counts):
        long += [1, n] if outside else [n, 1]
        wide += [count, n] if outside else [n, count]
    spread = made("broadcast", x.reshape(tuple(long)), data=tuple(wide))
    return spread.reshape(tuple(n * count for n, count in zip(x.shape, counts)))


def _tile(A: Any, reps: Any) -> Traced:
    x = lifted(A)
    counts = [int(n) for n in (reps if isinstance(reps, tuple | list) else (reps,))]
    counts = [1] * (x.ndim - len(counts)) + counts
    return _repeated(x.reshape((1,) * (len(counts) - x.ndim) + x.shape), counts, outside=True)


def _repeat(a: Any, repeats: int, axis: int | None = None) -> Traced:
    x = lifted(a) if axis is not None else _reshape(a, -1)
    i = axis_of(x, 0 if axis is None else axis)
    if not isinstance(repeats, int | np.integer):
        raise TracingError("np.repeat in a step needs one whole number of repeats")
    return _repeated(x, [int(repeats) if j == i else 1 for j in range(x.ndim)], outside=False)


def _roll(a: Any, shift: int, axis: int | None = None) -> Traced:
    x = lifted(a)
    if axis is None:
        return _roll(_reshape(x, -1), shift, 0).reshape(x.shape)
    i = axis_of(x, axis)
    n = x.shape[i]
    cut = -int(shift) % n if n else 0
    return joined([part(x, i, cut, n), part(x, i, 0, cut)], i) if cut else x


def _flip(m: Any, axis: Any = None) -> Traced:
    x = lifted(m)
    wanted = range(x.ndim) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    axes = {axis_of(x, i) for i in wanted}
    return x[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(x.ndim))]


def _pad(array: Any, pad_width: Any, mode: str = "constant") -> Traced:
    x = lifted(array)
    if mode != "constant":
        raise TracingError(f"np.pad in a step pads with zeros, not in mode {mode!r}")
    widths = np.broadcast_to(np.asarray(pad_width, dtype=int), (x.ndim, 2)).tolist()
    shape = tuple(n + before + after for n, (before, after) in zip(x.shape, widths))
    return made("place", x, data=(shape, tuple((before, 1) for before, _ in widths)))


def _like(fill: float) -> Callable[..., Any]:
    def filled(a: Any, dtype: Any = None, shape: Shape | None = None) -> Any:
        return np.full(lifted(a).shape if shape is None else shape, fill)

    return filled


def _full_like(a: Any, fill_value: Any, dtype: Any = None) -> Traced:
    return _broadcast_to(fill_value, lifted(a).shape)


SHAPES: dict[Any, Callable[..., Any]] = {
    np.reshape: _reshape, np.transpose: _transpose, np.swapaxes: _swapaxes, np.moveaxis: _moveaxis,
    np.expand_dims: _expand_dims, np.squeeze: _squeeze, np.broadcast_to: _broadcast_to,
    np.concatenate: _concatenate, np.stack: _stack, np.hstack: _hstack, np.vstack: _vstack, np.split: _split,
    np.tile: _tile, np.repeat: _repeat, np.roll: _roll, np.flip: _flip, np.pad: _pad,
    np.ravel: lambda a: _reshape(a, -1), np.copy: lambda a: Traced(lifted(a).node),
    np.zeros_like: _like(0.0), np.ones_like: _like(1.0), np.full_like: _full_like,
    np.shape: lambda a: a.shape, np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: a.size if axis is None else a.shape[axis_of(a, axis)],
}  # fmt: skip
