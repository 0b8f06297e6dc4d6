"""Sharpness: the largest eigenvalue of the Hessian of a training's loss, and the learning rate that it allows.

Gradient descent at a rate is stable along an eigenvector while the eigenvalue is below 2 / rate: the edge of stability
(Cohen et al., arXiv 2103.00065). Where layers have rates of their own, R on the diagonal, the same holds for the
largest eigenvalue of sqrt(R) H sqrt(R) and 2. The rate that the sharpest direction feels is that eigenvalue over the
one of H.

Products of the Hessian with a vector v are the gradient of <gradient, v>, by the graph of the loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.coordinates import Rational
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.networks import Form, named_weights
from deepzoom.systems.traced_system import TracedSystem
from deepzoom.systems.trainable import Trainable
from deepzoom.systems.training_step import rates_at
from deepzoom.tracing.array import Traced
from deepzoom.tracing.evaluate import Evaluation, as_float64
from deepzoom.tracing.gradient import gradient
from deepzoom.tracing.graph import Node, given, ordered
from deepzoom.tracing.training import STEP, TracedTraining, X, Y

Floats = NDArray[np.float64]

_ALONG = 1e-6
"""A step goes along the gradient if it differs by at most this share from a multiple of it."""
_TOLERANCE = 1e-10


@dataclass(frozen=True)
class Sharpness:
    """eigenvalue: the largest of the Hessian. edge: 2 over the rate that its direction feels; NaN where there is none.

    Both are NaN where the loss has no second derivatives in float64.
    """

    eigenvalue: float
    edge: float


def loss_surface(system: Trainable, x: Rational, y: Rational) -> LossSurface:
    """The loss of a training at a point, as a function of its state."""
    if isinstance(system, TracedSystem):
        return _Traced(system.training, float(x), float(y))
    assert isinstance(system, TrainingSystem)
    return _Published(system, float(x), float(y))


class LossSurface:
    """The loss of a training as a function of its weights: gradient, products with the Hessian, sharpness.

    loss: the graph. weights: those inputs of it that train; layers: where each stands in the state.
    """

    def __init__(self, loss: Node, weights: list[Node], layers: list[slice]) -> None:
        self._weights, self._layers = weights, layers
        along = [given("difference", n, n.shape) for n in weights]
        by = [Traced(n) for n in weights]
        slopes = gradient(Traced(loss), by)
        steepness: Any = sum((g * Traced(v)).sum() for g, v in zip(slopes, along, strict=True))
        self._along = along
        self._gradient = Evaluation([g.node for g in slopes], as_float64)
        self._product = Evaluation([h.node for h in gradient(steepness, by)], as_float64)

    def _values(self, step: int, state: Floats) -> dict[Node, Any]:
        """Values of all inputs of the loss at a state (n,) before a step."""
        raise NotImplementedError

    def _rates(self, step: int, state: Floats) -> list[float] | None:
        """The learning rate of each array of weights, or None where the step does not go along the gradient."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """The number of weights."""
        return sum(n.size for n in self._weights)

    def _split(self, flat: Floats) -> list[Floats]:
        ends = np.cumsum([n.size for n in self._weights])[:-1]
        return [part.reshape(n.shape) for part, n in zip(np.split(flat, ends), self._weights, strict=True)]

    def gradient(self, step: int, state: Floats) -> list[Floats]:
        """The derivatives of the loss by each array of weights."""
        return [np.asarray(g) for g in self._gradient(self._values(step, state))]

    def product(self, step: int, state: Floats, vector: Floats) -> Floats:
        """The Hessian at a state (n,) before a step, times a vector (size,)."""
        values = self._values(step, state) | dict(zip(self._along, self._split(vector), strict=True))
        found = self._product(values)
        return np.concatenate([np.broadcast_to(h, n.shape).ravel() for h, n in zip(found, self._weights, strict=True)])

    def sharpness(self, step: int, state: Floats) -> Sharpness:
        """At a state (n,) before a step."""
        eigenvalue = self._largest(step, state, np.ones(self.size))
        rates = self._rates(step, state)
        if rates is None:
            return Sharpness(eigenvalue, np.nan)
        if min(rates) == max(rates):
            return Sharpness(eigenvalue, 2 / rates[0] if rates[0] > 0 else np.inf)
        roots = np.concatenate([np.full(n.size, np.sqrt(r)) for n, r in zip(self._weights, rates, strict=True)])
        felt = self._largest(step, state, roots)
        return Sharpness(eigenvalue, 2 * eigenvalue / felt if felt > 0 and eigenvalue > 0 else np.nan)

    def _largest(self, step: int, state: Floats, roots: Floats) -> float:
        """The largest eigenvalue of the Hessian between two factors ``roots`` (size,) of the weights."""
        from scipy.sparse.linalg import LinearOperator, eigsh  # takes a third of a second

        def times(vector: Floats) -> Floats:
            return roots * self.product(step, state, roots * vector.ravel())

        start = np.random.default_rng(0).normal(size=self.size)
        first = times(start)
        if not np.isfinite(first).all():
            return np.nan
        if not first.any():
            return 0.0
        if self.size == 1:
            return float(first[0] / start[0])
        operator = LinearOperator((self.size, self.size), matvec=times, dtype=np.float64)
        return float(eigsh(operator, 1, which="LA", v0=start, tol=_TOLERANCE, return_eigenvectors=False)[0])


class _Published(LossSurface):
    """Of a published experiment, with a rate for each layer. An offset added before every step belongs to the loss."""

    def __init__(self, system: TrainingSystem, x: float, y: float) -> None:
        network = system.network
        weights = [given("state", f"layer{k}", w.shape) for k, w in enumerate(network.weights)]
        form = Form(network.activation)
        loss = form.cost(named_weights([Traced(n) for n in weights], biases=False), network.x, network.y)
        super().__init__(loss.node, weights, network.layers)
        self._at = rates_at(network, x, y, lambda v: float(v) if isinstance(v, Fraction) else v)
        self._offset = self._at.offset if self._at.offset is not None and network.offset_every_step else 0.0

    def _values(self, step: int, state: Floats) -> dict[Node, Any]:
        values = {n: state[layer].reshape(n.shape) for n, layer in zip(self._weights, self._layers, strict=True)}
        values[self._weights[0]] = values[self._weights[0]] + self._offset
        return values  # type: ignore[return-value]

    def _rates(self, step: int, state: Floats) -> list[float]:
        return [float(r) for r in self._at.learning]


class _Traced(LossSurface):
    """Of a traced training. Weights are those arrays of the state that the loss depends on."""

    def __init__(self, training: TracedTraining, x: float, y: float) -> None:
        used = set(ordered([training.loss]))
        places = [k for k, n in enumerate(training.state) if n in used]
        super().__init__(training.loss, [training.state[k] for k in places], [training.layers[k] for k in places])
        self._training = training
        self._parameters: Mapping[Node, Any] = {
            n: np.float64(10.0**v if power else v) for n, v, power in zip((X, Y), (x, y), training.powers_of_ten)
        }
        self._after = Evaluation([training.after[k] for k in places], as_float64)
        self._drawn = [n for n in ordered([*training.after, training.loss]) if n.op == "input" and n.data[0] == "drawn"]

    def _values(self, step: int, state: Floats) -> dict[Node, Any]:
        t = self._training
        rows = {n: t.tables[n.data[1]][step] for n in self._drawn}
        arrays = {n: state[layer].reshape(n.shape) for n, layer in zip(t.state, t.layers, strict=True)}
        return {**self._parameters, **rows, **arrays, STEP: np.float64(step)}

    def _rates(self, step: int, state: Floats) -> list[float] | None:
        """From the step itself: the multiples of the gradient by which it changes the weights."""
        found = []
        values = self._values(step, state)
        after = self._after(values)
        for n, w, g in zip(self._weights, after, self.gradient(step, state), strict=True):
            change, slope = (values[n] - w).ravel(), np.broadcast_to(g, n.shape).ravel()
            square = float(slope @ slope)
            rate = float(change @ slope) / square if square > 0 else np.nan
            if not rate >= 0 or np.linalg.norm(change - rate * slope) > _ALONG * np.linalg.norm(change):
                return None
            found.append(rate)
        return found
