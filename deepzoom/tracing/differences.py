"""The graph of differences: how far a pixel's values are from those of the reference run, by rules that never cancel.

Capital letters are values of the reference run, small ones differences from them. With ``F = f(A)`` the rules are

    product   A b + a (B + b)          quotient   (a - F b) / (B + b)        sqrt   a / (F + sqrt(A + a))
    sin       cos A sin a - 2 F sin(a / 2)**2      cos    -sin A sin a - 2 F sin(a / 2)**2
    exp, log, tanh, softplus    functions of their own, in ``kernels/arithmetic/``
    positive  positive(A + a) - F      select     by cases of the condition before and now

They are those of ``deepzoom/arithmetic/delta.py``, as a graph, from which kernels are generated. Values of the
reference are inputs of kind ``reference``. A run in high precision computes them and rounds once, so sums such as
``1 - |T|`` have all their digits.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from .graph import Node, constant, depends, given, node, ordered

VIEWS = ("reshape", "transpose", "broadcast", "slice", "place", "join")
"""Operations that only move numbers. A value of the reference is recorded before them."""
_HALF = Fraction(1, 2)
_FAR = 1
"""How far the largest argument of exp moves before a shift follows it: a sum of exponentials stays near 1 or above."""


class Differences:
    """The differences of some nodes, as nodes of another graph.

    varying: the inputs in which pixels differ from the reference; all other inputs have the reference's values.
    """

    def __init__(self, outputs: Iterable[Node], varying: Iterable[Node]) -> None:
        outputs = list(outputs)
        varies = depends(outputs, varying)
        self._fixed = set(ordered(outputs)) - depends(outputs, [n for n in ordered(outputs) if n.op == "input"])
        self._found: dict[Node, Node] = {n: given("difference", n, n.shape) for n in varying}
        for n in ordered(outputs):
            if n in varies and n not in self._found:
                difference = self._rule(n)
                if difference is not None:
                    self._found[n] = difference

    def of(self, n: Node) -> Node | None:
        """The difference of a node; None where it is always 0."""
        return self._found.get(n)

    def reference(self, n: Node) -> Node:
        """The value of a node in the reference run."""
        if n.op == "constant" or n in self._fixed:
            return n
        if n.op in VIEWS:
            return node(n.op, *map(self.reference, n.inputs), data=n.data)
        return given("reference", n, n.shape)

    def total(self, n: Node) -> Node:
        """The value of a node in the pixel's run."""
        difference = self._found.get(n)
        if difference is None:
            return self.reference(n)
        if n.op in ("multiply", "negative", "positive", "select", *VIEWS):
            return node(n.op, *map(self.total, n.inputs), data=n.data)
        return node("add", self.reference(n), difference)

    def _rule(self, n: Node) -> Node | None:
        rule = _RULES.get(n.op)
        if rule is not None:
            return rule(self, n)
        parts = [self._found.get(i) for i in n.inputs]
        if all(p is None for p in parts):
            return None
        if n.op in ("negative", "sum", *VIEWS):
            zero = constant(0)
            filled = [node("broadcast", zero, data=i.shape) if p is None else p for i, p in zip(n.inputs, parts)]
            return node(n.op, *filled, data=n.data)
        raise ValueError(f"{n.op} has no rule for differences")


def _sum(shape: tuple[int, ...], *terms: Node | None) -> Node | None:
    given_terms = [t for t in terms if t is not None]
    if not given_terms:
        return None
    total = given_terms[0]
    for t in given_terms[1:]:
        total = node("add", total, t)
    return node("broadcast", total, data=shape)


def _add(d: Differences, n: Node) -> Node | None:
    return _sum(n.shape, *(d.of(i) for i in n.inputs))


def _subtract(d: Differences, n: Node) -> Node | None:
    a, b = (d.of(i) for i in n.inputs)
    if a is not None and b is not None:
        return node("subtract", a, b)
    return _sum(n.shape, a, None if b is None else node("negative", b))


def _product(d: Differences, n: Node) -> Node | None:
    left, right = n.inputs
    a, b = d.of(left), d.of(right)
    if left is right and n.op == "multiply" and a is not None:
        return node("multiply", node("add", d.reference(left), d.total(left)), a)
    first = None if b is None else node(n.op, d.reference(left), b)
    second = None if a is None else node(n.op, a, d.total(right))
    return _sum(n.shape, first, second)


def _quotient(d: Differences, n: Node) -> Node | None:
    above, below = n.inputs
    a, b = d.of(above), d.of(below)
    if b is None:
        return None if a is None else node("divide", a, d.reference(below))
    change = node("multiply", d.reference(n), b)
    numerator = node("negative", change) if a is None else node("subtract", a, change)
    return node("divide", numerator, d.total(below))


