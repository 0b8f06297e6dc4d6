"""``deepzoom colour`` and palettes: a data file coloured again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from deepzoom.cli import app
from deepzoom.pictures.png import read_scene
from deepzoom.rendering.field import Field
from deepzoom.scene.colours import Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View


def deepzoom(*args):
    return CliRunner().invoke(app, [str(a) for a in args])


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
