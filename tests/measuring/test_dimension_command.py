"""``deepzoom dimension`` as a person uses it, and the fates that it gets from jobs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import known_borders as known
import numpy as np
import pytest
from PIL import Image
from small_network import SmallNetwork
from typer.testing import CliRunner

from deepzoom.cli import app
from deepzoom.commands.terminal.progress import Watcher
from deepzoom.measuring.distances import Distances
from deepzoom.measuring.fates import OfScene
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

SEAHORSE = ["mandelbrot", "--center", "-0.75", "0.1", "--depth", "0.3", "--steps", "500"]


@pytest.fixture
def place(tmp_path, monkeypatch, own_cache):
    """An empty folder, with an empty folder for checkpoints beside it, which is returned."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("DEEPZOOM_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "dimensions"


def dimension(*args):
    return CliRunner().invoke(app, ["dimension", *map(str, args)])


def saved(name, border=known.koch, side=96):
    """A data file with known fates."""
    field = Field.empty(Scene("tanh", View.parse("0", "0", "1", (side, side)), 10))
    j, i = np.divmod(np.arange(side * side), side)
    field.fate[:] = 2 * border((i + 0.5) / side, (j + 0.5) / side).reshape(side, side) - 1
    field.measure[:], field.done[:] = field.fate, True
    field.save(name)


def size_of(path):
    with Image.open(path) as picture:
        return picture.size


def test_boxes_of_data_files(place):
    saved("a.npz")
    saved("b.npz", known.line)
    result = dimension("a.npz", "b.npz", "--figure", "boxes.png", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["method"] == "box counting" and facts["files"] == 2 and facts["figure"] == "boxes.png"
    assert len(facts["sizes"]) == len(facts["counts"]) == len(facts["slopes"]) == 20
    assert facts["dimension"] == pytest.approx(np.median(facts["slopes"]))
    assert size_of("boxes.png")[0] > 500
    assert "median of 20 local slopes" in dimension("a.npz", "b.npz").stdout


def test_pairs_of_a_system(place):
    args = [*SEAHORSE, "--to", "1e-4", "--pairs", "1280", "--jobs", "2"]
    result = dimension(*args, "--figure", "pairs.png")
    assert result.exit_code == 0, result.output
    assert "dimension  " in result.stdout and "over 2.4 decades" in result.stdout and "local D" in result.stdout
    assert size_of("pairs.png")[1] > 500
    assert not list(place.iterdir())
    facts = json.loads(dimension(*args, "--json", "--quiet").stdout)
    assert f"dimension  {facts['dimension']:.4f}" in result.stdout
    assert facts["trust"] == "settle" and facts["counted"] == facts["pairs"] == [1280] * 5
    assert facts["settled"] == [1.0] * 5 and facts["low"] < facts["dimension"] < facts["high"]
    distance = np.log10(0.3) - np.log10(16) - np.arange(5) * np.log10(4)
    np.testing.assert_allclose(facts["log10_distance"], distance)
    other = json.loads(dimension(*args, "--json", "--quiet", "--seed", "1").stdout)
    assert other["dimension"] != facts["dimension"]


def test_stopping_and_resuming(place, monkeypatch):
    args = [*SEAHORSE, "--to", "1e-4", "--pairs", "1280", "--json"]
    whole = json.loads(dimension(*args, "--quiet").stdout)
    asked = []
    with monkeypatch.context() as patched:
        patched.setattr(Watcher, "stopped", lambda self: asked.append(1) is None and len(asked) > 60)
        result = dimension(*args)
    assert result.exit_code == 3 and "Continue with --resume" in result.stderr
    (kept,) = place.iterdir()
    stopped = float(np.load(kept)["seconds"])
    assert stopped > 0
    result = dimension(*args)
    assert result.exit_code == 2 and "--resume: this measurement was stopped before" in result.stderr
    resumed = json.loads(dimension(*args, "--resume", "--quiet").stdout)
    assert {**resumed, "seconds": 0} == {**whole, "seconds": 0} and resumed["seconds"] > stopped
    assert not list(place.iterdir())


def test_a_damaged_checkpoint(place, monkeypatch):
    args = [*SEAHORSE, "--to", "1e-4", "--pairs", "1280"]
    asked = []
    with monkeypatch.context() as patched:
        patched.setattr(Watcher, "stopped", lambda self: asked.append(1) is None and len(asked) > 60)
        assert dimension(*args).exit_code == 3
    (kept,) = place.iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    result = dimension(*args, "--resume")
    assert result.exit_code == 2 and "start over with --force" in result.stderr
    assert dimension(*args, "--force").exit_code == 0


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["one.npz"], "FILE: one.npz holds only one fate"),
        (["none.npz"], "FILE: there is no file none.npz"),
        (["a.npz", "mandelbrot"], "SYSTEM: give either data files"),
        (["mandelbrot", "julia"], "SYSTEM: give either data files"),
        (["a.npz", "--pairs", "3"], "--pairs: a data file is counted as it is"),
        (["a.npz", "--seed", "-1"], "--seed: -1 is negative"),
        (["a.npz", "--figure", "a.gif"], "--figure: a.gif does not end in .png"),
        (["a.npz", "--figure", "a.npz.png"], "--figure: a.npz.png exists"),
        ([*SEAHORSE, "--pairs", "1"], "--pairs: 1 is too few"),
        ([*SEAHORSE, "--from", "1e-6", "--to", "1e-1"], "--to: 1e-1 is not between 0 and 1e-6, --from"),
        ([*SEAHORSE, "--from", "nan"], "--from: 'nan' is not a decimal number"),
        ([*SEAHORSE, "--to", "nan"], "--to: 'nan' is not a decimal number"),
        (["mandelbrot", "--center", "-0.1", "0", "--depth", "0.1", "--steps", "9", "--quiet"], "have the same fate"),
        (["tanh", "--filaments"], "--filaments: tanh is not an escape-time system"),
        (["nova", "--filaments"], "--filaments: nova has no distances"),
        ([*SEAHORSE, "--filaments", "--backend", "exact", "--quiet"], "--filaments: points have no distance"),
        (["a.npz", "--filaments"], "--filaments: a data file is counted as it is"),
        (["tanh", "--trust", "blind"], "--trust: 'blind' is not one of"),
    ],
)
def test_bad_input(place, args, words):
    saved("a.npz")
    saved("one.npz", lambda x, y: np.zeros(len(x), np.int64))
    Path("a.npz.png").touch()
    result = dimension(*args)
    assert result.exit_code == 2, result.output
    assert words in result.stderr and len(result.stderr.strip().splitlines()) <= 2


