"""Optimizers: how a training step changes its weights by their gradients.

Weights, gradients and what else an optimizer remembers are dicts of arrays by name. Every function here is ordinary
NumPy code, and runs on float64 arrays and on traced arrays alike. Updates and defaults are those of optax, which the
tests compare with; rmsprop has its eps inside the root, as there.

Every optimizer also knows these hyperparameters, if they are given:

    rate.NAME   the rate of one array of weights, or of all whose names begin with NAME and a dot
    clip        the gradient is scaled down so that its norm over all arrays is at most this
    decay       adamw and lion: decay * weight joins the update; all others: it joins the gradient
    warmup      the rate grows in so many equal steps to its full value
    cosine      the share of the rate that is gone by the last step, along half a period of a cosine
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Arrays = dict[str, Any]
Hyper = Mapping[str, Any]

EXTRAS = ("clip", "decay", "warmup", "cosine")
"""Hyperparameters that every optimizer knows, and that do nothing unless they are given."""


@dataclass(frozen=True)
class Optimizer:
    """An optimizer. hyper: its hyperparameters with their defaults.

    start(weights) gives the arrays that it remembers. step(weights, gradients, remembered, hyper) gives weights and
    remembered arrays after a step. hyper also has ``step``, the number of the step from 0, and ``steps``.
    """

    hyper: dict[str, float]
    start: Callable[[Arrays], Arrays]
    step: Callable[[Arrays, Arrays, Arrays, Hyper], tuple[Arrays, Arrays]]


Direction = Callable[[Arrays, Arrays, Hyper], tuple[Arrays, Arrays]]
"""(gradients, remembered, hyper) -> (what the rate multiplies, remembered)."""


def schedule(hyper: Hyper) -> Any:
    """The share of the rate that a step takes: warm-up times cosine decay."""
    share: Any = 1.0
    if "warmup" in hyper:
        share = np.minimum(1.0, (hyper["step"] + 1.0) / hyper["warmup"])
    if "cosine" in hyper:
        gone = (1.0 - np.cos(hyper["step"] * (math.pi / hyper["steps"]))) * 0.5
        share = share * (1.0 - hyper["cosine"] * gone)
    return share


def rate_of(name: str, hyper: Hyper) -> Any:
    """The rate of an array: that of the longest part of its name that has one, else ``rate``."""
    while name:
        if f"rate.{name}" in hyper:
            return hyper[f"rate.{name}"]
        name = name.rpartition(".")[0]
    return hyper["rate"]


def clipped(gradients: Arrays, most: Any) -> Arrays:
    """Gradients scaled down so that the root of the sum of all their squares is at most ``most``."""
    square: Any = sum((g * g).sum() for g in gradients.values())
    scale = most / np.sqrt(np.maximum(square, most * most))  # a maximum under the root: no root of 0
    return {name: g * scale for name, g in gradients.items()}


def _optimizer(
    hyper: dict[str, float], remembers: tuple[str, ...], direction: Direction, decay_apart: bool = False
) -> Optimizer:
    """An optimizer by its direction. remembers: an array of zeros for each array of weights, ``m.NAME``, or a number
    ``beta1`` or ``beta2``, the product of that beta over the steps so far."""

    def start(weights: Arrays) -> Arrays:
        remembered: Arrays = {}
        for what in remembers:
            if what in hyper:
                remembered[what] = np.ones(())
            else:
                remembered.update({f"{what}.{name}": np.zeros(np.shape(w)) for name, w in weights.items()})
        return remembered

    def step(weights: Arrays, gradients: Arrays, remembered: Arrays, hyper: Hyper) -> tuple[Arrays, Arrays]:
        if "clip" in hyper:
            gradients = clipped(gradients, hyper["clip"])
        decays = {name: hyper["decay"] * w for name, w in weights.items()} if "decay" in hyper else {}
        if decays and not decay_apart:
            gradients = {name: g + decays[name] for name, g in gradients.items()}
        directions, remembered = direction(gradients, remembered, hyper)
        if decays and decay_apart:
            directions = {name: d + decays[name] for name, d in directions.items()}
        share = schedule(hyper)
        return {name: w - rate_of(name, hyper) * share * directions[name] for name, w in weights.items()}, remembered

    return Optimizer(hyper, start, step)


def _plain(gradients: Arrays, remembered: Arrays, hyper: Hyper) -> tuple[Arrays, Arrays]:
    return gradients, remembered


def _signs(gradients: Arrays, remembered: Arrays, hyper: Hyper) -> tuple[Arrays, Arrays]:
    return {name: np.sign(g) for name, g in gradients.items()}, remembered


def _momentum(gradients: Arrays, remembered: Arrays, hyper: Hyper) -> tuple[Arrays, Arrays]:
    after = {name: g + hyper["momentum"] * remembered[f"m.{name}"] for name, g in gradients.items()}
    return after, {f"m.{name}": m for name, m in after.items()}


def _nesterov(gradients: Arrays, remembered: Arrays, hyper: Hyper) -> tuple[Arrays, Arrays]:
    after, remembered = _momentum(gradients, remembered, hyper)
    return {name: g + hyper["momentum"] * after[name] for name, g in gradients.items()}, remembered


def _mean(old: Any, new: Any, beta: Any) -> Any:
    """A running mean: the share beta of the old value, the rest of the new."""
    return beta * old + (1.0 - beta) * new


def _rmsprop(gradients: Arrays, remembered: Arrays, hyper: Hyper) -> tuple[Arrays, Arrays]:
    squares = {name: _mean(remembered[f"v.{name}"], g * g, hyper["beta2"]) for name, g in gradients.items()}
    directions = {name: g / np.sqrt(squares[name] + hyper["eps"]) for name, g in gradients.items()}
    return directions, {f"v.{name}": v for name, v in squares.items()}


def _adam(gradients: Arrays, remembered: Arrays, hyper: Hyper) -> tuple[Arrays, Arrays]:
    after: Arrays = {name: hyper[name] * remembered[name] for name in ("beta1", "beta2")}
    unbias, unbias_squares = (1.0 / (1.0 - after[name]) for name in ("beta1", "beta2"))
    directions = {}
    for name, g in gradients.items():
        m = after[f"m.{name}"] = _mean(remembered[f"m.{name}"], g, hyper["beta1"])
        v = after[f"v.{name}"] = _mean(remembered[f"v.{name}"], g * g, hyper["beta2"])
        directions[name] = m * unbias / (np.sqrt(v * unbias_squares) + hyper["eps"])
    return directions, after


def _lion(gradients: Arrays, remembered: Arrays, hyper: Hyper) -> tuple[Arrays, Arrays]:
    old = {name: remembered[f"m.{name}"] for name in gradients}
    directions = {name: np.sign(_mean(old[name], g, hyper["beta1"])) for name, g in gradients.items()}
    return directions, {f"m.{name}": _mean(old[name], g, hyper["beta2"]) for name, g in gradients.items()}


_ADAM = {"rate": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
_ADAM_REMEMBERS = "beta1", "beta2", "m", "v"

OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": _optimizer({"rate": 0.1}, (), _plain),
    "momentum": _optimizer({"rate": 0.1, "momentum": 0.9}, ("m",), _momentum),
    "nesterov": _optimizer({"rate": 0.1, "momentum": 0.9}, ("m",), _nesterov),
    "rmsprop": _optimizer({"rate": 0.001, "beta2": 0.9, "eps": 1e-8}, ("v",), _rmsprop),
    "adam": _optimizer(_ADAM, _ADAM_REMEMBERS, _adam),
    "adamw": _optimizer({**_ADAM, "decay": 1e-4}, _ADAM_REMEMBERS, _adam, decay_apart=True),
    "lion": _optimizer({"rate": 0.001, "beta1": 0.9, "beta2": 0.99, "decay": 1e-3}, ("m",), _lion, decay_apart=True),
    "sign": _optimizer({"rate": 0.001}, (), _signs),
}
