"""The ufuncs and functions of NumPy that a traced function may use, element by element and over axes.

Those that only move numbers stand in ``shapes.py``.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from deepzoom.arithmetic.numpy_operations import whole_power
from deepzoom.errors import TracingError

from .array import Traced, axis_of, lifted, made, numpy
from .graph import Node, uniform
from .indexing import joined, part
from .shapes import SHAPES

MOST_EXPONENT = 1 << 20
"""A power with a larger whole exponent is made by exp and log."""


def positive(x: Any) -> Traced:
    """1 where a number is above 0, else 0."""
    return made("positive", lifted(x))


def select(condition: Any, yes: Any, no: Any) -> Traced:
    """``yes`` where a 0/1 condition is 1, else ``no``."""
    return made("select", lifted(condition), lifted(yes), lifted(no))


def _simple(op: str) -> Callable[..., Traced]:
    return lambda *inputs: made(op, *inputs)


def power(base: Traced, exponent: Traced) -> Traced:
    """base**exponent: products for a whole exponent, roots for half of one, else exp(exponent log(base))."""
    n = uniform(exponent.node)
    if n is None or n.denominator > 2 or abs(n) > MOST_EXPONENT:
        return numpy.exp(exponent * numpy.log(base))
    shape = np.broadcast_shapes(base.shape, exponent.shape)
    whole = abs(n.numerator) // n.denominator
    result = whole_power(base, whole) if whole else None
    if n.denominator == 2:
        result = numpy.sqrt(base) if result is None else result * numpy.sqrt(base)
    if result is None:
        return lifted(np.ones(shape))
    return made("broadcast", 1 / result if n < 0 else result, data=shape)


def matmul(a: Traced, b: Traced) -> Traced:
    """NumPy's matrix product, of vectors too."""
    if not a.shape or not b.shape:
        raise TracingError("a matrix product (@) needs arrays with axes, not numbers; use *")
    row = a[None, :] if a.ndim == 1 else a
    column = b[:, None] if b.ndim == 1 else b
    product = made("matmul", row, column)
    shape = list(product.shape)
    if b.ndim == 1:
        del shape[-1]
    if a.ndim == 1:
        del shape[-1 if b.ndim == 1 else -2]
    return product.reshape(tuple(shape))


def _equal(a: Traced, b: Traced) -> Traced:
    return (1 - positive(a - b)) * (1 - positive(b - a))


def _heaviside(x: Traced, at_zero: Traced) -> Traced:
    if uniform(at_zero.node) == 0:
        return positive(x) * np.ones(at_zero.shape)
    return positive(x) + at_zero * _equal(x, lifted(0))


def condition(x: Any) -> Traced:
    """1 where an array is not 0, else 0; a condition as it is."""
    x = lifted(x)
    return x if _is_condition(x.node) else 1 - _equal(x, lifted(0))


def _is_condition(n: Node) -> bool:
    """Whether an operation gives only 0 and 1, as far as its form shows."""
    if n.op in ("slice", "place", "reshape", "transpose", "broadcast", "join", "multiply"):
        return all(map(_is_condition, n.inputs))
    if n.op == "subtract":
        return uniform(n.inputs[0]) == 1 and _is_condition(n.inputs[1])
    if n.op == "constant":
        return n.number in (0, 1) if n.number is not None else bool(np.isin(n.data.array, (0, 1)).all())
    return n.op == "positive"


def _not(a: Traced) -> Traced:
    return 1 - condition(a)


def _cosh(x: Traced) -> Traced:
    return (numpy.exp(x) + numpy.exp(-x)) * Fraction(1, 2)


def _log_of_base(base: int) -> Callable[[Traced], Traced]:
    return lambda x: numpy.log(x) / numpy.log(lifted(base))


