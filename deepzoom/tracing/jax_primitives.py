"""The primitives of JAX that a traced function may use, as operations of the graph.

A rule gets the parameters of an equation, with the dtypes of its inputs and its primitive, and the inputs: traced
arrays, or arrays of JAX where they are constant. At least one is traced.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import gmpy2
import numpy as np

from deepzoom.errors import TracingError

from .array import Traced, lifted, made, numpy
from .functions import sigmoid
from .graph import uniform
from .indexing import joined, part
from .jax_moves import moved, overwritten, scattered
from .numpy_functions import condition

Params = dict[str, Any]
Rule = Callable[..., Any]

_PI_BITS = 4096
"""More than any run has."""

_BOOL = np.dtype(bool)


def whole_number(value: Any) -> int:
    """A constant that is one whole number."""
    return int(np.asarray(value))


def _elementwise(function: Any) -> Rule:
    return lambda params, *inputs: function(*map(lifted, inputs))


def _endless(value: Any) -> float:
    """inf or -inf of a constant that is so everywhere, else 0."""
    if isinstance(value, Traced) or np.asarray(value).dtype.kind != "f":
        return 0.0
    array = np.asarray(value)
    return float(array.flat[0]) if array.size and np.isinf(array).all() and (array == array.flat[0]).all() else 0.0


def _extreme(function: Any, never: float) -> Rule:
    """max or min. never: the infinite number that it never chooses."""

    def rule(params: Params, a: Any, b: Any) -> Traced:
        for one, other in ((a, b), (b, a)):
            if _endless(one) == never:
                return made("broadcast", other, data=np.broadcast_shapes(np.shape(one), other.shape))
        return function(lifted(a), lifted(b))  # type: ignore[no-any-return]

    return rule


def _compared(function: Any) -> Rule:
    """A comparison; with an infinite constant, or of an array with itself, it is a constant."""

    def rule(params: Params, a: Any, b: Any) -> Any:
        shape = np.broadcast_shapes(np.shape(a), np.shape(b))
        if _endless(a) or _endless(b):
            return np.full(shape, function(_endless(a), _endless(b)))
        if isinstance(a, Traced) and isinstance(b, Traced) and a.node is b.node:
            return np.full(shape, function(0.0, 0.0))
        return function(lifted(a), lifted(b))

    return rule


def _floats(params: Params, what: str) -> None:
    if any(d.kind in "iu" for d in params["dtypes"]):
        raise TracingError(f"{what} of whole numbers rounds, which a step cannot; convert them to float before")


def _divided(params: Params, a: Any, b: Any) -> Traced:
    _floats(params, "the division")
    return lifted(a) / lifted(b)


def _logical(function: Any) -> Rule:
    def rule(params: Params, *inputs: Any) -> Traced:
        if any(d != _BOOL for d in params["dtypes"]):
            raise TracingError(f"the JAX operation {params['primitive'].name!r} of whole numbers works on their bits")
        return function(*map(lifted, inputs))  # type: ignore[no-any-return]

    return rule


def _converted(params: Params, x: Traced) -> Traced:
    """Another dtype. float32, JAX's default, changes nothing: the values are real numbers."""
    (old,), new = params["dtypes"], np.dtype(params["new_dtype"])
    if new == _BOOL:
        return condition(x)
    if new.kind == "c" or (old.kind not in "biu" and (new.kind in "iu" or new.itemsize < 4)):
        raise TracingError(f"a conversion from {old} to {new}: the values of a step are real numbers, not rounded ones")
    return x


def chosen(which: Any, cases: Sequence[Any]) -> Traced:
    """The case with the number ``which``, element by element; a bool counts as 0 or 1."""
    shape = np.broadcast_shapes(np.shape(which), *map(np.shape, cases))
    if not isinstance(which, Traced):
        numbers = np.broadcast_to(np.asarray(which), shape).astype(int)
        cases = [c if isinstance(c, Traced) else np.where(numbers == i, c, 0) for i, c in enumerate(cases)]
        taken = np.unique(numbers)
        if len(taken) == 1:
            return made("broadcast", lifted(cases[taken[0]]), data=shape)
        which = lifted(numbers)
    result = lifted(cases[0])
    for i, case in enumerate(cases[1:]):
        result = numpy.where(numpy.greater(which, i + Fraction(1, 2)), lifted(case), result)
    return made("broadcast", result, data=shape)


