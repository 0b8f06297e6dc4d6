"""An oracle for trainings by composition: losses in mpmath, their gradients by central differences, optimizers.

It shares nothing with the package. Arrays are NumPy arrays of mpf numbers. The caller sets the precision, which should
be 60 digits or more: differences lose a third of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import numpy as np

mp = mpmath.mp
Arrays = dict[str, Any]

tanh, exp, log, sin, sqrt = (
    np.frompyfunc(f, 1, 1) for f in (mpmath.tanh, mpmath.exp, mpmath.log, mpmath.sin, mpmath.sqrt)
)


def numbers(array: Any) -> Any:
    """A float64 array as exact mpf numbers."""
    made = np.empty(np.shape(array), dtype=object)
    made.ravel()[:] = [mpmath.mpf(float(v)) for v in np.ravel(array)]
    return made


def slopes(loss: Callable[[Arrays], Any], weights: Arrays) -> Arrays:
    """The gradient of a loss."""
    h = mpmath.mpf(10) ** (-mp.dps // 3)
    found = {}
    for name, array in weights.items():
        found[name] = np.empty(array.shape, dtype=object)
        for place in np.ndindex(array.shape):
            moved = []
            for step in (h, -h):
                changed = array.copy()
                changed[place] += step
                moved.append(loss({**weights, name: changed}))
            found[name][place] = (moved[0] - moved[1]) / (2 * h)
    return found


def updated(name: str, h: Mapping[str, Any], w: Any, g: Any, m: Any, v: Any, t: int) -> tuple[Any, Any, Any]:
    """One number's update by the formula of its paper, and its running means; t counts steps from 1."""
    if name in ("sgd", "sign"):
        return w - h["rate"] * (g if name == "sgd" else mpmath.sign(g)), m, v
    if name == "momentum":
        m = h["momentum"] * m + g
        return w - h["rate"] * m, m, v
    if name == "nesterov":
        m = h["momentum"] * m + g
        return w - h["rate"] * (h["momentum"] * m + g), m, v
    if name == "rmsprop":
        v = h["beta2"] * v + (1 - h["beta2"]) * g**2
        return w - h["rate"] * g / mpmath.sqrt(v + h["eps"]), m, v
    if name == "lion":
        c = h["beta1"] * m + (1 - h["beta1"]) * g
        m = h["beta2"] * m + (1 - h["beta2"]) * g
        return w - h["rate"] * (mpmath.sign(c) + h["decay"] * w), m, v
    m = h["beta1"] * m + (1 - h["beta1"]) * g
    v = h["beta2"] * v + (1 - h["beta2"]) * g**2
    way = m / (1 - h["beta1"] ** t) / (mpmath.sqrt(v / (1 - h["beta2"] ** t)) + h["eps"])
    return w - h["rate"] * (way + h.get("decay", 0) * w), m, v


def descend(
    optimizer: str, hyper: Mapping[str, float], loss: Callable[[Arrays], Any], weights: Arrays, steps: int,
    rates: Mapping[str, Any] | None = None, part: Callable[[Arrays, int], Any] | None = None,
) -> tuple[list[Any], list[Arrays]]:  # fmt: skip
    """(losses before each step, weights before each step and after the last).

    rates: of single arrays. part: the loss whose gradient a step takes, by the number of the step; None for ``loss``.
    """
    h = {key: mpmath.mpf(value) for key, value in hyper.items()}
    means = {name: [numbers(np.zeros(w.shape)), numbers(np.zeros(w.shape))] for name, w in weights.items()}
    losses, history = [], [weights]
    for t in range(steps):
        losses.append(loss(weights))
        g = slopes(loss if part is None else lambda w, t=t: part(w, t), weights)  # type: ignore[misc]
        after: Arrays = {}
        for name, array in weights.items():
            one = {**h, "rate": (rates or {}).get(name, h.get("rate"))}
            after[name] = np.empty(array.shape, dtype=object)
            for p in np.ndindex(array.shape):
                m, v = means[name][0][p], means[name][1][p]
                found = updated(optimizer, one, array[p], g[name][p], m, v, t + 1)
                after[name][p], means[name][0][p], means[name][1][p] = found
        weights = after
        history.append(weights)
    return losses, history


def network_outputs(weights: Arrays, x: Any, activation: str, layer_norm: bool) -> Any:
    """The outputs of a network of ``layerN.w`` and ``layerN.b``, with the published scaling."""
    last = sum(name.endswith(".w") for name in weights) - 1
    for layer in range(last + 1):
        w = weights[f"layer{layer}.w"]
        z = x.dot(w)
        if layer == last:
            z = z / w.shape[0]
        else:
            z = z * mpmath.sqrt(mpmath.mpf(1 if activation == "identity" else 2) / w.shape[0])
            z = normalised(z) if layer_norm else z
        if f"layer{layer}.b" in weights:
            z = z + weights[f"layer{layer}.b"]
        x = z if layer == last else np.frompyfunc(FUNCTIONS[activation], 1, 1)(z)
    return x


def normalised(z: Any) -> Any:
    """Rows with mean 0 and variance 1."""
    apart = z - (z.sum(axis=-1) / z.shape[-1])[..., None]
    return apart / sqrt((apart * apart).sum(axis=-1) / z.shape[-1] + mpmath.mpf(1e-5))[..., None]


def _gelu(z: Any) -> Any:
    return z / 2 * (1 + mpmath.tanh(mpmath.mpf(np.sqrt(2 / np.pi)) * (z + mpmath.mpf(0.044715) * z**3)))


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "relu": lambda z: z if z > 0 else z * 0,
    "tanh": mpmath.tanh,
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "softplus": lambda z: mpmath.log(1 + mpmath.exp(z)),
    "gelu": _gelu,
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
    "sin": mpmath.sin,
}


def loss_of(kind: str, outputs: Any, targets: Any) -> Any:
    """The loss of outputs (rows, outputs); targets as drawn, without labels made of them."""
    rows = outputs.shape[0]
    if kind == "mean-square":
        return ((outputs - targets) ** 2).sum() / outputs.size
    if kind == "cross-entropy" and outputs.shape[1] > 1:
        right = [outputs[r, int(np.argmax(targets[r].astype(float)))] for r in range(rows)]
        return sum(log(exp(outputs).sum(axis=1)) - np.array(right)) / rows
    signs = np.where(targets.astype(float) > 0, 1, -1)
    return sum(mpmath.log(1 + mpmath.exp(-s * o)) for s, o in zip(signs.ravel(), outputs.ravel())) / outputs.size
