"""A traced training: the graphs of its start and of its step, in the two parameters of a pixel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .graph import Node, given
from .whole import counts

X, Y = given("parameter", "x", ()), given("parameter", "y", ())
"""The two parameters of a pixel: 10**coordinate on an axis that is a power of ten, else the coordinate."""
STEP = given("step", "step", ())
"""The number of the step, from 0."""


@dataclass(frozen=True)
class TracedTraining:
    """What one pixel trains.

    state: the arrays that a step changes, as inputs of the step. start: their values before the first step, functions
    of ``X`` and ``Y`` alone. after: their values after a step; loss: the loss before it, one number. Both are
    functions of the state, ``X``, ``Y``, ``STEP`` and drawn inputs. Trainings with the same graphs are equal, whatever
    their tables, so that their kernels are generated once. powers_of_ten: for x and y, whether the parameter
    is 10**coordinate. tables: float64 (steps, *shape) for each drawn input, by its name.
    """

    state: tuple[Node, ...]
    start: tuple[Node, ...]
    after: tuple[Node, ...]
    loss: Node
    powers_of_ten: tuple[bool, bool]
    tables: Mapping[str, NDArray[np.float64]] = field(default_factory=dict, compare=False)
    last: int | None = None
    """How many of the last losses decide the fate; None for the published number, 0 for all of them."""
    output: Node | None = None
    """The output for a probe input, before the step: one number, of the same inputs as the loss."""
    label: Node | None = field(default=None, compare=False)
    """The number of the basin of a final state, from 1 on: a function of the state alone; None: basins have none."""
    basins: int = field(default=0, compare=False)
    """How many numbers ``label`` can give."""

    @property
    def layers(self) -> list[slice]:
        """Where each array of the state stands among all numbers of the state, flat."""
        ends: list[Any] = np.cumsum([n.size for n in self.state]).tolist()
        return [slice(end - n.size, end) for end, n in zip(ends, self.state, strict=True)]

    @property
    def counting(self) -> tuple[bool, ...]:
        """Whether each array of the state has whole numbers alone, which no rounding changes."""
        return counts(self.state, self.start, self.after)

    @property
    def labelling(self) -> TracedTraining | None:
        """A training whose step changes nothing and whose loss is the label, so that it has kernels; None without."""
        if self.label is None:
            return None
        return TracedTraining(self.state, self.start, self.state, self.label, self.powers_of_ten)
