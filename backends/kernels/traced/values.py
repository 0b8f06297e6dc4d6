"""Code for the value of a node: a name in the generated step, or a literal; lines before it compute it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

from deepzoom.tracing.graph import ELEMENTWISE, Node, ordered, uniform

from .index import ROW, ZERO, Index, flat, spread_index
from .memory import places, stored_shape
from .schedule import Schedule
from .vocabulary import Vocabulary


class Values:
    """Writes code that computes values of nodes.

    numbers: where constants begin in ``numbers``. record: where values of the reference begin.
    """

    def __init__(
        self, schedule: Schedule, block: int, vocabulary: Vocabulary, numbers: Mapping[Node, int],
        record: Mapping[Node, int],
    ) -> None:  # fmt: skip
        self.schedule, self.block = schedule, min(block, schedule.rows.count)
        self._words, self._numbers, self._record = vocabulary, numbers, record
        self._sloped = {n.inputs[0] for n in ordered(schedule.outputs) if n.op == "slope_scaled"}
        self.places, self.size = places(schedule, block)
        self._names = count()
        self._lines: list[str] = []
        self._depth = 1

    def _put(self, line: str) -> None:
        self._lines.append("    " * self._depth + line)

    def _lane(self, place: Index) -> str:
        return f"{self._words.place} * ({place.text()})"

    def _load(self, place: str) -> str:
        return self._words.load.format(place)

    def _store(self, place: str, value: str) -> None:
        self._put(self._words.store.format(place, self._words.vector(value)))

    def _operation(self, name: str, *values: str) -> str:
        return self._words.operations[name].format(*values)

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
                return n, self._flat(n, index)
            n = n.inputs[0]

    def _flat(self, n: Node, index: tuple[Index, ...]) -> Index:
        """The place of an element: in what a step stores, or among all numbers of a constant."""
        return flat(index, stored_shape(self.schedule, n, self.block) if self.schedule.varies(n) else n.shape)

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
        if source.number is not None and self._words.is_literal(source.number):
            return repr(float(source.number))
        key = source, place.text()
        if key not in known:
            name = f"v{next(self._names)}"
            self._put(f"{name} = {self._read(source, place)}")
            known[key] = name
        return known[key]

    def _read(self, n: Node, place: Index) -> str:
        if self.schedule.varies(n):
            return self._load(self._at(n, self._local(n, place)))
        if n in self._record:
            return self._words.spread.format("record", (place + self._record[n]).text())
        return self._words.spread.format("numbers", (place + self._numbers[n]).text())

    def _computed(self, n: Node, index: tuple[Index, ...], known: dict[tuple[Node, str], str]) -> str:
        key = n, self._flat(n, index).text()
        if key in known:
            return known[key]
        parts = []
        for i in n.inputs:
            parts.append(self._value(i, spread_index(index, i.shape), known))
        if not any(part.isidentifier() for part in parts):
            parts[0] = self._words.vector(parts[0])
        if n.inputs and n.inputs[0] in self._sloped and n.op in ("tanh_scaled", "slope_scaled"):
            code = self._tanh_or_slope(n, parts[0], known)
        else:
            by_exp = n.op == "divide" and _with_exp(n.inputs[1])
            code = self._operation("divide_by_exp" if by_exp else n.op, *parts)
        name = f"v{next(self._names)}"
        self._put(f"{name} = {code}")
        known[key] = name
        return name

    def _tanh_or_slope(self, n: Node, argument: str, known: dict[tuple[Node, str], str]) -> str:
        """One routine computes both."""
        key = n.inputs[0], f"both at {argument}"
        if key not in known:
            known[key] = f"v{next(self._names)}"
            self._put(f"{known[key]} = {self._operation('tanh_and_slope', argument)}")
        return f"{known[key]}[{1 if n.op == 'slope_scaled' else 0}]"


def _with_exp(n: Node) -> bool:
    """Whether a node is a number plus an exponential, as in 1 / (1 + exp(-z)): where that overflows, it is 0."""
    parts = n.inputs if n.op == "add" else ()
    return any(p.op == "exp" for p in parts) and any(uniform(p) is not None for p in parts)
