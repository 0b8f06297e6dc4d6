"""Conditions that rounding may have decided: the first run takes one side, the second run the other.

Let a unit max(z, 0) come to rest at z = 1e-20, where the terms of z are about 1. Rounding gives z a sign by chance, the
same one in every second pair of runs, and the two would agree on a fate that need not be the true one. So where z is
smaller than a share of its terms, the first run takes z as below 0, and the second run takes it as above. If the side
matters, the runs part; if not, they agree, and the pixel is settled.

In ``np.where(w > 0, ...)`` of a weight w, the step before has added up the terms. It carries their sizes along: each
step also computes, for such an array of the state, the sizes of the terms of its new numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .graph import Node, constant, depends, given, node, rewritten, uniform
from .training import TracedTraining, X, Y
from .whole import whole

DOUBT = given("step", "doubt", ())
"""The share of its terms below which a number has no sure sign; negative in a second run."""

_MOVING = ("reshape", "transpose", "broadcast", "slice", "place", "join")


@dataclass(frozen=True)
class DoubtfulStep:
    """A step with conditions that hold only where they are not in doubt, and in a second run where they may hold.

    outputs: the state after it, the carried sizes after it, and the loss. carried: inputs, in order: the sizes of the
    terms of some arrays of the state, as the step before has added them up; 0 where no step has.
    """

    outputs: tuple[Node, ...]
    carried: tuple[Node, ...]


def with_doubts(training: TracedTraining) -> DoubtfulStep:
    """The step of a training with its doubts.

    Conditions between whole numbers, and those that are the same for all pixels, stay.
    """
    outputs = [*training.after, training.loss]
    varying = depends(outputs, [*training.state, X, Y])
    counting = {n for n, counts in zip(training.state, training.counting, strict=True) if counts}
    exact = whole(outputs, counting)
    unsure = {n for n in varying if n.op == "positive" and not exact[n.inputs[0]]}
    bare = _bare_states(training, unsure) - counting
    terms = _Terms({n: given("state", ("terms", n), n.shape) for n in training.state if n in bare})

    def decided(n: Node, inputs: tuple[Node, ...]) -> Node | None:
        return node("positive", terms.shifted(inputs[0])) if n in unsure else None

    *after, loss = rewritten(outputs, decided)
    sizes = [terms.of(then, terms.carried) for n, then in zip(training.state, after, strict=True) if n in bare]
    return DoubtfulStep((*after, *sizes, loss), tuple(terms.carried.values()))


def _bare_states(training: TracedTraining, unsure: set[Node]) -> set[Node]:
    """The arrays of the state whose numbers decide conditions as they are, or will do so after steps that move them."""
    after = dict(zip(training.state, training.after, strict=True))
    found: set[Node] = set()
    stack = [n.inputs[0] for n in unsure]
    while stack:
        n = stack.pop()
        if n in after:
            if n not in found and after[n] is not n:
                found.add(n)
                stack.append(after[n])
        elif n.op in ("multiply", "negative", *_MOVING):
            stack.extend(n.inputs)
        elif n.op == "divide":
            stack.append(n.inputs[0])
    return found


def _is_positive(n: Node) -> bool:
    """Whether a number is known to be above 0, such as the constant factors of networks."""
    number = uniform(n)
    while n.op in ("broadcast", "reshape"):
        n = n.inputs[0]
    return n.op in ("sqrt", "exp") or (number is not None and number > 0)


def _size(n: Node) -> Node:
    if n.number is not None:
        return constant(abs(n.number))
    if n.op == "constant":
        return constant(np.abs(n.data.array))
    return node("select", node("positive", n), n, node("negative", n))


class _Terms:
    """Bounds of the sums of the sizes of numbers' terms, about which their rounding errors are in proportion.

    carried: inputs with the sizes of the terms of arrays of the state. They count where a number is made of the state
    by products and moves alone. A step that adds numbers up looks no further back, or bounds would only grow.
    """

    def __init__(self, carried: dict[Node, Node]) -> None:
        self.carried = carried
        self._found: dict[tuple[Node, bool], Node] = {}
        self._compared: set[tuple[Node, ...]] = set()

    def shifted(self, n: Node, alone: bool = True) -> Node:
        """A number with the sign that a run takes it to have.

        Each sum in it is less a share of its terms. So opposite numbers have opposite signs, as in ``np.sign(z)``,
        which is (z > 0) - (-z > 0), and two products with a common factor take the same side of it. alone: whether it
        is a sum itself, and not part of such a number; then a sum of 0 need not stay 0 in a first run.
        """
        if n.op == "negative":
            return node("negative", self.shifted(n.inputs[0], False))
        if n.op == "multiply":
            alone &= any(_is_positive(i) for i in n.inputs)
            return node("multiply", *(self.shifted(i, alone) for i in n.inputs))
        if n.op == "divide":
            return node("divide", self.shifted(n.inputs[0], False), n.inputs[1])
        if n.op in _MOVING:
            return node(n.op, *(self.shifted(i, alone) for i in n.inputs), data=n.data)
        if n.op == "subtract" and n.inputs[::-1] in self._compared:
            return node("negative", self.shifted(node("subtract", *n.inputs[::-1]), False))
        if n not in self.carried and n.op not in ("add", "subtract", "sum", "matmul"):
            return n
        if n.op == "subtract":
            self._compared.add(n.inputs)
        shift = node("multiply", DOUBT, self.carried.get(n) or self.of(n, {}))
        if not alone:
            other = node("add", node("positive", n), node("positive", node("negative", n)))
            first = node("broadcast", node("positive", DOUBT), data=n.shape)
            shift = node("select", first, node("multiply", other, shift), shift)
        return node("subtract", n, shift)

    def of(self, n: Node, carried: dict[Node, Node]) -> Node:
        """The bound of a number. carried: ``self.carried``, or none inside a sum."""
        key = n, bool(carried)
        if key not in self._found:
            self._found[key] = self._bound(n, carried)
        return self._found[key]

    def _bound(self, n: Node, carried: dict[Node, Node]) -> Node:
        if n in carried:
            more = node("subtract", carried[n], _size(n))
            return node("select", node("positive", more), carried[n], _size(n))
        if n.op in ("multiply", *_MOVING):
            return node(n.op, *(self.of(i, carried) for i in n.inputs), data=n.data)
        if n.op == "divide":
            return node("divide", self.of(n.inputs[0], carried), _size(n.inputs[1]))
        if n.op == "negative":
            return self.of(n.inputs[0], carried)
        if n.op in ("add", "subtract"):
            return node("add", *(self.of(i, {}) for i in n.inputs))
        if n.op == "sum":
            return node("sum", self.of(n.inputs[0], {}), data=n.data)
        if n.op == "matmul":  # of a row's and a column's largest, which costs less than another product
            a, b = (self.of(i, {}) for i in n.inputs)
            count = n.inputs[0].shape[-1]
            largest = node("multiply", _largest(a, len(a.shape) - 1), _largest(b, len(b.shape) - 2))
            return node("broadcast", node("multiply", constant(count), largest), data=n.shape)
        return _size(n)


def _largest(n: Node, axis: int) -> Node:
    if n.op == "constant" and n.number is None:
        return constant(n.data.array.max(axis=axis, keepdims=True))
    return node("shift", n, data=axis)
