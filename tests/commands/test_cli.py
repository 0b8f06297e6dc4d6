"""The command line as a person uses it: files, messages, exit codes, bad input, stopping and resuming."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_network import SmallNetwork
from typer.testing import CliRunner

from deepzoom import landmarks
from deepzoom.cli import app
from deepzoom.commands.terminal import progress as console
from deepzoom.errors import InputError
from deepzoom.pictures.png import read_scene
from deepzoom.rendering.field import Field
from deepzoom.scene.colours import Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

X, Y = "-0.41415926535897932384626433832795028841971", "-0.1718281828459045235360287471352662497757"


@pytest.fixture
def place(tmp_path, monkeypatch, own_cache):
    """An empty folder with a small network's data. Returns options that render that network at once."""
    small = SmallNetwork(31, widths=(2, 3, 1), rows=4)
    data = tmp_path / "own.npz"
    np.savez(data, X=small.x, Y=small.y, theta0=small.weights[0], theta1=small.weights[1])
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    view = ["--center", X, Y, "--depth", "1e-20", "--size", "24x16", "--steps", "60"]
    return ["render", "--set", f"data={data}", *view, "--stretch", "off"]


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
    assert " px/s.\n" in result.stderr and result.stderr.endswith(" % at 95 % confidence).\n")
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


def test_colours_again(place):
    deepzoom(*place, "--out", "a.png", "--data", "a.npz")
    result = deepzoom("colour", "a.npz", "--out", "b.png", "--palette", "viridis")
    assert (result.exit_code, result.stdout) == (0, "b.png\n")
    assert read_scene(Path("b.png")).palette == "viridis"
    again = deepzoom("colour", "a.npz", "--out", "c.png")
    assert again.exit_code == 0 and Path("c.png").read_bytes() == Path("a.png").read_bytes()
    assert deepzoom("colour", "a.npz", "--out", "d.png", "--figure").exit_code == 0
    assert deepzoom("colour", "a.npz", "--out", "e.png", "--png-bits", "16").exit_code == 0
    assert deepzoom("colour", "a.npz", "--out", "e.png").exit_code == 2
    assert deepzoom("colour", "a.npz", "--out", "e.png", "--force").exit_code == 0


@pytest.fixture
def escape_data(place):
    """A data file of an escape-time system, made by hand."""
    rng = np.random.default_rng(2)
    field = Field.empty(Scene("mandelbrot", View.parse("0", "0", "3", "24x16"), 100))
    field.measure[:] = np.where(rng.random((16, 24)) < 0.2, -1.0, 40 * rng.random((16, 24)))
    field.done[:] = True
    field.save(Path("e.npz"))
    return "e.npz"


def test_every_way_of_colouring_again(escape_data):
    made = {}
    for name, options in {
        "rank": [], "cyclic": ["--colouring", "cyclic"], "cycle": ["--colouring", "cyclic", "--cycle", "5"],
        "histogram": ["--colouring", "histogram"], "distance": ["--colouring", "distance"], "slope": ["--slope", "-45"],
        "interior": ["--interior", "navy"],
    }.items():  # fmt: skip
        result = deepzoom("colour", escape_data, "--out", f"{name}.png", *options)
        assert result.exit_code == 0, result.output
        made[name] = Path(f"{name}.png").read_bytes()
    assert len(set(made.values())) == len(made)
    how = {name: read_scene(Path(f"{name}.png")).colouring for name in made}
    assert (how["cycle"].by, how["cycle"].cycle, how["slope"].slope) == ("cyclic", 5.0, -45.0)
    assert how["interior"].interior == "#000080"
    with Image.open("interior.png") as image:
        blue = (np.asarray(image.convert("RGB")) == [0, 0, 0x80]).all(axis=2)
    assert np.array_equal(blue, Field.load(Path(escape_data)).measure < 0)


def test_colours_of_a_file_can_all_be_taken_back(escape_data):
    field = Field.load(Path(escape_data))
    field.scene = replace(field.scene, colouring=Colouring("cyclic", 5.0, 45.0, "#000080"))
    field.save(Path("f.npz"))
    result = deepzoom("colour", "f.npz", "--out", "f.png", "--cycle", "7")
    assert result.exit_code == 0 and read_scene(Path("f.png")).colouring.cycle == 7
    plain = ["--colouring", "rank", "--slope", "none", "--interior", "black"]
    assert deepzoom("colour", "f.npz", "--out", "g.png", *plain).exit_code == 0
    assert deepzoom("colour", escape_data, "--out", "e.png").exit_code == 0
    assert Path("g.png").read_bytes() == Path("e.png").read_bytes()


