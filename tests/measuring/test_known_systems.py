"""The dimension of Julia sets that is known, by pairs of points and by box counting: the two agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import deepzoom
from deepzoom.measuring import box_counting
from deepzoom.measuring.descent import Descent
from deepzoom.measuring.distances import Distances
from deepzoom.measuring.fates import OfScene
from deepzoom.rendering.batches import Observer
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

PLANE = View.parse("0.013", "-0.008", "3.6", "64x64")
BASILICA = Scene("julia", PLANE, 2000, {"cx": "-1", "cy": "0"}, trust="settle")
NEWTON = Scene("newton", PLANE, 2000, trust="settle")


def measured(scene, seed=0, pairs=5120, smallest="1e-6"):
    descent = Descent(scene.view, Distances.parse("1e-1", smallest), pairs, seed)
    descent.run(OfScene(scene, 2, Observer()), Observer(), lambda found: None)
    counts = descent.counts()
    assert (counts[:, 1] == counts[:, 2]).mean() > 0.8 and (counts[:, 1] > 0.99 * counts[:, 2]).all()
    return descent.fit()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scene", "dimension"),
    [
        (BASILICA, 1.2683),  # C. T. McMullen, Hausdorff dimension and conformal dynamics III, 1998
        (NEWTON, 1.42),  # what box counts in print find; no exact value is known
    ],
)
def test_known_dimensions(scene, dimension):
    found = [measured(scene, seed) for seed in range(20)]
    assert sum(f.low <= dimension <= f.high for f in found) >= 18
    assert abs(np.mean([f.dimension for f in found]) - dimension) < 0.03
    frame = deepzoom.render(replace(scene, view=replace(scene.view, width=1024, height=1024), trust="off"), jobs=2)
    boxes = box_counting.count([box_counting.border_of(frame.field, "frame")], shifts=10)
    assert abs(np.mean([f.dimension for f in found]) - boxes.dimension) < 0.04


@pytest.mark.slow
def test_basilica_over_thirty_decades():
    """Three more references deep, all in one interval: the set is alike at all depths."""
    found = measured(replace(BASILICA, steps=5000), smallest="1e-30", pairs=10240)
    assert found.low < 1.2683 < found.high and found.high - found.low < 0.2
