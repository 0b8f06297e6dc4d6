"""Networks and data of other sizes than the published ones, from the published distributions.

Inputs, targets and weights are standard normal, and as many rows as weights, as in arXiv 2402.06184. The generator is
NumPy's ``default_rng``; the published arrays were drawn by another one, so no seed gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.coordinates import parse_decimal
from deepzoom.errors import InputError

from .base import Setting

SIZES: dict[str, Setting] = {
    "width": Setting("16", "units of a layer; this and the next four draw new data and weights"),
    "depth": Setting("2", "layers of weights"),
    "outputs": Setting("1", "outputs of the network"),
    "rows": Setting("", "rows of data, as a share of the number of weights (as published if empty)"),
    "seed": Setting("0", "seed of the data and weights"),
}
_MOST = {"width": 512, "depth": 64, "outputs": 512, "seed": 2**63 - 1}
_MOST_NUMBERS = 1_000_000
BATCH = 16


def is_sized(given: Mapping[str, str]) -> bool:
    """Whether settings ask for other sizes than the published ones."""
    return any(key in SIZES for key in given)


def drawn(chosen: Mapping[str, str], published_rows: int, steps: int) -> dict[str, NDArray[Any]]:
    """Arrays as in a data file: X, Y, theta0, theta1, ..., and minibatch_idx (steps, rows of a batch).

    chosen: all settings. published_rows: how many rows the published experiment has. Raises InputError for a size that
    is no number or too large.
    """
    width, depth, outputs = (_whole(key, chosen[key]) for key in ("width", "depth", "outputs"))
    if depth < 2:
        raise InputError(f"--set depth: {depth} is less than 2 layers of weights.")
    seed = _whole("seed", chosen["seed"], 0)
    shapes = [(width, width)] * (depth - 1) + [(width, outputs)]
    count = sum(a * b for a, b in shapes)
    rows = published_rows
    if chosen["rows"] or published_rows > 1:
        share = float(parse_decimal(chosen["rows"], "--set rows")) if chosen["rows"] else published_rows / (16 * 17)
        rows = max(1, round(share * count)) if 0 < share <= _MOST_NUMBERS else 0
    if not rows or max(rows * max(width, outputs), count) > _MOST_NUMBERS:
        raise InputError(
            f"--set rows: {chosen['rows'] or '1'} times {count} weights in {width} columns is not from 1 to"
            f" {_MOST_NUMBERS:,} numbers; give a smaller share, such as 0.5, or a smaller width."
        )
    rng = np.random.default_rng(seed)
    arrays: dict[str, NDArray[Any]] = {"X": rng.normal(size=(rows, width)), "Y": rng.normal(size=(rows, outputs))}
    arrays |= {f"theta{layer}": rng.normal(size=shape) for layer, shape in enumerate(shapes)}
    arrays["minibatch_idx"] = np.random.default_rng([seed, 1]).integers(0, rows, (steps, BATCH))
    return arrays


def _whole(key: str, text: str, least: int = 1) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= _MOST[key]):
        raise InputError(f"--set {key}: {text[:40]!r} is not a whole number from {least} to {_MOST[key]:,}.")
    return int(text)
