"""Scenes written for other programs come back as they were; other programs' pictures carry places."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from deepzoom import landmarks
from deepzoom.errors import InputError
from deepzoom.exchange import writing
from deepzoom.exchange.reading import read_place
from deepzoom.pictures.png import read_place as read_any
from deepzoom.scene.colours import Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import Shape
from deepzoom.scene.view import View

ROW = ("#102030", "#ff8000", "#00ff80")
VIEW = View.parse("-1.7544798692579786914000123", "-0.0257815703514879535", "1.25e-9", "64x36")
KFR = "Re: -1.25\r\nIm: 0.03125\r\nZoom: 8\r\nIterations: 5000\r\nFractalType: 1\r\nPower: 2\r\n"


def back(scene, tmp_path, kind):
    text, _ = writing.kfr(scene, ROW) if kind == "kfr" else writing.f3_toml(scene)
    path = tmp_path / f"a.{kind}"
    path.write_bytes(text.encode())
    return read_place(path, "FILE").scene


PLACES = [
    "mandelbrot-home", "mandelbrot-deep", "burning-ship-home", "burning-ship-deep", "burning-ship-e100", "celtic-home",
    "celtic-e100", "buffalo-home", "perpendicular-burning-ship-home", "buffalo-deep", "tricorn-home", "tricorn-e100",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["kfr", "f3.toml"])
@pytest.mark.parametrize("name", PLACES)
def test_landmarks_come_back(name, kind, tmp_path):
    place = landmarks.get(name)
    scene = Scene(place.system, place.view(None, "96x64"), place.steps, dict(place.settings))
    got = back(scene, tmp_path, kind)
    assert (got.view, got.system, got.steps, got.settings) == (scene.view, scene.system, scene.steps, scene.settings)


@pytest.mark.parametrize("kind", ["kfr", "f3.toml"])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("shape", [(1, 0, 30), (32, 45, 0), (2.5, 170, 100), (973, 12.5, 359)])
def test_turned_and_stretched_views_come_back(shape, flip, kind, tmp_path):
    ratio, along, turn = shape
    view = replace(VIEW, flip=flip, shape=Shape.stretched(ratio, along).turned(turn))
    cubic = {"formula": "fold(z)**3 + c"}
    for system, settings in (("burning-ship", {}), ("mandelbrot", {"power": "5"}), ("formula", cubic)):
        got = back(Scene(system, view, 77, settings), tmp_path, kind)
        assert (got.system, got.steps, got.settings) == (system, 77, settings)
        assert (got.view.x, got.view.y, got.view.flip) == (view.x, view.y, flip)
        assert got.view.depth == view.depth
        unit = float(max(map(abs, view.shape.entries)))
        assert np.abs(got.view.shape.matrix - view.shape.matrix).max() <= 3e-12 * unit


def test_colours_of_a_kfr_by_hand(tmp_path):
    how = Colouring("cyclic", 512.0, 135.0, "#000080", ROW)
    text, missing = writing.kfr(Scene("mandelbrot", VIEW, 9, palette="x.map", colouring=how), ROW)
    lines = text.split("\r\n")
    assert missing == [] and "IterDiv: 0.5" in lines and "ColorMethod: 0" in lines and "SlopeAngle: 45" in lines
    assert "Colors: 48,32,16,0,128,255,128,255,0," in lines and "InteriorColor: 128,0,0," in lines  # blue first
    got = back(Scene("mandelbrot", VIEW, 9, palette="x.map", colouring=how), tmp_path, "kfr").colouring
    assert (got.by, got.cycle, got.slope, got.interior) == ("cyclic", 512.0, 135.0, "#000080")
    assert (got.colours[0], got.colours[16], got.colours[32], got.colours[-1]) == (*ROW, ROW[0])


@pytest.mark.parametrize(
    ("system", "settings", "kind"),
    [("newton", {}, "kfr"), ("shark-fin", {}, "f3.toml"), ("tanh", {}, "kfr"), ("mandelbrot", {"power": "12"}, "kfr"),
     ("formula", {"formula": "z**2 + c*z"}, "f3.toml"), ("magnet1", {}, "kfr")],
)  # fmt: skip
def test_what_a_program_does_not_have_is_refused(system, settings, kind, tmp_path):
    with pytest.raises(InputError, match=r"is not a formula of .*, so the scene cannot be written for it"):
        back(Scene(system, VIEW, 9, settings), tmp_path, kind)


def exr(attributes, size):
    """The header of an OpenEXR file, by its documentation."""
    right, bottom = size[0] - 1, size[1] - 1
    found = [("dataWindow", "box2i", struct.pack("<4i", 0, 0, right, bottom)), *attributes]
    body = b"".join(n.encode() + b"\0" + k.encode() + b"\0" + struct.pack("<i", len(v)) + v for n, k, v in found)
    return struct.pack("<II", 20000630, 2) + body + b"\0"


def test_pictures_carry_places(tmp_path):
    image = Image.new("RGB", (16, 9))
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", KFR)
    image.save(tmp_path / "a.png", pnginfo=info)
    image.save(tmp_path / "a.jpg", comment=KFR.encode())
    (tmp_path / "a.exr").write_bytes(exr([("KallesFraktaler2+", "string", KFR.encode())], (16, 9)))
    for name in ("a.png", "a.jpg", "a.exr"):
        found = read_any(tmp_path / name)
        view = found.scene.view
        assert (found.program, found.scene.system) == ("Kalles Fraktaler", "burning-ship")
        assert (view.x, view.y, view.depth, view.width, view.height) == (Fraction(-5, 4), Fraction(1, 32), 0.5, 16, 9)
    text, _ = writing.f3_toml(found.scene)
    (tmp_path / "b.exr").write_bytes(exr([("Fraktaler3", "string", text.encode())], (16, 9)))
    assert read_any(tmp_path / "b.exr").scene.view == view


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.exr", b"hello", "is not an OpenEXR picture"),
        ("a.exr", exr([], (3, 3)), "carries no scene, and no place of Kalles Fraktaler or Fraktaler-3"),
        ("a.exr", exr([("Fraktaler3", "string", b"program = 'fraktaler-3'")], (3, 3))[:-20], "is cut short"),
        ("a.exr", exr([("Fraktaler3", "string", b"hello")], (3, 3)), "its comment is no place of Kalles Fraktaler"),
        ("a.jpg", b"hello", "is not a JPEG picture, or it is cut short"),
    ],
)
def test_broken_pictures_are_one_sentence(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_any(tmp_path / name)
