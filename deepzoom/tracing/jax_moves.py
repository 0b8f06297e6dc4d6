"""Primitives of JAX that only move numbers, to places that are constant: gather, scatter and the like.

JAX itself moves the numbers of the places, once; where they arrive is where the traced numbers have to go.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from deepzoom.errors import TracingError

from .array import Traced, lifted, numpy
from .graph import Shape

_INDEX = "a step cannot use its values as an index (x[i], jnp.take); use jnp.where, or a product with one-hot rows"


def moved(params: dict[str, Any], x: Any, *indices: Any) -> Traced:
    """gather, dynamic_slice, rev: an array whose every element is one of the input."""
    _constant(indices)
    places = _positions(x.shape)
    found = np.asarray(_bound(params, jax.numpy.asarray(places), *indices))
    if not np.isfinite(found).all():
        raise TracingError(f"an index outside an array of shape {x.shape}")
    block, rows = _blocks(found.astype(int), x.shape)
    return _rows(x.reshape((-1, block)), x.shape, rows).reshape(found.shape)


def overwritten(params: dict[str, Any], x: Any, *rest: Any) -> Traced:
    """scatter, dynamic_update_slice: an array with some elements replaced by those of another."""
    scatter = params["primitive"].name == "scatter"
    new, indices = (rest[1], rest[:1]) if scatter else (rest[0], rest[1:])
    _constant(indices)
    x, new = lifted(x), lifted(new)
    before, after = jax.numpy.full(x.shape, -1.0), jax.numpy.asarray(_positions(new.shape))
    found = np.asarray(_bound(params, before, *((*indices, after) if scatter else (after, *indices)))).astype(int)
    source = np.maximum(found, 0)
    block, rows = _blocks(source, new.shape)
    replaced = _rows(new.reshape((-1, block)), new.shape, rows).reshape(x.shape)
    return numpy.where(found >= 0, replaced, x)  # type: ignore[no-any-return]


def scattered(params: dict[str, Any], x: Any, indices: Any, new: Any) -> Traced:
    """scatter-add: numbers added to some elements of an array; the derivative of gather."""
    _constant((indices,))
    x, new = lifted(x), lifted(new)
    nothing = jax.numpy.zeros(x.shape)
    places = jax.linear_transpose(lambda u: _bound(params, nothing, indices, u), jax.ShapeDtypeStruct(new.shape, float))
    (found,) = places(jax.numpy.asarray(_positions(x.shape) + 1))  # 0 where JAX drops a number
    found = np.asarray(found).astype(int) - 1
    if found.min(initial=0) < 0:
        raise TracingError(f"an index outside an array of shape {x.shape}")
    block, rows = _blocks(found, x.shape)
    added = _added(new.reshape((-1, block)), x.shape, rows)
    return x + added.reshape(x.shape)


def _constant(indices: Sequence[Any]) -> None:
    if any(isinstance(i, Traced) for i in indices):
        raise TracingError(_INDEX)


def _bound(params: dict[str, Any], *inputs: Any) -> Any:
    own = {k: v for k, v in params.items() if k not in ("dtypes", "primitive")}
    if "fill_value" in own:
        own["fill_value"] = np.nan
    return params["primitive"].bind(*inputs, **own)


def _positions(shape: Shape) -> NDArray[np.float64]:
    """The number of each element, in order."""
    return np.arange(math.prod(shape), dtype=np.float64).reshape(shape)


def _blocks(found: NDArray[Any], shape: Shape) -> tuple[int, NDArray[Any]]:
    """(size, numbers) of the largest blocks, last axes of an array, that some of its elements are made of."""
    for i in range(len(shape) + 1):
        size = math.prod(shape[i:])
        if size and found.size % size == 0:
            whole = found.reshape((-1, size))
            if (whole == whole[:, :1] + np.arange(size)).all() and (whole[:, 0] % size == 0).all():
                return size, whole[:, 0] // size
    raise AssertionError("elements are blocks of size 1")


def _labels(shape: Shape, rows: NDArray[Any]) -> NDArray[Any] | None:
    """One-hot rows (n, classes), if the elements are one of each row of an array, as labels name it."""
    if not shape or rows.size * shape[-1] != math.prod(shape):
        return None
    if not np.array_equal(rows // shape[-1], np.arange(rows.size)):
        return None
    return np.eye(shape[-1])[rows % shape[-1]]


def _rows(x: Traced, shape: Shape, rows: NDArray[Any]) -> Traced:
    """Rows of a matrix, made of blocks of an array of some shape."""
    if np.array_equal(rows, np.arange(len(x))):
        return x
    hot = _labels(shape, rows) if x.shape[1] == 1 else None
    return x[rows] if hot is None else numpy.sum(x.reshape(hot.shape) * hot, 1)


def _added(new: Traced, shape: Shape, rows: NDArray[Any]) -> Traced:
    """The matrix of blocks to which rows are added, at the places that they have in an array of some shape."""
    count = math.prod(shape) // new.shape[1]
    if np.array_equal(rows, np.arange(count)):
        return new
    hot = _labels(shape, rows) if new.shape[1] == 1 else None
    if hot is not None:
        return new * hot
    return lifted(np.eye(count)[rows].T) @ new