UFUNCS: dict[np.ufunc, Callable[..., Traced]] = {
    np.add: _simple("add"), np.subtract: _simple("subtract"), np.multiply: _simple("multiply"),
    np.divide: _simple("divide"), np.negative: _simple("negative"), np.positive: lambda x: x,
    np.exp: _simple("exp"), np.log: _simple("log"), np.sqrt: _simple("sqrt"), np.tanh: _simple("tanh"),
    np.sin: _simple("sin"), np.cos: _simple("cos"), np.tan: lambda x: np.sin(x) / np.cos(x),
    np.expm1: lambda x: np.tanh(x * Fraction(1, 2)) * (numpy.exp(x) + 1),  # no cancellation near 0
    np.log1p: lambda x: numpy.log(1 + x), np.exp2: lambda x: numpy.exp(x * numpy.log(lifted(2))),
    np.log2: _log_of_base(2), np.log10: _log_of_base(10),
    np.cosh: _cosh, np.sinh: lambda x: np.tanh(x) * _cosh(x),
    np.logaddexp: lambda a, b: b + made("softplus", a - b),
    np.square: lambda x: x * x, np.reciprocal: lambda x: 1 / x, np.power: power, np.float_power: power,
    np.matmul: matmul, np.absolute: lambda x: select(positive(x), x, -x), np.fabs: lambda x: np.absolute(x),
    np.sign: lambda x: positive(x) - positive(-x), np.heaviside: _heaviside,
    np.maximum: lambda a, b: select(positive(a - b), a, b), np.minimum: lambda a, b: select(positive(b - a), a, b),
    np.fmax: lambda a, b: numpy.maximum(a, b), np.fmin: lambda a, b: numpy.minimum(a, b),
    np.greater: lambda a, b: positive(a - b), np.less: lambda a, b: positive(b - a),
    np.greater_equal: lambda a, b: 1 - positive(b - a), np.less_equal: lambda a, b: 1 - positive(a - b),
    np.equal: _equal, np.not_equal: lambda a, b: 1 - _equal(a, b), np.logical_not: _not,
    np.logical_and: lambda a, b: condition(a) * condition(b), np.logical_or: lambda a, b: 1 - _not(a) * _not(b),
}  # fmt: skip


def _axes(x: Traced, axis: Any) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(x.ndim))
    return tuple(sorted(axis_of(x, a) for a in (axis if isinstance(axis, tuple | list) else (axis,))))


def _kept(x: Traced, result: Traced, axes: tuple[int, ...], keepdims: bool) -> Traced:
    return result.reshape(tuple(1 if i in axes else n for i, n in enumerate(x.shape))) if keepdims else result


def _sum(a: Any, axis: Any = None, keepdims: bool = False) -> Traced:
    x = lifted(a)
    axes = _axes(x, axis)
    return _kept(x, made("sum", x, data=axes), axes, keepdims)


def _mean(a: Any, axis: Any = None, keepdims: bool = False) -> Traced:
    return numpy.sum(a, axis, keepdims=keepdims) * Fraction(1, _count(lifted(a), axis))


def _count(x: Traced, axis: Any, ddof: int = 0) -> int:
    count = int(np.prod([x.shape[i] for i in _axes(x, axis)], dtype=int)) - ddof
    if count < 1:
        raise TracingError(f"the mean over {count} numbers of an array of shape {x.shape} does not exist")
    return count


