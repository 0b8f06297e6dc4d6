"""Names that each generated module defines for itself, for editors and type checkers."""

from __future__ import annotations

from typing import Any

STATE = CARRIED = PER_STEP = 0
"""Numbers of the state, those that a step carries to the next (``tracing/doubts.py``), and those that are different at
each step."""
MOVING = ((0, 0),)
"""Where the arrays of the state stand that rounding changes: first number and the one after the last of each."""
PLAIN_SIZE = SLOPED_SIZE = DELTA_SIZE = EXPANSION_SIZE = 0
"""Numbers of each step's workspace."""


def plain_step(lanes: Any, numbers: Any, kind: Any) -> Any:
    """One step in float64; returns the loss before it."""


def sloped_step(lanes: Any, numbers: Any, kind: Any) -> Any:
    """The same with slopes of tanh to all digits."""


def expansion_step(lanes: Any, numbers: Any, kind: Any) -> Any:
    """The same in expansions. kind: a tuple of as many float64 as there are limbs."""


def delta_step(lanes: Any, numbers: Any, record: Any) -> Any:
    """One step of differences from the reference; returns the difference of the loss before it."""


def add_loss(sums: Any, pixel: Any, t: Any, steps: Any, loss: Any) -> None:
    """As of ``convergence_measure.py``, with the training's own number of last losses."""


def add_difference(sums: Any, pixel: Any, t: Any, steps: Any, ratio: Any, first: Any, change: Any) -> None:
    """As of ``convergence_measure.py``, with the training's own number of last losses."""


def own_sums(sums: Any, pixel: Any, totals: Any, t: Any) -> None:
    """As of ``delta_run.py``."""


def some_go_on(
    steps: Any, t: Any, last: Any, threshold: Any, ratios: Any, totals: Any, differences: Any, step: Any, sums: Any,
    start: Any, lanes: Any, begin: Any, changes: Any,
) -> Any:  # fmt: skip
    """As of ``delta_run.py``, with the training's own number of last losses."""
