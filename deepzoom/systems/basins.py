"""``basins``: which minimum a training finds, over a plane of its starting weights.

The network learns XOR: two inputs, two tanh units, one output, with biases, nine weights in all. The axes are two
orthogonal directions of length 1 in the space of its starting weights. The fate says whether the last losses are below
``solved``, on average. That is a loss between 0, where all four rows are right, and those of the other minima. For
this, the first loss counts as ``solved``.

The 16 basins are those of the solutions. In each, one unit cuts off a corner of the square of inputs, and the other
unit the opposite corner. The signs of four weights tell the solutions apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deepzoom.tracing.gradient import gradient

from .own_training import Training

X = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
Y = np.array([[-1.0], [1.0], [1.0], [-1.0]])
SHAPES = {"w0": (2, 2), "b0": (2,), "w1": (2, 1), "b1": (1,)}
DIRECTIONS = np.linalg.qr(np.random.default_rng(0).normal(size=(9, 2)))[0]


def start(hyper: Mapping[str, Any]) -> dict[str, Any]:
    """The starting weights at a point of the plane."""
    flat = hyper["u"] * DIRECTIONS[:, 0] + hyper["v"] * DIRECTIONS[:, 1]
    weights, first = {}, 0
    for name, shape in SHAPES.items():
        size = int(np.prod(shape))
        weights[name] = flat[first : first + size].reshape(shape)
        first += size
    return weights


def xor_loss(weights: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
    """The mean square of output minus target over the four rows."""
    hidden = np.tanh(data["x"] @ weights["w0"] + weights["b0"])
    residual = hidden @ weights["w1"] + weights["b1"] - data["y"]
    return np.mean(residual * residual)


def step(weights: Mapping[str, Any], hyper: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[Any, Any]:
    """A step of gradient descent; the loss before it, but ``solved`` at the first step."""
    loss = xor_loss(weights, data)
    slopes = gradient(loss, list(weights.values()))
    after = {name: w - hyper["rate"] * g for (name, w), g in zip(weights.items(), slopes)}
    return after, np.where(hyper["step"] < 0.5, hyper["solved"], loss)


def label(weights: Mapping[str, Any]) -> Any:
    """The weights of the first input into both units, and those of both units into the output."""
    return np.concatenate([weights["w0"][0], weights["w1"][:, 0]])


BASINS = Training(
    step=step, start=start, label=label, data={"x": X, "y": Y}, hyper={"u": 0.0, "v": 0.0, "rate": 0.5, "solved": 0.25},
    x="u", y="v", steps=500, center=(0, 0), depth=8,
    title="XOR: which minimum, over a plane of starting weights",
)  # fmt: skip