def test_a_palette_file_rides_in_the_picture(place):
    Path("folder").mkdir()
    Path("folder/own.map").write_text("0 0 0 black\n255 0 0\n255 255 255\n")
    Path("folder/own.gpl").write_text("GIMP Palette\nName: own\n#\n0 0 0\tblack\n255 0 0\n255 255 255\n")
    drawn = [*place, "--palette", "folder/own.map", "--out", "a.png", "--data", "a.npz", "--slope", "90"]
    assert deepzoom(*drawn).exit_code == 0
    assert 'palette = "own.map"' in deepzoom("info", "a.png").stdout
    assert read_scene(Path("a.png")).colouring.colours == ("#000000", "#ff0000", "#ffffff")
    assert deepzoom("colour", "a.npz", "--out", "b.png", "--palette", "folder/own.gpl").exit_code == 0
    with Image.open("a.png") as a, Image.open("b.png") as b:
        assert np.array_equal(np.asarray(a), np.asarray(b))
    for file in Path("folder").iterdir():
        file.unlink()
    for name in ("a.png", "a.npz"):  # rendered again without the file
        assert deepzoom("render", "--scene", name, "--out", "c.png", "--force").exit_code == 0
        assert Path("c.png").read_bytes() == Path("a.png").read_bytes()
    assert deepzoom("colour", "a.npz", "--out", "d.png", "--palette", "magma").exit_code == 0
    assert read_scene(Path("d.png")).colouring.colours == ()
    result = deepzoom("colour", "a.npz", "--out", "e.png", "--palette", "folder/own.map")
    assert result.exit_code == 2 and "--palette: there is no file folder/own.map" in result.stderr
    Path("bad.gpl").write_text("0 0 0\n")
    result = deepzoom("render", "--scene", "a.png", "--palette", "bad.gpl", "--out", "e.png")
    assert result.exit_code == 2 and "--palette: bad.gpl is not a GIMP palette" in result.stderr
    assert result.stderr.count("\n") == 1 and not Path("e.png").exists()


def test_figure_and_sixteen_bits(place):
    assert deepzoom(*place, "--figure", "--out", "f.png").exit_code == 0
    assert deepzoom(*place, "--png-bits", "16", "--out", "g.png").exit_code == 0
    assert read_scene(Path("f.png")) == read_scene(Path("g.png"))


def test_info(place):
    deepzoom(*place, "--out", "a.png", "--data", "a.npz")
    text = deepzoom("info", "a.npz").stdout
    assert f'x = "{X}"' in text and "# 384 of 384 pixels done" in text and "# backend: cpu-perturbation" in text


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