def _exp(d: Differences, n: Node) -> Node | None:
    z = n.inputs[0]
    a = d.of(z)
    if a is None:
        return None
    value = given("reference", node("rounded_exp", z), n.shape)
    return node("exp_difference", value, d.reference(z), a)


def _log(d: Differences, n: Node) -> Node | None:
    z = n.inputs[0]
    a = d.of(z)
    return None if a is None else node("log_difference", d.reference(z), d.reference(n), a)


def _sqrt(d: Differences, n: Node) -> Node | None:
    a = d.of(n.inputs[0])
    if a is None:
        return None
    below = node("add", node("sqrt", d.total(n.inputs[0])), d.reference(n))
    nothing = node("broadcast", constant(0), data=n.shape)  # both roots are 0, as of a gradient that is always 0
    return node("select", node("positive", below), node("divide", a, below), nothing)


def _tanh(d: Differences, n: Node) -> Node | None:
    a = d.of(n.inputs[0])
    if a is None:
        return None
    side = node("tanh_side", n.inputs[0], n)
    scale = node("divide", constant(2), node("log", constant(2)))
    return node("tanh_difference", d.reference(n), given("reference", side, n.shape), node("multiply", a, scale))


def _tanh_slope(d: Differences, n: Node) -> Node | None:
    h = n.inputs[0]
    a = d.of(h)
    if a is None:
        return None
    return node("negative", node("multiply", node("add", d.reference(h), d.total(h)), a))


def _wave(d: Differences, n: Node) -> Node | None:
    z = n.inputs[0]
    a = d.of(z)
    if a is None:
        return None
    slope = node("cos", z) if n.op == "sin" else node("negative", node("sin", z))
    half = node("sin", node("multiply", a, constant(_HALF)))
    curved = node("multiply", node("multiply", d.reference(n), constant(2)), node("multiply", half, half))
    return node("subtract", node("multiply", d.reference(slope), node("sin", a)), curved)


def _softplus(d: Differences, n: Node) -> Node | None:
    z = n.inputs[0]
    a = d.of(z)
    if a is None:
        return None
    half = node("multiply", z, constant(_HALF))
    side = node("tanh_side", half, node("tanh", half))
    return node("softplus_difference", d.reference(z), given("reference", side, n.shape), a)


def _positive(d: Differences, n: Node) -> Node | None:
    if d.of(n.inputs[0]) is None:
        return None
    return node("subtract", node("positive", d.total(n.inputs[0])), d.reference(n))


def _select(d: Differences, n: Node) -> Node | None:
    condition, yes, no = n.inputs
    a, b = d.of(yes), d.of(no)
    nothing = node("broadcast", constant(0), data=n.shape)
    if d.of(condition) is None:
        if a is None and b is None:
            return None
        return node("select", d.reference(condition), nothing if a is None else a, nothing if b is None else b)
    apart = node("subtract", yes, no)
    was, was_not = condition, node("subtract", constant(1), condition)
    into_yes = d.reference(node("multiply", was_not, apart))  # the reference is in the other branch
    into_no = d.reference(node("negative", node("multiply", was, apart)))
    return node(
        "select", d.total(condition), _sum(n.shape, into_yes, a) or nothing, _sum(n.shape, into_no, b) or nothing
    )


def _shift(d: Differences, n: Node) -> Node | None:
    """0, as the value of a shift does not matter, unless the sum of exponentials would change much."""
    if d.of(n.inputs[0]) is None:
        return None
    nothing = node("broadcast", constant(0), data=n.shape)
    a = node("subtract", node("shift", d.total(n.inputs[0]), data=n.data), d.reference(n))
    far = (node("positive", node("subtract", moved, constant(_FAR))) for moved in (a, node("negative", a)))
    return node("select", next(far), a, node("select", next(far), a, nothing))


_RULES = {
    "add": _add, "subtract": _subtract, "multiply": _product, "matmul": _product, "divide": _quotient, "exp": _exp,
    "log": _log, "sqrt": _sqrt, "tanh": _tanh, "tanh_slope": _tanh_slope, "sin": _wave, "cos": _wave,
    "softplus": _softplus, "positive": _positive, "select": _select, "shift": _shift,
}  # fmt: skip


def recorded(outputs: Iterable[Node]) -> list[Node]:
    """The nodes whose values in the reference run a graph of differences uses, in the order in which they appear."""
    return [n.data[1] for n in ordered(outputs) if n.op == "input" and n.data[0] == "reference"]
