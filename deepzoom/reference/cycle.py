"""The steps of an iteration's cycle as functions: in arbitrary precision, and their slopes in float64."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from deepzoom.formula import source
from deepzoom.formula.exact import exact_map, exact_run
from deepzoom.formula.expression import Complex
from deepzoom.systems.escape_time import Iteration

Found = TypeVar("Found")


def exact_cycle(iteration: Iteration, bits: int) -> list[tuple[Callable[..., Any], Callable[..., Any]]]:
    """``exact_map`` of each step, for iterates less K."""
    return _each([centre.f for centre in iteration.centred], lambda f: exact_map(f, bits))


def exact_cycle_run(iteration: Iteration, bits: int, turn: int) -> Callable[..., None]:
    """``exact_run`` of the steps in turn, the first of index ``turn``; further calls go on with the next step."""
    if not iteration.further:
        return exact_run(iteration.centred[0].f, bits)
    maps = exact_cycle(iteration, bits)
    steps = (maps[iteration.turn(n)][0] for n in itertools.count(turn))

    def run(x: Any, y: Any, a: Any, b: Any, count: int, most: float, add_x: Any, add_y: Any) -> None:
        for step in itertools.islice(steps, count):
            x, y = step(x, y, a, b)
            add_x(x)
            add_y(y)
            if not x * x + y * y <= most:
                return

    return run


def kept_count(iteration: Iteration) -> int:
    """How many values are kept of each iterate: as many as the step needs that needs most of them."""
    return max(len(source.kept(centre.f)) for centre in iteration.centred)


def tangents(formulas: Sequence[Complex], functions: Mapping[str, Any]) -> list[Callable[..., Any]]:
    """``formula.source.tangent`` of each formula. functions: those that its code calls."""

    def made(f: Complex) -> Callable[..., Any]:
        space: dict[str, Any] = dict(functions)
        exec(source.tangent(f), space)
        return space["tangent"]  # type: ignore[no-any-return]

    return _each(formulas, made)


def _each(formulas: Sequence[Complex], make: Callable[[Complex], Found]) -> list[Found]:
    """What is made of each formula; once of one that occurs several times."""
    made = {id(f): make(f) for f in {id(f): f for f in formulas}.values()}
    return [made[id(f)] for f in formulas]
