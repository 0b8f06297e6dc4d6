"""Dives: which blocks they choose, that they can stop at any level, and where they end."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import mpmath
import numpy as np
import pytest
from typer.testing import CliRunner

import deepzoom
from deepzoom import landmarks, systems
from deepzoom.cli import app
from deepzoom.commands.requests.scene import Request
from deepzoom.diving import Dived, ends, save_landmark, scouts, search
from deepzoom.diving import checkpoint as kept
from deepzoom.diving.blocks import Block, blocks, correlation
from deepzoom.diving.lattice import Lattice
from deepzoom.diving.windows import SHARED, Window
from deepzoom.errors import InputError, Stopped
from deepzoom.pictures.png import read_scene
from deepzoom.reference import misiurewicz
from deepzoom.rendering.batches import Observer
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY, Shape
from deepzoom.scene.view import View

PLACE = ("mandelbrot", "--center", "-0.75", "0.1", "--from", "0.5", "--steps", "400", "--size", "72x72")


@pytest.fixture(autouse=True)
def own_data(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPZOOM_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def dive(*args):
    return CliRunner().invoke(app, ["dive", *args])


def fates(inside):
    """A training field of 64x64 pixels, which converged if ``inside`` of (column, row) is true."""
    rows, columns = np.indices((64, 64))
    field = deepzoom.Field.empty(Scene("tanh", View.parse("0", "0", "1", "64x64"), 500))
    field.fate[:] = np.where(inside(columns, rows), -1, 1)
    field.measure[:] = field.fate * 1.0
    field.done[:] = True
    return field


def chosen(field):
    return blocks(field, np.random.default_rng(0))


def test_a_straight_edge_is_not_rich_and_one_fate_or_dust_is_nothing():
    noise = np.random.default_rng(1).random((64, 64)) < 0.5
    assert chosen(fates(lambda x, y: x < 99)) == ([], "one fate: all pixels converge")
    assert chosen(fates(lambda x, y: noise))[1].startswith("dust")
    found, _ = chosen(fates(lambda x, y: x + 0.4 * y < 40))
    assert found and not any(block.rich for block in found)


def test_the_block_with_islands_is_taken_before_the_edge():
    def islands(x, y):
        spots = np.hypot((x - 46) % 8 - 4, (y - 14) % 8 - 4) < 2.6
        return np.where((abs(x - 46) < 9) & (abs(y - 14) < 9), spots, x < 12)

    best = chosen(fates(islands))[0][0]
    assert best.rich and np.hypot(best.column - 46, best.row - 14) < 8


def test_counts_without_a_border_are_none():
    field = deepzoom.render(Scene("mandelbrot", View.parse("2", "2", "0.001", "64x64"), 100)).field
    assert chosen(field) == ([], "no border: counts change too little")
    field = deepzoom.render(Scene("mandelbrot", View.parse("-0.1", "0", "0.001", "64x64"), 100)).field
    assert chosen(field) == ([], "no pixel escapes")


def test_levels_lie_in_one_another_and_the_place_is_a_landmark():
    result = dive(*PLACE, "--to", "2e-5", "--save", "mine", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert (facts["depth"], facts["reaches"], facts["complete"]) == ("0.00002", "0.00002", True)
    assert result.stderr.count("score") == facts["rendered"] == facts["levels"] >= 7
    place = landmarks.get("mine")
    assert (place.system, place.x, place.y, place.steps) == ("mandelbrot", facts["x"], facts["y"], 400)
    assert len(place.x) < 24
    listed = CliRunner().invoke(app, ["landmarks", "mandelbrot"])
    assert "mine" in listed.stdout and "seed 0" in listed.stdout
    assert read_scene(Path(facts["strip"])).view.depth == View.parse("0", "0", "2e-5", "1x1").depth
    shown = CliRunner().invoke(app, [*facts["command"].split()[1:], "--size", "32x32", "--data", "a.npz"])
    assert shown.exit_code == 0, shown.output
    counts = deepzoom.Field.load(Path("a.npz")).iterations
    assert counts.max() > 2 * counts[counts > 0].min()
    assert list((landmarks.folder() / "dives").iterdir()) == []
    again = dive(*PLACE, "--to", "2e-5", "--save", "mine")
    assert again.exit_code == 2 and "--save: you already have a landmark mine" in again.stderr
    assert dive(*PLACE, "--to", "0.1", "--save", "mine", "--force").exit_code == 0
    assert [m.name for m in landmarks.own_landmarks()] == ["mine"] and landmarks.get("mine").depth == "0.1"


def test_a_place_keeps_the_stretch_of_its_view():
    shape = Shape.stretched(30.0, 20.0)
    scene = Scene("tanh", replace(View.parse("1.1", "2.3", "2e-19", "32x32"), shape=shape), 500)
    level = search.Level(Window(scene), 1, 0.0, 0, (), np.zeros((32, 32, 3), np.uint8))
    end = ends.border(scene)
    path = save_landmark.save("mine", Dived((level,), end, True, "", 1, 0.0), end, "found")
    assert read_scene(path).view == scene.view
    assert save_landmark.command(end, None, "mine", True) == "deepzoom render --at mine"
    here = Request(at="mine", size="32x32").to_scene().view
    assert here == scene.view
    assert Request(at="mine", depth="2.0e-19").to_scene().view.shape == here.shape
    assert Request(at="mine", depth="1e-18").to_scene().view.shape == IDENTITY
    assert Request(at="mine", stretch="1@0").to_scene().view.shape == IDENTITY
    turned = Request(at="mine", rotate="90").to_scene().view.shape.matrix
    assert np.allclose(turned, here.shape.matrix @ [[0, -1], [1, 0]])


class StopsAfter(Observer):
    def __init__(self, levels):
        self.left, self.views, self.steps, self.fields = levels, [], [], []

    def level(self, field, text):
        self.left -= 1
        self.views.append(field.scene.view)
        self.steps.append(field.scene.steps)
        self.fields.append(field)

    def stopped(self):
        return self.left < 0


def test_a_dive_stopped_anywhere_goes_on_to_the_same_place(tmp_path):
    scene = Scene("mandelbrot", View.parse("-0.75", "0.1", "0.5", "72x72"), 400)
    whole = StopsAfter(99)
    done = deepzoom.dive(scene, "1e-4", seed=3, observer=whole)
    assert done.complete and len(whole.views) == done.rendered == len(done.levels)
    for outer, inner in zip(whole.views, whole.views[1:], strict=False):
        assert max(abs(inner.x - outer.x), abs(inner.y - outer.y)) <= outer.depth / 2
    file, count = tmp_path / "kept.npz", 0
    while True:
        try:
            parts = deepzoom.dive(scene, "1e-4", seed=3, kept=file, observer=StopsAfter(1))
            break
        except Stopped:
            count += 1
            assert kept.load(file).rendered >= count
    assert count > 2 and parts.end == done.end
    assert all(np.array_equal(a.thumbnail, b.thumbnail) for a, b in zip(parts.levels, done.levels, strict=True))
    other = deepzoom.dive(scene, "1e-4", seed=4)
    assert other.end.scene.view.x != done.end.scene.view.x
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(InputError, match="--resume"):
        deepzoom.dive(scene, "1e-4", seed=3, kept=file)


def test_ctrl_c_stops_with_3_and_resume_goes_on(monkeypatch):
    from deepzoom.commands.terminal.progress import Watcher

    monkeypatch.setattr(Watcher, "stopped", lambda self: self.count > 2)
    monkeypatch.setattr(Watcher, "count", 0, raising=False)
    monkeypatch.setattr(Watcher, "level", lambda self, field, text: setattr(self, "count", self.count + 1))
    stopped = dive(*PLACE, "--to", "1e-3")
    assert stopped.exit_code == 3 and "--resume" in stopped.stderr
    monkeypatch.setattr(Watcher, "stopped", lambda self: False)
    refused = dive(*PLACE, "--to", "1e-3")
    assert refused.exit_code == 2 and "--resume: an unfinished dive" in refused.stderr
    rest = dive(*PLACE, "--to", "1e-3", "--resume", "--json")
    new = dive(*PLACE, "--to", "1e-3", "--json")
    assert rest.exit_code == new.exit_code == 0
    timeless = [{k: v for k, v in json.loads(r.stdout).items() if k != "seconds"} for r in (rest, new)]
    assert timeless[0] == timeless[1]


def test_where_a_block_leads_nowhere_the_next_best_is_taken(monkeypatch):
    """The first view's best block is dust, the second leads to dust a level deeper, and the third ends well."""
    a, b, c = (Block(score, 18.0 * score, 30.0, True) for score in (3, 2, 1))
    answers = iter([([a, b, c], ""), ([], "dust"), ([a], ""), ([], "dust"), ([b], ""), ([a], "")])
    monkeypatch.setattr(search, "blocks", lambda field, rng: next(answers))
    scene, seen = Scene("mandelbrot", View.parse("0", "0", "4", "72x72"), 50), StopsAfter(99)
    done = deepzoom.dive(scene, "0.25", observer=seen)
    assert done.complete and done.rendered == 6 and len(done.levels) == 3
    assert [float(v.depth) for v in seen.views] == [4, 1, 1, 0.25, 1, 0.25]
    columns = [float(v.x) for v in seen.views if v.depth == 1]
    assert columns == sorted(columns, reverse=True)
    assert done.levels[1].scene.view == seen.views[4]


