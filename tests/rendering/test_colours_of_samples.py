"""Samples are averaged as light, and change no other pixel's colours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deepzoom.colouring.colour import UNSETTLED, coloured
from deepzoom.colouring.linear_light import encoded, linear
from deepzoom.rendering import antialiasing
from deepzoom.rendering.field import Field
from deepzoom.scene.colours import Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

BLACK_TO_WHITE = Colouring(colours=("#000000", "#ffffff"), interior="#ff0000")


def test_light_is_what_is_averaged():
    assert encoded(np.array([0.5])) == pytest.approx(0.735357, abs=1e-6)
    rgb = np.linspace(0, 1, 100)
    assert np.allclose(encoded(linear(rgb)), rgb, atol=1e-7) and np.all(np.diff(linear(rgb)) > 0)


def counted(how, counts, samples, done=None):
    """A field with one row of pixels. Counts are smooth, -1 inside the set; samples (pixels, n) are of all pixels."""
    counts, samples = np.array([counts], float), np.array(samples, float)
    view = View.parse("0", "0", "1", f"{counts.size}x1")
    scene = Scene("mandelbrot", replace(view, samples=samples.shape[1] + 1), 100, colouring=how)
    field = Field.empty(scene)
    field.measure[:], field.done[:] = counts, True
    field.sampled, field.samples = np.arange(counts.size), Field.empty(scene, samples.shape)
    field.samples.measure[:], field.samples.done[:] = samples, True if done is None else done
    return field


def test_colours_of_samples_on_the_scale_of_the_pixels():
    """By hand: of one pixel's samples, one has the other pixel's count, one a count between, and one lies inside."""
    how = replace(BLACK_TO_WHITE, by="cyclic", cycle=20.0)  # black at 0, white at 10
    rgb = coloured(counted(how, [0.0, 10.0], [[10.0, 5.0, 0.0], [10.0, 10.0, -1.0]]), fine=True)[0]
    grey = linear(np.array(0.5))
    assert rgb[0] == pytest.approx(np.full(3, float(encoded((1 + grey) / 4))), abs=2e-3)
    assert rgb[1] == pytest.approx([1, float(encoded(np.array(0.75))), float(encoded(np.array(0.75)))], abs=2e-3)
    # samples that are not done do not count
    part = counted(how, [0.0, 10.0], [[10.0, 5.0, 0.0], [10.0, 10.0, -1.0]], [[True, False, False], [False] * 3])
    assert coloured(part, fine=True)[0, :, 1] == pytest.approx([float(encoded(np.array(0.5))), 1.0], abs=2e-3)


@pytest.mark.parametrize("by", ["rank", "histogram", "distance"])
def test_samples_do_not_change_the_colours_of_other_pixels(by):
    how = replace(BLACK_TO_WHITE, by=by)
    field = counted(how, [3.0, 5.0, 9.0, 14.0], [[2.0], [50.0], [9.5], [-1.0]])
    field.sampled, field.samples = (
        field.sampled[1:2],
        Field(field.scene, **{c: getattr(field.samples, c)[1:2] for c in field.samples.channels}),
    )
    plain = coloured(antialiasing.with_samples(field, 1, None))
    mixed = coloured(field)
    assert np.array_equal(np.delete(mixed, 1, axis=1), np.delete(plain, 1, axis=1))
    assert by == "distance" or mixed[0, 1, 0] > plain[0, 1, 0] + 0.1  # the sample is white


def test_what_is_not_settled_is_marked_by_its_share():
    how = replace(BLACK_TO_WHITE, by="cyclic", cycle=20.0, mark_unsettled=True)
    field = counted(how, [0.0, 0.0, 0.0], [[0.0] * 3] * 3)
    field.trust[0, 2], field.samples.trust[1, 0], field.samples.trust[2] = -1, -1, -1
    rgb = coloured(field, fine=True)[0]
    assert np.all(rgb[0] == 0) and np.all(rgb[2] == UNSETTLED)
    assert rgb[1] == pytest.approx([float(encoded(np.array(0.25))), 0, float(encoded(np.array(0.25)))], abs=1e-6)
