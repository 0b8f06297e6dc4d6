"""The dimension of Julia sets that is known, by pairs of points and by box counting: the two agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import deepzoom
from deepzoom import landmarks
from deepzoom.errors import InputError
from deepzoom.measuring import box_counting
from deepzoom.measuring.descent import Descent
from deepzoom.measuring.distances import Distances
from deepzoom.measuring.fates import OfScene
from deepzoom.rendering.batches import Observer
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY, parse_stretch
from deepzoom.scene.view import View

PLANE = View.parse("0.013", "-0.008", "3.6", "64x64")
BASILICA = Scene("julia", PLANE, 2000, {"cx": "-1", "cy": "0"}, trust="settle")
NEWTON = Scene("newton", PLANE, 2000, trust="settle")
SEGMENT = Scene("julia", View.parse("0.013", "0.008", "4.2", "64x64"), 2000, {"cx": "-2", "cy": "0"}, distance=True)
RABBIT = replace(BASILICA, settings={"cx": "-0.1225611668766536", "cy": "0.7448617666197442"}, distance=True)


def measured(scene, seed=0, pairs=5120, smallest="1e-6"):
    descent = Descent(scene.view, Distances.parse("1e-1", smallest), pairs, seed)
    descent.run(OfScene(scene, 2, Observer()), Observer(), lambda found: None)
    counts = descent.counts()
    assert (counts[:, 1] == counts[:, 2]).mean() > 0.8 and (counts[:, 1] > 0.99 * counts[:, 2]).all()
    return descent.fit()


def test_a_filament():
    """The Julia set of z^2 - 2 is the segment from -2 to 2: all around it points escape."""
    found = measured(SEGMENT, pairs=2560, smallest="1e-4")
    assert found.low < 1 < found.high and abs(found.dimension - 1) < 0.15
    with pytest.raises(InputError, match="have the same fate"):
        measured(replace(SEGMENT, distance=False), pairs=2560, smallest="1e-4")


@pytest.mark.slow
@pytest.mark.parametrize(("scene", "dimension"), [(SEGMENT, 1), (RABBIT, 1.3934)])  # McMullen, as below
def test_known_dimensions_by_distances(scene, dimension):
    found = [measured(scene, seed) for seed in range(20)]
    assert sum(f.low <= dimension <= f.high for f in found) >= 18
    assert abs(np.mean([f.dimension for f in found]) - dimension) < 0.04


@pytest.mark.slow
def test_the_border_of_the_mandelbrot_set():
    """Its dimension, 2 (Shishikura 1998), is a limit: windows come the closer, the more bulbs stand on bulbs in them.

    The last one lies on the cardioid at 1/(5 + 1/(5 + 1/5)) of a turn.
    """
    turn = np.exp(2j * np.pi / (5 + 1 / (5 + 1 / 5)))
    root = turn / 2 - turn**2 / 4
    places = [("-0.6", "0", "2.6"), ("-0.75", "0.1", "0.05"), (repr(float(root.real)), repr(float(root.imag)), "2e-4")]
    scenes = [Scene("mandelbrot", View.parse(*place, "64x64"), 200_000, distance=True) for place in places]
    whole, seahorses, bulbs = (measured(scene, pairs=2560) for scene in scenes)
    assert whole.local[0] < 1.5 and whole.local[-3:].mean() > 1.6
    assert whole.dimension < seahorses.low and seahorses.high < bulbs.dimension
    assert 1.9 < bulbs.dimension < 2.05 and bulbs.constant.all()
    islands = measured(replace(scenes[0], distance=False), pairs=2560)
    assert islands.dimension < 1.45 and islands.dimension < whole.local[-1]


def check_stretched(scene, pairs, smallest):
    """The dimension is the same in a stretched window: the intervals of three shapes meet."""
    shapes = IDENTITY, parse_stretch("8@30"), parse_stretch("8@120")
    found = [
        measured(replace(scene, view=replace(scene.view, shape=shape)), pairs=pairs, smallest=smallest)
        for shape in shapes
    ]
    assert max(f.low for f in found) < min(f.high for f in found)
    assert all(f.high - f.low < 0.5 for f in found)


def test_stretched_windows():
    check_stretched(replace(BASILICA, trust="off"), 5120, "1e-4")


@pytest.mark.slow
def test_stretched_windows_of_training():
    view = landmarks.get("single-datapoint-published").view(None, (64, 64))
    check_stretched(Scene("single-datapoint", view, 1000, trust="settle"), 5120, "1e-5")


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
