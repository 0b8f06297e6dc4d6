"""Python code of a step, for Numba: loops over numbers of which each lane has its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from deepzoom.tracing.graph import Node

from .index import ROW, ZERO, Index, flat, spread_index
from .memory import stored_shape
from .parts import Parts
from .schedule import AFTER, BEFORE, BLOCK, Schedule, Task, base
from .values import Values
from .vocabulary import Vocabulary


class Emitter(Values):
    """The code of one step; arguments as of ``Values``. record: None for a step that is not of differences."""

    def __init__(
        self, name: str, schedule: Schedule, block: int, vocabulary: Vocabulary, numbers: Mapping[Node, int],
        record: Mapping[Node, int] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(schedule, block, vocabulary, numbers, record or {})
        arguments = f"lanes, numbers, {'kind' if record is None else 'record'}"
        self._parts = Parts(name, arguments, vocabulary.begin)
        head = f"@direct_inner\ndef {name}({arguments}) -> vector:"
        self._lines = [head, *(f"    {line}" for line in vocabulary.begin)]
        self._body()

    @property
    def text(self) -> str:
        """The step, after the parts of it that are functions of their own."""
        return "\n\n\n".join([*self._parts.functions, "\n".join(self._lines)]) + "\n"

    def _body(self) -> None:
        phases = {p: [t for t in self.schedule.tasks if t.phase == p] for p in (BEFORE, BLOCK, AFTER)}
        self._phase(phases[BEFORE], "")
        if phases[BLOCK]:
            for n in self.places:  # not the set of totals, whose order is another in each process
                if n in self.schedule.rows.totals and n in self.schedule.stored:
                    self._put(f"for i in range({n.size}):")
                    self._depth += 1
                    self._store(self._at(n, Index.of("i")), "0.0")
                    self._depth -= 1
            self._put(f"for {ROW} in range(0, {self.schedule.rows.count}, {self.block}):")
            self._depth += 1
            self._put(f"rows = min({self.block}, {self.schedule.rows.count} - {ROW})")
            self._phase(phases[BLOCK], f", {ROW}, rows")
            self._depth -= 1
        self._phase(phases[AFTER], "")
        *after, loss = self.schedule.outputs
        found = self._words.vector(self._value(loss, (), {}))
        self._put(f"loss = {self._words.returned.format(found)}")
        self._write_state(after)
        self._put("return loss")

    def _phase(self, tasks: Sequence[Task], more: str) -> None:
        """The code of some tasks. more: what the functions among it also take."""
        self._in_parts([partial(self._task, task) for task in tasks], more)

    def _in_parts(self, writers: Sequence[Callable[[], None]], more: str) -> None:
        lines, depth = self._lines, self._depth
        written: list[list[str]] = []
        for write in writers:
            self._lines, self._depth = [], 1
            write()
            written.append(self._lines)
        self._lines, self._depth = lines, depth
        for line in self._parts.calls(written, more):
            self._lines.append("    " * (depth - 1) + line)

    def _write_state(self, after: Sequence[Node]) -> None:
        """Write the new state over the old one; what only moves within the old one is read before."""
        begins = [sum(m.size for m in after[:k]) for k in range(len(after))]
        moved = [base(n) in self.schedule.loads or not self.schedule.varies(n) for n in after]
        stores: list[tuple[str, str]] = []
        for n, begin, moves in zip(after, begins, moved, strict=True):
            if not moves or (base(n) is n and self.places.get(n) == begin):
                continue
            for i, index in enumerate(np.ndindex(*n.shape)):
                value = self._value(n, tuple(map(Index, index)), {})
                stores.append((self._lane(Index(begin + i)), value))
        own = [(n, begin) for n, begin, moves in zip(after, begins, moved, strict=True) if not moves]
        self._in_parts([partial(self._write, n, begin) for n, begin in own], "")
        for place, value in stores:
            self._store(place, value)

    def _write(self, n: Node, begin: int) -> None:
        """Write a node to the state."""
        self._loops(n.shape, n)
        index = tuple(Index.of(f"i{k}") for k in range(len(n.shape)))
        value = self._value(n, index, {})
        self._store(self._lane(flat(index, n.shape) + begin), value)

    def _extent(self, n: Node, axis: int) -> str:
        """How many steps a loop along an axis takes."""
        rows = self.schedule.rows.axes.get(n)
        if rows is not None and rows[0] == axis:
            return "rows" if rows[1] == 1 else f"{rows[1]} * rows"
        return str(n.shape[axis])

    def _variable(self, n: Node, axis: int, name: str) -> Index:
        rows = self.schedule.rows.axes.get(n)
        if rows is not None and rows[0] == axis:
            return Index.of(name) + Index.of(ROW, rows[1])
        return Index.of(name)

    def _loops(self, shape: tuple[int, ...], n: Node, skip: Sequence[int] = ()) -> None:
        for axis in range(len(shape)):
            if axis not in skip:
                self._put(f"for i{axis} in range({self._extent(n, axis)}):")
                self._depth += 1

    def _task(self, task: Task) -> None:
        depth = self._depth
        getattr(self, f"_{task.kind}")(task)
        self._depth = depth

    def _elements(self, task: Task) -> None:
        first = task.targets[0]
        self._loops(first.shape, first)
        index = tuple(self._variable(first, k, f"i{k}") for k in range(len(first.shape)))
        known: dict[tuple[Node, str], str] = {}
        for n in task.targets:
            if n in self.schedule.sums:
                value = ""
                for term in self.schedule.sums[n][1]:
                    part = self._value(term, spread_index(index, term.shape), known)
                    if value:
                        name = f"v{next(self._names)}"
                        self._put(f"{name} = {self._operation('add', value, part)}")
                        part = name
                    value = part
            else:
                value = self._computed(n, index, known)
            place = self._flat(n, index)
            self._store(self._at(n, self._local(n, place)), value)
            known[n, place.text()] = value

    def _tanh(self, task: Task) -> None:
        """One routine goes through a whole array; a block of rows may have stale numbers behind its last row."""
        (argument,) = task.targets[0].inputs
        places = {n.op: self._at(n, ZERO) for n in (argument, *task.targets)}
        rows = self.schedule.rows.axes.get(argument, (0, 1))
        shape = stored_shape(self.schedule, argument, self.block) if rows[0] else argument.shape
        count = " * ".join(self._extent(argument, k) if k == 0 else str(d) for k, d in enumerate(shape)) or "1"
        found = [places.get(op, "-UNIT") for op in ("tanh_scaled", "slope_scaled")]
        self._put(f"tanh_of_array(lanes, {places[argument.op]}, {', '.join(found)}, UNIT * {count}, kind)")

    def _matmul(self, task: Task) -> None:
        n = task.targets[0]
        left, right = n.inputs
        target = n if task.into is None else task.into
        batch = len(n.shape) - 2
        for axis in range(batch):
            self._put(f"for i{axis} in range({self._extent(n, axis)}):")
            self._depth += 1
        total = n in self.schedule.rows.totals

        def operand(a: Node, row: str, column: str) -> tuple[Node, Index]:
            lead = len(a.shape) - 2
            index = [ZERO if a.shape[k] == 1 else self._variable(a, k, f"i{k + batch - lead}") for k in range(lead)]
            index += [self._variable(a, lead, row), self._variable(a, lead + 1, column)]
            return self._address(a, tuple(index))

        c_index = [self._variable(n, k, f"i{k}") for k in range(batch)]
        c_index += [self._variable(n, batch, "m"), self._variable(n, batch + 1, "n")]
        c = self._local(target, self._flat(target, tuple(c_index))) + self.places[target]
        (a, a_at), (b, b_at) = operand(left, "m", "k"), operand(right, "k", "n")
        sizes = [self._extent(n, batch), self._extent(n, batch + 1), self._extent(left, len(left.shape) - 1)]
        add = total or (task.into is not None and task.into in task.needs)
        one, two = ("m", "k"), ("k", "n")
        c_steps = c.factor("m"), c.factor("n")
        if not self.schedule.varies(b):  # C' = B' A'
            a, a_at, b, b_at, one, two = b, b_at, a, a_at, ("n", "k"), ("k", "m")
            c_steps, sizes = c_steps[::-1], [sizes[1], sizes[0], sizes[2]]
        shared = not self.schedule.varies(a)
        space, a_place = self._source(a, a_at)
        _, b_place = self._source(b, b_at)
        words = self._words
        lane, own = words.place, words.unit if shared else words.place
        begins = [p.without("m", "n", "k").text() for p in (c, a_place, b_place)]
        self._put(
            f"{words.shared if shared else words.own}(lanes, {lane} * ({begins[0]}),"
            f" {lane} * {c_steps[0]}, {lane} * {c_steps[1]}, {space},"
            f" {own} * ({begins[1]}), {own} * {a_place.factor(one[0])}, {own} * {a_place.factor(one[1])},"
            f" {lane} * ({begins[2]}), {lane} * {b_place.factor(two[0])}, {lane} * {b_place.factor(two[1])},"
            f" {', '.join(f'UNIT * {s}' for s in sizes)}, {'ADD' if add else 'SET'}{words.further})"
        )

    def _source(self, n: Node, place: Index) -> tuple[str, Index]:
        if self.schedule.varies(n):
            return "lanes", self._local(n, place) + self.places[n]
        if n in self._record:
            return "record", place + self._record[n]
        return "numbers", place + self._numbers[n]

    def _sum(self, task: Task) -> None:
        n = task.targets[0]
        (inside,) = n.inputs
        kept = [k for k in range(len(inside.shape)) if k not in n.data]
        for k in kept:
            self._put(f"for i{k} in range({self._extent(inside, k)}):")
            self._depth += 1
        index = tuple(self._variable(inside, k, f"i{k}") for k in range(len(inside.shape)))
        at = self._at(n, self._local(n, self._flat(n, tuple(index[k] for k in kept))))
        begun = self._load(at) if n in self.schedule.rows.totals else self._words.vector("0.0")
        self._put(f"total = {begun}")
        depth = self._depth
        for k in n.data:
            self._put(f"for i{k} in range({self._extent(inside, k)}):")
            self._depth += 1
        value = self._value(inside, index, {})
        self._put(f"total = {self._operation('add', 'total', value)}")
        self._depth = depth
        self._store(at, "total")

    def _shift(self, task: Task) -> None:
        n = task.targets[0]
        (inside,) = n.inputs
        self._loops(n.shape, n, (n.data,))
        index = [self._variable(inside, k, f"i{k}") for k in range(len(inside.shape))]
        own = [ZERO if k == n.data else i for k, i in enumerate(index)]
        value = self._value(inside, tuple(own), {})
        self._put(f"most = {self._words.vector(value)}")
        depth = self._depth
        self._put(f"for i{n.data} in range(1, {inside.shape[n.data]}):")
        self._depth += 1
        value = self._value(inside, tuple(index), {})
        self._put(f"most = {self._operation('largest', 'most', value)}")
        self._depth = depth
        self._store(self._at(n, self._local(n, self._flat(n, tuple(own)))), "most")

    def _place(self, task: Task) -> None:
        n = task.targets[0]
        (inside,) = n.inputs
        everywhere = tuple(self._variable(n, k, f"i{k}") for k in range(len(n.shape)))
        depth = self._depth
        self._loops(n.shape, n)
        self._store(self._at(n, self._local(n, self._flat(n, everywhere))), "0.0")
        self._depth = depth
        self._loops(inside.shape, inside)
        index = tuple(self._variable(inside, k, f"i{k}") for k in range(len(inside.shape)))
        to = tuple(i * step + begin for i, (begin, step) in zip(index, n.data[1], strict=True))
        value = self._value(inside, index, {})
        self._store(self._at(n, self._local(n, self._flat(n, to))), value)

    def _join(self, task: Task) -> None:
        n = task.targets[0]
        begin, depth = 0, self._depth
        for inside in n.inputs:
            self._loops(inside.shape, inside)
            index = tuple(self._variable(inside, k, f"i{k}") for k in range(len(inside.shape)))
            to = tuple(i + begin if k == n.data else i for k, i in enumerate(index))
            value = self._value(inside, index, {})
            self._store(self._at(n, self._local(n, self._flat(n, to))), value)
            self._depth = depth
            begin += inside.shape[n.data]
