"""Moves constant factors to where they cost least: ``(X @ W) * c`` becomes ``X @ (W * c)``, since W is the smaller.

The published network multiplies every layer's product, and the argument of its tanh, by a constant. There are as many
products as data rows, but only one array of weights. The result is equal except for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

from .graph import Node, constant, node, ordered

_MOVING = ("sum", "reshape", "transpose", "broadcast", "slice", "place")
"""Operations that factors pass."""


def with_scales_moved(outputs: Sequence[Node], dear: Sequence[Node] = ()) -> list[Node]:
    """The outputs with constant factors moved. dear: nodes that must not be multiplied by a factor on the way."""
    mover = _Mover(outputs, set(dear))
    return [mover.whole(n) for n in outputs]


class _Mover:
    def __init__(self, outputs: Sequence[Node], dear: set[Node]) -> None:
        self._parts: dict[Node, tuple[Node | None, Node]] = {}
        self._dear = dear
        self._varies: set[Node] = set()
        self._uses: dict[Node, int] = {}
        for n in ordered(outputs):
            if n.op == "input" or any(i in self._varies for i in n.inputs):
                self._varies.add(n)
        for n in ordered(outputs):
            self._parts[n] = self._split(n)

    def _is_factor(self, n: Node) -> bool:
        return n.shape == () and n not in self._varies

    def whole(self, n: Node) -> Node:
        """A node with its factor back in place."""
        factor, core = self._parts[n]
        return core if factor is None else _scaled(factor, core, self._dear)

    def _split(self, n: Node) -> tuple[Node | None, Node]:
        """(factor, core): a constant number, or None for 1, and what it multiplies."""
        if n not in self._varies or not n.inputs:
            return None, n
        if n.op == "multiply":
            for a, b in (n.inputs, n.inputs[::-1]):
                number = _spread_number(a)
                if number is not None and number not in self._varies and n.shape == b.shape:
                    factor, core = self._parts[b]
                    return _times(factor, number), core
        if n.op in ("multiply", "matmul"):
            (f, a), (g, b) = (self._parts[i] for i in n.inputs)
            return _times(f, g), node(n.op, a, b)
        if n.op in _MOVING or n.op == "negative":
            factor, core = self._parts[n.inputs[0]]
            return factor, node(n.op, core, data=n.data)
        if n.op == "divide":
            factor, core = self._parts[n.inputs[0]]
            return factor, node("divide", core, self.whole(n.inputs[1]))
        return None, node(n.op, *map(self.whole, n.inputs), data=n.data)


def _times(a: Node | None, b: Node | None) -> Node | None:
    if a is None or b is None:
        return a or b
    return node("multiply", a, b)


def _spread_number(n: Node) -> Node | None:
    """The one number that an array repeats, if it is made so."""
    while n.op in ("broadcast", "reshape", "transpose", "slice"):
        n = n.inputs[0]
    return n if n.shape == () else None


def _scaled(factor: Node, core: Node, dear: set[Node]) -> Node:
    """A node times a number, where that costs least."""
    return _placed(factor, core, dear)[1]


def _placed(factor: Node, core: Node, dear: set[Node]) -> tuple[int, Node]:
    """(how many products it takes, the result)."""
    best = core.size, node("multiply", core, factor)
    found: list[tuple[int, Node]] = []
    if core.op in ("matmul", "multiply"):
        a, b = core.inputs
        for i, part in enumerate((a, b)):
            if part.size < best[0] and not _is_dear(part, dear):
                cost, moved = _placed(factor, part, dear)
                found.append((cost, node(core.op, *((moved, b) if i == 0 else (a, moved)))))
    elif core.op in ("add", "subtract"):
        (cost, left), (more, right) = (_placed(factor, i, dear) for i in core.inputs)
        found.append((cost + more, node(core.op, left, right)))
    elif core.op in _MOVING or core.op == "negative":
        cost, moved = _placed(factor, core.inputs[0], dear)
        found.append((cost, node(core.op, moved, data=core.data)))
    return min([best, *found], key=lambda placed: placed[0])


def _is_dear(n: Node, dear: set[Node]) -> bool:
    while n.op in ("broadcast", "reshape", "transpose", "slice"):
        n = n.inputs[0]
    return n in dear or n.op == "constant" or (n.op == "input" and n.data[0] in ("reference", "drawn"))


def with_scaled_tanh(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with every tanh(z) as ``tanh_scaled(2 z / ln 2)``, which is what kernels compute."""
    scale = node("divide", constant(2), node("log", constant(2)))
    made: dict[Node, Node] = {}
    for n in ordered(outputs):
        inputs = [made[i] for i in n.inputs]
        if n.op == "tanh":
            made[n] = node("tanh_scaled", node("multiply", inputs[0], scale))
        else:
            made[n] = n if all(a is b for a, b in zip(inputs, n.inputs)) else node(n.op, *inputs, data=n.data)
    return [made[n] for n in outputs]