BAD = [
    (["tan"], "tan"),
    (["--at", "nowhere"], "--at: there is no landmark 'nowhere'"),
    (
        ["--backend", "cuda"],
        "--backend: 'cuda' is none of auto, cpu-float64, gpu-float64, cpu-perturbation, gpu-",
    ),
    (["--palette", "rainbows"], "--palette: 'rainbows' is not a colour map of matplotlib"),
    (["--palette", "viridi.txt"], "not a colour map of matplotlib (similar: viridis"),
    (["--palette", "none.map"], "--palette: there is no file none.map"),
    (["--palette", "/dev/null/a.gpl"], "--palette: there is no file /dev/null/a.gpl"),
    (["--colouring", "bands"], "--colouring: 'bands' is not one of rank, cyclic, histogram, distance"),
    (["--colouring", "histogram"], "--colouring: histogram needs iteration counts, which tanh does not have"),
    (["--colouring", "distance"], "--colouring: distance needs iteration counts, which tanh does not have"),
    (["--cycle", "8"], "--cycle: this needs --colouring cyclic"),
    (["--colouring", "cyclic", "--cycle", "0"], "--cycle: 0 is not a number above zero, such as 16"),
    (["--colouring", "cyclic", "--cycle", "nan"], "--cycle: nan is not a number above zero"),
    (["--colouring", "cyclic", "--cycle", "inf"], "--cycle: inf is not a number above zero"),
    (["--colouring", "cyclic", "--cycle", "abc"], "--cycle: 'abc' is not a number above zero, such as 16"),
    (["--slope", "north"], "--slope: 'north' is not an angle in degrees, or none"),
    (["--slope", "nan"], "--slope: nan is not an angle in degrees, such as 45"),
    (["--interior", "navy"], "--interior: tanh has no points that never escape"),
    (["mandelbrot", "--interior", "nvy"], "--interior: 'nvy' is not a colour; give a name such as navy, or #rrggbb"),
    (["mandelbrot", "--interior", "#12"], "--interior: '#12' is not a colour"),
    (["mandelbrot", "--interior", "none"], "--interior: 'none' is not a colour"),
    (["mandelbrot", "--interior", "#11223344"], "--interior: '#11223344' is not a colour"),
    (["--set", "colour=red"], "--set: tanh has no setting 'colour'; it has data, activation"),
    (["--set", "activation"], "--set: 'activation' is not KEY=VALUE, such as activation=relu"),
    (["--set", "activation=sinus"], "--set activation: 'sinus' is not one of identity, relu, tanh, sigmoid,"),
    (["--set", "data=none.npz"], "--set data: none.npz does not exist"),
    (["--depth", "0"], "--depth: 0 is not above zero"),
    (["--depth", "-1e-5"], "--depth: -1e-5 is not above zero"),
    (["--depth", "nan"], "--depth: 'nan' is not a decimal number"),
    (["--depth", "abc"], "--depth: 'abc' is not a decimal number"),
    (["--depth", "1e-900"], "--depth: no landmark of tanh reaches that deep"),
    (["--center", "1,5", "2", "--depth", "1"], "--center: '1,5 2' has a comma"),
    (["--center", "1.5", "--depth", "1"], "--center: this needs two numbers X Y, but '1.5' is followed by --depth"),
    (["--center", "1.5", "up", "--depth", "1"], "--center y: 'up' is not a decimal number"),
    (["--center", "1", "1"], "--depth: a view with --center needs a depth"),
    (["--center", "999", "1", "--depth", "1"], "--center x: coordinates are log10 of a learning rate"),
    (["--at", "tanh-deep", "--center", "1", "1"], "--center: give either --at or --center"),
    (["linear", "--at", "tanh-deep"], "--at: tanh-deep is a landmark of tanh, not of linear"),
    (["--size", "0x0"], "--size: '0x0' is not WIDTHxHEIGHT"),
    (["--size", "5"], "--size: '5' is not WIDTHxHEIGHT"),
    (["--size", "e5x5"], "--size: 'e5x5' is not WIDTHxHEIGHT"),
    (["--size", "1e400x1"], "--size: '1e400x1' is not WIDTHxHEIGHT"),
    (["--steps", "1" + 20 * "0"], "is not from 1 to 10,000,000"),
    (["--bits", "1" + 20 * "0"], "is not a number of bits from 1 to 10,000,000, such as 256"),
    (["--backend", "exact", "--bits", "8"], "--bits: 8 is too few for depth 1e-20"),
    (["--out", "a.png", "--data", "a.partial.npz"], "--data: a.partial.npz is where an unfinished render is saved"),
    (["mandelbrot", "--formula", "z**2 + c"], "--formula: a formula is a system of its own; leave out mandelbrot"),
    (["--formula", "z.real + c"], "--formula: 'z.real + c' has the attribute 'real'"),
    (["--formula", "c/(z-z)"], "--formula: 'c/(z-z)' divides by zero everywhere"),
    (["newton", "--set", "polynomial=5"], "--set polynomial: '5' is of degree 0"),
    (["newton", "--set", "polynomial=1,-2,1"], "--set polynomial: the polynomial has a repeated root"),
    (["--size", "1e9x1e9"], "--size: '1e9x1e9' would need 111 EiB of memory"),
    (["--steps", "0"], "--steps: 0 is not from 1 to"),
    (["--bits", "64"], "--bits: 64 is too few for depth 1e-20 at 256 rows; give at least"),
    (["--bits", "0"], "--bits: 0 is not a number of bits"),
    (["--jobs", "0"], "--jobs: 0 is too small; give at least 1"),
    (["--png-bits", "12"], "--png-bits: 12 is neither 8 nor 16"),
    (["--out", "no/such/a.png"], "--out: there is no folder no/such"),
    (["--out", "a.jpg"], "--out: a.jpg does not end in .png"),
    (["--out", "/proc/a.png"], "--out: /proc/a.png cannot be written"),
    (["--data", "a.csv"], "--data: a.csv does not end in .npz"),
    (["--pixel", "1", "1"], "--pixel: give --pixel J I and --zoom K together, and with --scene FILE"),
    (["--scene", "none.toml"], "--scene: there is no file none.toml"),
]


