"""Trainings small enough for the mpmath oracle, of all optimizers and with all operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom import Training
from deepzoom.backends.kernels.traced.module import StepKernels
from deepzoom.systems.optimizers import OPTIMIZERS
from deepzoom.tracing import functions as f
from deepzoom.tracing.training import TracedTraining

Floats = NDArray[np.float64]

STEPS = 12
_ROWS = 5


def _data(seed: int, rows: int = _ROWS) -> dict[str, Floats]:
    random = np.random.default_rng(seed)
    return {"x": random.normal(size=(rows, 3)), "y": random.normal(size=(rows, 2))}


def _weights(seed: int, *shapes: tuple[int, ...]) -> dict[str, Floats]:
    random = np.random.default_rng(seed)
    return {f"w{i}": random.normal(size=s) for i, s in enumerate(shapes)}


def _tanh(w: Any, data: Any) -> Any:
    return ((np.tanh(data["x"] @ w["w0"] * 0.7) @ w["w1"] - data["y"]) ** 2).mean()


def _classes(w: Any, data: Any) -> Any:
    h = f.layer_norm(np.tanh(data["x"] @ w["w0"] + w["w2"]))
    logits = f.relu(h) @ w["w1"] + w["w3"]
    return -(f.log_softmax(logits) * f.softmax(data["y"])).sum(axis=1).mean()


def _attention(w: Any, data: Any) -> Any:
    q, k, v = (data["x"].reshape(1, _ROWS, 3) @ w[name] for name in ("w1", "w2", "w3"))
    mixed = f.softmax(q @ k.transpose(0, 2, 1) * 0.5) @ v
    return ((f.gelu(mixed) @ w["w0"] - data["y"]) ** 2).mean()


def _smooth(w: Any, data: Any) -> Any:
    h = f.softplus(np.sin(data["x"] @ w["w0"])) + np.cos(data["x"] @ w["w0"]) * f.sigmoid(data["x"] @ w["w0"])
    return np.log(np.exp(np.sqrt(1.0 + (h @ w["w1"] - data["y"]) ** 2)).mean())


def _every(w: Any, data: Any) -> Any:
    """Every operation that a step may have, and rows drawn for each step."""
    z = data["x"] @ w["w0"]
    h = np.tanh(z) + f.softplus(np.sin(z)) * np.cos(z) - np.maximum(z, 0.1) / (1.0 + f.sigmoid(z))
    p = f.softmax(np.where(h > 0.2, h, 0.5 * h) @ w["w1"])
    return -np.log(np.exp(np.sqrt(1e-3 + (p - data["y"]) ** 2)).mean() + np.abs(z).mean())


def _heads(w: Any, data: Any) -> Any:
    """Data rows that are not the first axis, more of them than a kernel takes at a time, and a factor of ones."""
    h = np.tanh(data["x"] @ w["w0"] + np.ones((53, 1)) @ w["w2"]).reshape(53, 2, 2).transpose(1, 0, 2)
    return ((np.tanh(h).transpose(1, 0, 2).reshape(53, 4) @ w["w1"] - data["y"]) ** 2).mean()


def _toy(state: Any, hyper: Any) -> Any:
    z = state["z"]
    after = {"z": z - hyper["rate"] * (z - hyper["eps"] * np.sin(3.0 * z)), "worst": np.maximum(state["worst"], z)}
    return after, (0.5 * z * z + 0.1).mean()


def _start(hyper: Any) -> dict[str, Any]:
    return {"z": hyper["eps"] * np.ones(3) + np.arange(3.0), "worst": np.zeros(3)}


_LOSSES: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    "classes": (_classes, [(3, 4), (4, 2), (4,), (2,)]),
    "attention": (_attention, [(4, 2), (3, 4), (3, 4), (3, 4)]),
    "smooth": (_smooth, [(3, 4), (4, 2)]),
    "heads": (_heads, [(3, 4), (4, 2), (1, 4)]),
    "every": (_every, [(3, 4), (4, 2)]),
}
"""Losses and the shapes of their weights."""


def small_training(name: str) -> Training:
    """A training by the name of its optimizer, of its loss, or ``toy``, whose step is written out."""
    if name in OPTIMIZERS:
        return Training(
            loss=_tanh, start=_weights(1, (3, 4), (4, 2)), data=_data(2), optimizer=name, x="log10:rate",
            y="log10:decay", hyper={"decay": 0.01},
        )  # fmt: skip
    if name == "toy":
        return Training(step=_toy, start=_start, hyper={"rate": 0.1, "eps": 0.5, "z": 1.0}, x="log10:rate", y="eps")
    loss, shapes = _LOSSES[name]
    hyper, rows = {"rate.w0": 0.1, "rate.w1": 0.1}, 53 if name == "heads" else _ROWS
    batch = np.array([[0, 2, 4], [1, 3, 4]] * 15) if name in ("smooth", "every") else None
    return Training(
        loss=loss, start=_weights(3, *shapes), data=_data(4, rows), hyper=hyper, x="log10:rate.w0", y="log10:rate.w1",
        batch=batch,
    )  # fmt: skip


def tables(training: TracedTraining, kernels: StepKernels) -> Floats:
    """What is different at each step, as ``run_pixels`` takes it."""
    parts = []
    for n in kernels.per_step:
        if n.data[0] == "step":
            parts.append(np.arange(float(STEPS))[:, None])
        else:
            parts.append(training.tables[n.data[1]][:STEPS].reshape(STEPS, -1))
    return np.concatenate(parts, axis=1) if parts else np.zeros((1, 0))
