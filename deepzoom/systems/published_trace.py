"""The step of a published experiment, or of its network with other data, as a graph: for what only traced trainings do.

Pixels of these experiments run by hand-written kernels. A test checks that both are the same step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deepzoom.tracing.gradient import gradient

from .experiments import TrainingSystem
from .networks import Form, named_weights
from .own_training import Training
from .traced_system import TracedSystem
from .training_step import Network


def traced(system: TrainingSystem) -> TracedSystem:
    """The same training, as a traced one. Its output is that of the network for the first row of the data."""
    network = system.network
    made = _Trace(network)
    training = _OfNetwork(
        made.step, made.start, {"at x": 1.0, "at y": 1.0}, "log10:at x", "log10:at y",
        data={"x": network.x, "y": network.y}, batch=network.batches, steps=system.steps, title=system.title,
        output=made.output,
    )  # fmt: skip
    return TracedSystem(system.name, training, {}, system.steps)


class _OfNetwork(Training):
    """A training of which an axis may change nothing, as in a network with rates=x,x."""

    def _check_axes(self, outputs: Any, axes: Any) -> None:
        pass


class _Trace:
    """A network's start, step and output, as functions of a ``Training``."""

    def __init__(self, network: Network) -> None:
        self._network, self._form = network, Form(network.activation)

    def _rate(self, name: str, hyper: Mapping[str, Any]) -> Any:
        return hyper[f"at {name}"] if name in ("x", "y") else 10.0 ** float(name)

    def start(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        weights = named_weights(self._network.weights, False)
        offset = self._network.offset
        if offset is not None and not self._network.offset_every_step:
            weights["layer0.w"] = weights["layer0.w"] + self._rate(offset, hyper)
        return weights

    def _used(self, state: Mapping[str, Any], hyper: Mapping[str, Any]) -> dict[str, Any]:
        """The weights that the network uses."""
        offset, weights = self._network.offset, dict(state)
        if offset is not None and self._network.offset_every_step:
            weights["layer0.w"] = weights["layer0.w"] + self._rate(offset, hyper)
        return weights

    def step(self, state: Mapping[str, Any], hyper: Mapping[str, Any], rows: Mapping[str, Any]) -> tuple[Any, Any]:
        network, weights = self._network, self._used(state, hyper)
        loss = self._form.cost(weights, network.x, network.y)
        part = loss if network.batches is None else self._form.cost(weights, rows["x"], rows["y"])
        rates = [self._rate(name, hyper) for name in network.rates]
        slopes = gradient(part, list(weights.values()))
        return {name: w - r * g for (name, w), r, g in zip(weights.items(), rates, slopes, strict=True)}, loss

    def output(self, state: Mapping[str, Any], hyper: Mapping[str, Any]) -> Any:
        return np.ravel(self._form.outputs(self._used(state, hyper), self._network.x[:1]))[0]
