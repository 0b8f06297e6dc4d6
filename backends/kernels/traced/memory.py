"""Where the arrays of a generated step stand in the lanes' workspace; arrays that are no longer needed make room."""

from __future__ import annotations

import math

from deepzoom.backends.kernels.arithmetic.simd import SIXTEEN_REGISTERS
from deepzoom.tracing.graph import Node, Shape

from .schedule import BLOCK, Schedule, base

DATA_ROWS = 24 if SIXTEEN_REGISTERS else 8
"""Data rows taken at a time: so few that all arrays of a step stay in the first-level cache. Measured best for the
published networks, wider and deeper ones, of 4 to 32 with AVX-512, of 8 to 48 without."""


def stored_shape(schedule: Schedule, n: Node, block: int) -> Shape:
    """The shape of a stored array: with one block of rows, or all."""
    rows = schedule.rows.axes.get(n)
    if rows is None:
        return n.shape
    axis, each = rows
    return (*n.shape[:axis], each * min(block, schedule.rows.count), *n.shape[axis + 1 :])


def stored_size(schedule: Schedule, n: Node, block: int) -> int:
    """How many numbers that is."""
    return math.prod(stored_shape(schedule, n, block))


def places(schedule: Schedule, block: int) -> tuple[dict[Node, int], int]:
    """(first number of each stored array, numbers of the workspace)."""
    begins: dict[Node, int] = {}
    ends: dict[Node, int] = {}
    tasks = schedule.tasks
    inside = [k for k, task in enumerate(tasks) if task.phase == BLOCK]
    first, last = (inside[0], inside[-1]) if inside else (0, 0)
    for k, task in enumerate(tasks):
        for n in [*task.targets, *([task.into] if task.into is not None else [])]:
            if n in schedule.stored:
                begins.setdefault(n, first if n in schedule.rows.totals else k)
                ends[n] = max(ends.get(n, k), last if n in schedule.rows.totals else k)
        for n in task.needs:
            outside = n not in schedule.rows.axes and task.phase == BLOCK
            ends[n] = max(ends.get(n, k), last if outside else k)
    at: dict[Node, int] = {}
    size = 0
    for n in schedule.loads:
        at[n] = size
        size += n.size
    fixed = size
    for n in schedule.outputs:
        ends[base(n)] = len(tasks)
    for n in sorted((n for n in begins if n not in at), key=lambda n: (begins[n], -n.size)):
        need = stored_size(schedule, n, block)
        taken = sorted(
            (at[m], at[m] + stored_size(schedule, m, block))
            for m in at
            if m in begins and begins[m] <= ends[n] and ends[m] >= begins[n]
        )
        place = fixed
        for low, high in taken:
            if low - place >= need:
                break
            place = max(place, high)
        at[n] = place
        size = max(size, place + need)
    return at, size
