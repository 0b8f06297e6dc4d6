"""Networks and losses by composition: what the published experiments train, and many others.

A network's weights are a dict of arrays: ``layerN.w`` (fan-in, fan-out), and with biases ``layerN.b`` (fan-out). Every
function is ordinary NumPy code, and runs on float64 arrays and on traced arrays alike. Scaling is that of the published
experiments (``training_step.py``): sqrt(g / n) before a hidden unit, 1 / n before an output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.tracing.array import Traced, lifted
from deepzoom.tracing.functions import gelu, layer_norm, log_softmax, relu, sigmoid, silu, softplus

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "relu": relu,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "gelu": gelu,
    "silu": silu,
    "sin": np.sin,
}


def mean_square(outputs: Any, targets: Any) -> Any:
    """The mean of all squared differences."""
    residual = outputs - targets
    return np.mean(residual * residual)


def cross_entropy(outputs: Any, targets: Any) -> Any:
    """The mean of -log(probability of the right class). targets (rows, classes): 1 at the right class, else 0."""
    return -np.sum(targets * log_softmax(outputs)) / len(targets)


def logistic(outputs: Any, targets: Any) -> Any:
    """The mean cross-entropy of independent outputs, each the logit of a label 0 or 1."""
    return np.mean(softplus(outputs) - targets * outputs)


LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "mean-square": mean_square,
    "cross-entropy": cross_entropy,
    "logistic": logistic,
}


def labels(loss: str, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """The targets of a loss, from real ones: the largest of a row is its class; above 0 is the label 1."""
    if loss == "cross-entropy":
        return np.eye(y.shape[1])[np.argmax(y, axis=1)]
    return np.where(y > 0, 1.0, 0.0) if loss == "logistic" else y


@dataclass(frozen=True)
class Form:
    """The form of a network with its loss. activation, loss: names. layer_norm: of the sums that hidden units take."""

    activation: str = "tanh"
    loss: str = "mean-square"
    layer_norm: bool = False

    def outputs(self, weights: Mapping[str, Any], x: Any) -> Any:
        """The outputs (rows, outputs) for inputs (rows, inputs)."""
        last = _depth(weights) - 1
        for layer in range(last):
            w = weights[f"layer{layer}.w"]
            z = (x @ w) * _root(Fraction(1 if self.activation == "identity" else 2, w.shape[0]), w)
            if self.layer_norm:
                z = layer_norm(z)
            x = ACTIVATIONS[self.activation](_with_bias(weights, layer, z))
        w = weights[f"layer{last}.w"]
        return _with_bias(weights, last, (x @ w) / w.shape[0])

    def cost(self, weights: Mapping[str, Any], x: Any, targets: Any) -> Any:
        """The loss over some rows."""
        return LOSSES[self.loss](self.outputs(weights, x), targets)


def _depth(weights: Mapping[str, Any]) -> int:
    return sum(name.endswith(".w") for name in weights)


def _with_bias(weights: Mapping[str, Any], layer: int, z: Any) -> Any:
    return z + weights[f"layer{layer}.b"] if f"layer{layer}.b" in weights else z


def _root(square: Fraction, beside: Any) -> Any:
    """A square root: exact in a trace, where ``beside`` is traced."""
    return np.sqrt(lifted(square)) if isinstance(beside, Traced) else math.sqrt(square)


def named_weights(arrays: Sequence[Any], biases: bool) -> dict[str, Any]:
    """The weights of a network by name, from one array per layer; biases are 0."""
    weights: dict[str, Any] = {}
    for layer, w in enumerate(arrays):
        weights[f"layer{layer}.w"] = w
        if biases:
            weights[f"layer{layer}.b"] = np.zeros(w.shape[1])
    return weights
