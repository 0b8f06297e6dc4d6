"""``attention``: a transformer block learns to reverse short sequences.

Four tokens, sequences of four, width four, one head. Each position predicts the token at the mirrored position. The
block is that of Vaswani et al. (arXiv 1706.03762) with layer normalisation in front of each part (Xiong et al.,
arXiv 2002.04745): attention, then two layers with gelu, each added to what it gets. Adam trains on the mean
cross-entropy of all positions. The axes are log10 of two rates, of the attention's weights and of all others, as in
Torkamandi (arXiv 2501.04286).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deepzoom.tracing.functions import gelu, layer_norm, log_softmax, softmax

from .own_training import Training

TOKENS = LENGTH = WIDTH = 4
INNER = 8
SEQUENCES = np.array([[0, 1, 2, 3], [1, 3, 0, 2], [2, 2, 1, 0], [3, 0, 3, 1]])
ONE_HOT = np.eye(TOKENS)[SEQUENCES]


def block(weights: Mapping[str, Any], x: Any) -> Any:
    """The logits (sequences, positions, tokens) for sequences of one-hot tokens."""
    attention = weights["attention"]
    h = x @ weights["tokens"] + weights["positions"]
    z = layer_norm(h)
    scores = (z @ attention["query"]) @ np.swapaxes(z @ attention["key"], -1, -2) / 2  # the root of the width
    h = h + softmax(scores) @ (z @ attention["value"]) @ attention["output"]
    h = h + gelu(layer_norm(h) @ weights["inner"]) @ weights["outer"]
    return layer_norm(h) @ weights["logits"]


def reversal_loss(weights: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
    """The mean cross-entropy of all positions."""
    return -np.sum(data["y"] * log_softmax(block(weights, data["x"]))) / (len(SEQUENCES) * LENGTH)


def _start() -> dict[str, Any]:
    rng = np.random.default_rng(0)

    def matrix(rows: int, columns: int) -> Any:
        return rng.normal(size=(rows, columns)) / np.sqrt(rows)

    return {
        "tokens": matrix(TOKENS, WIDTH), "positions": matrix(LENGTH, WIDTH),
        "attention": {name: matrix(WIDTH, WIDTH) for name in ("query", "key", "value", "output")},
        "inner": matrix(WIDTH, INNER), "outer": matrix(INNER, WIDTH), "logits": matrix(WIDTH, TOKENS),
    }  # fmt: skip


ATTENTION = Training(
    loss=reversal_loss, optimizer="adam", start=_start(), data={"x": ONE_HOT, "y": ONE_HOT[:, ::-1]},
    hyper={"rate.attention": 0.01}, x="log10:rate.attention", y="log10:rate", steps=100, center=("0.5", "0.5"), depth=4,
    title="transformer block with attention that learns to reverse sequences, adam",
)  # fmt: skip
