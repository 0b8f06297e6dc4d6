"""Derivatives of a traced number, by reverse mode over the operations of its graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from deepzoom.errors import TracingError

from .array import Traced
from .graph import Node, Shape, constant, depends, node, ordered, zeros

_HALF = Fraction(1, 2)


def gradient(of: Traced, by: Sequence[Traced]) -> list[Traced]:
    """The derivatives of a number by some arrays, each in the shape of its array.

    relu has slope 0 at 0. Comparisons and what ``stop_gradient`` gives count as constants. Raises TracingError if
    ``of`` has axes or is a function, or if ``by`` is a dict.
    """
    if callable(of):
        raise TracingError("gradient() takes a loss, not a function; call it first, as in gradient(loss(w), [w])")
    if isinstance(by, Mapping):
        raise TracingError("gradient() takes a list of arrays, not a dict, and returns a list; give list(w.values())")
    if of.shape:
        raise TracingError(f"the gradient of an array of shape {of.shape}; a loss is one number, such as its mean")
    by_nodes = [b.node for b in by]
    reached = depends([of.node], by_nodes)
    found: dict[Node, Node] = {of.node: constant(1)}
    for n in reversed(ordered([of.node])):
        if n not in reached or n not in found or n in by_nodes:
            continue
        for i, (inner, rule) in enumerate(zip(n.inputs, rules(n))):
            if inner in reached and rule is not None:
                share = _unbroadcast(rule(found[n], n, i), inner.shape)
                found[inner] = node("add", found[inner], share) if inner in found else share
    return [Traced(found.get(b, zeros(b.shape))) for b in by_nodes]


def released(outputs: Iterable[Node]) -> list[Node]:
    """The outputs with every node that ``stop_gradient`` held in its place."""
    outputs = list(outputs)
    made: dict[Node, Node] = {}
    for n in ordered(outputs):
        if n.op == "input" and n.data[0] == "stopped":
            (made[n],) = released([n.data[1]])
        elif all(made[i] is i for i in n.inputs):
            made[n] = n
        else:
            made[n] = node(n.op, *(made[i] for i in n.inputs), data=n.data)
    return [made[n] for n in outputs]


_Rule = Callable[[Node, Node, int], Node]
"""(derivative by the result, the operation, number of the input) -> derivative by the input, before unbroadcasting."""


def rules(n: Node) -> Sequence[_Rule | None]:
    """A rule for each input of an operation; None where the derivative is 0."""
    if n.op in ("positive", "shift"):
        return (None,)
    if n.op == "select":
        return None, _chosen, _chosen
    if n.op == "multiply" and n.inputs[0] is n.inputs[1]:
        return _square, None
    return (_RULES[n.op],) * len(n.inputs)


def _unbroadcast(g: Node, shape: Shape) -> Node:
    """The sum over the axes that broadcasting added or repeated."""
    front = len(g.shape) - len(shape)
    axes = tuple(i for i, n in enumerate(g.shape) if i < front or shape[i - front] != n)
    return node("reshape", node("sum", g, data=axes), data=shape)


def _times(a: Node, b: Any) -> Node:
    return node("multiply", a, b if isinstance(b, Node) else constant(b))


def _square(g: Node, n: Node, i: int) -> Node:
    return _times(_times(g, 2), n.inputs[0])


def _product(g: Node, n: Node, i: int) -> Node:
    return _times(g, n.inputs[1 - i])


def _quotient(g: Node, n: Node, i: int) -> Node:
    share = node("divide", g, n.inputs[1])
    return share if i == 0 else node("negative", _times(share, n))


def _chosen(g: Node, n: Node, i: int) -> Node:
    nothing = zeros(n.shape)
    g = node("broadcast", g, data=n.shape)
    return node("select", n.inputs[0], *((g, nothing) if i == 1 else (nothing, g)))


def _sigmoid(z: Node) -> Node:
    return _times(node("add", node("tanh", _times(z, _HALF)), constant(1)), _HALF)


def _swapped(n: Node) -> Node:
    last = len(n.shape) - 1
    return node("transpose", n, data=(*range(last - 1), last, last - 1))


def _matmul(g: Node, n: Node, i: int) -> Node:
    a, b = n.inputs
    return node("matmul", g, _swapped(b)) if i == 0 else node("matmul", _swapped(a), g)


def _sum(g: Node, n: Node, i: int) -> Node:
    inner = n.inputs[0].shape
    kept = tuple(1 if j in n.data else size for j, size in enumerate(inner))
    return node("broadcast", node("reshape", g, data=kept), data=inner)


def _slice(g: Node, n: Node, i: int) -> Node:
    return node("place", g, data=(n.inputs[0].shape, tuple((start, step) for start, _, step in n.data)))


def _place(g: Node, n: Node, i: int) -> Node:
    sizes = n.inputs[0].shape
    return node("slice", g, data=tuple((s, s + step * size, step) for (s, step), size in zip(n.data[1], sizes)))


def _join(g: Node, n: Node, i: int) -> Node:
    start = sum(a.shape[n.data] for a in n.inputs[:i])
    ranges = [(0, size, 1) for size in n.shape]
    ranges[n.data] = start, start + n.inputs[i].shape[n.data], 1
    return node("slice", g, data=tuple(ranges))


_RULES: dict[str, _Rule] = {
    "add": lambda g, n, i: g,
    "subtract": lambda g, n, i: g if i == 0 else node("negative", g),
    "multiply": _product,
    "divide": _quotient,
    "negative": lambda g, n, i: node("negative", g),
    "exp": lambda g, n, i: _times(g, n),
    "log": lambda g, n, i: node("divide", g, n.inputs[0]),
    "sqrt": lambda g, n, i: node("divide", _times(g, _HALF), n),
    "tanh": lambda g, n, i: _times(g, node("tanh_slope", n)),
    "tanh_slope": lambda g, n, i: _times(_times(g, -2), n.inputs[0]),
    "sin": lambda g, n, i: _times(g, node("cos", n.inputs[0])),
    "cos": lambda g, n, i: node("negative", _times(g, node("sin", n.inputs[0]))),
    "softplus": lambda g, n, i: _times(g, _sigmoid(n.inputs[0])),
    "sum": _sum,
    "matmul": _matmul,
    "reshape": lambda g, n, i: node("reshape", g, data=n.inputs[0].shape),
    "transpose": lambda g, n, i: node("transpose", g, data=tuple(int(j) for j in np.argsort(n.data))),
    "broadcast": lambda g, n, i: g,
    "slice": _slice,
    "place": _place,
    "join": _join,
}
