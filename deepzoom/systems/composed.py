"""The published experiments with an optimizer, a loss, a network or axes of the user's choice.

These run by a traced step. An experiment that ``training_step.Network`` describes runs by hand-written kernels instead;
``needs_trace`` tells which is which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepzoom.errors import InputError
from deepzoom.tracing.gradient import gradient

from .axis_views import home
from .base import Setting
from .experiments import PUBLISHED, SETTINGS, TrainingSystem, chosen_settings, network_of
from .networks import ACTIVATIONS, LOSSES, Form, labels, named_weights
from .optimizers import EXTRAS, OPTIMIZERS
from .own_training import Training
from .sizes import SIZES, is_sized
from .traced_system import TracedSystem
from .training_checks import LOG, number_of
from .training_step import ACTIVATIONS as HAND_WRITTEN
from .training_step import Network

_PLAIN = {"optimizer": "sgd", "loss": "mean-square", "biases": "no", "layer-norm": "no"}
"""What the published step has."""
STARTS = {"init-scale": 1.0, "init-mean": 0.0, "label-noise": 0.0, "data-scale": 1.0}
"""Hyperparameters of the start and of the data; with these values they change nothing."""

CHOICES: dict[str, Setting] = {
    "optimizer": Setting("sgd", ", ".join(OPTIMIZERS)),
    "loss": Setting("mean-square", ", ".join(LOSSES)),
    "biases": Setting("no", "yes or no"),
    "layer-norm": Setting("no", "yes or no: normalise what the hidden units of a layer take"),
    "x": Setting("", "hyperparameter of the axis x, NAME or log10:NAME, such as log10:rate or beta2"),
    "y": Setting("", "hyperparameter of the axis y"),
}
HYPER: dict[str, Setting] = {
    "rate": Setting("", "learning rate; rate.layer0, rate.layer1, ... for one layer"),
    "momentum": Setting("", "of momentum and nesterov"),
    "beta1": Setting("", "of adam, adamw and lion"),
    "beta2": Setting("", "of rmsprop, adam, adamw and lion"),
    "eps": Setting("", "of rmsprop, adam and adamw"),
    "decay": Setting("", "weight decay"),
    "clip": Setting("", "largest norm of the gradient"),
    "warmup": Setting("", "steps in which the rate grows to its full value"),
    "cosine": Setting("", "yes: the rate falls to 0 along half a period of a cosine; or the share by which it falls"),
    "init-scale": Setting("1", "factor of the starting weights"),
    "init-mean": Setting("0", "number added to the starting weights"),
    "label-noise": Setting("0", "standard deviation of the noise of the targets"),
    "data-scale": Setting("1", "factor of the inputs"),
}
ALL_SETTINGS: dict[str, Setting] = {
    **{k: s for k, s in SETTINGS.items() if k not in SIZES},
    "activation": Setting("", ", ".join(ACTIVATIONS)),
    **CHOICES, **HYPER, **SIZES,
}  # fmt: skip


def needs_trace(given: Mapping[str, str]) -> bool:
    """Whether some settings are none that hand-written kernels know."""
    if any(given.get(key, plain) != plain for key, plain in _PLAIN.items()):
        return True
    if given.get("activation", "tanh") not in HAND_WRITTEN:
        return True
    return any(key in HYPER or key in ("x", "y") or key.startswith("rate.") for key in given)


def create(name: str, given: Mapping[str, str], steps: int | None) -> TracedSystem | TrainingSystem:
    """A published experiment with its settings. Raises InputError for a setting that is unknown or wrong."""
    for key in given:
        if key not in ALL_SETTINGS and not key.startswith("rate."):
            raise InputError(f"--set: {name} has no setting {key!r}; it has {', '.join(ALL_SETTINGS)}.")
    if not needs_trace(given):
        plain = {key: value for key, value in given.items() if key not in _PLAIN}
        system: TracedSystem | TrainingSystem = TrainingSystem(name, plain, steps)
    else:
        steps = PUBLISHED[name].steps if steps is None else steps
        system = TracedSystem(name, training(name, given, steps), {}, steps)
    system.settings_known = ALL_SETTINGS
    return system


def training(name: str, given: Mapping[str, str], steps: int) -> Training:
    """The training of a published experiment with its settings."""
    listed = {key: value for key, value in given.items() if not key.startswith("rate.")}
    chosen = chosen_settings(name, ALL_SETTINGS, listed)
    network = network_of(name, chosen, given, steps, ACTIVATIONS)
    rates, axes = _rates(network, given)
    for key, known in (("optimizer", OPTIMIZERS), ("loss", LOSSES)):
        if chosen[key] not in known:
            raise InputError(f"--set {key}: {chosen[key]!r} is not one of {', '.join(known)}.")
    hyper = _hyper(chosen["optimizer"], {**rates, **_numbers(given)}, axes, network)
    form = Form(network.activation, chosen["loss"], _yes(chosen, "layer-norm"))
    if form.loss != "mean-square" and any("label-noise" in text for text in (*given, *axes)):
        raise InputError(f"--set label-noise: the targets of {form.loss} are classes, without noise; leave it out.")
    if form.loss == "cross-entropy" and network.y.shape[1] == 1:
        form = Form(form.activation, "logistic", form.layer_norm)  # two classes
    made = Composed(network, form, chosen["optimizer"], _yes(chosen, "biases"))
    seed = int(chosen["seed"]) if is_sized(given) else 0
    data = {"x": network.x, "y": labels(form.loss, network.y)}
    if form.loss == "mean-square":
        data["noise"] = np.random.default_rng([seed, 2]).normal(size=network.y.shape)
    x, y, depth = home(axes, chosen["optimizer"])
    return Training(
        made.step(data), made.start, hyper, *axes, data=data, batch=network.batches, steps=steps, center=(x, y),
        depth=depth, title=f"{PUBLISHED[name].title}, {chosen['optimizer']}", output=made.output,
    )  # fmt: skip


@dataclass(frozen=True)
class Composed:
    """A network with its form and optimizer: the start, step and output of a ``Training``.

    Hyperparameters are those of the optimizer, of ``STARTS``, and ``offset`` where the network has one.
    """

    network: Network
    form: Form
    optimizer: str
    biases: bool

    def start(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        arrays = [w * hyper["init-scale"] + hyper["init-mean"] for w in self.network.weights]
        if self.network.offset is not None and not self.network.offset_every_step:
            arrays[0] = arrays[0] + hyper["offset"]
        weights = named_weights(arrays, self.biases)
        return {**weights, **OPTIMIZERS[self.optimizer].start(weights)}

    def _used(self, state: Mapping[str, Any], hyper: Mapping[str, Any]) -> dict[str, Any]:
        """The weights that the network uses."""
        weights = {name: state[name] for name in named_weights(self.network.weights, self.biases)}
        if self.network.offset is not None and self.network.offset_every_step:
            weights["layer0.w"] = weights["layer0.w"] + hyper["offset"]
        return weights

    def output(self, state: Mapping[str, Any], hyper: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
        """The network's first output for the first row of the data."""
        return np.ravel(self.form.outputs(self._used(state, hyper), data["x"][:1] * hyper["data-scale"]))[0]

    def step(self, data: Mapping[str, Any]) -> Any:
        """The step, with all rows of the data; it also gets those that it draws."""
        names = list(named_weights(self.network.weights, self.biases))

        def step(state: Mapping[str, Any], hyper: Mapping[str, Any], rows: Mapping[str, Any]) -> tuple[Any, Any]:
            weights = self._used(state, hyper)
            remembered = {name: a for name, a in state.items() if name not in weights}
            loss = self._cost(weights, hyper, data)
            part = loss if self.network.batches is None else self._cost(weights, hyper, rows)
            slopes = dict(zip(names, gradient(part, list(weights.values()))))
            after, remembered = OPTIMIZERS[self.optimizer].step(weights, slopes, remembered, hyper)
            return {**after, **remembered}, loss

        return step

    def _cost(self, weights: Mapping[str, Any], hyper: Mapping[str, Any], rows: Mapping[str, Any]) -> Any:
        targets = rows["y"] + hyper["label-noise"] * rows["noise"] if "noise" in rows else rows["y"]
        return self.form.cost(weights, rows["x"] * hyper["data-scale"], targets)


