"""Dives of training where no border is coherent: they follow mixed fates, and end with fewer steps."""

from __future__ import annotations

import json

import numpy as np
import pytest
from dives import dive, fates

from deepzoom.diving import dust
from deepzoom.diving.blocks import FACTOR, blocks
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View


def noise(share):
    return np.random.default_rng(2).random((64, 64)) < share


def test_dust_goes_on_where_fates_are_mixed_most_evenly():
    field = fates(lambda x, y: noise(0.05 + 0.45 * (64 - x) / 64))
    assert blocks(field, np.random.default_rng(0))[0] == []
    found = dust.mixed(field, np.random.default_rng(0), FACTOR)
    assert found and found[0].column < 32 and [b.score for b in found] == sorted((b.score for b in found), reverse=True)
    for whole in (True, False):
        assert dust.mixed(fates(lambda x, y, w=whole: w), np.random.default_rng(0), FACTOR) == []


def test_the_end_has_the_steps_at_which_it_is_clearest():
    """Up to 40 steps all runs agree, at about 50 there are islands, later there is dust."""

    def rendered(scene):
        def inside(x, y):
            if scene.steps < 45:
                return x < 99
            return np.sin(x / 4) * np.sin(y / 4) > 0 if scene.steps <= 55 else noise(0.5)

        return fates(inside)

    scene = Scene("tanh", View.parse("0", "0", "1", "64x64"), 500)
    assert 45 <= dust.clearest(scene, 40, rendered).steps <= 55
    assert dust.clearest(scene, 200, rendered) == scene


@pytest.mark.slow
def test_a_dive_through_dust_finds_a_place(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPZOOM_DATA", str(tmp_path))
    result = dive("cosine", "--to", "1e-9", "--json", "--save", "mine")
    assert result.exit_code == 0 and dust.MESSAGE in result.stderr
    found = json.loads(result.stdout)
    assert found["complete"] and found["note"].startswith("found in dust") and 20 < found["steps"] < 200
