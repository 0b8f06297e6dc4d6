"""Evaluates a graph with numbers of any arithmetic: float64 arrays, ``Exact``, or ``Delta``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from deepzoom.arithmetic import arrays
from deepzoom.arithmetic.conditions import positive, select
from deepzoom.arithmetic.delta import parts
from deepzoom.arithmetic.saturation import rounded_exp, tanh_side
from deepzoom.arithmetic.tanh_slope import tanh_slope

from .graph import Node, depends, ordered
from .undefined import Undefined, refuse, value_of


def as_float64(value: Any) -> Any:
    """A ``lift`` for float64: of a Fraction or a float64 array."""
    return np.float64(float(value)) if isinstance(value, Fraction) else value


def evaluate(outputs: Sequence[Node], values: Mapping[Node, Any], lift: Callable[[Any], Any]) -> list[Any]:
    """The values of some nodes.

    values: numbers of some arithmetic for the inputs. lift: makes numbers of it from a Fraction or a float64 array; for
    differences, those of their reference. To evaluate the same nodes again, keep an ``Evaluation``.
    Raises NotANumber where an output would be NaN or inf in an arithmetic that has none.
    """
    return Evaluation(outputs, lift)(values)


class Evaluation:
    """The values of some nodes as a function of the inputs. What does not depend on the inputs is evaluated once."""

    def __init__(self, outputs: Sequence[Node], lift: Callable[[Any], Any]) -> None:
        self.outputs = tuple(outputs)
        order = ordered(outputs)
        self._inputs = [n for n in order if n.op == "input"]
        varies = depends(outputs, self._inputs)
        needed = {i for n in order if n in varies for i in n.inputs} | set(outputs)
        self._fixed: dict[Node, Any] = {n: lift(n.data) for n in order if n.number is not None}
        self._fixed |= {n: lift(n.data.array) for n in order if n.op == "constant" and n not in self._fixed}
        self._undefined: dict[Node, Undefined] = {}
        _run([n for n in order if n not in varies and n not in self._fixed], self._fixed, self._undefined, {})
        self._fixed = {n: value for n, value in self._fixed.items() if n in needed}
        self._order = [n for n in order if n in varies and n.op != "input"]
        self._unneeded = _unneeded(self._order, {*self.outputs, *self._fixed, *self._inputs})

    def __call__(self, values: Mapping[Node, Any]) -> list[Any]:
        """The values of the outputs. values: as of ``evaluate``."""
        found = self._fixed | {n: values[n] for n in self._inputs}
        undefined = dict(self._undefined)
        _run(self._order, found, undefined, self._unneeded)
        refuse(self.outputs, undefined)
        return [found[n] for n in self.outputs]


def _unneeded(order: Sequence[Node], kept: set[Node]) -> dict[Node, list[Node]]:
    """The nodes that nothing needs any more, by the node after which that is so."""
    last = {i: n for n in order for i in n.inputs}
    result: dict[Node, list[Node]] = {}
    for i, n in last.items():
        if i not in kept:
            result.setdefault(n, []).append(i)
    return result


def _run(
    order: Sequence[Node],
    found: dict[Node, Any],
    undefined: dict[Node, Undefined],
    unneeded: Mapping[Node, Sequence[Node]],
) -> None:
    """Add the values of nodes to those that are known, and drop those that nothing needs any more."""
    with np.errstate(all="ignore"):  # a training that diverges passes inf and NaN
        for n in order:
            found[n] = value_of(n, _OPERATIONS[n.op], [found[i] for i in n.inputs], undefined)
            for i in unneeded.get(n, ()):
                del found[i]


def _same(function: Callable[..., Any]) -> Callable[..., Any]:
    """An operation without data."""
    return lambda data, *values: function(*values)


def _of_references(function: Callable[..., Any]) -> Callable[..., Any]:
    """An operation on values of the reference alone."""
    return lambda data, *values: function(*(parts(v)[0] for v in values))


def _tanh_scaled(v: Any) -> Any:
    """tanh(v ln 2 / 2); ln 2 in the arithmetic of v."""
    return np.tanh(v * (np.log(v * 0.0 + 2.0) * 0.5))


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": _same(np.add),
    "subtract": _same(np.subtract),
    "multiply": _same(np.multiply),
    "divide": _same(np.true_divide),
    "negative": _same(np.negative),
    "exp": _same(np.exp),
    "log": _same(np.log),
    "sqrt": _same(np.sqrt),
    "tanh": _same(np.tanh),
    "sin": _same(np.sin),
    "cos": _same(np.cos),
    "matmul": _same(np.matmul),
    "tanh_slope": _same(tanh_slope),
    "tanh_scaled": _same(_tanh_scaled),
    "tanh_side": _of_references(tanh_side),
    "rounded_exp": _of_references(rounded_exp),
    "slope_scaled": _same(lambda v: tanh_slope(_tanh_scaled(v))),
    "copy": _same(lambda v: v),
    "softplus": _same(lambda z: np.logaddexp(0.0, z)),
    "positive": _same(positive),
    "select": _same(select),
    "shift": lambda axis, z: arrays.largest(parts(z)[0], axis),
    "sum": lambda axes, z: z.sum(axis=axes),
    "reshape": lambda shape, z: arrays.moved(z, arrays.reshape(shape)),
    "transpose": lambda axes, z: arrays.moved(z, arrays.transpose(axes)),
    "broadcast": lambda shape, z: arrays.moved(z, arrays.broadcast(shape)),
    "slice": lambda parts, z: arrays.moved(z, arrays.take(parts)),
    "place": lambda data, z: arrays.moved(z, arrays.place(*data)),
    "join": lambda axis, *values: arrays.join(values, axis),
}
