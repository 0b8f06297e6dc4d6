"""Dives into training fractals: windows of an anchor, the end of the steps, and more steps."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from dives import StopsAfter, dive

import deepzoom
from deepzoom.commands.requests.scene import Request
from deepzoom.diving import save_landmark, search
from deepzoom.diving.blocks import Block
from deepzoom.diving.lattice import Lattice
from deepzoom.diving.windows import SHARED, Window
from deepzoom.errors import Stopped
from deepzoom.rendering.batches import Observer
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View


def test_windows_are_parts_of_their_anchor():
    """Each scene's centre is exactly its block's. The last window has the depth that was asked for."""
    end = View.parse("0", "0", "0.001", "1x1").depth
    window = Window(Scene("tanh", View.parse("1", "2", "4", "48x32"), 9))
    levels = []
    for column, row in ((29.5, 11.0), (5.5, 20.5), (30.0, 25.5), (20.5, 5.5), (22.5, 8.0), (11.5, 11.5)):
        view = window.scene.view
        x, y = view.at(column, row)
        window = window.inside(Block(1.0, column, row, True), end, SHARED)
        inner = window.scene.view
        assert (inner.width, inner.height) == (48, 32) and inner.depth == max(end, view.depth / 4)
        assert max(abs(inner.x - x), abs(inner.y - y)) <= inner.depth / 32 / 2**7
        levels.append(window.level)
    assert levels == [1, 2, 0, 1, 2, 0] and inner.depth == end


@pytest.fixture
def small(tmp_path):
    """Settings that name a small network's data."""
    rng = np.random.default_rng(5)
    path = tmp_path / "small.npz"
    np.savez(
        path, X=rng.normal(size=(5, 3)), Y=rng.normal(size=(5, 1)), theta0=rng.normal(size=(3, 4)),
        theta1=rng.normal(size=(4, 1)),
    )  # fmt: skip
    return {"data": str(path)}


@pytest.mark.parametrize("depth", ["1e-4", "1e-10"])
def test_a_window_is_what_exact_runs_make_of_it(small, own_cache, depth):
    """Two levels into a view: measures are right to a thousandth of their spread in the window."""
    window = Window(Scene("tanh", View.parse("1.7", "1.9", depth, "4x4"), 60, settings=small))
    lattice = Lattice(window.anchor, 1, Observer())
    assert lattice.is_deep == (depth == "1e-10")
    for block in (Block(1.0, 3.0, 1.0, True), Block(1.0, 1.0, 2.5, True)):
        window = window.inside(block, window.scene.view.depth / 64, SHARED)
    assert window.level == 2 and window.anchor is lattice.anchor
    field = lattice.field(window)
    exact = deepzoom.render(replace(field.scene, backend="exact")).field
    assert np.abs(field.measure - exact.measure).max() < 1e-3 * np.ptp(exact.measure)
    assert np.array_equal(field.fate, exact.fate) and field.done.all()
    rows, columns = np.indices((4, 4))
    assert np.array_equal(lattice.kinds(window, columns, rows), (field.fate < 0).ravel())


def test_the_end_of_the_steps_is_told_from_the_reference(small, own_cache):
    """Against runs of neighbouring pixels: whether they part by a 32nd of the weights' size."""
    anchor = Scene("tanh", View.parse("1.7", "1.9", "1e-9", "32x32"), 80, settings=small)
    lattice = Lattice(anchor, 1, Observer())
    found = [lattice.parts(View.parse("0", "0", f"1e-{n}", "1x1").depth) for n in range(12)]
    assert found == sorted(found, reverse=True) and found[0] and not found[-1]


def test_more_steps_are_taken_where_they_end_before_the_structure(small, own_cache, tmp_path):
    """The same view is run again with half as many steps more each time, up to eight times the first number."""
    seen = StopsAfter(99)
    scene = Scene("tanh", View.parse("1.7", "1.9", "1e-40", "32x32"), 6, settings=small)
    done = deepzoom.dive(scene, "1e-45", grows=True, observer=seen)
    assert (done.complete, done.reason, done.end) == (False, search.TOO_FEW_STEPS, None)
    assert seen.steps == [6, 9, 14, 21, 32, 48]
    fixed, on, file = StopsAfter(99), StopsAfter(99), tmp_path / "kept.npz"
    assert not deepzoom.dive(scene, "1e-45", kept=file, observer=fixed).complete and fixed.steps == [6]
    assert not deepzoom.dive(scene, "1e-45", grows=True, kept=file, observer=on).complete and on.steps == seen.steps[1:]


