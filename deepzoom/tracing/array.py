"""Arrays that a traced function works with: NumPy's operations on them make nodes of a graph.

``numpy_functions.py`` lists the ufuncs and functions of NumPy that a step may use; operators and methods lead there.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from deepzoom.errors import TracingError

from .graph import Node, Shape, constant, node

numpy: Any = np
"""NumPy without its types, which know no traced arrays."""

_NUMBERS = "a step cannot turn its values into numbers of Python (float, int, the module math); use functions of NumPy"
_VIEWS = ("slice", "reshape", "transpose")


class Traced(NDArrayOperatorsMixin):
    """An array in a traced function: its shape is known, its numbers are not.

    It has the operators and the usual methods of a NumPy array of float64. Comparisons give 1 where they hold, else 0.
    Raises TracingError for what cannot be traced.
    """

    __slots__ = ("node",)
    dtype = np.dtype(np.float64)

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def shape(self) -> Shape:
        return self.node.shape

    @property
    def ndim(self) -> int:
        return len(self.node.shape)

    @property
    def size(self) -> int:
        return self.node.size

    @property
    def T(self) -> Traced:
        return numpy.transpose(self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Traced:
        from .numpy_functions import UFUNCS

        if ufunc not in UFUNCS:
            raise _unknown(f"np.{ufunc.__name__}", "")
        if method != "__call__":
            raise _unknown(f"np.{ufunc.__name__}.{method}", "; use np.sum, np.max and the like")
        if options:
            raise TracingError(f"np.{ufunc.__name__} takes no {next(iter(options))}= in a step")
        result = UFUNCS[ufunc](*map(lifted, inputs))
        if out is None:
            return result
        return _into(out[0], result)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        from .numpy_functions import FUNCTIONS

        module = function.__module__.replace("numpy", "np", 1)
        name = f"{module}.{function.__name__}"
        if function not in FUNCTIONS:
            raise _unknown(name, "")
        try:
            inspect.signature(FUNCTIONS[function]).bind(*args, **options)
        except TypeError as error:
            raise TracingError(f"{name} in a step: {error}") from None
        return FUNCTIONS[function](*args, **options)

    def __array__(self, *args: Any, **options: Any) -> Any:
        raise TracingError(
            "a step cannot turn its values into a plain array (np.array, np.asarray, or a list of arrays); use np.stack"
            " or np.concatenate"
        )

    def __bool__(self) -> bool:
        raise TracingError("a step cannot branch on its values (if, while, and, or, max, min); use np.where")

    def __float__(self) -> float:
        raise TracingError(_NUMBERS)

    def __int__(self) -> int:
        raise TracingError(_NUMBERS)

    def __index__(self) -> int:
        raise TracingError("a step cannot use its values as an index; use np.where, or a product with one-hot rows")

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TracingError("a step cannot change a part of an array (x[i] = v); use np.where, np.stack or a new array")

    def __getitem__(self, key: Any) -> Traced:
        from .indexing import index

        return index(self, key)

    def __len__(self) -> int:
        if not self.shape:
            raise TracingError("len() of a number; only an array with axes has a length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Traced]:
        return iter([self[i] for i in range(len(self))])

    def __repr__(self) -> str:
        return f"<traced array of shape {self.shape}>"

    def __invert__(self) -> Traced:
        return numpy.logical_not(self)

    def __and__(self, other: Any) -> Traced:
        return numpy.logical_and(self, other)

    def __or__(self, other: Any) -> Traced:
        return numpy.logical_or(self, other)

    __rand__, __ror__ = __and__, __or__

    def reshape(self, *shape: Any) -> Traced:
        return numpy.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Traced:
        order = None if not axes else axes[0] if len(axes) == 1 else axes
        return numpy.transpose(self, order)

    def copy(self) -> Traced:
        return Traced(self.node)

    def astype(self, dtype: Any, copy: bool = True) -> Traced:
        if np.dtype(dtype) != np.float64:
            raise TracingError(f"astype({np.dtype(dtype)}): the values of a step are real numbers; use astype(float)")
        return Traced(self.node)


def _method(name: str) -> Any:
    """A method that is the function of NumPy with this name."""
    function = getattr(np, name)

    def method(self: Traced, *args: Any, **options: Any) -> Traced:
        return function(self, *args, **options)

    method.__name__ = name
    return method


for _name in ("sum", "mean", "max", "min", "prod", "var", "std", "swapaxes", "squeeze", "clip", "dot", "cumsum",
              "ravel", "repeat"):  # fmt: skip
    setattr(Traced, _name, _method(_name))
Traced.flatten = Traced.ravel  # type: ignore[attr-defined]


class Whole(Traced):
    """An array of whole numbers or bools in a traced function, such as a counter of steps; numbers as all others.

    Only JAX asks for its dtype, and refuses what it does not allow for it.
    """

    __slots__ = ("dtype",)

    def __init__(self, node: Node, dtype: np.dtype[Any]) -> None:
        self.node, self.dtype = node, dtype


def like(value: Any, node: Node) -> Traced:
    """A node as an array: of whole numbers or bools, if ``value`` is such an array."""
    dtype = getattr(value, "dtype", Traced.dtype)
    return Whole(node, dtype) if dtype.kind in "biu" else Traced(node)


def lifted(value: Any) -> Traced:
    """A number or an array as a traced constant with exactly its value; a traced array as it is.

    Raises TracingError for numbers that are not finite, and for what is no array of real numbers.
    """
    if isinstance(value, Traced):
        return value
    if not isinstance(value, (Fraction, int, float)):
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            raise TracingError(f"{str(value)[:40]!r} is not an array of real numbers")
        value = array.astype(np.float64)
    try:
        return Traced(constant(value))
    except (ValueError, OverflowError) as error:
        raise TracingError(f"{error}; use a finite one, such as -1e9 for a masked score") from None


def made(op: str, *inputs: Traced, data: Any = None) -> Traced:
    """The result of an operation of the graph. Raises TracingError for shapes that do not fit."""
    try:
        return Traced(node(op, *(a.node for a in inputs), data=data))
    except ValueError as error:
        raise TracingError(str(error)) from None


def axis_of(x: Traced, axis: int) -> int:
    """The number of an axis from 0; negative ones count from the last. Raises TracingError if there is none."""
    if isinstance(axis, (int, np.integer)) and -x.ndim <= axis < x.ndim:
        return int(axis) % x.ndim
    raise TracingError(f"an array of shape {x.shape} has no axis {axis}")


def _into(target: Any, result: Traced) -> Traced:
    """``x += y``, as NumPy does it: all names of the array see the change."""
    if not isinstance(target, Traced):
        raise TracingError("a step cannot write its values into a plain array (x += y, out=); write x = x + y")
    if target.node.op in _VIEWS:
        raise TracingError("x += y would change a part of another array; write x = x + y")
    if target.shape != result.shape:
        raise TracingError(f"x += y: an array of shape {target.shape} cannot hold one of shape {result.shape}")
    target.node = result.node
    return target


def _unknown(name: str, more: str) -> TracingError:
    from .numpy_functions import known

    return TracingError(f"{name} is not an operation that a step can use{more}; known are {known()}")
