"""Sketches: pixels of a job that another view lends have the values of their own, up to rounding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from explored import Client, rendered, served

import deepzoom
from deepzoom import landmarks
from deepzoom.backends.base import Job
from deepzoom.commands.requests.scene import Request
from deepzoom.explorer import sketch
from deepzoom.explorer.moves import panned, zoomed
from deepzoom.explorer.run import Run, Slots
from deepzoom.explorer.session import Session
from deepzoom.rendering.render import plan
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import Shape
from deepzoom.scene.view import View

X = "1.12384440100021348074095195491369621276605620077330"
Y = "2.30180775615836264880754203609022616230775595669770"
SCENE = Scene("tanh", View.parse(X, Y, "1e-9", "12x8"), 60, backend="cpu-perturbation", trust="off")
STEEP = Request(at="cosine-1e-20", size="12x8", trust="off").to_scene()
COUNTS = Scene("mandelbrot", landmarks.get("mandelbrot-e50").view("1e-30", "12x8"), 2000)

VIEWS = (
    lambda view: view, lambda view: zoomed(view, 2.0, 3, 2), lambda view: panned(view, 4, -2),
    lambda view: zoomed(view, 1.37, 9, 7), lambda view: zoomed(view, 64.0, 6, 4),
)  # fmt: skip


def ready(scene, job=None):
    """A job for views near a scene's; job: instead of a real one."""
    planned = plan(scene)
    if job is None:
        return sketch.made(planned, scene.view.x, scene.view.y, lambda share: None)
    wide = replace(
        scene.view, width=1024 * scene.view.width, height=1024 * scene.view.height, depth=4 * scene.view.depth
    )
    return sketch.Ready(replace(scene, view=wide), job, 0)


class Recorded(Job):
    """Keeps the numbers of the pixels that it is to run."""

    batch_size, facts = 64, None

    def run(self, pixels):
        self.pixels = pixels


@pytest.mark.parametrize("move", VIEWS)
def test_pixels_of_a_ready_job(move):
    """Each pixel of a view lies within half a fine pixel of the one that stands for it."""
    view = replace(View.parse("0.3", "0.7", "1e-9", "12x7"), shape=Shape.stretched(3.0, 40.0))
    job = Recorded()
    there, moved = ready(replace(SCENE, view=view), job), move(view)
    grid = sketch.serves(there, plan(replace(SCENE, view=moved)))
    sketch.borrowed(there, moved, grid).run(np.arange(moved.pixels))
    (xu, xv, yu, yv), det = view.shape.entries, view.shape.determinant
    pitch = view.depth / view.height / sketch.FINER
    for pixel in (0, 11, 45, view.pixels - 1):
        a, b = moved.point(pixel), there.scene.view.point(int(job.pixels[pixel]))
        dx, dy = (a[0] - b[0]) / pitch, (a[1] - b[1]) / pitch
        assert abs((yv * dx - xv * dy) / det) <= 0.5001 and abs((xu * dy - yu * dx) / det) <= 0.5001


@pytest.mark.parametrize(
    ("scene", "fates", "values", "within"),
    [
        # places are rounded, which counts on the border show
        (COUNTS, 1.0, 0.95, 1e-6),
        pytest.param(SCENE, 1.0, 1.0, 1e-6, marks=pytest.mark.slow),
        # pixels lie so far apart along the long direction that rounding a place to 1/256 of one shows in some fates
        pytest.param(STEEP, 0.95, 0.9, 1e-2, marks=pytest.mark.slow),
    ],
    ids=["counts", "training", "steep"],
)
def test_values_of_a_borrowed_job(own_cache, scene, fates, values, within):
    """The oracle is the picture's own reference. fates, values: the shares of pixels that must have the same."""
    there = ready(scene)
    for move in VIEWS:
        own = replace(scene, view=move(scene.view))
        job = sketch.borrowed(there, own.view, sketch.serves(there, plan(own)))
        out, field = job.run(np.arange(own.view.pixels)), deepzoom.render(own).field
        assert (out.fate == field.fate.ravel()).mean() >= fates
        assert np.isclose(out.measure, field.measure.ravel(), rtol=within).mean() >= values


@pytest.mark.slow
@pytest.mark.parametrize("first", [SCENE, STEEP], ids=["square", "steep"])
def test_a_picture_does_not_depend_on_references_made_ahead(own_cache, first):
    with served(first) as one:
        page = Client(one, (12, 8))
        page.hello()
        page.finish()
        page.send("move", zoom=2, at=[3, 2])
        page.until("scene")
        scene = page.finish()
        page.close()
    assert np.array_equal(page.picture[..., :3], rendered(scene))


@pytest.mark.parametrize("leaves", [True, False])
def test_what_is_done_of_a_reference_run_is_kept_unless_its_centre_is_left(own_cache, monkeypatch, leaves):
    """To keep it takes longer than a view that is left may go on."""
    monkeypatch.setattr(Run, "reference", lambda run, share: run.stop(leaves))
    session = Session("", lambda data, stopped: None, SCENE, Slots.of(2))
    session.handle('{"type": "hello", "number": 0, "size": [12, 8]}')
    session.run.thread.join(600)
    assert not session.run.thread.is_alive() and bool(list(own_cache.glob("*.npz"))) == (not leaves)


def test_what_a_job_does_not_serve():
    there = ready(SCENE, Recorded())
    for other in (
        replace(SCENE, steps=9), replace(SCENE, bits=300), replace(SCENE, view=panned(SCENE.view, 30, 0)),
        replace(SCENE, view=zoomed(SCENE.view, 300.0, 6, 4)), replace(SCENE, view=zoomed(SCENE.view, 0.1, 6, 4)),
        replace(SCENE, view=replace(SCENE.view, shape=Shape.stretched(2.0, 0.0))),
    ):  # fmt: skip
        assert sketch.serves(there, plan(other)) is None
    assert not sketch.needs_reference(plan(Scene("mandelbrot", View.parse("0", "0", "1", "8x8"), 60)))


def test_the_store_finds_the_deepest_and_forgets_the_oldest(monkeypatch):
    store, planned = sketch.Store(), plan(SCENE)
    assert store.find(planned) is None
    for k in range(3):
        view = replace(SCENE.view, depth=SCENE.view.depth * 2 ** (2 - k))
        store.keep(ready(replace(SCENE, view=view), Recorded()))
    assert store.find(planned)[1] == sketch.FINER
    monkeypatch.setattr(sketch, "_MOST_JOBS", 2)
    store.keep(replace(ready(replace(SCENE, steps=9), Recorded()), bytes=1))
    assert len(store._jobs) == 2 and store.find(planned)[1] == sketch.FINER
    store.keep(replace(ready(SCENE, Recorded()), bytes=1 << 40))
    assert not store._jobs
