"""High-precision runs of a traced training, alone or with the Taylor polynomials of its state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.arithmetic.delta import Delta
from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.numpy_operations import NotANumber, floats
from deepzoom.tracing.delta_step import delta_step
from deepzoom.tracing.evaluate import Evaluation, evaluate
from deepzoom.tracing.graph import Node, ordered
from deepzoom.tracing.training import STEP, TracedTraining, X, Y

from .convergence import Totals, reference_of
from .training_run import ExactRun, Lift, TaylorRun


@dataclass(frozen=True)
class TracedStep:
    """A step: the loss before it, and the values that differences from it need (``DeltaStep.recorded``)."""

    loss: Any
    values: tuple[Any, ...]


class TracedRun(ExactRun):
    """A traced training in high precision (``Exact`` numbers) alone. recording: keep what differences need."""

    def __init__(self, training: TracedTraining, x: Any, y: Any, bits: int, recording: bool = False) -> None:
        def lift(value: Any) -> Exact:
            return Exact.of(value, bits)

        self.step = 0
        self._lift: Lift = lift
        self._begin(training, recording)
        self.parameters = tuple(
            10.0 ** lift(v) if power else lift(v) for v, power in zip((x, y), training.powers_of_ten, strict=True)
        )
        self.weights = tuple(evaluate(training.start, dict(zip((X, Y), self.parameters, strict=True)), lift))

    def _begin(self, training: TracedTraining, recording: bool) -> None:
        self._training = training
        self._ended: NotANumber | None = None
        kept = delta_step(training).recorded if recording else ()
        outputs = [*training.after, training.loss, *kept]
        self._evaluation = Evaluation(outputs, self._lift)
        self._drawn = [n for n in ordered(outputs) if n.op == "input" and n.data[0] == "drawn"]

    def _values(self) -> dict[Node, Any]:
        values: dict[Node, Any] = dict(zip((X, Y), self.parameters, strict=True))
        values |= dict(zip(self._training.state, self.weights, strict=True))
        values[STEP] = self._lift(Fraction(self.step))
        return values | {n: self._lift(self._training.tables[n.data[1]][self.step]) for n in self._drawn}

    def advance(self) -> Any:
        if self._ended is not None:
            raise self._ended
        values = self._values()
        try:
            found = self._evaluation(values)
        except NotANumber as error:  # the loss before the step may be defined although the state after it is not
            self._ended = error
            (loss,) = evaluate([self._training.loss], values, self._lift)
            return TracedStep(loss, ())
        n = len(self.weights)
        self.weights = tuple(found[:n])
        self.step += 1
        return TracedStep(found[n], tuple(found[n + 1 :]))

    def label(self) -> int:
        """The number of the basin that the run is in; 0 if basins have none, or if the state is not of numbers."""
        label = self._training.label
        if label is None or self._ended is not None:
            return 0
        return int(floats(evaluate([label], dict(zip(self._training.state, self.weights)), self._lift)[0]))


class TracedTaylorRun(TaylorRun, TracedRun):
    """A traced training with its Taylor polynomials up to some order.

    last: how many of the last losses decide the fate. recording: keep what differences need. All else as of
    ``TaylorRun``.
    """

    def __init__(self, training: TracedTraining, x: Delta, y: Delta, lift: Lift, last: int, recording: bool) -> None:
        self._lift = lift
        self._begin(training, recording)
        pair = zip((x, y), training.powers_of_ten, strict=True)
        self._start_parameters = tuple(10.0**v if power else v for v, power in pair)
        started = evaluate(training.start, dict(zip((X, Y), self._start_parameters, strict=True)), lift)
        self._begin_series(x, started, lambda none: Totals(none, last), lift)

    @property
    def learning(self) -> NDArray[np.float64]:
        """The values of the two parameters."""
        return np.array([float(floats(reference_of(p))) for p in self._start_parameters])

    @property
    def offset(self) -> float:
        """0: the parameters stand in ``learning``."""
        return 0.0

    def _change_parameters(self, changed: Callable[[Any], Any]) -> None:
        self._start_parameters = tuple(changed(p) for p in self._start_parameters)

    def advance(self) -> Any:
        self.parameters = tuple(self._rescaled(p) for p in self._start_parameters)
        step = TracedRun.advance(self)
        self.weights = tuple(self._with_series(w) for w in self.weights)
        self.last_loss = float(floats(reference_of(step.loss)))
        self.totals.add(self._with_series(step.loss))
        self._follow_growth()
        return step


def record(step: TracedStep) -> NDArray[np.float64]:
    """The float64 values of one step that delta steps use, flat."""
    return np.concatenate([floats(reference_of(v)).ravel() for v in step.values])