def _var(a: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Traced:
    x = lifted(a)
    apart = x - numpy.mean(x, axis, keepdims=True)
    return numpy.sum(apart * apart, axis, keepdims=keepdims) * Fraction(1, _count(x, axis, ddof))


def _by_halves(combined: Callable[[Any, Any], Traced]) -> Callable[..., Traced]:
    """A reduction over axes by a function of two arrays, in as few rounds as there are."""

    def reduced(a: Any, axis: Any = None, keepdims: bool = False) -> Traced:
        x = result = lifted(a)
        axes = _axes(x, axis)
        if not all(x.shape[i] for i in axes):
            raise TracingError(f"an array of shape {x.shape} has no numbers along axis {axis}")
        for i in axes:
            while (n := result.shape[i]) > 1:
                half = combined(part(result, i, 0, n // 2), part(result, i, n // 2, n // 2 * 2))
                result = half if n % 2 == 0 else joined([half, part(result, i, n - 1, n)], i)
        shape = tuple(n for i, n in enumerate(x.shape) if i not in axes)
        return _kept(x, result.reshape(shape), axes, keepdims)

    return reduced


def _where(condition_: Any, *branches: Any) -> Traced:
    if len(branches) != 2:
        raise TracingError("np.where in a step needs a condition and both values")
    return select(condition(condition_), *branches)


def _clip(a: Any, a_min: Any = None, a_max: Any = None) -> Traced:
    x = lifted(a)
    x = x if a_min is None else numpy.maximum(x, a_min)
    return x if a_max is None else numpy.minimum(x, a_max)


def _dot(a: Any, b: Any) -> Traced:
    a, b = lifted(a), lifted(b)
    if not a.shape or not b.shape:
        return a * b
    if b.ndim > 2:
        raise TracingError(f"np.dot of shapes {a.shape} and {b.shape}: use @ or np.einsum")
    return matmul(a, b)


def _inner(a: Any, b: Any) -> Traced:
    return _dot(a, numpy.transpose(lifted(b)))


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Traced:
    x = lifted(x)
    if ord is not None and (ord, len(_axes(x, axis))) not in ((2, 1), ("fro", 2)):
        raise TracingError(f"np.linalg.norm with ord={ord} of {len(_axes(x, axis))} axes; only the 2-norm is known")
    return numpy.sqrt(numpy.sum(x * x, axis, keepdims=keepdims))


def _cumsum(a: Any, axis: int | None = None) -> Traced:
    x = lifted(a) if axis is not None else numpy.ravel(lifted(a))
    i = axis_of(x, 0 if axis is None else axis)
    summed = numpy.moveaxis(x, i, -1) @ np.triu(np.ones((x.shape[i], x.shape[i])))
    return numpy.moveaxis(summed, -1, i)


def _triangle(function: Callable[..., Any]) -> Callable[..., Traced]:
    def masked(m: Any, k: int = 0) -> Traced:
        return lifted(m) * function(np.ones(m.shape[-2:]), k)

    return masked


def _einsum(subscripts: Any, *operands: Any) -> Traced:
    text = str(subscripts).replace(" ", "")
    left, arrow, out = text.partition("->")
    terms = left.split(",")
    arrays = [lifted(a) for a in operands]
    wrong = not arrow or len(terms) != len(arrays) or len(terms) > 2 or len(set(out)) < len(out)
    if wrong or any(len(set(t)) < len(t) or not set(t) <= set(string.ascii_letters) for t in (*terms, out)):
        raise TracingError(f"np.einsum({text!r}): give one or two arrays as in 'ij,jk->ik', each letter once in each")
    if any(len(t) != a.ndim for t, a in zip(terms, arrays)) or not set(out) <= set(left):
        raise TracingError(f"np.einsum({text!r}) does not fit shapes {' and '.join(str(a.shape) for a in arrays)}")
    needed = [set(out).union(*terms[:i], *terms[i + 1 :]) for i in range(len(terms))]
    summed = [numpy.sum(a, tuple(i for i, c in enumerate(t) if c not in n)) for a, t, n in zip(arrays, terms, needed)]
    terms = ["".join(c for c in t if c in n) for t, n in zip(terms, needed)]
    if len(terms) == 1:
        return numpy.transpose(summed[0], [terms[0].index(c) for c in out])
    return _contracted(summed[0], terms[0], summed[1], terms[1], out)


def _contracted(a: Any, of_a: str, b: Any, of_b: str, out: str) -> Traced:
    """einsum of two arrays, each of whose letters is in the other or in the result: products of matrices."""
    both = [c for c in of_a if c in of_b and c in out]
    inner = [c for c in of_a if c in of_b and c not in out]
    rows, columns = [c for c in of_a if c not in of_b], [c for c in of_b if c not in of_a]
    sizes = dict(zip(of_a + of_b, a.shape + b.shape))

    def matrices(x: Any, letters: str, groups: list[list[str]]) -> Any:
        order = [letters.index(c) for g in (both, *groups) for c in g]
        shape = [*(sizes[c] for c in both), *(int(np.prod([sizes[c] for c in g], dtype=int)) for g in groups)]
        return numpy.transpose(x, order).reshape(shape)

    left, right = matrices(a, of_a, [rows, inner]), matrices(b, of_b, [inner, columns])
    product = left @ right if inner else left * right
    made_of = [*both, *rows, *columns]
    return numpy.transpose(product.reshape([sizes[c] for c in made_of]), [made_of.index(c) for c in out])


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    **SHAPES, np.sum: _sum, np.mean: _mean, np.var: _var, np.max: _by_halves(np.maximum),
    np.std: lambda a, axis=None, ddof=0, keepdims=False: numpy.sqrt(_var(a, axis, ddof, keepdims)),
    np.min: _by_halves(np.minimum), np.prod: _by_halves(np.multiply), np.where: _where, np.clip: _clip, np.dot: _dot,
    np.inner: _inner, np.outer: lambda a, b: numpy.ravel(lifted(a))[:, None] * numpy.ravel(lifted(b))[None, :],
    np.linalg.norm: _norm, np.cumsum: _cumsum, np.tril: _triangle(np.tril), np.triu: _triangle(np.triu),
    np.einsum: _einsum, np.diff: lambda a, axis=-1: _diff(lifted(a), axis),
}  # fmt: skip


def _diff(x: Traced, axis: int) -> Traced:
    i = axis_of(x, axis)
    return part(x, i, 1, x.shape[i]) - part(x, i, 0, x.shape[i] - 1)


def known() -> str:
    """The names of all operations, for messages."""
    names = {f.__name__ for f in UFUNCS} | {f.__name__ for f in FUNCTIONS}
    return ", ".join(sorted(names))
