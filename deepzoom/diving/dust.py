"""What a dive of training does where all is dust: it follows mixed fates, and takes fewer steps at its end.

In dust, neighbouring pixels separate long before the last step. With fewer steps they separate just before it, and the
same view shows structure.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene

from .blocks import Block, apart, blocks, kinds_of, upper, window_sums

MESSAGE = "No coherent border is left: following mixed fates through dust."
_CHANCE = 0.2
"""The most that chance (the seed) adds to how evenly mixed a block is, from -0.5 to 0."""
_LEAST_SHARE = 0.1
"""The least share of a block's pixels of either side."""
_TRIED = 12
"""How many numbers of steps are tried at the end of a dive."""


def mixed(field: Field, rng: np.random.Generator, factor: int) -> list[Block]:
    """The blocks of a view whose pixels are of two sides in about equal parts, best first; none in a view of one kind.

    One side is the converged pixels; where basins have numbers, those above the median.
    """
    side = upper(kinds_of(field))
    rows, columns = (n // factor for n in side.shape)
    share = window_sums(side, rows, columns) / (rows * columns)
    score = -np.abs(share - 0.5) + _CHANCE * rng.random(share.shape)
    even = np.abs(share - 0.5) <= 0.5 - _LEAST_SHARE
    return apart(np.where(even, score, -np.inf), np.ones(share.shape, bool), rows, columns)


def clearest(scene: Scene, separated: int, rendered: Callable[[Scene], Field]) -> Scene:
    """The scene with the number of steps, at most its own, at which its best block has the highest score.

    separated: the step at which neighbouring pixels separate. The scene itself if no number shows a coherent border.
    """
    last = min(scene.steps, math.ceil(1.5 * separated) + _TRIED)
    tried = np.unique(np.linspace(min(separated, last), last, _TRIED).round().astype(int))
    best = scene, -math.inf
    for steps in tried.tolist():
        with_steps = replace(scene, steps=steps)
        found, _ = blocks(rendered(with_steps), np.random.default_rng(0))
        if found and found[0].rich and found[0].score > best[1]:
            best = with_steps, found[0].score
    return best[0]
