"""The step of a training as differences from a reference run: its graph, and what it needs of the reference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from .differences import Differences, recorded
from .graph import Node, constant, given, node
from .lowering import lowered
from .training import TracedTraining, X, Y


@dataclass(frozen=True)
class DeltaStep:
    """outputs: differences of the state after a step and of the loss before it. inputs: differences of the state, of x
    and of y. recorded: the nodes of the step whose values in the reference run the outputs use, in order."""

    outputs: tuple[Node, ...]
    inputs: tuple[Node, ...]
    recorded: tuple[Node, ...]


@lru_cache(maxsize=16)
def delta_step(training: TracedTraining) -> DeltaStep:
    """The step of a training as differences."""
    varying = [*training.state, X, Y]
    ends = [*training.after, training.loss]
    d = Differences(ends, varying)
    outputs = lowered([node("broadcast", d.of(n) or constant(0), data=n.shape) for n in ends])
    inputs = tuple(given("difference", n, n.shape) for n in varying)
    return DeltaStep(tuple(outputs), inputs, tuple(dict.fromkeys(recorded(outputs))))
