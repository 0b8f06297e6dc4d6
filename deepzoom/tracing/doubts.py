"""Conditions that rounding may have decided: the first run takes one side, the second run the other.

Let a unit max(z, 0) come to rest at z = 1e-20, where the terms of z are about 1. Rounding gives z a sign by chance, the
same one in every second pair of runs, and the two would agree on a fate that need not be the true one. So where z is
smaller than a share of its terms, the first run takes z as below 0, and the second run takes it as above. If the side
matters, the runs part; if not, they agree, and the pixel is settled.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .graph import Node, constant, depends, given, node, rewritten
from .training import TracedTraining, X, Y
from .whole import whole

DOUBT = given("step", "doubt", ())
"""The share of its terms below which a number has no sure sign; negative in a second run."""

_MOVING = ("reshape", "transpose", "broadcast", "slice", "place", "join", "sum")


def with_doubts(outputs: Sequence[Node], training: TracedTraining) -> list[Node]:
    """The outputs with conditions that hold only where they are not in doubt, and in a second run where they may hold.

    Conditions between whole numbers, and those that are the same for all pixels, stay.
    """
    varying = depends(outputs, [*training.state, X, Y])
    counting = {n for n, counts in zip(training.state, training.counting, strict=True) if counts}
    exact = whole(outputs, counting)
    sizes: dict[Node, Node] = {}

    def decided(n: Node, inputs: tuple[Node, ...]) -> Node | None:
        if n.op != "positive" or n not in varying or exact[n.inputs[0]]:
            return None
        (z,) = inputs
        return node("positive", node("subtract", z, node("multiply", DOUBT, _terms(z, sizes))))

    return rewritten(outputs, decided)


def _size(n: Node) -> Node:
    if n.number is not None:
        return constant(abs(n.number))
    if n.op == "constant":
        return constant(np.abs(n.data.array))
    return node("select", node("positive", n), n, node("negative", n))


def _terms(n: Node, found: dict[Node, Node]) -> Node:
    """A bound of the sum of the sizes of a number's terms, about which its rounding error is in proportion."""
    if n not in found:
        found[n] = _bound(n, found)
    return found[n]


def _bound(n: Node, found: dict[Node, Node]) -> Node:
    if n.op in ("add", "subtract"):
        return node("add", *(_terms(i, found) for i in n.inputs))
    if n.op in ("multiply", *_MOVING):
        return node(n.op, *(_terms(i, found) for i in n.inputs), data=n.data)
    if n.op == "divide":
        return node("divide", _terms(n.inputs[0], found), _size(n.inputs[1]))
    if n.op == "negative":
        return _terms(n.inputs[0], found)
    if n.op == "matmul":  # of a row's and a column's largest, which costs less than another product
        a, b = (_terms(i, found) for i in n.inputs)
        count = n.inputs[0].shape[-1]
        largest = node("multiply", _largest(a, len(a.shape) - 1), _largest(b, len(b.shape) - 2))
        return node("broadcast", node("multiply", constant(count), largest), data=n.shape)
    return _size(n)


def _largest(n: Node, axis: int) -> Node:
    if n.op == "constant" and n.number is None:
        return constant(n.data.array.max(axis=axis, keepdims=True))
    return node("shift", n, data=axis)