def _power(params: Params, base: Any, exponent: Any) -> Traced:
    base, exponent = lifted(base), lifted(exponent)
    if params["dtypes"][-1].kind not in "iu" or uniform(exponent.node) is not None or (uniform(base.node) or 0) > 0:
        return numpy.power(base, exponent)  # type: ignore[no-any-return]
    # a whole exponent that is not known: of a negative base, too
    pi = Fraction(*map(int, gmpy2.const_pi(_PI_BITS).as_integer_ratio()))
    size = numpy.where(numpy.equal(base, 0), 1, numpy.absolute(base))
    sign = numpy.where(numpy.less(base, 0), numpy.cos(exponent * pi), 1)
    power = numpy.exp(exponent * numpy.log(size)) * sign
    return numpy.where(numpy.equal(base, 0), numpy.equal(exponent, 0), power)  # type: ignore[no-any-return]


def _product(params: Params, a: Any, b: Any) -> Traced:
    """``dot_general``: sums over pairs of axes, with further pairs as batches."""
    a, b = lifted(a), lifted(b)
    (over_a, over_b), (batch_a, batch_b) = params["dimension_numbers"]
    of_a = list(string.ascii_lowercase[: a.ndim])
    of_b = list(string.ascii_uppercase[: b.ndim])
    for i, j in zip((*over_a, *batch_a), (*over_b, *batch_b)):
        of_b[j] = of_a[i]
    batch = [of_a[i] for i in batch_a]
    free = [c for i, c in enumerate(of_a) if i not in (*over_a, *batch_a)]
    free += [c for i, c in enumerate(of_b) if i not in (*over_b, *batch_b)]
    return np.einsum(f"{''.join(of_a)},{''.join(of_b)}->{''.join(batch + free)}", a, b)  # type: ignore


def _broadcast(params: Params, x: Traced) -> Traced:
    shape, places = tuple(map(int, params["shape"])), [int(i) for i in params["broadcast_dimensions"]]
    long = [1] * len(shape)
    for i, n in zip(places, x.shape):
        long[i] = n
    return made("broadcast", x.reshape(tuple(long)), data=shape)


def _reduced(function: Any) -> Rule:
    return lambda params, x: function(x, axis=tuple(int(i) for i in params["axes"]))


def _largest(params: Params, x: Traced) -> Traced:
    """The maximum as a ``shift``; ``settled_shifts`` replaces it where its value matters."""
    axes = [int(i) for i in params["axes"]]
    for axis in axes:
        x = made("shift", x, data=axis)
    return numpy.squeeze(x, tuple(axes))  # type: ignore[no-any-return]


def _any(x: Traced, axis: tuple[int, ...]) -> Traced:
    return 1 - numpy.prod(1 - x, axis=axis)  # type: ignore[no-any-return]


def _squeezed(params: Params, x: Traced) -> Traced:
    return numpy.squeeze(x, tuple(int(i) for i in params["dimensions"]))  # type: ignore[no-any-return]


def _sliced(params: Params, x: Traced) -> Traced:
    steps = params["strides"] or (1,) * x.ndim
    for i, (start, stop, step) in enumerate(zip(params["start_indices"], params["limit_indices"], steps)):
        x = part(x, i, int(start), int(stop), int(step))
    return x


def _split(params: Params, x: Traced) -> list[Traced]:
    ends = np.cumsum([0, *params["sizes"]]).tolist()
    return [part(x, params["axis"], *ends[i : i + 2]) for i in range(len(ends) - 1)]


