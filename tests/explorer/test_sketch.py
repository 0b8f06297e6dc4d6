"""Sketches: pixels with the reference run of another view have the values of their own, up to rounding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from explored import Client, rendered, served

import deepzoom
from deepzoom import landmarks
from deepzoom.explorer import sketch
from deepzoom.explorer.moves import panned, zoomed
from deepzoom.rendering.render import plan
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import Shape
from deepzoom.scene.view import View

X = "1.12384440100021348074095195491369621276605620077330"
Y = "2.30180775615836264880754203609022616230775595669770"
SCENE = Scene("tanh", View.parse(X, Y, "1e-9", "12x8"), 60, trust="off")


def test_a_view_around_an_anchor():
    """Each pixel of a view lies within half a pixel of the one that stands for it, wherever the anchor is."""
    view = replace(View.parse("0.3", "0.7", "1e-9", "12x7"), shape=Shape.stretched(3.0, 40.0))
    for right, down in ((0, 0), (0.5, -3), (-40.25, 17.5), (5.75, 100)):
        anchor = panned(view, right, down)
        wide, numbers = sketch._around(view, anchor)
        assert (wide.x, wide.y) == (anchor.x, anchor.y)
        pixels = np.arange(view.pixels)
        for pixel in (0, 11, 45, view.pixels - 1):
            a, b = view.point(pixel), wide.point(int(numbers(pixels)[pixel]))
            (xu, xv, yu, yv), depth = view.shape.entries, view.depth / view.height
            dx, dy = (a[0] - b[0]) / depth, (a[1] - b[1]) / depth
            det = view.shape.determinant
            assert abs((yv * dx - xv * dy) / det) <= 0.2501 and abs((xu * dy - yu * dx) / det) <= 0.2501
    far = panned(view, 32 * 12 + 50, 0)
    assert sketch._around(view, far)[0] is None


@pytest.mark.slow
def test_values_with_another_reference(own_cache):
    anchor = sketch.made(plan(SCENE), SCENE.view, lambda share: None)
    for view in (SCENE.view, zoomed(SCENE.view, 2.0, 3, 2), panned(SCENE.view, 4, -2), zoomed(SCENE.view, 64.0, 6, 4)):
        scene = replace(SCENE, view=view)
        job = sketch.job(plan(scene), anchor)
        out, field = job.run(np.arange(view.pixels)), deepzoom.render(scene).field
        assert np.array_equal(out.fate, field.fate.ravel())
        assert np.allclose(out.measure, field.measure.ravel(), rtol=1e-6)


def test_counts_with_another_orbit():
    """The oracle is the picture's own reference."""
    place = landmarks.get("mandelbrot-e50")
    scene = Scene("mandelbrot", place.view("1e-30", "12x8"), 2000)
    anchor = sketch.made(plan(scene), scene.view, lambda share: None)
    for view in (scene.view, zoomed(scene.view, 2.0, 3, 2), panned(scene.view, 4, -2), zoomed(scene.view, 32.0, 6, 4)):
        own = replace(scene, view=view)
        job = sketch.job(plan(own), anchor)
        out, field = job.run(np.arange(view.pixels)), deepzoom.render(own).field
        assert np.array_equal(out.fate, field.fate.ravel())
        same = np.isclose(out.measure, field.measure.ravel(), rtol=1e-6)
        assert same.mean() > 0.95  # places are rounded to half a pixel, which counts on the border show


@pytest.mark.slow
def test_a_picture_does_not_depend_on_references_made_ahead(own_cache):
    with served(SCENE) as one:
        page = Client(one, (12, 8))
        page.hello()
        page.finish()
        page.send("move", zoom=2, at=[3, 2])
        page.until("scene")
        scene = page.finish()
        page.close()
    assert np.array_equal(page.picture[..., :3], rendered(scene))


def test_what_an_anchor_does_not_serve():
    scene = replace(SCENE, steps=8)
    planned = plan(scene)
    anchor = sketch.Anchor(scene, replace(scene.view, depth=scene.view.depth / 1000), 400)
    assert sketch.job(plan(replace(scene, steps=9)), anchor) is None
    assert sketch.job(plan(replace(scene, bits=300)), anchor) is None
    assert sketch.job(planned, replace(anchor, bits=60)) is None
    assert sketch.job(plan(replace(scene, view=replace(scene.view, depth=scene.view.depth / 2000))), anchor) is None
    assert not sketch.needs_reference(plan(Scene("mandelbrot", View.parse("0", "0", "1", "8x8"), 60)))
