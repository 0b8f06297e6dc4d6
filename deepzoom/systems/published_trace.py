"""The step of a published experiment, or of its network with other data, as a graph: for what only traced trainings do.

Pixels of these experiments run by hand-written kernels. A test checks that both are the same step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .composed import STARTS, Composed
from .experiments import TrainingSystem
from .networks import Form
from .own_training import Training
from .traced_system import TracedSystem
from .training_step import Network


def traced(system: TrainingSystem) -> TracedSystem:
    """The same training, as a traced one. Its output is that of the network for the first row of the data."""
    network = system.network
    made = Composed(network, Form(network.activation), "sgd", biases=False)
    data = {"x": network.x, "y": network.y}
    step = made.step(data)
    training = _OfNetwork(
        lambda state, hyper, rows: step(state, _named(network, hyper), rows),
        lambda hyper: made.start(_named(network, hyper)),
        {"at x": 1.0, "at y": 1.0}, "log10:at x", "log10:at y", data=data, batch=network.batches, steps=system.steps,
        title=system.title, output=lambda state, hyper, data: made.output(state, _named(network, hyper), data),
    )  # fmt: skip
    return TracedSystem(system.name, training, {}, system.steps)


class _OfNetwork(Training):
    """A training of which an axis may change nothing, as in a network with rates=x,x."""

    def _check_axes(self, outputs: Any, axes: Any) -> None:
        pass


def _named(network: Network, hyper: Mapping[str, Any]) -> dict[str, Any]:
    """The hyperparameters of a composed network. An axis may be several of them, so the training has the axes alone."""

    def of(token: str) -> Any:
        return hyper[f"at {token}"] if token in ("x", "y") else 10.0 ** float(token)

    named = {**hyper, **STARTS, **{f"rate.layer{n}": of(token) for n, token in enumerate(network.rates)}}
    return named if network.offset is None else {**named, "offset": of(network.offset)}