def _padded(params: Params, x: Any, value: Any) -> Traced:
    """Elements added before, after and between those of an array; negative numbers take some away."""
    x, value = lifted(x), lifted(value)
    config = [tuple(map(int, c)) for c in params["padding_config"]]
    inner = [n + max(n - 1, 0) * between for n, (_, _, between) in zip(x.shape, config)]
    shape = tuple(max(before, 0) + n + max(after, 0) for n, (before, after, _) in zip(inner, config))
    places = tuple((max(before, 0), between + 1) for before, _, between in config)
    filled = made("place", x, data=(shape, places))
    if value.node.number != 0:
        filled = filled + value * (1 - made("place", lifted(np.ones(x.shape)), data=(shape, places)))
    for i, (before, after, _) in enumerate(config):
        filled = part(filled, i, max(-before, 0), shape[i] - max(-after, 0))
    return filled


def _summed(params: Params, x: Traced) -> Traced:
    axis = params["axis"]
    x = numpy.flip(x, axis) if params["reverse"] else x
    x = numpy.cumsum(x, axis)
    return numpy.flip(x, axis) if params["reverse"] else x


def _finite(params: Params, x: Traced) -> Any:
    return np.ones(x.shape, dtype=bool)


def _clamped(params: Params, low: Any, x: Any, high: Any) -> Traced:
    return numpy.minimum(numpy.maximum(lifted(x), lifted(low)), lifted(high))  # type: ignore[no-any-return]


def _same(params: Params, *inputs: Any) -> Any:
    return inputs if params["primitive"].multiple_results else inputs[0]


PRIMITIVES: dict[str, Rule] = {
    **{name: _elementwise(function) for name, function in {
        "add": np.add, "add_any": np.add, "sub": np.subtract, "mul": np.multiply, "neg": np.negative, "exp": np.exp,
        "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "sqrt": np.sqrt, "square": np.square,
        "tanh": np.tanh, "sinh": np.sinh, "cosh": np.cosh, "sin": np.sin, "cos": np.cos, "tan": np.tan,
        "abs": np.absolute, "sign": np.sign, "logistic": sigmoid, "rsqrt": lambda x: 1 / np.sqrt(x),
    }.items()},
    **{name: _compared(function) for name, function in {
        "gt": np.greater, "lt": np.less, "ge": np.greater_equal, "le": np.less_equal, "eq": np.equal,
        "ne": np.not_equal,
    }.items()},
    **{name: _logical(function) for name, function in {
        "not": np.logical_not, "and": np.logical_and, "or": np.logical_or, "xor": np.not_equal,
    }.items()},
    **{name: _reduced(function) for name, function in {
        "reduce_sum": np.sum, "reduce_min": np.min, "reduce_prod": np.prod,
        "reduce_and": np.prod, "reduce_or": _any,
    }.items()},
    "reduce_max": _largest,
    "max": _extreme(np.maximum, -np.inf), "min": _extreme(np.minimum, np.inf), "clamp": _clamped,
    "div": _divided, "pow": _power, "integer_pow": lambda params, x: numpy.power(x, lifted(params["y"])),
    "is_finite": _finite, "select_n": lambda params, which, *cases: chosen(which, cases),
    "stop_gradient": _same, "copy": _same, "copy_p": _same, "optimization_barrier": _same,
    "convert_element_type": _converted, "dot_general": _product, "broadcast_in_dim": _broadcast,
    "reshape": lambda params, x: x.reshape(tuple(int(n) for n in params["new_sizes"])),
    "transpose": lambda params, x: numpy.transpose(x, params["permutation"]),
    "squeeze": _squeezed, "expand_dims": lambda params, x: numpy.expand_dims(x, tuple(params["dimensions"])),
    "concatenate": lambda params, *parts: joined([lifted(p) for p in parts], params["dimension"]),
    "stack": lambda params, *parts: numpy.stack([lifted(p) for p in parts], params["axis"]),
    "tile": lambda params, x: numpy.tile(x, tuple(int(n) for n in params["reps"])),
    "slice": _sliced, "split": _split, "pad": _padded, "cumsum": _summed,
    "rev": moved, "gather": moved, "dynamic_slice": moved,
    "scatter": overwritten, "dynamic_update_slice": overwritten, "scatter-add": scattered,
}  # fmt: skip
