"""Intervals of shares: against the binomial distribution, and whether a sample's covers the true share."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from deepzoom.backends.base import Job, ReadOut
from deepzoom.rendering import trust
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.confidence_interval import percent, share_interval
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View


class Known(Job):
    """A job whose unsettled pixels are known."""

    has_shadow = True
    batch_size = 64

    def __init__(self, unsettled):
        self.unsettled = unsettled

    def run(self, pixels):
        return ReadOut(np.ones(len(pixels)), np.ones(len(pixels), np.int8), np.zeros(len(pixels), np.int8))

    def shadow(self, pixels):
        return replace(self.run(pixels), measure=np.where(self.unsettled[pixels], 2.0, 1.0))


@pytest.mark.parametrize("share", [0.002, 0.05, 0.4, 0.97])
@pytest.mark.parametrize("together", [False, True])
def test_the_sample_covers_the_true_share(share, together):
    """It does so in 9 of 10 fields or more, even if unsettled pixels lie together, as in pictures."""
    side, count = 64, 100
    rng = np.random.default_rng(round(1000 * share))
    scene = Scene("tanh", View.parse("0", "0", "1", (side, side)), 10)
    covered = 0
    for _ in range(count):
        if together:  # a disc at a random place, wrapped around the edges
            row, column = (np.abs(np.arange(side) - rng.integers(side)) for _ in "xy")
            near = np.minimum(row, side - row)[:, None] ** 2 + np.minimum(column, side - column)[None, :] ** 2
            unsettled = (near <= np.quantile(near, share)).ravel()
        else:
            unsettled = rng.random(side * side) < share
        field = Field.empty(scene)
        field.measure[:], field.fate[:], field.done[:] = 1.0, 1, True
        assert trust.check(Known(unsettled), field, [np.arange(side * side)], 1, Observer())
        facts = trust.facts(field)
        assert facts["settled"] + facts["unsettled"] == 81
        covered += facts["unsettled_share_low"] <= unsettled.mean() <= facts["unsettled_share_high"]
    assert covered >= 0.9 * count


def test_intervals():
    assert share_interval(0, 0) == (0.0, 1.0)
    assert share_interval(0, 100) == pytest.approx((0.0, 0.036217), abs=1e-6)
    assert share_interval(5, 10) == pytest.approx((0.187086, 0.812914), abs=1e-6)
    assert share_interval(10, 10) == pytest.approx((0.691503, 1.0), abs=1e-6)
    for share in (0.003, 0.1, 0.5, 0.93):  # the promised coverage, summed over all counts that may come out
        covered = sum(
            math.comb(60, k) * share**k * (1 - share) ** (60 - k)
            for k in range(61)
            if share_interval(k, 60)[0] <= share <= share_interval(k, 60)[1]
        )
        assert covered >= 0.95
    assert [percent(s) for s in (0.0, 0.004, 0.12, 0.999, 1.0)] == ["0", "0.40", "12.0", "99.90", "100"]