def points_of(lattice, count=60):
    return np.sort(np.random.default_rng(2).choice(lattice.view.pixels, count, replace=False)).astype(np.int64)


def check_fates(scene):
    """Fates by perturbation against exact ones, on random points of a lattice; points given twice are run once."""
    lattice = Distances.parse("1e-1", "1e-7").lattice(scene.view)
    numbers = points_of(lattice)
    (points, settled, _, checked), (exact, *_) = (
        OfScene(replace(scene, backend=backend), 2, Observer()).opened(lattice.view, len(numbers))(
            np.repeat(numbers, 2)
        )
        for backend in ("cpu-perturbation", "exact")
    )
    assert (points.label == exact.label).all() and points.counts.all() and 0 < points.label.mean() < 1
    assert (points.label[::2] == points.label[1::2]).all() and settled == checked == len(numbers)


def test_fates_are_those_of_exact_runs(place):
    """Around the point i of the Mandelbrot set's border, whose neighbourhood looks the same at all depths."""
    check_fates(Scene("mandelbrot", View.parse("-0.1e-20", "1", "1e-20", "64x64"), 60, trust="settle"))


@pytest.mark.slow
def test_fates_are_those_of_exact_training_runs(place):
    small = SmallNetwork(31, widths=(2, 3, 1), rows=4)
    np.savez("own.npz", X=small.x, Y=small.y, theta0=small.weights[0], theta1=small.weights[1])
    x, y = "-0.41415926535897932384626433832795028841971", "-0.1718281828459045235360287471352662497757"
    check_fates(Scene("tanh", View.parse(x, y, "4", "64x64"), 60, {"data": "own.npz"}, trust="settle"))
