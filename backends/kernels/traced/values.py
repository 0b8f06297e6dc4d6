"""Code for the value of a node: a name in the generated step, or a literal; lines before it compute it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

from deepzoom.tracing.graph import ELEMENTWISE, Node

from .index import ROW, ZERO, Index, flat, spread_index
from .memory import places
from .schedule import Schedule

_VECTOR = {
    "add": "({0} + {1})", "subtract": "({0} - {1})", "multiply": "({0} * {1})", "divide": "({0} / {1})",
    "negative": "(-{0})", "copy": "{0}", "tanh_scaled": "tanh({0})",
    "slope_scaled": "tanh_and_slope({0})[1]", "tanh_slope": "(1.0 - {0} * {0})", "exp": "exp({0})",
    "log": "log({0})", "sqrt": "square_root({0})", "sin": "sine({0})", "cos": "cosine({0})",
    "softplus": "softplus({0})", "positive": "where_less(0.0, {0}, 1.0, 0.0)",
    "select": "where_less(0.5, {0}, {1}, {2})", "expm1": "expm1({0})", "log1p": "log1p({0})",
    "tanh_difference": "tanh_difference({0}, {1}, {2})",
    "softplus_difference": "softplus_difference({0}, {1}, {2})",
}  # fmt: skip


class Values:
    """Writes code that computes values of nodes.

    literals: constants that are one number. arrays: where constant arrays begin in ``numbers``. record: where values of
    the reference begin.
    """

    def __init__(
        self, schedule: Schedule, block: int, literals: Mapping[Node, str], arrays: Mapping[Node, int],
        record: Mapping[Node, int],
    ) -> None:  # fmt: skip
        self.schedule, self.block = schedule, min(block, schedule.rows.count)
        self._literals, self._arrays, self._record = literals, arrays, record
        self.places, self.size = places(schedule, block)
        self._names = count()
        self._lines: list[str] = []
        self._depth = 1

    def _put(self, line: str) -> None:
        self._lines.append("    " * self._depth + line)

    def _lane(self, place: Index) -> str:
        return f"LANES * ({place.text()})"

    def _at(self, n: Node, place: Index) -> str:
        return self._lane(place + self.places[n])

    def _address(self, n: Node, index: tuple[Index, ...]) -> tuple[Node, Index]:
        """(node, place in its array) of an element, through views."""
        while True:
            if n.op == "transpose":
                inner = [ZERO] * len(index)
                for k, axis in enumerate(n.data):
                    inner[axis] = index[k]
                index = tuple(inner)
            elif n.op == "broadcast":
                index = spread_index(index, n.inputs[0].shape)
            elif n.op == "slice":
                index = tuple(i * step + begin for i, (begin, _, step) in zip(index, n.data, strict=True))
            elif n.op == "reshape":  # of numbers that stand in their order
                return n.inputs[0], flat(index, n.shape)
            else:
                return n, flat(index, n.shape)
            n = n.inputs[0]

    def _local(self, n: Node, place: Index) -> Index:
        """The place in a stored array: one with rows holds a block of them."""
        return place.without(ROW) if n in self.schedule.rows.axes else place

    def _value(self, n: Node, index: tuple[Index, ...], known: dict[tuple[Node, str], str]) -> str:
        """Code for one element of a node: a name or a literal; lines before it compute it."""
        if n.op in ELEMENTWISE and n not in self.schedule.stored and self.schedule.varies(n):
            return self._computed(n, index, known)
        source, place = self._address(n, index)
        if source.op in ELEMENTWISE and source not in self.schedule.stored and self.schedule.varies(source):
            raise ValueError("a view of an operation that is not stored")
        if source in self._literals:
            return self._literals[source]
        key = source, place.text()
        if key not in known:
            name = f"v{next(self._names)}"
            self._put(f"{name} = {self._read(source, place)}")
            known[key] = name
        return known[key]

    def _read(self, n: Node, place: Index) -> str:
        if self.schedule.varies(n):
            return f"load(lanes, {self._at(n, self._local(n, place))})"
        if n in self._record:
            return f"spread(record, {(place + self._record[n]).text()})"
        return f"spread(numbers, {(place + self._arrays[n]).text()})"

    def _computed(self, n: Node, index: tuple[Index, ...], known: dict[tuple[Node, str], str]) -> str:
        key = n, flat(index, n.shape).text()
        if key in known:
            return known[key]
        parts = []
        for i in n.inputs:
            parts.append(self._value(i, spread_index(index, i.shape), known))
        if not any(part.isidentifier() for part in parts):
            parts[0] = f"splat({parts[0]})"
        name = f"v{next(self._names)}"
        self._put(f"{name} = {_VECTOR[n.op].format(*parts)}")
        known[key] = name
        return name


def as_vector(value: str) -> str:
    """Code for a vector, where a value may be a literal."""
    return value if value.isidentifier() else f"splat({value})"
