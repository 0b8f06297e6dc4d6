"""What a generated step stores, in which loops it computes it, and in which order.

An element-wise operation that only one other one uses is part of the loop of that one. Loops over arrays of the same
shape become one loop. Operations on data rows run block by block; totals over rows add up meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from deepzoom.tracing.differences import VIEWS
from deepzoom.tracing.graph import ELEMENTWISE, Node, ordered

from .rows import Rows, rows_of

BEFORE, BLOCK, AFTER = 0, 1, 2
"""Phases: before the loop over blocks of rows, in it, and after it."""
_VIEWS = tuple(v for v in VIEWS if v not in ("place", "join"))
SHARED = ("reference",)
"""Kinds of inputs that all lanes share."""


@dataclass
class Task:
    """One loop nest. kind: elements, or the operation. targets: the nodes whose values it stores."""

    kind: str
    phase: int
    targets: list[Node]
    needs: set[Node] = field(default_factory=set)
    """Stored nodes that it reads."""
    into: Node | None = None
    """The node whose memory a product is added to, where it is not its own."""


def base(n: Node) -> Node:
    """The node whose numbers a view shows."""
    while n.op in _VIEWS:
        n = n.inputs[0]
    return n


class Schedule:
    """The tasks of a step.

    outputs: what it returns; loads: the inputs that differ between lanes. of_arrays: as of ``Vocabulary``.
    """

    def __init__(self, outputs: Sequence[Node], loads: Sequence[Node], of_arrays: Sequence[str] = ()) -> None:
        self._of_arrays = of_arrays
        self.outputs = list(outputs)
        nodes = ordered(outputs)
        self.rows: Rows = rows_of(outputs)
        self._varies: set[Node] = set()
        for n in nodes:
            lane = n.op == "input" and n.data[0] not in SHARED
            if lane or any(i in self._varies for i in n.inputs) or (n.inputs and n.op not in _VIEWS):
                self._varies.add(n)
        self.loads = list(loads)
        self._users: dict[Node, list[Node]] = {n: [] for n in nodes}
        for n in nodes:
            for i in n.inputs:
                self._users[i].append(n)
        self.sums: dict[Node, tuple[list[Node], list[Node]]] = {}
        """Sums of products, which one array adds up: (the products, the other terms)."""
        self.stored: set[Node] = self._stored(nodes)
        self.tasks = self._tasks(nodes)

    def varies(self, n: Node) -> bool:
        """Whether each lane has a value of its own."""
        return n in self._varies

    def phase(self, n: Node) -> int:
        """When a node is computed."""
        if n in self.rows.axes or n in self.rows.totals:
            return BLOCK
        return AFTER if n in self.rows.after else BEFORE

    def _inlined(self, n: Node) -> bool:
        """Whether the one loop that uses a node computes it."""
        if n.op not in ELEMENTWISE or n in self._out or len(self._users[n]) != 1:
            return False
        user = self._users[n][0]
        if n.op in self._of_arrays or user.op in self._of_arrays:
            return False
        if self.phase(user) != self.phase(n):
            return False
        return (user.op in ELEMENTWISE and user.shape == n.shape and user.inputs.count(n) == 1) or user.op == "sum"

    def _stored(self, nodes: list[Node]) -> set[Node]:
        self._out = {base(n) for n in self.outputs}
        return {
            n for n in nodes if n in self._varies and n.op not in _VIEWS and n.op != "constant" and not self._inlined(n)
        }

    def _terms(self, n: Node) -> list[Node]:
        """The terms of a sum, through sums that only this one uses."""
        found = []
        for i in n.inputs:
            if i.op == "add" and i.shape == n.shape and self._inlined(i):
                found += self._terms(i)
            else:
                found.append(i)
        return found

    def _join_products(self, nodes: list[Node]) -> None:
        """Let products that only one sum uses add to the memory of the sum."""
        for n in nodes:
            if n.op != "add" or n not in self.stored:
                continue
            terms = self._terms(n)
            products = [
                t
                for t in terms
                if t.op == "matmul" and t.shape == n.shape and len(self._users[t]) == 1 and t not in self._out
            ]
            rest = [t for t in terms if t not in products]
            totals = [p in self.rows.totals for p in products]
            if not products or (any(totals) and (rest or not all(totals))):
                continue
            self.sums[n] = products, rest
            if all(totals):
                self.rows.totals.add(n)
            self.stored -= set(products)

    def _tasks(self, nodes: list[Node]) -> list[Task]:
        self._join_products(nodes)
        hidden = {p for products, _ in self.sums.values() for p in products}
        tasks: list[Task] = []
        made: dict[Node, int] = dict.fromkeys(self.loads, -1)
        for phase in (BEFORE, BLOCK, AFTER):
            for n in nodes:
                if n not in self.stored or n in made or n in hidden or self.phase(n) != phase:
                    continue
                for task in self._of(n, phase):
                    at = self._put(tasks, task, made)
                    made |= dict.fromkeys([n, *task.targets], at)
        return tasks

    def _of(self, n: Node, phase: int) -> list[Task]:
        if n in self.sums:
            products, rest = self.sums[n]
            first = [Task("elements", phase, [n], self.reads(rest))] if rest else []
            return first + [
                Task("matmul", phase, [p], self.reads(p.inputs) | ({n} if rest or k else set()), n)
                for k, p in enumerate(products)
            ]
        if n.op in self._of_arrays:
            both = [m for m in self._users[n.inputs[0]] if m.op in self._of_arrays]
            return [Task("tanh", phase, both, self.reads(n.inputs))]
        if n.op in ELEMENTWISE:
            return [Task("elements", phase, [n], self.reads(n.inputs))]
        return [Task(n.op, phase, [n], self.reads(n.inputs))]

    def reads(self, nodes: Sequence[Node]) -> set[Node]:
        """The stored nodes from which a loop computes some nodes."""
        found: set[Node] = set()
        stack = list(nodes)
        while stack:
            n = stack.pop()
            if n in self.stored:
                found.add(n)
            elif n in self._varies:
                stack.extend(n.inputs)
        return found

    def _put(self, tasks: list[Task], task: Task, made: dict[Node, int]) -> int:
        """Add a task, to a loop that is there already if possible; where it stands."""
        needed = max((made[n] for n in task.needs if n in made), default=-1)
        n = task.targets[0]
        if task.kind == "elements" and n not in self.sums:
            for at in range(max(needed, 0), len(tasks)):
                other = tasks[at]
                same = other.kind == "elements" and other.phase == task.phase and other.targets[0].shape == n.shape
                if same and (at > needed or self._aligned(n, other.targets)):
                    other.targets.append(n)
                    other.needs |= task.needs
                    return at
        tasks.append(task)
        return len(tasks) - 1

    def _aligned(self, n: Node, targets: list[Node]) -> bool:
        """Whether a node reads, of these targets, only the element that its loop computes at the same time."""
        stack = [(i, i.shape == n.shape) for i in n.inputs]
        while stack:
            i, same = stack.pop()
            if i in targets:
                if not same:
                    return False
            elif i not in self.stored and i in self._varies:
                stack.extend((j, same and i.op in ELEMENTWISE and j.shape == i.shape) for j in i.inputs)
        return True
