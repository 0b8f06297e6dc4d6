"""Where the samples of a pixel lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gmpy2 import mpq

from deepzoom.scene import sample_positions
from deepzoom.scene.shape import Shape
from deepzoom.scene.view import View


@pytest.mark.parametrize("samples", [2, 4, 16, 64])
def test_points_are_spread_evenly(samples):
    found, n = sample_positions.offsets(samples), sample_positions.parts(samples)
    assert n == samples and found[0].tolist() == [0, 0] and np.abs(found).max() <= n // 2
    across = 1
    # one in each box, however a pixel is divided into as many boxes as samples
    while across <= samples:
        boxes = (found + n // 2) // [n // across, n // (samples // across)]
        assert len(np.unique(boxes, axis=0)) == samples
        across *= 2


@pytest.mark.parametrize("samples", [1, 3, 7, 16])
def test_more_samples_leave_the_others_where_they_are(samples):
    few, many = (sample_positions.offsets(n) / sample_positions.parts(n) for n in (samples, 256))
    assert np.array_equal(few, many[:samples])


@pytest.mark.parametrize("samples", [1, 2, 5, 16, 100])
def test_the_nearest_of_them(samples):
    right, down = np.random.default_rng(0).uniform(0, 1, (2, 500))
    at = sample_positions.offsets(samples) / sample_positions.parts(samples)
    distance = np.hypot(right[:, None] - 0.5 - at[:, 0], 0.5 - down[:, None] - at[:, 1])
    taken = distance[np.arange(500), sample_positions.nearest(samples, right, down)]
    assert np.all(taken <= distance.min(axis=1) + 2**0.5 / min(4 * sample_positions.parts(samples), 128))


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("depth", ["2.6", "1e-30", "1e-400"])
def test_numbers_of_a_view_are_its_points(flip, depth):
    shape = Shape(mpq(3, 2), mpq(1, 10), mpq(-1, 4), mpq(7, 8))
    view = View(mpq("-0.7"), mpq("0.3"), View.parse("0", "0", depth, "1x1").depth, 6, 4, flip, shape, samples=5)
    numbers = np.arange(6 * 4 * 5)
    dx, dy, exponent = view.differences(numbers)
    x, y = view.points(numbers)
    for n in numbers.tolist():
        (column, row), sample = (n % 24 % 6, n % 24 // 6), n // 24
        right, up = (mpq(int(k), 8) for k in sample_positions.offsets(5)[sample])
        exact = view.point(n)
        assert exact == view.at(column + right, row - up)
        assert [x[n], y[n]] == [float(v) for v in exact]
        for found, v, centre in ((dx[n], exact[0], view.x), (dy[n], exact[1], view.y)):
            assert abs(mpq(float(found)) * mpq(2) ** exponent - (v - centre)) <= abs(v - centre) * mpq(1, 2**51)
    # samples do not move a pixel's own point, to the last bit
    plain = replace(view, samples=1)
    alone, own = plain.differences(numbers[:24]), view.differences(numbers[:24])
    assert all(np.array_equal(np.ldexp(a, alone[2] - own[2]), b) for a, b in zip(alone[:2], own[:2], strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(plain.points(numbers[:24]), view.points(numbers[:24]), strict=True))
