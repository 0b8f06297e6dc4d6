"""Gradient descent on losses of one or two weights: the smallest trainings whose border is fractal.

``cosine``: a quadratic with a cosine on it, eps (1 + cos(2 pi w / wavelength)) + w**2 (Liu, "Complex fractal
trainability boundary can arise from trivial non-convexity", arXiv 2406.13971; the constant eps keeps it above 0). It is
convex for eps below wavelength**2 / (2 pi**2).

``cubic``: (w**2 - target)**2 / 4. A step is the cubic map w (1 + rate (target - w**2)). Any quadratic model of one
weight, fitted to one number, has this map in other coordinates (Chen et al., "From Stability to Chaos: Analyzing
Gradient Descent Dynamics in Quadratic Regression", arXiv 2310.01687).

``quadratic-regression``: two weights w fitted to three rows: the mean of ((w.x)**2 / 2 + linear w.x - y)**2 / 2 (the
model of the same paper).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .own_training import Training

Hyper = Mapping[str, Any]


def _alone(hyper: Hyper) -> dict[str, Any]:
    return {"w": hyper["start"]}


def cosine_loss(weights: Mapping[str, Any], data: Any, hyper: Hyper) -> Any:
    """w**2 + eps (1 + cos(2 pi w / wavelength))."""
    w = weights["w"]
    return w * w + hyper["eps"] * (1.0 + np.cos(w * (2 * math.pi) / hyper["wavelength"]))


def cubic_loss(weights: Mapping[str, Any], data: Any, hyper: Hyper) -> Any:
    """(w**2 - target)**2 / 4."""
    residual = weights["w"] * weights["w"] - hyper["target"]
    return residual * residual / 4


ROWS = np.array([[1.0, 0.5], [-0.5, 1.0], [0.75, -1.25]])
TARGETS = np.array([0.5, 1.0, -0.25])


def quadratic_regression_loss(weights: Mapping[str, Any], data: Mapping[str, Any], hyper: Hyper) -> Any:
    """The mean of ((w.x)**2 / 2 + linear w.x - y)**2 / 2 over the rows."""
    projection = data["x"] @ weights["w"]
    residual = projection * projection / 2 + hyper["linear"] * projection - data["y"]
    return np.mean(residual * residual) / 2


COSINE = Training(
    loss=cosine_loss, start=_alone, hyper={"rate": 1.0, "eps": 0.15, "wavelength": 1.0, "start": 1.0},
    x="rate", y="eps", steps=500, center=("0.9", "0.15"), depth="0.3",
    title="one weight, a quadratic with a cosine on it",
)  # fmt: skip
CUBIC = Training(
    loss=cubic_loss, start=_alone, hyper={"rate": 1.0, "start": 0.5, "target": 1.0},
    x="rate", y="start", steps=500, center=(2, 0), depth=3,
    title="one weight, (w^2 - 1)^2, whose step is a cubic map",
)  # fmt: skip
QUADRATIC_REGRESSION = Training(
    loss=quadratic_regression_loss, data={"x": ROWS, "y": TARGETS},
    start=lambda hyper: {"w": np.stack([hyper["start1"], hyper["start2"]])},
    hyper={"rate": 1.0, "linear": 1.0, "start1": 0.5, "start2": 0.25},
    x="rate", y="linear", steps=500, center=("2.5", 0), depth=4,
    title="two weights, a quadratic model of three rows",
)  # fmt: skip
