"""Finds the axis of data rows in a graph, so that a kernel can take some rows at a time and keep them in the cache."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from deepzoom.tracing.graph import ELEMENTWISE, Node, ordered, uniform

Axis = tuple[int, int]
"""(axis, numbers along it for each row)."""


class _Mixed(Exception):
    """Rows meet something of which a kernel would need all rows at once."""


@dataclass
class Rows:
    """count: of data rows. axes: of the arrays that have rows. totals: nodes that add up over rows."""

    count: int
    axes: dict[Node, Axis] = field(default_factory=dict)
    totals: set[Node] = field(default_factory=set)
    after: set[Node] = field(default_factory=set)
    """Totals, and what depends on them."""


def rows_of(outputs: Iterable[Node]) -> Rows:
    """The rows of a graph; count 1 and no axes where they cannot be taken apart."""
    nodes = ordered(outputs)
    counts = {n.shape[0] for n in nodes if _is_data(n) and len(n.shape) >= 2 and n.shape[0] > 1}
    best, size = Rows(1), 0
    for count in sorted(counts):
        try:
            rows = _labelled(nodes, count)
        except _Mixed:
            continue
        total = sum(n.size for n in rows.axes)
        if total > size and rows.totals:
            best, size = rows, total
    return best


def _is_data(n: Node) -> bool:
    return n.op == "constant" or (n.op == "input" and n.data[0] in ("reference", "drawn"))


def _labelled(nodes: list[Node], count: int) -> Rows:
    rows = Rows(count)
    for n in nodes:
        axis = _axis(n, rows)
        if any(i in rows.after for i in n.inputs):
            rows.after.add(n)
        if n in rows.totals:
            rows.after.add(n)
        if axis is not None:
            if n in rows.after:
                raise _Mixed
            rows.axes[n] = axis
    return rows


def _axis(n: Node, rows: Rows) -> Axis | None:
    if not n.inputs:
        return (0, 1) if _is_data(n) and len(n.shape) >= 2 and n.shape[0] == rows.count else None
    known = [rows.axes.get(i) for i in n.inputs]
    if all(k is None for k in known):
        return None
    if n.op in ELEMENTWISE:
        return _elementwise(n, known)
    if n.op == "matmul":
        return _product(n, known, rows)
    axis, each = known[0]  # type: ignore[misc]
    if n.op == "sum":
        if axis in n.data:
            rows.totals.add(n)
            return None
        return axis - sum(a < axis for a in n.data), each
    if n.op == "transpose":
        return n.data.index(axis), each
    if n.op == "broadcast":
        return axis + len(n.shape) - len(n.inputs[0].shape), each
    if n.op == "reshape" and axis == 0 and n.shape and n.shape[0] % rows.count == 0:
        return 0, n.shape[0] // rows.count
    if n.op == "slice" and n.data[axis] == (0, n.inputs[0].shape[axis], 1):
        return axis, each
    if n.op == "shift" and n.data != axis:
        return axis, each
    raise _Mixed


def _elementwise(n: Node, known: list[Axis | None]) -> Axis:
    found = {(k[0] - len(i.shape), k[1]) for i, k in zip(n.inputs, known, strict=True) if k is not None}
    if len(found) != 1:
        raise _Mixed
    axis, each = found.pop()
    for i, k in zip(n.inputs, known, strict=True):
        if k is None and len(i.shape) >= -axis and i.shape[axis] != 1 and uniform(i) is None:
            raise _Mixed
    return axis + len(n.shape), each


def _product(n: Node, known: list[Axis | None], rows: Rows) -> Axis | None:
    shapes = [i.shape for i in n.inputs]
    at = [None if k is None else k[0] - len(s) for k, s in zip(known, shapes, strict=True)]
    if at[0] == -1 or at[1] == -2:
        if at != [-1, -2] or known[0][1] != known[1][1]:  # type: ignore[index]
            raise _Mixed
        rows.totals.add(n)
        return None
    if at[0] == -2 and at[1] is None:
        return len(n.shape) - 2, known[0][1]  # type: ignore[index]
    if at[1] == -1 and at[0] is None:
        return len(n.shape) - 1, known[1][1]  # type: ignore[index]
    if at[0] == at[1] or None in at:  # one of the batches
        which = at[0] if at[0] is not None else at[1]
        other = shapes[1] if at[0] is not None else shapes[0]
        if None in at and len(other) >= -which and other[which] != 1:  # type: ignore[operator,index]
            raise _Mixed
        return which + len(n.shape), (known[0] or known[1])[1]  # type: ignore[operator,index]
    raise _Mixed