def test_a_much_better_block_further_up_is_taken_before_a_poor_one():
    scene = Scene("tanh", View.parse("1", "1", "4", "32x32"), 3)

    def level(*scores):
        return search.Level(
            Window(scene), 1, 0.0, 0, tuple(Block(s, 1, 1, True) for s in scores), np.zeros((1, 1, 3), "u1")
        )

    assert search._back_to([level(8, 2), level(), level(5)]) == 0
    assert search._back_to([level(5.5, 2), level(5), level(5)]) == 2


class Plane:
    """Stands in for a lattice: runs converge if ``inside`` of (column, row) is true."""

    def __init__(self, inside):
        self.inside, self.asked = inside, 0

    def fates(self, window, columns, rows):
        columns, rows = (np.asarray(v, dtype=float).ravel() for v in (columns, rows))
        self.asked += len(columns)
        return np.where(self.inside(columns, rows), -1, 1)


def test_blocks_of_training_go_by_what_they_hold_further_down():
    """Of a view's three edges one is dust, one is straight, and one has folds. A fourth is not looked at."""
    edges = fates(lambda x, y: (x // 16) % 2 == 0)
    noise = np.random.default_rng(3)

    def closely(x, y):
        place = x - (16 - 0.5)
        dust, folds = noise.random(len(x)) < 0.5, x + 0.07 * np.sin(50 * y) < 47.5
        return np.where(x < 24, np.where(abs(place) > 0.4, place < 0, dust), np.where(x < 40, x > 31.4, folds))

    dusty, straight, folded, spare = (Block(4.0 - k, 15.5 + 16 * min(k, 2), 31.5, False) for k in range(4))
    plane = Plane(closely)
    found = scouts.scouted(plane, None, edges, [dusty, straight, folded, spare], np.random.default_rng(0))
    assert found == [replace(folded, score=found[0].score, rich=True), spare, straight]
    assert found[0].score > folded.score and plane.asked < 3 * 300
    assert scouts.scouted(Plane(closely), None, edges, [dusty], np.random.default_rng(0)) == []


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
    assert np.array_equal(lattice.fates(window, columns, rows), field.fate.ravel())


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


def test_dust_is_where_fates_do_not_correlate():
    """Against sums written out, for a window of stripes, one of blots and a random one."""
    rng = np.random.default_rng(2)
    blots = np.kron(rng.random((6, 6)) < 0.5, np.ones((3, 3)))
    stripes = np.repeat(rng.random((18, 1)) < 0.5, 18, axis=1)
    for kind in (blots, stripes, rng.random((18, 18)) < 0.5):
        kind = np.pad(kind.astype(float), 1)
        middle = kind[1:-1, 1:-1]
        wanted = np.mean(
            [
                1 - np.mean((p - q) ** 2) / (2 * middle.var())
                for p, q in ((middle[1:], middle[:-1]), (middle[:, 1:], middle[:, :-1]))
            ]
        )
        assert correlation(kind, 18, 18)[1, 1] == pytest.approx(wanted)


def test_the_structure_ends_where_the_steps_do():
    """Learning rates that differ by 1e-18 train alike for five steps."""
    args = ("tanh", "--center", "1.1238444", "2.3018077", "--from", "1e-18", "--to", "1e-20", "--size", "32x32")
    result = dive(*args, "--steps", "5")
    assert result.exit_code == 1
    assert (
        "no structure to follow in the first view: too few steps" in result.stderr
        and "--steps, such as 7 or auto" in result.stderr
    )


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--to", "1e-5", "--from", "1e-6", "--center", "0", "0"), "--to: 1e-5 is not deeper than --from 1e-6"),
        (("--from", "1"), "--to: a dive needs the depth to reach"),
        (("--to", "x"), "--to: 'x' is not a decimal number"),
        (("--to", "1e-9", "--from", "-1"), "--from: -1 is not above zero"),
        (("--to", "1e-9", "--center", "0", "0"), "--from: a dive from --center needs"),
        (("--to", "1e-9", "--size", "8x8"), "--size: 8x8 is too small"),
        (("--to", "1e-9", "--stretch", "3@1"), "--stretch: 3@1 is neither auto nor off"),
        (("--to", "1e-9", "--save", "a/b"), "--save: 'a/b' is not a name"),
        (("--to", "1e-9", "--save", "tanh-deep"), "--save: tanh-deep is a curated landmark"),
        (("--to", "1e-9", "--end", "cusp"), "--end: 'cusp' is not one of border, nucleus, misiurewicz"),
        (("--to", "1e-9", "--end", "nucleus"), "--end: tanh is not an escape-time system"),
        (("newton", "--to", "1e-9", "--end", "misiurewicz"), "the pixels of newton are starts"),
        (("--to", "1e-9", "--jobs", "0"), "--jobs: 0 is too small; give at least 1"),
    ],
)
def test_bad_input_is_one_sentence(args, words):
    result = dive(*args)
    assert result.exit_code == 2 and words in result.stderr
    assert result.stderr.count("\n") == 1 and not result.stdout


