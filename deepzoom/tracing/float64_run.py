"""A traced training run at one point in float64, step by step: for checks, not for pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .evaluate import Evaluation, as_float64
from .graph import ordered
from .training import STEP, TracedTraining, X, Y


def losses(training: TracedTraining, x: float, y: float, steps: int) -> NDArray[np.float64]:
    """The losses (steps,) at the point (x, y) of the plane, each before its step. They may be inf or NaN."""
    t = training
    values: dict[Any, Any] = {
        n: np.float64(10.0**v if power else v) for n, v, power in zip((X, Y), (x, y), t.powers_of_ten)
    }
    drawn = [n for n in ordered([*t.after, t.loss]) if n.op == "input" and n.data[0] == "drawn"]
    state = Evaluation(t.start, as_float64)(values)
    step = Evaluation([*t.after, t.loss], as_float64)
    found = np.empty(steps)
    for i in range(steps):
        rows = {n: t.tables[n.data[1]][i] for n in drawn}
        *state, loss = step({**values, **rows, **dict(zip(t.state, state)), STEP: np.float64(i)})
        found[i] = float(loss)
    return found
