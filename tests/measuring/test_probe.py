"""A probe: where float64 parts, and the command as a person uses it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_network import SmallNetwork
from typer.testing import CliRunner

from deepzoom import systems
from deepzoom.cli import app
from deepzoom.coordinates import parse_decimal
from deepzoom.errors import Stopped
from deepzoom.measuring.exact_curve import exact_curve
from deepzoom.measuring.probe import float64_losses, parted, probe
from deepzoom.pictures.png import read_scene
from deepzoom.rendering.batches import Observer
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

SETTINGS = {"width": "2", "rows": "0.05", "seed": "4"}


def test_where_float64_parts():
    exact = np.array([2.0, 1.0, 0.5, 1e-20, 1e-21])
    assert parted(exact, exact) == 5
    assert parted(exact, exact * [1, 1, 1.002, 1, 1]) == 2
    assert parted(exact, exact * [1, 1, 1.0005, 1, 7]) == 5  # both nothing beside the first loss
    assert parted(exact[:3], np.array([2.0, 1.0, 0.5, np.inf, np.nan])) == 5  # both as large as can be
    assert parted(exact, np.array([2.0, 1.0, 0.5, 1e-20, np.nan])) == 4
    assert parted(exact[:0], np.full(3, np.nan)) == 3


def test_float64_runs_are_those_of_the_exact_run_while_it_is_calm():
    for given in ({}, {"biases": "yes"}):
        system = systems.create("tanh", {**SETTINGS, **given}, 20)
        x, y = parse_decimal("0.25", "x"), parse_decimal("0.5", "y")
        np.testing.assert_allclose(float64_losses(system, 0.25, 0.5), exact_curve(system, x, y).losses, rtol=1e-12)


@pytest.fixture
def place(tmp_path, monkeypatch, own_cache):
    """An empty folder, and the options that name a point of a small network."""
    small = SmallNetwork(31, widths=(2, 3, 1), rows=4)
    np.savez(tmp_path / "own.npz", X=small.x, Y=small.y, theta0=small.weights[0], theta1=small.weights[1])
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    return ["--set", f"data={tmp_path / 'own.npz'}", "--steps", "30"]


def deepzoom(*args):
    return CliRunner().invoke(app, ["probe", *map(str, args)])


CENTER = "--center", "0.41415926535897932384626433832795", "1.1718281828459045235360287471352662497757"


def test_the_command_prints_and_writes_what_it_found(place):
    result = deepzoom(*place, *CENTER, "--json", "--quiet", "--out", "a.npz", "--figure", "a.png")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [found["x"], found["y"], found["out"], found["figure"]] == [*CENTER[1:], "a.npz", "a.png"]
    assert len(found["losses"]) == len(found["losses_float64"]) == found["steps"] == 30
    assert found["growth"][0][0] is None and len(found["growth"][1]) == 31
    assert found["fate"] == np.sign(found["measure"]) and found["horizon"] <= 30
    with np.load("a.npz") as arrays:
        assert arrays["losses"].tolist() == found["losses"] and str(arrays["x"]) == CENTER[1]
        assert arrays["sharpness"].tolist() == found["sharpness"]
        assert Scene.from_toml(str(arrays["scene"])).steps == 30
    with Image.open("a.png") as image:
        assert image.size[0] > 800
    assert read_scene(Path("a.png"), "FILE").system == "tanh"
    assert deepzoom(*place, *CENTER, "--quiet", "--out", "a.csv").exit_code == 0
    rows = list(csv.DictReader(Path("a.csv").read_text().splitlines()))
    assert [float(r["loss"]) for r in rows[:30]] == found["losses"] and rows[30]["loss"] == ""
    assert float(rows[29]["edge"]) == found["edge"][-1]


def test_the_command_answers_in_words(place):
    result = deepzoom(*place, *CENTER, "--quiet")
    assert result.exit_code == 0, result.output
    for word in ("point", "fate", "loss", "digits", "float64", "exponents", "sharpness"):
        assert f"\n{word}" in f"\n{result.stdout}"
    assert "in 30 steps" in result.stdout


def test_a_pixel_of_a_picture_is_its_exact_point(place, tmp_path):
    view = View.parse("0.25", "1.5", "1e-20", "7x3")
    scene = Scene("tanh", view, 30, {"data": place[1].removeprefix("data=")})
    Path("s.toml").write_text(scene.to_toml())
    found = json.loads(deepzoom("--scene", "s.toml", "--pixel", "6", "0", "--json", "--quiet").stdout)
    assert found["y"].startswith("1.50000000000000000000333333333") and found["x"] == "0.25000000000000000001"
    assert found["horizon"] == 30
    middle = json.loads(deepzoom("--scene", "s.toml", "--json", "--quiet").stdout)
    assert [middle["x"], middle["y"]] == ["0.25", "1.5"]


def test_a_probe_can_be_stopped():
    class Stops(Observer):
        def stopped(self):
            return True

    view = View.parse("0.25", "1.5", "1e-3", "1x1")
    with pytest.raises(Stopped):
        probe(Scene("tanh", view, 5, {}), view.x, view.y, observer=Stops())


BAD = {
    "SYSTEM: mandelbrot is not a training": ["mandelbrot"],
    "SYSTEM: lyapunov is not a training": ["lyapunov"],
    "--pixel: this needs --scene": ["--pixel", "1", "2"],
    "--pixel: 7 0 is outside the 7x3 picture": ["--scene", "s.toml", "--pixel", "7", "0"],
    "--center: --scene already names a place": ["--scene", "s.toml", *CENTER],
    "--at: --scene already names a place": ["--scene", "s.toml", "--at", "tanh-deep"],
    "--center: give either --at or --center": ["--at", "tanh-deep", *CENTER],
    "--center x: 'nan' is not a decimal number": ["--center", "nan", "1"],
    "--center x: coordinates are log10": ["--center", "1e3", "1"],
    "--steps: 0 is not from 1": [*CENTER, "--steps", "0"],
    "--steps: auto works only for escape-time": [*CENTER, "--steps", "auto"],
    "--steps: 'ten' is neither a whole number": [*CENTER, "--steps", "ten"],
    "--out: a.txt ends in neither .npz nor .csv": [*CENTER, "--out", "a.txt"],
    "--figure: a.pdf does not end in .png": [*CENTER, "--figure", "a.pdf"],
    "--out: old.npz exists": [*CENTER, "--out", "old.npz"],
    "--set: 'rate' is not KEY=VALUE": [*CENTER, "--set", "rate"],
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_gets_one_sentence(message, place):
    Path("s.toml").write_text(Scene("tanh", View.parse("0.25", "1.5", "1e-20", "7x3"), 30, {}).to_toml())
    Path("old.npz").touch()
    result = deepzoom(*BAD[message])
    assert result.exit_code == 2 and result.stderr.startswith(f"Error: {message}"), result.output
    assert result.stderr.count("\n") == 1 and result.stdout == ""
