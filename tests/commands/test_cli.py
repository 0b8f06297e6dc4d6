"""The command line as a person uses it: files, messages, exit codes and help."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from deepzoom import landmarks
from deepzoom.cli import app
from deepzoom.commands.terminal import progress as console
from deepzoom.errors import InputError
from deepzoom.pictures.png import read_scene
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene


def deepzoom(*args):
    return CliRunner().invoke(app, [str(a) for a in args])


def files():
    return sorted(p.name for p in Path().iterdir())


def test_a_picture_with_everything_in_it(place):
    result = deepzoom(*place)
    assert result.exit_code == 0, result.output
    assert result.stdout == "tanh-1e-20-001.png\n"
    assert files() == ["tanh-1e-20-001.png"]
    # float64's spacing near 1 is 2**-52; these pixels are 1e-20 / 16 apart
    assert "cpu-perturbation: 355,271 neighbouring pixels would share one float64 number." in result.stderr
    assert " px/s.\n" in result.stderr
    assert " % at 95 % confidence).\nAll pixels have the same value, so" in result.stderr
    scene = read_scene(Path("tanh-1e-20-001.png"))
    assert (scene.view.width, scene.view.height, scene.steps) == (24, 16, 60)
    assert deepzoom(*place).stdout == "tanh-1e-20-002.png\n"


def test_json(place):
    result = deepzoom(*place, "--json", "--data", "a.npz", "--out", "a.png")
    facts = json.loads(result.stdout)
    assert set(facts) == {
        "backend", "reason", "bits", "reference_steps", "reference_seconds", "seconds", "pixels", "sampled",
        "samples", "settled", "unsettled", "unchecked", "out", "data", "trust", "unsettled_share",
        "unsettled_share_low", "unsettled_share_high", "long", "short", "long_degrees",
    }  # fmt: skip
    assert (facts["out"], facts["data"], facts["pixels"]) == ("a.png", "a.npz", 384)
    assert json.loads(deepzoom(*place, "--json", "--dry-run").stdout)["pixels"] == 384
    assert files() == ["a.npz", "a.png"]


def test_training_unfolds_by_itself_and_says_what_it_spans(place):
    result = deepzoom(*place[:-2], "--json", "--out", "a.png")
    facts = json.loads(result.stdout)
    assert float(facts["short"]) == 1e-20 and float(facts["long"]) > 1.05e-20
    along = f"along {facts['long_degrees']:.4g} degrees, and 1.00e-20 across."
    assert along in result.stderr and along in deepzoom("info", "a.png").stdout
    assert "[view]" in Scene.from_toml(deepzoom("info", "a.png").stdout).to_toml()  # comments do no harm
    square = deepzoom(*place, "--json", "--out", "b.png")
    assert json.loads(square.stdout)["long"] == json.loads(square.stdout)["short"] == "1.00000e-20"
    assert "The picture's height" not in square.stderr + deepzoom("info", "b.png").stdout


def test_quiet_and_dry_run_write_no_more_than_asked(place):
    result = deepzoom(*place, "--quiet", "--out", "a.png")
    assert (result.stdout, result.stderr) == ("a.png\n", "")
    result = deepzoom(*place, "--dry-run")
    assert result.exit_code == 0 and "seconds    about" in result.stdout and files() == ["a.png"]


def test_rendered_again_from_a_picture_a_data_file_and_a_scene(place):
    assert deepzoom(*place, "--out", "a.png", "--data", "a.npz").exit_code == 0
    Path("a.toml").write_text(deepzoom("info", "a.png").stdout)
    for name in ("a.png", "a.npz", "a.toml"):
        assert deepzoom("render", "--scene", name, "--out", "b.png", "--data", "b.npz", "--force").exit_code == 0
        assert np.array_equal(Field.load(Path("b.npz")).measure, Field.load(Path("a.npz")).measure)
        assert Path("b.png").read_bytes() == Path("a.png").read_bytes()
    deeper = deepzoom("render", "--scene", "a.png", "--pixel", "3", "12", "--zoom", "1000", "--out", "c.png")
    assert deeper.exit_code == 0
    assert float(read_scene(Path("c.png")).view.depth) == pytest.approx(1e-23)
    changed = deepzoom("render", "--scene", "a.png", "--size", "8x8", "--depth", "1e-3", "--out", "d.png")
    assert changed.exit_code == 0 and read_scene(Path("d.png")).view.pixels == 64


def test_figure_and_sixteen_bits(place):
    assert deepzoom(*place, "--figure", "--out", "f.png").exit_code == 0
    assert deepzoom(*place, "--png-bits", "16", "--out", "g.png").exit_code == 0
    assert read_scene(Path("f.png")) == read_scene(Path("g.png"))


def test_info(place):
    deepzoom(*place, "--out", "a.png", "--data", "a.npz")
    text, x = deepzoom("info", "a.npz").stdout, place[place.index("--center") + 1]
    assert f'x = "{x}"' in text and "# 384 of 384 pixels done" in text and "# backend: cpu-perturbation" in text


def test_lists(monkeypatch, tmp_path):
    systems = deepzoom("systems").stdout
    for name in ("tanh", "linear", "relu", "single-datapoint", "minibatch", "weight-init", "offset-when"):
        assert name in systems
    places = deepzoom("landmarks").stdout
    assert "tanh-deep" in places and "the mast of a ship on the needle, and the curtains below" in places
    assert "tanh-deep" not in deepzoom("landmarks", "linear").stdout
    monkeypatch.setenv("DEEPZOOM_DATA", str(tmp_path))
    landmarks.keep(replace(landmarks.get("tanh-deep"), name="mine", note="what I found"))
    assert "tanh: what I found" in deepzoom("landmarks").stdout
    backends = deepzoom("backends").stdout
    assert all(name in backends for name in ("cpu-float64", "cpu-perturbation", "exact"))
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", deepzoom("--version").stdout)


def test_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPZOOM_CACHE", str(tmp_path))
    for kind in ("references", "kernels"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "a.npz").write_bytes(b"some")
    shown = deepzoom("cache").stdout
    assert re.search(r"references +1 ", shown) and re.search(r"kernels +1 ", shown)
    assert deepzoom("cache", "--clear", "references").exit_code == 0
    assert [p.parent.name for p in tmp_path.rglob("a.npz")] == ["kernels"]
    result = deepzoom("cache", "--clear", "pictures")
    assert result.exit_code == 2 and "--clear: 'pictures' is not one of references, kernels, all." in result.stderr


def test_show_draws_the_picture(place):
    result = deepzoom(*place, "--show", "--out", "a.png")
    assert result.exit_code == 0 and "▀" in result.stderr


@pytest.mark.parametrize(
    ("options", "show"),
    [([], None), (["--show"], True), (["--no-show"], False), (["--json"], False), (["--json", "--show"], True)],
)
def test_a_picture_is_shown_by_default_but_not_with_json(place, monkeypatch, options, show):
    seen = []

    def watcher(quiet, show, keep):
        seen.append(show)
        raise InputError("seen")

    monkeypatch.setattr(console, "Watcher", watcher)
    assert deepzoom(*place, *options).exit_code == 2 and seen == [show]


def test_a_centre_of_ten_thousand_digits(place):
    long = "-0.41415926535897932384626433832795" + "0123456789" * 1000
    where = place.index("--center")
    place[where + 1] = long
    assert deepzoom(*place, "--out", "a.png").exit_code == 0
    assert long.rstrip("0") in deepzoom("info", "a.png").stdout


def test_networks_that_begin_at_zero_or_fit_at_once(place):
    data = place[place.index("--set") + 1].removeprefix("data=")
    with np.load(data) as archive:
        arrays = dict(archive)
    np.savez(data, **{**arrays, "theta1": np.zeros_like(arrays["theta1"])})
    for backend in ("cpu-perturbation", "exact"):
        small = ["--size", "3x2", "--backend", backend, "--data", f"{backend}.npz", "--out", f"{backend}.png"]
        result = deepzoom(*place, *small)
        assert result.exit_code == 0, result.output
    deep, exact = (Field.load(Path(f"{b}.npz")) for b in ("cpu-perturbation", "exact"))
    assert np.array_equal(deep.fate, exact.fate) and np.allclose(deep.measure, exact.measure, rtol=1e-9, atol=0)
    np.savez(data, **{**arrays, "Y": np.zeros_like(arrays["Y"]), "theta1": np.zeros_like(arrays["theta1"])})
    result = deepzoom(*place)
    assert result.exit_code == 2 and "the starting weights have a loss of 0" in result.stderr


@pytest.mark.parametrize("command", ["render", "zoom"])
def test_help_is_light(command):
    """--help imports nothing heavy."""
    code = (
        f"import sys; sys.argv = ['deepzoom', {command!r}, '--help']\n"
        "from deepzoom.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'numba', 'matplotlib', 'flint', 'gmpy2', 'PIL', 'av'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_help_says_every_default():
    """Not in square brackets: some versions of typer take them for markup and drop them."""
    text = deepzoom("render", "--help").output
    for default in (
        "(default: tanh)",
        "(default: 256x256)",
        "(default: auto)",
        "(default: all cores)",
        "else Spectral)",
    ):
        assert default in " ".join(text.replace("│", " ").split())