def test_a_data_folder_that_cannot_be_written_is_named_before_a_view_is_rendered(monkeypatch):
    monkeypatch.setattr(search.Search, "run", None)
    Path("taken").write_text("a file")
    monkeypatch.setenv("DEEPZOOM_DATA", "taken")
    result = dive(*PLACE, "--to", "1e-3")
    assert result.exit_code == 2 and result.stderr.startswith("Error: DEEPZOOM_DATA: taken/dives cannot be created (")
    assert result.stderr.count("\n") == 1 and not result.stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write everywhere")
def test_a_data_folder_that_is_read_only_is_named(monkeypatch):
    monkeypatch.setattr(search.Search, "run", None)
    (landmarks.folder() / "dives").mkdir(parents=True)
    (landmarks.folder() / "dives").chmod(0o555)
    result = dive(*PLACE, "--to", "1e-3")
    assert result.exit_code == 2 and "DEEPZOOM_DATA" in result.stderr and "cannot be written" in result.stderr


def test_a_broken_file_of_landmarks_is_named():
    landmarks.own_file().parent.mkdir(parents=True)
    landmarks.own_file().write_text("[[landmark]]\nname = 3")
    result = CliRunner().invoke(app, ["render", "--at", "mine"])
    assert result.exit_code == 2 and "landmarks.toml is not a file of landmarks" in result.stderr