def test_with_more_steps_the_deepest_view_is_looked_at_again(small):
    scene = Scene("tanh", View.parse("1", "1", "4", "32x32"), 60)

    def level(number):
        window = Window(scene, number, number, number)
        return search.Level(window, number, 0.0, number, (), np.zeros((1, 1, 3), "u1"))

    levels = [level(k) for k in range(3)]
    state = search.State(Window(scene), due=False, stack=levels[:2], best=levels, dead=["dust"])
    search.look_again(state, 90)
    assert state.due and state.dead == [] and state.plain == 2
    assert state.pending == Window(replace(scene, steps=90), 2, 2, 2)
    assert [(lv.number, lv.scene.steps) for lv in state.stack] == [(0, 90), (1, 90)] and state.best == state.stack


def test_a_dive_of_training_stopped_anywhere_goes_on_to_the_same_place(small, tmp_path):
    scene = Scene("tanh", View.parse("1.5", "1.5", "9", "32x32"), 60, settings=small)
    file, parts = tmp_path / "kept.npz", None
    done = deepzoom.dive(scene, "2e-3", seed=1)
    assert len(done.levels) > 4
    while parts is None:
        with suppress(Stopped):
            parts = deepzoom.dive(scene, "2e-3", seed=1, kept=file, observer=StopsAfter(1))
    assert (parts.end, parts.reason, parts.rendered) == (done.end, done.reason, done.rendered)
    assert [a.window for a in parts.levels] == [b.window for b in done.levels]
    assert all(np.array_equal(a.thumbnail, b.thumbnail) for a, b in zip(parts.levels, done.levels, strict=True))


@pytest.mark.slow
def test_from_the_overview_of_training_down_to_a_landmark():
    seen = StopsAfter(999)
    scene = Scene("tanh", View.parse("1.5", "1.5", "9", "32x32"), 500)
    done = deepzoom.dive(scene, "1e-11", seed=1, stretch=True, observer=seen)
    assert done.complete and done.end.scene.view.depth == View.parse("0", "0", "1e-11", "1x1").depth
    for outer, inner in zip(done.levels, done.levels[1:], strict=False):
        a, b = outer.scene.view, inner.scene.view
        assert 1 < a.depth / b.depth <= 4.0001
        across = np.linalg.solve(a.shape.matrix, [float((b.x - a.x) / a.depth), float((b.y - a.y) / a.depth)])
        assert np.abs(across).max() <= 0.5
    last = seen.fields[-1]
    inside = last.fate < 0
    assert 0.05 < inside.mean() < 0.95
    neighbours = (inside[:, 1:], inside[:, :-1]), (inside[1:], inside[:-1])
    assert np.mean([np.corrcoef(p.ravel(), q.ravel())[0, 1] for p, q in neighbours]) > 0.35
    edges = sum(np.count_nonzero(p != q) for p, q in neighbours)
    assert edges > 1.5 * len(inside)
    save_landmark.save("deep", done, done.end, "found")
    again = deepzoom.render(replace(Request(at="deep", size="32x32").to_scene(), trust="off"))
    assert again.facts["backend"] == "cpu-perturbation"
    assert np.array_equal(again.field.measure, last.measure) and np.array_equal(again.field.fate, last.fate)


def test_the_structure_ends_where_the_steps_do():
    """Learning rates that differ by 1e-18 train alike for five steps."""
    args = ("tanh", "--center", "1.1238444", "2.3018077", "--from", "1e-18", "--to", "1e-20", "--size", "32x32")
    result = dive(*args, "--steps", "5")
    assert result.exit_code == 1
    assert (
        "no structure to follow in the first view: too few steps" in result.stderr
        and "--steps, such as 7 or auto" in result.stderr
    )
