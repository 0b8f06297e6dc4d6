"""Traced trainings run in float64, a pixel at a time."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.tracing.evaluate import Evaluation
from deepzoom.tracing.graph import Node, ordered
from deepzoom.tracing.training import STEP, TracedTraining, X, Y


def plain(value: Any) -> Any:
    """A constant in float64."""
    return np.float64(float(value)) if isinstance(value, Fraction) else value


def float64_run(
    training: TracedTraining, x: float, y: float, steps: int
) -> tuple[NDArray[np.float64], list[list[NDArray[np.float64]]]]:
    """(losses before each step, the state before each step and after the last) at a point of the plane."""
    at: list[Any] = [np.float64(10.0**v if power else v) for v, power in zip((x, y), training.powers_of_ten)]
    values: dict[Node, Any] = {X: at[0], Y: at[1]}
    states = [Evaluation(training.start, plain)(values)]
    outputs = [*training.after, training.loss]
    once = Evaluation(outputs, plain)
    drawn = {n: training.tables[n.data[1]] for n in ordered(outputs) if n.op == "input" and n.data[0] == "drawn"}
    losses = []
    for step in range(steps):
        rows: dict[Node, Any] = {n: table[step] for n, table in drawn.items()}
        *after, loss = once({**values, **rows, STEP: np.float64(step), **dict(zip(training.state, states[-1]))})
        states.append(after)
        losses.append(loss)
    return np.array(losses, dtype=np.float64), states
