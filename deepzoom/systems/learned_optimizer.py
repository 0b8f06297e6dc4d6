"""``learned-optimizer``: the meta-loss of a learned optimizer, over a plane of its own parameters.

A small network looks at each weight of another network and says how the weight changes, as in Metz et al.,
"Understanding and correcting pathologies in the training of learned optimizers" (arXiv 1810.10180). It sees the
gradient, two running means of it, and the weight; each is divided by its root mean square over all weights. Of its two
outputs d and m, the weight changes by -rate d exp(m). The inner network, 2-4-1 with tanh, fits eight rows. The axes
are two orthogonal directions in the learned optimizer's parameters. A picture shows the meta-loss, the mean of all
inner losses; the fate says whether it is below the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deepzoom.tracing.gradient import gradient

from .own_training import Training

FEATURES, UNITS, OUTPUTS = 4, 8, 2
DECAYS = 0.5, 0.9
INNER = {"w0": (2, 4), "b0": (4,), "w1": (4, 1), "b1": (1,)}
WEIGHTS = sum(int(np.prod(shape)) for shape in INNER.values())
META = {"in": (FEATURES, UNITS), "bias": (UNITS,), "out": (UNITS, OUTPUTS)}
_RNG = np.random.default_rng(0)
X = _RNG.normal(size=(8, 2))
Y = np.sin(2.0 * X[:, :1]) * X[:, 1:]
W = _RNG.normal(size=WEIGHTS) * 0.5
CENTRE = _RNG.normal(size=sum(int(np.prod(shape)) for shape in META.values())) * 0.5
DIRECTIONS = np.linalg.qr(_RNG.normal(size=(CENTRE.size, 2)))[0]


def parts(flat: Any, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """The arrays of some shapes that stand one after the other in a flat array."""
    found, first = {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        found[name] = flat[first : first + size].reshape(shape)
        first += size
    return found


def inner_loss(flat: Any, data: Mapping[str, Any]) -> Any:
    """The mean square of output minus target of the inner network."""
    w = parts(flat, INNER)
    residual = np.tanh(data["x"] @ w["w0"] + w["b0"]) @ w["w1"] + w["b1"] - data["y"]
    return np.mean(residual * residual)


def change(features: Any, hyper: Mapping[str, Any]) -> Any:
    """What the learned optimizer makes of features (weights, FEATURES): d exp(m) for each weight."""
    meta = parts(CENTRE + hyper["u"] * DIRECTIONS[:, 0] + hyper["v"] * DIRECTIONS[:, 1], META)
    scale = np.sqrt(np.mean(features * features, axis=0) + 1e-5)
    out = np.tanh((features / scale) @ meta["in"] + meta["bias"]) @ meta["out"]
    return out[:, 0] * np.exp(out[:, 1])


def step(state: Mapping[str, Any], hyper: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[Any, Any]:
    """A step of the inner training."""
    w = state["w"]
    loss = inner_loss(w, data)
    (g,) = gradient(loss, [w])
    fast, slow = (decay * state[name] + (1 - decay) * g for name, decay in zip(("fast", "slow"), DECAYS))
    w = w - hyper["rate"] * change(np.stack([g, fast, slow, w], axis=1), hyper)
    return {"w": w, "fast": fast, "slow": slow}, loss


LEARNED_OPTIMIZER = Training(
    step=step, start={"w": W, "fast": np.zeros(WEIGHTS), "slow": np.zeros(WEIGHTS)}, data={"x": X, "y": Y},
    hyper={"u": 0.0, "v": 0.0, "rate": 0.1}, x="u", y="v", steps=40, center=(-3, 0), depth=3, last=0,
    title="meta-loss of a learned optimizer, over a plane of its parameters",
)  # fmt: skip