def _rates(network: Network, given: Mapping[str, str]) -> tuple[dict[str, float], tuple[str, str]]:
    """(rates that the setting ``rates`` fixes, and the offset, by name; the axes).

    An axis that is not given is the rate of its one layer, ``rate.layerN``, or of its several, ``rate``, or the offset.
    """
    of_axis = {which: [n for n, token in enumerate(network.rates) if token == which] for which in "xy"}
    hyper = {f"rate.layer{n}": 10.0 ** float(t) for n, t in enumerate(network.rates) if t not in of_axis}
    if network.offset is not None:
        hyper["offset"] = 1.0
    axes = []
    for which, layers in of_axis.items():
        if which in given:
            axes.append(given[which])
        elif network.offset == which and not layers:
            axes.append(f"{LOG}offset")
        elif network.offset != which and layers and f"{LOG}rate" not in axes:
            axes.append(f"{LOG}rate" if len(layers) > 1 else f"{LOG}rate.layer{layers[0]}")
        else:
            raise InputError(
                f"--set rates: with {','.join(network.rates)} the axis {which} is not one hyperparameter; choose both,"
                " such as x=log10:rate.layer0 and y=log10:rate."
            )
    return hyper, (axes[0], axes[1])


def _numbers(given: Mapping[str, str]) -> dict[str, float]:
    """The hyperparameters among the settings."""
    found = {key: text for key, text in given.items() if key in HYPER or key.startswith("rate.")}
    if found.get("cosine") in ("yes", "no"):
        found["cosine"] = "1" if found["cosine"] == "yes" else "0"
    return {key: number_of(key, text, 0.0) for key, text in found.items()}


def _hyper(optimizer: str, given: Mapping[str, float], axes: tuple[str, ...], network: Network) -> dict[str, float]:
    """All hyperparameters. Raises InputError for one that neither optimizer nor network has."""
    hyper = {**OPTIMIZERS[optimizer].hyper, **STARTS}
    layers = [f"rate.layer{n}" for n in range(len(network.weights))]
    named = [*((name, "") for name in given), *((a.removeprefix(LOG), f" {which}") for a, which in zip(axes, "xy"))]
    for name, which in named:
        if name not in (*hyper, *layers, *EXTRAS, "offset") or (name == "offset" and network.offset is None):
            known = ", ".join([*hyper, *layers, *(e for e in EXTRAS if e not in hyper)])
            raise InputError(f"--set{which}: {name!r} is no hyperparameter of {optimizer} here; there are {known}.")
    return {**hyper, **{axis.removeprefix(LOG): 1.0 for axis in axes}, **given}


def _yes(chosen: Mapping[str, str], key: str) -> bool:
    if chosen[key] not in ("yes", "no"):
        raise InputError(f"--set {key}: {chosen[key]!r} is neither yes nor no.")
    return chosen[key] == "yes"
