"""Oracle for traced trainings: the graph of a step evaluated number by number in mpmath."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np

from deepzoom.tracing.graph import Node, ordered
from deepzoom.tracing.training import STEP, TracedTraining, X, Y

_FUNCTIONS: dict[str, Any] = {
    "add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b, "negative": lambda a: -a, "exp": mp.exp, "log": mp.log, "sqrt": mp.sqrt,
    "tanh": mp.tanh, "sin": mp.sin, "cos": mp.cos, "softplus": lambda a: mp.log1p(mp.exp(a)),
    "tanh_slope": lambda h: (1 - h) * (1 + h), "positive": lambda a: mp.mpf(int(a > 0)),
    "select": lambda c, a, b: a if c > 0.5 else b,
    "tanh_side": lambda z, h: 2 / (mp.exp(2 * abs(z)) + 1) if abs(z) <= 320 else (320 - abs(z)) * 2 / mp.log(2),
    "rounded_exp": mp.exp,
}  # fmt: skip


def _number(value: Any) -> Any:
    return mp.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else mp.mpf(float(value))


def _array(values: Any) -> Any:
    found = np.empty(np.shape(values), dtype=object)
    for index in np.ndindex(found.shape):
        found[index] = _number(np.asarray(values)[index])
    return found


def _constant(data: Any) -> Any:
    return np.array(_number(data), dtype=object) if isinstance(data, Fraction) else _array(data.array)


def _moved(n: Node, a: list[Any]) -> Any:
    if n.op == "sum":
        result = a[0]
        for axis in sorted(n.data, reverse=True):
            result = np.add.reduce(result, axis=axis)
        return np.array(result, dtype=object)
    if n.op == "shift":
        return np.max(a[0], axis=n.data, keepdims=True)
    if n.op == "reshape":
        return a[0].reshape(n.data)
    if n.op == "transpose":
        return a[0].transpose(n.data)
    if n.op == "broadcast":
        return np.broadcast_to(a[0], n.data)
    if n.op == "slice":
        return a[0][tuple(slice(*(None if v < 0 and i == 1 else v for i, v in enumerate(p))) for p in n.data)]
    if n.op == "place":
        result = _array(np.zeros(n.data[0]))
        places = [range(b, b + s * (d - 1) + (1 if s > 0 else -1), s) for (b, s), d in zip(n.data[1], a[0].shape)]
        for index in np.ndindex(a[0].shape):
            result[tuple(p[i] for p, i in zip(places, index))] = a[0][index]
        return result
    if n.op == "join":
        return np.concatenate(a, axis=n.data)
    assert n.op == "matmul"
    return np.matmul(a[0], a[1])


def values(outputs: Sequence[Node], given: Mapping[Node, Any]) -> list[Any]:
    """The values of some nodes: object arrays of mpf, in the working precision."""
    found = dict(given)
    for n in ordered(outputs):
        if n in found:
            continue
        a = [np.asarray(found[i], dtype=object) for i in n.inputs]
        if n.op == "constant":
            found[n] = _constant(n.data)
        elif n.op in _FUNCTIONS:
            spread = np.broadcast_arrays(*a)
            result = np.empty(n.shape, dtype=object)
            for index in np.ndindex(n.shape):
                result[index] = _FUNCTIONS[n.op](*(s[index] for s in spread))
            found[n] = result
        else:
            found[n] = _moved(n, a)
    return [found[n] for n in outputs]


class OracleRun:
    """A training at a point, step by step. kept: nodes whose values before each step it notes."""

    def __init__(self, training: TracedTraining, x: Any, y: Any, kept: Sequence[Node] = ()) -> None:
        self.training, self.kept = training, list(kept)
        at = [mp.mpf(10) ** v if power else mp.mpf(v) for v, power in zip((x, y), training.powers_of_ten)]
        self.parameters = {X: np.array(at[0], dtype=object), Y: np.array(at[1], dtype=object)}
        self.state = values(training.start, self.parameters)
        self.step = 0
        self.losses: list[Any] = []
        self.noted: list[list[Any]] = []

    def advance(self) -> None:
        """Take one step."""
        given = {**self.parameters, **dict(zip(self.training.state, self.state)), STEP: _array(float(self.step))}
        for n in ordered([*self.training.after, self.training.loss, *self.kept]):
            if n.op == "input" and n.data[0] == "drawn":
                given[n] = _array(self.training.tables[n.data[1]][self.step])
        found = values([*self.training.after, self.training.loss, *self.kept], given)
        count = len(self.state)
        self.state = found[:count]
        self.losses.append(found[count].item())
        self.noted.append(found[count + 1 :])
        self.step += 1

    def flat(self) -> Any:
        """All numbers of the state, (n,)."""
        return np.concatenate([np.asarray(a, dtype=object).ravel() for a in self.state])
