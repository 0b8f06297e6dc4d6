"""Functions written with JAX: traced by JAX to a jaxpr, whose operations become nodes of the graph."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.tree_util import keystr, tree_flatten_with_path

from deepzoom.errors import TracingError

from .array import Traced, Whole, lifted
from .graph import Node
from .jaxpr import evaluated
from .library import Library
from .shifts import settled_shifts
from .trees import ALONE

_BRANCH = "a step cannot branch on its values (if, while, and, or, max, min); use jnp.where or jax.lax.cond"
_MASK = "a step cannot pick elements by a condition on its values (x[x > 0]); use jnp.where"
_NUMPY = "a step written with JAX cannot hand its values to NumPy or Python (float, int, range, math); use jnp"


def named(tree: Any) -> dict[str, Any]:
    """The arrays of a pytree by their names, such as ``0.mu.w``. Raises TracingError if two have one name."""
    leaves, _ = tree_flatten_with_path(tree)
    found = {keystr(path, simple=True, separator=".") or ALONE: leaf for path, leaf in leaves}
    if len(found) < len(leaves):
        raise TracingError("two arrays of the state have the same name; give the keys of dicts other names")
    return found


def filled(tree: Any, arrays: Mapping[str, Any]) -> Any:
    """The pytree with other arrays, which have the names that ``named`` gives."""
    return jax.tree.unflatten(jax.tree.structure(tree), [arrays[name] for name in named(tree)])


def called(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a JAX function gives for pytrees with traced arrays: a pytree of traced arrays.

    Everything else in the arguments is constant: arrays become arrays of JAX, numbers stay as they are. JAX computes
    on the CPU and with float64 here, whatever its configuration. Raises TracingError, with the line, for what the graph
    has not.
    """
    leaves, structure = jax.tree.flatten(arguments)
    traced = [leaf for leaf in leaves if isinstance(leaf, Traced)]
    shapes = [jax.ShapeDtypeStruct(t.shape, t.dtype) for t in traced]

    def pure(*tracers: Any) -> Any:
        given = iter(tracers)
        return _checked(function(*jax.tree.unflatten(structure, [_argument(leaf, given) for leaf in leaves])))

    with jax.enable_x64(True), jax.default_device(jax.devices("cpu")[0]):
        closed, result = _translated(lambda: jax.make_jaxpr(pure, return_shape=True)(*shapes))
        file = getattr(getattr(inspect.unwrap(function), "__code__", None), "co_filename", "")
        found = evaluated(closed.jaxpr, closed.consts, traced, file)
        nodes = settled_shifts([lifted(value).node for value in found])
        outputs = [_result(n, shape.dtype) for n, shape in zip(nodes, jax.tree.leaves(result))]
    return jax.tree.unflatten(jax.tree.structure(result), outputs)


def value_and_slopes(function: Callable[..., Any], weights: Any, *arguments: Any) -> tuple[Any, Sequence[Any]]:
    """A number and its derivatives by the arrays of weights, as JAX itself derives them; no derivatives of an array."""
    value = called(function, weights, *arguments)
    if not isinstance(value, Traced) or value.shape:
        return value, ()
    value, slopes = called(jax.value_and_grad(function), weights, *arguments)
    return value, list(named(slopes).values())


def _checked(result: Any) -> Any:
    """What a function gives. Raises TracingError for a part of it that is no array and no number."""
    for leaf in jax.tree.leaves(result):
        if not isinstance(leaf, jax.Array | np.ndarray | np.generic | int | float):
            raise TracingError(f"a step gives {str(leaf)[:40]!r}, which is not an array of real numbers")
    return result


def _argument(leaf: Any, given: Any) -> Any:
    if isinstance(leaf, Traced):
        return next(given)
    return jax.numpy.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf


def _result(node: Node, dtype: Any) -> Traced:
    return Traced(node) if jax.numpy.issubdtype(dtype, np.floating) else Whole(node, np.dtype(dtype))


def _translated(trace: Callable[[], Any]) -> Any:
    """What a function gives. JAX's errors about values that are not known become sentences of deepzoom's."""
    try:
        return trace()
    except jax.errors.TracerBoolConversionError as error:
        raise TracingError(_BRANCH).with_traceback(error.__traceback__) from None
    except jax.errors.NonConcreteBooleanIndexError as error:
        raise TracingError(_MASK).with_traceback(error.__traceback__) from None
    except (
        jax.errors.TracerArrayConversionError,
        jax.errors.TracerIntegerConversionError,
        jax.errors.ConcretizationTypeError,
    ) as error:
        raise TracingError(_NUMPY).with_traceback(error.__traceback__) from None


JAX = Library(named, filled, called, value_and_slopes)
