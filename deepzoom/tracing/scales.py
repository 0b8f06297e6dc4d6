"""Moves constant factors to where they cost least: ``(X @ W) * c`` becomes ``X @ (W * c)``, since W is the smaller.

The published network multiplies every layer's product, and the argument of its tanh, by a constant. There are as many
products as data rows, but only one array of weights. The result is equal except for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

from .graph import Node, constant, depends, node, ordered, rewritten

_MOVING = ("sum", "reshape", "transpose", "broadcast", "slice", "place")
"""Operations that factors pass."""
_VIEWS = ("broadcast", "reshape", "transpose", "slice")


def with_scales_moved(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with constant factors moved."""
    mover = _Mover(outputs)
    return [mover.whole(n) for n in outputs]


class _Mover:
    def __init__(self, outputs: Sequence[Node]) -> None:
        self._parts: dict[Node, tuple[Node | None, Node]] = {}
        nodes = ordered(outputs)
        self._varies = depends(nodes, [n for n in nodes if n.op == "input"])
        for n in nodes:
            self._parts[n] = self._split(n)

    def whole(self, n: Node) -> Node:
        """A node with its factor back in place."""
        factor, core = self._parts[n]
        return core if factor is None else _placed(factor, core)[1]

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
    while n.op in _VIEWS:
        n = n.inputs[0]
    return n if n.shape == () else None


def _placed(factor: Node, core: Node) -> tuple[int, Node]:
    """(products, result): a node times a number, where that takes the fewest products."""
    best = core.size, node("multiply", core, factor)
    found: list[tuple[int, Node]] = []
    if core.op in ("matmul", "multiply"):
        a, b = core.inputs
        for i, part in enumerate((a, b)):
            if part.size < best[0] and not _is_shared(part):
                cost, moved = _placed(factor, part)
                found.append((cost, node(core.op, *((moved, b) if i == 0 else (a, moved)))))
    elif core.op in ("add", "subtract"):
        (cost, left), (more, right) = (_placed(factor, i) for i in core.inputs)
        found.append((cost + more, node(core.op, left, right)))
    elif core.op in _MOVING or core.op == "negative":
        cost, moved = _placed(factor, core.inputs[0])
        found.append((cost, node(core.op, moved, data=core.data)))
    return min([best, *found], key=lambda placed: placed[0])


def _is_shared(n: Node) -> bool:
    """Whether a node shows data or the reference run, of which kernels keep no multiples."""
    while n.op in _VIEWS:
        n = n.inputs[0]
    return n.op == "constant" or (n.op == "input" and n.data[0] in ("reference", "drawn"))


def with_scaled_tanh(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with every tanh(z) as ``tanh_scaled(2 z / ln 2)``, which is what kernels compute."""
    scale = node("divide", constant(2), node("log", constant(2)))
    return rewritten(
        outputs, lambda n, z: node("tanh_scaled", node("multiply", z[0], scale)) if n.op == "tanh" else None
    )
