"""Gradient descent on a small network: the one definition of its training step.

The network, the loss and its gradient are those of the published experiment (Sohl-Dickstein, "The boundary of neural
network trainability is fractal", arXiv 2402.06184): mean-field scaling without biases,

    H_0 = X,   H_l = f(sqrt(g / n) H_{l-1} W_l),   output H_L W / n,   loss mean((output - Y)**2),

with n the fan-in, gain g = 2 for tanh and relu and 1 for identity, and plain gradient descent with one learning rate
per layer. ``train_step`` is ordinary NumPy code. Depending on the numbers it gets, it runs in float64, in high
precision, as a difference from a reference, or as a Taylor polynomial. Tests keep the compiled kernels equal to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

ACTIVATIONS = ("identity", "relu", "tanh")


def activate(name: str, z: Any) -> Any:
    """The activation function of this name at z."""
    if name == "tanh":
        return np.tanh(z)
    if name == "relu":
        return np.maximum(z, 0.0)
    return z


def slope(name: str, z: Any, h: Any) -> Any:
    """The derivative of the activation at z, with h = activate(z); None if it is 1 everywhere."""
    if name == "tanh":
        from deepzoom.arithmetic.tanh_slope import tanh_slope  # imports kernels that other systems do not need

        return tanh_slope(h)
    if name == "relu":
        return np.heaviside(z, 0.0)
    return None


@dataclass(frozen=True)
class Network:
    """A training experiment: its data, starting weights and options. Arrays are float64 and count as exact.

    x (rows, inputs), y (rows, outputs). weights: one array (fan-in, fan-out) per layer. batches (steps, batch): the
    rows drawn at each step; None for full batch. rates: for each layer "x" or "y" (the learning rate is 10 to that
    coordinate) or a fixed log10. offset: the coordinate whose power of ten is added to every weight of the first layer,
    or None. offset_every_step: whether it is added before every step (as in the published code) or only once.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    weights: tuple[NDArray[np.float64], ...]
    activation: str
    rates: tuple[str, ...]
    batches: NDArray[np.int64] | None = None
    offset: str | None = None
    offset_every_step: bool = True

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths of the input, of each hidden layer, and of the output."""
        return (self.weights[0].shape[0], *(w.shape[1] for w in self.weights))

    @property
    def layers(self) -> list[slice]:
        """Where each layer's weights stand among all of them, flat."""
        ends = np.cumsum([w.size for w in self.weights]).tolist()
        return [slice(end - w.size, end) for end, w in zip(ends, self.weights)]

    def squared_scales(self) -> tuple[Fraction, ...]:
        """The square of each layer's factor: g / n for hidden layers, 1 / n**2 for the output."""
        gain = 1 if self.activation == "identity" else 2
        hidden = [Fraction(gain, n) for n in self.widths[:-2]]
        return (*hidden, Fraction(1, self.widths[-2] ** 2))

    def rate_bits(self, x: Any, y: Any) -> int:
        """How many bits the smallest learning rate or offset at (x, y) is below 1; fixed point needs so many more."""
        exponents = {"x": float(x), "y": float(y)}
        names = [*self.rates, *([] if self.offset is None else [self.offset])]
        least = min(exponents[n] if n in exponents else float(Fraction(n)) for n in names)
        return max(0, math.ceil(-least * math.log2(10)))

    def rows_at(self, step: int) -> NDArray[np.int64] | None:
        """The rows drawn at a step; None for all."""
        return None if self.batches is None else self.batches[step]


@dataclass(frozen=True)
class Constants:
    """The constants of a training step, as numbers of some arithmetic."""

    x: Any
    y: Any
    scales: tuple[Any, ...]

    @classmethod
    def of(cls, network: Network, lift: Callable[[Any], Any]) -> Constants:
        """The constants of a network. lift: converts float64 arrays and fractions to numbers of the arithmetic."""
        scales = tuple(np.sqrt(lift(s)) for s in network.squared_scales())
        return cls(lift(network.x), lift(network.y), scales)


@dataclass(frozen=True)
class Rates:
    """The parameters of a pixel: a learning rate per layer, and the offset or None."""

    learning: tuple[Any, ...]
    offset: Any


def rates_at(network: Network, x: Any, y: Any, lift: Callable[[Any], Any]) -> Rates:
    """Learning rates and offset at the point (x, y) of the plane, ``10**x`` and ``10**y``."""
    powers = {"x": 10.0**x, "y": 10.0**y}

    def value(name: str) -> Any:
        return powers[name] if name in powers else 10.0 ** lift(Fraction(name))

    offset = None if network.offset is None else powers[network.offset]
    return Rates(tuple(value(name) for name in network.rates), offset)


def start(network: Network, rates: Rates, lift: Callable[[Any], Any]) -> tuple[Any, ...]:
    """The weights before the first step."""
    weights = tuple(lift(w) for w in network.weights)
    if rates.offset is None or network.offset_every_step:
        return weights
    return (weights[0] + rates.offset, *weights[1:])


@dataclass(frozen=True)
class Step:
    """A training step: the weights after it, the loss before it, and intermediate values.

    inner: the input z of each hidden layer. hidden: its value. back: the derivative of the loss by that value, on the
    rows drawn. residual: output - Y on all rows. gradients: one per layer.
    """

    weights: tuple[Any, ...]
    loss: Any
    inner: tuple[Any, ...]
    hidden: tuple[Any, ...]
    back: tuple[Any, ...]
    residual: Any
    gradients: tuple[Any, ...]


def train_step(
    network: Network, constants: Constants, rates: Rates, weights: tuple[Any, ...], rows: NDArray[np.int64] | None
) -> Step:
    """One step of gradient descent. rows: the data rows that the gradient uses; None for all of them."""
    f, scales = network.activation, constants.scales
    if rates.offset is not None and network.offset_every_step:
        weights = (weights[0] + rates.offset, *weights[1:])

    inner = []
    hidden = [constants.x]
    for w, scale in zip(weights[:-1], scales):
        inner.append((hidden[-1] @ w) * scale)
        hidden.append(activate(f, inner[-1]))
    residual = (hidden[-1] @ weights[-1]) * scales[-1] - constants.y
    loss = (residual * residual).mean()

    def drawn(values: Any) -> Any:
        return values if rows is None else values[rows]

    d = drawn(residual)
    d = d * (scales[-1] * 2.0 / d.size)
    back: list[Any] = []
    gradients: list[Any] = []
    for layer in range(len(weights) - 1, -1, -1):
        gradients.insert(0, drawn(hidden[layer]).T @ d)
        if layer > 0:
            p = d @ weights[layer].T
            back.insert(0, p)
            s = slope(f, drawn(inner[layer - 1]), drawn(hidden[layer]))
            d = (p if s is None else p * s) * scales[layer - 1]

    updated = tuple(w - r * g for w, r, g in zip(weights, rates.learning, gradients))
    return Step(updated, loss, tuple(inner), tuple(hidden[1:]), tuple(back), residual, tuple(gradients))
