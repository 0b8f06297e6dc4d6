"""Python code of a step, for Numba: loops over vectors with one value for each lane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from deepzoom.tracing.graph import Node

from .index import ROW, ZERO, Index, flat, spread_index
from .schedule import AFTER, BEFORE, BLOCK, Schedule, Task, base
from .values import Values, as_vector


class Emitter(Values):
    """The code of one step; arguments as of ``Values``."""

    def __init__(
        self, name: str, schedule: Schedule, block: int, literals: Mapping[Node, str], arrays: Mapping[Node, int],
        record: Mapping[Node, int],
    ) -> None:  # fmt: skip
        super().__init__(schedule, block, literals, arrays, record)
        self._lines = [f"def {name}(lanes, numbers, record):"]
        self._body()

    @property
    def text(self) -> str:
        return "\n".join(self._lines) + "\n"

    def _body(self) -> None:
        phases = {p: [t for t in self.schedule.tasks if t.phase == p] for p in (BEFORE, BLOCK, AFTER)}
        for task in phases[BEFORE]:
            self._task(task)
        if phases[BLOCK]:
            for n in self.schedule.rows.totals:
                if n in self.schedule.stored:
                    self._put(f"for i in range({n.size}):")
                    self._put(f"    store(lanes, {self._at(n, Index.of('i'))}, splat(0.0))")
            self._put(f"for {ROW} in range(0, {self.schedule.rows.count}, {self.block}):")
            self._depth += 1
            self._put(f"rows = min({self.block}, {self.schedule.rows.count} - {ROW})")
            for task in phases[BLOCK]:
                self._task(task)
            self._depth -= 1
        for task in phases[AFTER]:
            self._task(task)
        *after, loss = self.schedule.outputs
        found = self._value(loss, (), {})
        self._put(f"loss = {found}")
        self._write_state(after)
        self._put("return loss")

    def _write_state(self, after: Sequence[Node]) -> None:
        """Write the new state over the old one; what only moves within the old one is read before."""
        begins = [sum(m.size for m in after[:k]) for k in range(len(after))]
        moved = [base(n) in self.schedule.loads or not self.schedule.varies(n) for n in after]
        stores = []
        for n, begin, moves in zip(after, begins, moved, strict=True):
            if not moves or (base(n) is n and self.places.get(n) == begin):
                continue
            for i, index in enumerate(np.ndindex(*n.shape)):
                value = self._value(n, tuple(map(Index, index)), {})
                stores.append(f"store(lanes, {self._lane(Index(begin + i))}, {as_vector(value)})")
        for n, begin, moves in zip(after, begins, moved, strict=True):
            if moves:
                continue
            depth = self._depth
            self._loops(n.shape, n)
            index = tuple(Index.of(f"i{k}") for k in range(len(n.shape)))
            value = self._value(n, index, {})
            self._put(f"store(lanes, {self._lane(flat(index, n.shape) + begin)}, {as_vector(value)})")
            self._depth = depth
        for line in stores:
            self._put(line)

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
        place = flat(index, first.shape)
        for n in task.targets:
            if n in self.schedule.sums:
                value = ""
                for term in self.schedule.sums[n][1]:
                    part = self._value(term, spread_index(index, term.shape), known)
                    if value:
                        name = f"v{next(self._names)}"
                        self._put(f"{name} = {value} + {part}")
                        part = name
                    value = part
            else:
                value = self._computed(n, index, known)
            self._put(f"store(lanes, {self._at(n, self._local(n, place))}, {as_vector(value)})")
            known[n, place.text()] = value

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
        c = self._local(target, flat(tuple(c_index), n.shape)) + self.places[target]
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
        scale = "" if shared else "LANES * "
        start = c.without("m", "n", "k").text()
        self._put(
            f"{'contract_shared' if shared else 'contract_vector'}(lanes, LANES * ({start}),"
            f" LANES * {c_steps[0]}, LANES * {c_steps[1]}, {space},"
            f" {scale or 'UNIT * '}({a_place.without('m', 'n', 'k').text()}),"
            f" {scale or 'UNIT * '}{a_place.factor(one[0])}, {scale or 'UNIT * '}{a_place.factor(one[1])},"
            f" LANES * ({b_place.without('m', 'n', 'k').text()}), LANES * {b_place.factor(two[0])},"
            f" LANES * {b_place.factor(two[1])}, {', '.join(f'UNIT * {s}' for s in sizes)}, {'ADD' if add else 'SET'})"
        )

    def _source(self, n: Node, place: Index) -> tuple[str, Index]:
        if self.schedule.varies(n):
            return "lanes", self._local(n, place) + self.places[n]
        if n in self._record:
            return "record", place + self._record[n]
        return "numbers", place + self._arrays[n]

    def _sum(self, task: Task) -> None:
        n = task.targets[0]
        (inside,) = n.inputs
        kept = [k for k in range(len(inside.shape)) if k not in n.data]
        for k in kept:
            self._put(f"for i{k} in range({self._extent(inside, k)}):")
            self._depth += 1
        index = tuple(self._variable(inside, k, f"i{k}") for k in range(len(inside.shape)))
        at = self._at(n, self._local(n, flat(tuple(index[k] for k in kept), n.shape)))
        self._put(f"total = load(lanes, {at})" if n in self.schedule.rows.totals else "total = splat(0.0)")
        depth = self._depth
        for k in n.data:
            self._put(f"for i{k} in range({self._extent(inside, k)}):")
            self._depth += 1
        self._put(f"total = total + {self._value(inside, index, {})}")
        self._depth = depth
        self._put(f"store(lanes, {at}, total)")

    def _shift(self, task: Task) -> None:
        n = task.targets[0]
        (inside,) = n.inputs
        self._loops(n.shape, n, (n.data,))
        index = [self._variable(inside, k, f"i{k}") for k in range(len(inside.shape))]
        own = [ZERO if k == n.data else i for k, i in enumerate(index)]
        self._put(f"most = {self._value(inside, tuple(own), {})}")
        depth = self._depth
        self._put(f"for i{n.data} in range(1, {inside.shape[n.data]}):")
        self._depth += 1
        self._put(f"most = maximum(most, {self._value(inside, tuple(index), {})})")
        self._depth = depth
        self._put(f"store(lanes, {self._at(n, self._local(n, flat(tuple(own), n.shape)))}, most)")

    def _place(self, task: Task) -> None:
        n = task.targets[0]
        (inside,) = n.inputs
        everywhere = tuple(self._variable(n, k, f"i{k}") for k in range(len(n.shape)))
        depth = self._depth
        self._loops(n.shape, n)
        self._put(f"store(lanes, {self._at(n, self._local(n, flat(everywhere, n.shape)))}, splat(0.0))")
        self._depth = depth
        self._loops(inside.shape, inside)
        index = tuple(self._variable(inside, k, f"i{k}") for k in range(len(inside.shape)))
        to = tuple(i * step + begin for i, (begin, step) in zip(index, n.data[1], strict=True))
        value = as_vector(self._value(inside, index, {}))
        self._put(f"store(lanes, {self._at(n, self._local(n, flat(to, n.shape)))}, {value})")

    def _join(self, task: Task) -> None:
        n = task.targets[0]
        begin, depth = 0, self._depth
        for inside in n.inputs:
            self._loops(inside.shape, inside)
            index = tuple(self._variable(inside, k, f"i{k}") for k in range(len(inside.shape)))
            to = tuple(i + begin if k == n.data else i for k, i in enumerate(index))
            at = self._at(n, self._local(n, flat(to, n.shape)))
            self._put(f"store(lanes, {at}, {as_vector(self._value(inside, index, {}))})")
            self._depth = depth
            begin += inside.shape[n.data]