@pytest.mark.parametrize(("given", "message"), BAD, ids=[" ".join(g)[:30] for g, _ in BAD])
def test_bad_input_is_one_sentence(place, given, message):
    result = deepzoom("render", *given)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.stderr and result.stdout == ""
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    assert files() == []


def test_bad_scenes_and_data_files(place):
    assert deepzoom(*place, "--out", "a.png", "--data", "a.npz").exit_code == 0
    text = deepzoom("info", "a.png").stdout
    Path("unknown.toml").write_text(text + "\n[lens]\nradius = 3\n")
    Path("broken.toml").write_text(text.replace("[view]", "[view"))
    Path("cut.npz").write_bytes(Path("a.npz").read_bytes()[:500])
    Path("cut.png").write_bytes(Path("a.png").read_bytes()[:100])
    np.savez("other.npz", x=np.zeros(4))
    before = files()
    for name, message in [
        ("unknown.toml", "has an unknown key 'lens.radius'"),
        ("broken.toml", "is not valid TOML"),
        ("cut.npz", "is not a data file of deepzoom, or it is cut short"),
        ("other.npz", "is not a data file of deepzoom: it lacks"),
        ("cut.png", "is not a PNG picture, or it is cut short"),
    ]:
        result = deepzoom("render", "--scene", name)
        assert result.exit_code == 2 and f"--scene: {name}" in result.stderr and message in result.stderr
        result = deepzoom("info", name)
        assert result.exit_code == 2 and f"FILE: {name}" in result.stderr and message in result.stderr
    with np.load("a.npz") as archive:
        whole = dict(archive)
    np.savez("made.npz", **{**whole, "made": np.array("[1, 2]")})
    np.savez("digits.npz", **{**whole, "scene": np.array(text.replace("steps = 60", "steps = " + "1" * 5000))})
    np.savez("palette.npz", **{**whole, "scene": np.array(text.replace("Spectral", "Spectrum"))})
    np.savez_compressed("packed.npz", **whole)
    packed = bytearray(Path("packed.npz").read_bytes())
    packed[200:260] = bytes(60)
    Path("damaged.npz").write_bytes(packed)
    with Path("array.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    before = files()
    for name in ("made", "digits", "palette", "damaged", "array"):
        result = deepzoom("colour", f"{name}.npz", "--out", "b.png")
        assert result.exit_code == 2 and result.stderr.count("\n") == 1, (name, result.output)
    assert deepzoom("render", "--scene", "a.png", "--at", "mandelbrot-home").exit_code == 2
    result = deepzoom("colour", "cut.npz", "--out", "b.png")
    assert result.exit_code == 2 and "FILE: cut.npz is not a data file" in result.stderr
    assert deepzoom("colour", "a.npz", "--out", "b.png", "--palette", "none").exit_code == 2
    assert deepzoom("render", "--scene", "a.png", "--pixel", "99", "1", "--zoom", "2").exit_code == 2
    assert deepzoom("render", "--scene", "a.png", "--pixel", "9", "1", "--zoom", "0").exit_code == 2
    assert files() == before


def test_an_existing_file_is_not_replaced(place):
    Path("a.png").write_bytes(b"mine")
    result = deepzoom(*place, "--out", "a.png")
    assert result.exit_code == 2 and "--out: a.png exists" in result.stderr
    assert Path("a.png").read_bytes() == b"mine"
    assert deepzoom(*place, "--out", "a.png", "--force").exit_code == 0


def test_a_centre_of_ten_thousand_digits(place):
    long = "-0.41415926535897932384626433832795" + "0123456789" * 1000
    where = place.index("--center")
    place[where + 1] = long
    assert deepzoom(*place, "--out", "a.png").exit_code == 0
    assert long.rstrip("0") in deepzoom("info", "a.png").stdout


def test_a_number_taken_in_the_meantime_is_left_alone(place, monkeypatch):
    from deepzoom.rendering import render as rendering

    render = rendering.render

    def slow(*args, **kwargs):
        Path("tanh-1e-20-001.png").write_bytes(b"another's")
        return render(*args, **kwargs)

    monkeypatch.setattr(rendering, "render", slow)
    assert deepzoom(*place).stdout == "tanh-1e-20-002.png\n"
    assert Path("tanh-1e-20-001.png").read_bytes() == b"another's"


def test_resume_where_a_render_was_killed_at_its_end(place):
    """Killed after its data file, after its picture, or with nothing left to do. Files of another scene stay."""
    files = "--out", "a.png", "--data", "a.npz"
    assert deepzoom(*place, *files).exit_code == 0
    picture, whole = Path("a.png").read_bytes(), Field.load(Path("a.npz"))
    written = Path("a.png").stat().st_mtime_ns
    done = deepzoom(*place, *files, "--resume")
    assert done.exit_code == 0 and "finished" in done.stderr and done.stdout == "a.png\na.npz\n"
    assert Path("a.png").stat().st_mtime_ns == written
    for gone in ("a.png", None):
        if gone:
            Path(gone).unlink()
        whole.save(Path("a.partial.npz"))
        assert deepzoom(*place, *files, "--resume").exit_code == 0
        assert Path("a.png").read_bytes() == picture and not Path("a.partial.npz").exists()
    for more in (["--steps", "33"], ["--palette", "grey"]):
        other = deepzoom(*place, *more, *files, "--resume")
        assert other.exit_code == 2 and "--out: a.png exists" in other.stderr
    Path("b.png").write_bytes(b"another's")
    assert deepzoom(*place, "--out", "b.png", "--resume").exit_code == 2
    assert Path("b.png").read_bytes() == b"another's" and Path("a.png").read_bytes() == picture


def test_resume_refuses_data_that_changed(place):
    """The scene names the data file. The checkpoint knows its contents."""
    place[place.index("--size") + 1] = "96x96"
    assert deepzoom(*place, "--out", "a.png", "--data", "a.npz").exit_code == 0
    kept = Field.load(Path("a.npz"))
    kept.done[50:] = False
    kept.save(Path("a.partial.npz"))
    data = place[place.index("--set") + 1].removeprefix("data=")
    assert deepzoom(*place, "--out", "b.png").exit_code == 0
    with np.load(data) as archive:
        changed = {**archive, "X": 2 * archive["X"]}
    np.savez(data, **changed)
    Path("a.png").unlink()
    result = deepzoom(*place, "--out", "a.png", "--resume")
    assert result.exit_code == 2 and "was made from other data" in result.stderr


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


def test_a_folder_that_fills_up_leaves_nothing_half_written(place, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    result = deepzoom(*place, "--out", "a.png")
    assert result.exit_code == 1 and "a.png: no space left on device; free some space" in result.stderr
    assert files() == []


SLOW = ["render", "tanh", "--center", "1.12384440100021348074", "2.30180775615836264880", "--depth", "1e-8"]


def started(folder, *more):
    """A long render of the published network, started in another process."""
    args = [sys.executable, "-m", "deepzoom", *SLOW, "--size", "64x64", "--jobs", "2", "--out", "a.png", *more]
    return subprocess.Popen(args, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def started_and_kept(folder):
    """The same, once it has saved some pixels."""
    process = started(folder)
    deadline = time.time() + 240
    while not (folder / "a.partial.npz").exists():
        assert time.time() < deadline and process.poll() is None
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_keeps_what_is_done(tmp_path, number):
    process = started_and_kept(tmp_path)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert out == "" and "Continue with --resume." in err and "Traceback" not in err
    kept = Field.load(tmp_path / "a.partial.npz")
    assert 0 < kept.done.sum() < kept.done.size
    assert read_scene(tmp_path / "a.partial.png") == kept.scene
    if number == signal.SIGTERM:  # it goes on just as after the other signal
        return
    refused = started(tmp_path)
    _, err = refused.communicate(timeout=60)
    assert refused.returncode == 2 and "holds an unfinished render" in err
    done = int(kept.done.sum())
    resumed = started(tmp_path, "--resume", "--data", "a.npz", "--size", "64x64")
    out, err = resumed.communicate(timeout=300)
    assert resumed.returncode == 0 and f"Resuming: {done:,} pixels are done." in err
    whole = Field.load(tmp_path / "a.npz")
    assert whole.done.all() and np.array_equal(whole.measure[kept.done], kept.measure[kept.done])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "a.png"]


@pytest.mark.slow
def test_a_kill_leaves_a_state_that_resumes(tmp_path):
    process = started_and_kept(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "a.png").exists()
    kept = Field.load(tmp_path / "a.partial.npz")
    assert 0 < kept.done.sum() < kept.done.size
    resumed = started(tmp_path, "--resume")
    _, err = resumed.communicate(timeout=300)
    assert resumed.returncode == 0 and "Resuming:" in err
    leftovers = [p.name for p in tmp_path.iterdir() if p.name != "a.png" and not p.name.endswith(".tmp")]
    assert leftovers == []


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
