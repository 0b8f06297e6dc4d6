"""The iteration limit grows while pixels still escape."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from deepzoom import systems
from deepzoom.cli import app
from deepzoom.errors import Stopped
from deepzoom.landmarks import get
from deepzoom.pictures.png import read_scene
from deepzoom.reference.nucleus import find
from deepzoom.rendering import iteration_limit
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.render import render
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

SEAHORSES = "-0.7499", "0.004", "2e-4"
"""Between the cardioid and the period-2 bulb, near where they touch: an orbit needs about pi / y steps to pass."""


def scene(steps, size="40x30", place=SEAHORSES):
    return Scene("mandelbrot", View.parse(*place, size), steps)


def test_it_grows_while_sampled_pixels_escape(own_cache):
    """It grows from far too few steps until only a few of all pixels would escape later."""
    begun = scene(100)
    found = iteration_limit.grown(begun)
    assert found.steps > 1000 and np.log2(found.steps / 100) % 1 == 0
    assert found.view == begun.view
    more = replace(scene(8 * found.steps, "20x15"), trust="off")  # every fourth pixel; counts tell of fewer steps, too
    more = render(more).field
    assert np.mean((more.fate == 1) & (more.iterations > found.steps)) < 0.02
    assert np.mean((more.fate == 1) & (more.iterations > 100)) > 0.1


def test_it_stays_where_it_is_enough(own_cache):
    assert iteration_limit.grown(scene(1000, place=("-2", "1", "0.1"))).steps == 1000
    inside = ("-0.1", "0", "1e-3")
    assert iteration_limit.grown(scene(50, place=inside)).steps == 50


@pytest.mark.parametrize("size", ["1x1", "7x3", "256x256", "5000x10", "3000x3000"])
def test_the_sample_is_spread_and_small(size):
    view = View.parse("0", "0", "1", size)
    found = iteration_limit.sample(view)
    assert len(np.unique(found)) == len(found) and found.min() >= 0 and found.max() < view.pixels
    assert min(view.pixels, iteration_limit.SAMPLE) / 1.6 <= len(found) <= 1.6 * iteration_limit.SAMPLE
    rows, columns = np.divmod(found, view.width)
    assert rows.mean() == pytest.approx((view.height - 1) / 2, rel=0.05, abs=0.5)
    assert columns.mean() == pytest.approx((view.width - 1) / 2, rel=0.05, abs=0.5)


def test_it_does_not_grow_beyond_all_memory(own_cache, monkeypatch):
    monkeypatch.setattr(iteration_limit, "MOST", 1900)
    assert iteration_limit.grown(scene(100)).steps == 1600
    assert iteration_limit.grown(scene(5000)).steps == 5000


def test_it_finds_what_begins_late(own_cache):
    """Around a minibrot no pixel escapes within half the period."""
    system, place = systems.create("mandelbrot"), get("mandelbrot-deep")
    found = find(system, View.parse(place.x, place.y, "1e-11", "9x9"), 2000)
    view = View(found.x, found.y, 4 * found.size, 32, 32)
    begun = Scene("mandelbrot", view, found.period // 2)
    assert np.all(render(begun).field.fate == 0)
    grown = iteration_limit.grown(begun)
    assert np.mean(render(grown).field.fate == 1) > 0.5


def test_it_stops_when_told_to(own_cache):
    class Impatient(Observer):
        def stopped(self):
            return True

    with pytest.raises(Stopped):
        iteration_limit.grown(scene(100, place=("-0.75", "0.1", "1e-20")), Impatient())


def test_a_view_without_a_limit_gets_one(own_cache, tmp_path, monkeypatch):
    """The picture stores the limit, so that it can be made again."""
    monkeypatch.chdir(tmp_path)

    def run(*args):
        return CliRunner().invoke(app, ["render", *args])

    view = ["mandelbrot", "--center", *SEAHORSES[:2], "--depth", SEAHORSES[2], "--size", "16x16", "--quiet"]

    def steps_of(name, *args):
        result = run(*args, "--out", name)
        assert result.exit_code == 0, result.output
        return read_scene(Path(name), "FILE").steps

    chosen = steps_of("a.png", *view)
    assert chosen in (20000, 40000, 80000)
    assert steps_of("b.png", *view, "--steps", "300") == 300
    assert steps_of("c.png", "--scene", "b.png", "--quiet") == 300
    assert steps_of("d.png", "--scene", "b.png", "--steps", "auto", "--quiet") > 300
    assert json.loads(run(*view, "--dry-run", "--json").stdout)["steps"] == "auto, from 20000"
    assert run("tanh", "--steps", "auto").exit_code == 2
    assert "'many' is neither a whole number such as 20000 nor auto" in run(*view, "--steps", "many").stderr