def orbit(c, count):
    z, result = mpmath.mpc(0), [mpmath.mpc(0)]
    for _ in range(count):
        z = z * z + c
        result.append(z)
    return result


@pytest.mark.parametrize(("preperiod", "period", "count"), [(2, 1, 1), (2, 2, 2), (3, 1, 3), (3, 2, 3), (2, 3, 6)])
def test_all_misiurewicz_points_of_low_preperiods(preperiod, period, count):
    """Against the roots of z_{k+p} - z_k without those of lower preperiod or period."""
    c = np.polynomial.Polynomial([0, 1])
    z = [np.polynomial.Polynomial([0])]
    for _ in range(preperiod + period):
        z.append(z[-1] ** 2 + c)
    roots = []
    for root in (z[preperiod + period] - z[preperiod]).roots():
        values = orbit(root, preperiod + period)
        lower = [abs(values[preperiod - 1 + period] - values[preperiod - 1])]
        lower += [abs(values[preperiod + n] - values[preperiod]) for n in range(1, period)]
        if min(lower) > 1e-3:
            roots.append(root)
    assert len(roots) == count
    for root in roots:
        view = View.parse(f"{root.real + 0.0002:.9f}", f"{root.imag - 0.0001:.9f}", "0.001", "1x1")
        found = misiurewicz.find(systems.create("mandelbrot"), view, 100)
        assert (found.preperiod, found.period) == (preperiod, period)
        assert abs(complex(float(found.x), float(found.y)) - root) < 1e-9


def test_a_misiurewicz_point_at_full_precision():
    result = dive(*PLACE, "--to", "1e-4", "--end", "misiurewicz", "--save", "tip", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    k, p = facts["preperiod"], facts["period"]
    with mpmath.workdps(60):
        z = orbit(mpmath.mpc(facts["x"], facts["y"]), k + p)
        assert abs(z[k + p] - z[k]) < 1e-14 and abs(z[k + p - 1] - z[k - 1]) > 1e-9
    assert f"preperiod {k} and period {p}" in landmarks.get("tip").note


def test_a_nucleus_with_its_period_and_size():
    result = dive(*PLACE, "--to", "1e-2", "--end", "nucleus", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    with mpmath.workdps(80):
        z = orbit(mpmath.mpc(facts["x"], facts["y"]), facts["period"])
        assert abs(z[facts["period"]]) < 1e-10 and min(map(abs, z[1 : facts["period"]])) > 1e-6
    assert float(facts["reaches"]) <= 1e-2 and 0 < float(facts["nucleus_size"]) < 1


def test_more_steps_look_at_the_deepest_view_again(tmp_path):
    scene, file = Scene("mandelbrot", View.parse("-0.75", "0.1", "0.5", "72x72"), 400), tmp_path / "kept.npz"
    first = deepzoom.dive(scene, "1e-2", kept=file)
    seen = StopsAfter(99)
    more = deepzoom.dive(replace(scene, steps=600), "1e-3", kept=file, observer=seen)
    assert more.complete and more.end.scene.steps == 600
    assert seen.views[0] == first.levels[-1].scene.view
