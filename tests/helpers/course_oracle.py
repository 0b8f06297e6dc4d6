"""An oracle for the course of a run: finite differences of exact runs in mpmath."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath as mp

Run = Callable[[Any, Any], tuple[list[Any], list[list[Any]]]]
"""(x, y) -> (losses before each step, all numbers of the state before each step and after the last)."""


class Course(NamedTuple):
    """loss: the last that float64 can hold. best: the step with the lowest. exponent: the finite-time exponent."""

    loss: float
    best: int
    exponent: float


def course(run: Run, x: Any, y: Any, apart: Any) -> Course:
    """The course of a run at an exact point; the derivatives are those of runs ``apart`` on both sides."""
    losses, _ = run(x, y)
    steps = next((t for t, v in enumerate(losses) if not abs(v) < mp.mpf(2) ** 1024), len(losses))
    columns = []
    for dx, dy in ((apart, 0), (0, apart)):
        after, before = (run(x + s * dx, y + s * dy)[1][steps] for s in (1, -1))
        columns.append([(a - b) / (2 * apart) for a, b in zip(after, before, strict=True)])
    xx, yy, xy = (sum(a * b for a, b in zip(p, q)) for p, q in ((columns[0],) * 2, (columns[1],) * 2, columns))
    square = (xx + yy) / 2 + mp.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    best = min(range(steps), key=lambda t: losses[t])
    return Course(float(losses[steps - 1]), best, float(mp.log(square) / 2 / steps))
