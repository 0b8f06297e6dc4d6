"""Dives: that they can stop at any level, and where they end."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import mpmath
import numpy as np
import pytest
from dives import PLACE, StopsAfter, dive
from typer.testing import CliRunner

import deepzoom
from deepzoom import landmarks, systems
from deepzoom.cli import app
from deepzoom.commands.requests.scene import Request
from deepzoom.diving import Dived, ends, save_landmark, search
from deepzoom.diving import checkpoint as kept
from deepzoom.diving.blocks import Block
from deepzoom.diving.windows import Window
from deepzoom.errors import InputError, Stopped
from deepzoom.pictures.png import read_scene
from deepzoom.reference import misiurewicz
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY, Shape
from deepzoom.scene.view import View


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
