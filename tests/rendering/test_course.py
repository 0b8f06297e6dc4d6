"""The course of training runs in fields, as colours and on the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from deepzoom.cli import app
from deepzoom.colouring.colour import coloured
from deepzoom.colouring.course import place
from deepzoom.errors import InputError
from deepzoom.rendering import course
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.field import Field
from deepzoom.rendering.render import render
from deepzoom.scene.colours import COURSE, Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

TRAINING = """
import numpy as np
import deepzoom

def step(state, hyper):
    w = state["w"]
    return {"w": w - hyper["rate"] * w}, (w * w).sum()

one = deepzoom.Training(
    step, lambda hyper: {"w": hyper["scale"] * np.ones(1)}, {"rate": 0.1, "scale": 1}, x="rate", y="log10:scale",
    steps=12, center=(1.3, 0.2), depth=2, output=lambda state, hyper: state["w"][0] - 3,
)
"""
STEPS = 12
OPTIONS = ["--size", "9x7", "--stretch", "off", "--quiet", "--out", "a.png", "--data", "a.npz", "--force"]


def deepzoom(*args):
    return CliRunner().invoke(app, [str(a) for a in args])


@pytest.fixture
def place_of(tmp_path, monkeypatch, own_cache):
    """An empty folder with a file of a training whose course is known."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("own.py").write_text(TRAINING)
    return ["render", "own.py:one", *OPTIONS]


def known(view):
    """The course of w (1 - rate)**t, which begins at 10**y, for all pixels: exponents, losses, best steps, outputs."""
    x, y = view.points(np.arange(view.pixels))
    rate, start = x, 10.0**y
    by_x, by_y = -STEPS * start * (1 - rate) ** (STEPS - 1), np.log(10) * start * (1 - rate) ** STEPS
    before = start * (1 - rate) ** (STEPS - 1)
    best = np.where(np.abs(1 - rate) < 1, STEPS - 1, 0)
    return {
        "lyapunov": np.log(np.hypot(by_x, by_y)) / STEPS, "loss": before**2, "best_step": best, "output": before - 3
    }  # fmt: skip


def test_a_course_that_is_known(place_of):
    result = deepzoom(*place_of, "--course")
    assert result.exit_code == 0, result.output
    field = Field.load("a.npz")
    for name, wanted in known(field.scene.view).items():
        values = getattr(field, name)
        np.testing.assert_allclose(values.ravel(), wanted, rtol=1e-11, atol=1e-12, err_msg=name)
        assert values.dtype == (np.int32 if name == "best_step" else np.float64)
    assert field.scene.course and field.scene.to_toml().count("course = true") == 1
    assert Scene.from_toml(field.scene.to_toml()) == field.scene
    assert course.summary(field) in deepzoom("info", "a.npz").stdout
    pictures = {}
    for by in (*COURSE, "rank"):
        assert deepzoom("colour", "a.npz", "--colouring", by, "--slope", 45, "--out", f"{by}.png").exit_code == 0
        pictures[by] = Path(f"{by}.png").read_bytes()
        assert coloured(replace(field, scene=replace(field.scene, colouring=Colouring(by)))).std() > 0.05
    assert len(set(pictures.values())) == 5


def test_deep_views_and_samples(place_of):
    deep = ("--center", "1.3", "0.2", "--depth", "1e-20", "--samples", "4", "--trust", "settle")
    assert deepzoom(*place_of, *deep, "--colouring", "lyapunov", "--figure").exit_code == 0
    field = Field.load("a.npz")
    assert not field.scene.course and field.lyapunov.std() < 1e-15
    wanted = known(View.parse("1.3", "0.2", "1e-20", "1x1"))["lyapunov"]
    np.testing.assert_allclose(field.lyapunov, wanted[0], rtol=1e-12)
    for by in COURSE:
        assert deepzoom(*place_of, "--samples", "4", "--colouring", by).exit_code == 0
        field = Field.load("a.npz")
        samples = field.samples
        assert len(field.sampled) > 3 and np.isfinite(getattr(samples, COURSE[by])[samples.done]).all()
        once = replace(field, samples=None, sampled=None)
        mixed, plain = coloured(field), coloured(once)
        assert np.isfinite(mixed).all() and (by == "best-step" or not np.array_equal(mixed, plain))


def test_losses_need_no_exponents_and_stopped_renders_go_on(place_of):
    class Stops(Observer):
        taken = 0

        def part(self, name, done, total):
            self.taken += name == "course"

        def stopped(self):
            return self.taken > 1

    assert deepzoom(*place_of, "--colouring", "loss").exit_code == 0
    plain = Field.load("a.npz")
    assert plain.lyapunov is None and (plain.best_step >= 0).all()
    scene = replace(plain.scene, view=replace(plain.scene.view, width=90, height=70), trust="off")
    part = render(scene, jobs=1, observer=Stops())
    assert not part.complete and 0 < np.isnan(part.field.loss).sum() < 6300
    assert np.isnan(coloured(part.field)).sum() == 0
    whole, again = render(scene).field, render(scene, partial=part.field)
    assert again.complete and np.array_equal(again.field.loss, whole.loss)
    assert "The last losses go from" in course.summary(whole)


def test_places():
    values = np.array([-2.0, -1.0, 0.0, 3.0, np.nan])
    assert np.allclose(place("lyapunov", values), [0.875, 0.625, 0.5, 0.25, np.nan], equal_nan=True)
    assert np.allclose(place("loss", values)[:4], [0.875, 0.625, 0.375, 0.125])
    assert np.allclose(place("output", np.array([5.0, 5.0, np.inf])), [1 / 3, 1 / 3, 5 / 6])
    assert np.allclose(place("best-step", np.array([0.0]), np.array([0.0, 2.0])), 0.25)


def test_bad_input_is_one_sentence(place_of):
    scene = Scene("cubic", View.parse("1", "0.5", "1", "3x3"), 5, trust="off")
    render(scene).field.save("c.npz")
    film = ("zoom", "cubic", "--from", 3, "--to", 1, "--frames", 2, "--size", "8x8", "--keep-data", "--out", "film")
    assert deepzoom(*film, "--quiet").exit_code == 0
    again = ("zoom", "--from-data", "film/data", "--frames", 2, "--out", "again", "--colouring", "loss")
    for args, message in [
        (("render", "mandelbrot", "--course"), "--course: mandelbrot is not a training system; leave the option out."),
        (("render", "lyapunov", "--colouring", "loss"), "--colouring: loss works only for training systems; for lyap"),
        (("render", "--backend", "exact", "--course"), "--course: the exact backend gives only fates and measures"),
        (("render", "--backend", "exact", "--colouring", "best-step"), "--colouring: best-step: the exact backend"),
        (("render", "cubic", "--colouring", "output"), "--colouring: cubic has no output for a probe input; give its"),
        (("colour", "c.npz", "--colouring", "loss", "--out", "x.png"), "c.npz does not hold loss; render it with --co"),
        (again, "--colouring: the keyframes in film/data do not hold loss; make the film anew with it."),
    ]:
        result = deepzoom(*args)
        assert result.exit_code == 2 and message in " ".join(result.output.split()), (args, result.output)
        assert result.stderr.count("\n") == 1
    assert not Path("x.png").exists()
    Path("own.py").write_text(TRAINING.replace('state["w"][0] - 3', 'state["w"]'))
    result = deepzoom(*place_of)
    assert "own.py, line 11: the output is an array of shape (1,); give one number" in result.output
    with pytest.raises(InputError, match="--colouring: 'los' is not one of"):
        Colouring("los")
