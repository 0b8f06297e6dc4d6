"""Raw data as OpenEXR files: by definition, read by OpenEXR itself, and back to fields."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import raw_data
from damage import damaged
from PIL import Image
from typer.testing import CliRunner

from deepzoom import landmarks
from deepzoom.cli import app
from deepzoom.errors import InputError
from deepzoom.exchange import writing
from deepzoom.exporting.exr import write_exr
from deepzoom.pictures.exr_reading import read
from deepzoom.pictures.png import read_scene
from deepzoom.rendering.field import Field
from deepzoom.rendering.render import render
from deepzoom.scene.colours import Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import Shape
from deepzoom.scene.view import View

OpenEXR = pytest.importorskip("OpenEXR", reason="the extra 'exr' is not installed")

TYPES = {"N": "uint32", "NF": "float32", "T": "float32", "DEX": "float32", "DEY": "float32",
         "R": "float16", "G": "float16", "B": "float16"}  # fmt: skip
"""As the manuals of Kalles Fraktaler and zoomasm have them: UINT, FLOAT and HALF."""
VIEW = View.parse("-0.7436438870371587", "0.1318259042053119", "1e-4", "24x16")
TURNED = replace(VIEW, flip=True, shape=Shape.stretched(3, 30).turned(70))
DEEP = landmarks.get("mandelbrot-deep").view(None, "24x16")
HOME = View.parse("-0.75", "0.1", "2.5", "24x16")


def opened(path):
    file = OpenEXR.File(str(path), separate_channels=True)
    return file.header(), {name: channel.pixels for name, channel in file.channels().items()}


def exact(view):
    """The exact c at a column and a row: centre + depth M (u, v), v upward, or downward with ``flip``."""
    xu, xv, yu, yv = (mpmath.mpf(e.numerator) / e.denominator for e in map(Fraction, map(str, view.shape.entries)))
    x, y, depth = (mpmath.mpf(int(v.numerator)) / int(v.denominator) for v in (view.x, view.y, view.depth))

    def point(column, row):
        u = (column + mpmath.mpf(1) / 2 - mpmath.mpf(view.width) / 2) / view.height
        v = (mpmath.mpf(view.height) / 2 - row - mpmath.mpf(1) / 2) / view.height
        v = -v if view.flip else v
        return mpmath.mpc(x + depth * (xu * u + xv * v), y + depth * (yu * u + yv * v))

    return point


@pytest.mark.parametrize(
    ("view", "backend", "steps"),
    [
        pytest.param(HOME, "cpu-float64", 200, id="home"),
        pytest.param(TURNED, "cpu-perturbation", 400, id="turned"),
        pytest.param(DEEP, "auto", 5000, id="deep", marks=pytest.mark.slow),
    ],
)
def test_channels_by_definition(view, backend, steps, own_cache, tmp_path):
    scene = Scene("mandelbrot", view, steps, backend=backend, distance=True)
    write_exr(render(scene).field, tmp_path / "a.exr")
    header, found = opened(tmp_path / "a.exr")
    assert {name: str(found[name].dtype) for name in TYPES} == TYPES
    assert all(found[name].shape == (view.height, view.width) for name in TYPES)
    assert header["IterationsBias"] == 1024 and header["Iterations"] >= steps
    rng, inside = np.random.default_rng(5), found["N"] == 2**32 - 1
    some = [(int(p // view.width), int(p % view.width)) for p in rng.permutation(np.flatnonzero(~inside))[:6]]
    some += [(int(p // view.width), int(p % view.width)) for p in np.flatnonzero(inside)[:1]]
    assert len(some) >= 6
    with mpmath.workdps(60):
        for row, column in some:
            wanted = raw_data.expected(exact(view), column, row, steps)
            assert found["N"][row, column] == wanted["N"]
            assert found["NF"][row, column] == pytest.approx(wanted["NF"], abs=1e-6)
            assert abs((found["T"][row, column] - wanted["T"] + 0.5) % 1 - 0.5) < 1e-6
            size = np.hypot(wanted["DEX"], wanted["DEY"])
            for name in ("DEX", "DEY"):
                assert found[name][row, column] == pytest.approx(wanted[name], abs=1e-5 * size)
    assert np.all((found["NF"] >= 0) & (found["NF"] < 1) & (found["T"] >= 0) & (found["T"] < 1))


def made(name, kind, by="rank", **more):
    """A field of 6x4 pixels made by hand; the first is not done, and the last has the limit."""
    field = Field.empty(Scene(name, View.parse("0.5", "0.25", "2", "6x4"), 100, colouring=Colouring(by), **more))
    rng = np.random.default_rng(3)
    field.done[...] = True
    field.done[0, 0] = False
    if kind == "map":
        field.fate[...], field.measure[...] = 1, rng.uniform(1, 90, (4, 6))
        field.iterations[...] = field.measure
        field.fate[3, 5], field.measure[3, 5], field.iterations[3, 5] = 0, -1, 0
    else:
        field.measure[...] = rng.uniform(-90, 90, (4, 6))
        field.fate[...] = np.sign(field.measure)
    return field


def coloured(*arguments):
    return CliRunner().invoke(app, ["colour", *map(str, arguments)])


@pytest.mark.parametrize("by", ["rank", "cyclic", "distance"])
@pytest.mark.parametrize("name", ["mandelbrot", "newton", "tanh", "lyapunov"])
def test_a_field_comes_back_in_its_colours(name, by, tmp_path):
    maps = name in ("mandelbrot", "newton")
    if by == "distance" and not maps:
        return
    field = made(name, "map" if maps else "other", by)
    rng = np.random.default_rng(4)
    field.trust = np.sign(rng.uniform(-1, 1, (4, 6))).astype(np.int8)
    if name == "newton":
        field.attractor = np.where(field.fate > 0, rng.integers(1, 4, (4, 6)), 0).astype(np.int16)
        field.fate = -field.fate
    if by == "distance":
        field.make_room_to_border(True)
        field.distance[...], field.direction[...], field.phase[...] = rng.uniform(0.1, 2, (3, 4, 6)) % [
            [[9]],
            [[1]],
            [[1]],
        ]
        field.distance[3, 5] = -1
        field.scene = replace(field.scene, view=replace(field.scene.view, shape=Shape.stretched(4, 20).turned(50)))
    field.save(tmp_path / "a.npz")
    exported = CliRunner().invoke(app, ["export", str(tmp_path / "a.npz"), str(tmp_path / "a.exr")])
    assert exported.exit_code == 0, exported.output
    back = read(tmp_path / "a.exr")
    assert back.scene == field.scene == read_scene(tmp_path / "a.exr")
    done = field.done
    assert np.array_equal(back.done, done) and np.array_equal(back.trust[done], field.trust[done])
    assert np.array_equal(back.fate[done], field.fate[done])
    assert np.allclose(back.measure[done], field.measure[done], rtol=1e-7, atol=1e-6)
    if by == "distance":
        known = done & (field.distance >= 0)
        assert np.allclose(back.distance[known], field.distance[known], rtol=1e-5)
        assert np.abs((back.direction - field.direction + 0.5) % 1 - 0.5)[known].max() < 1e-5
        assert np.array_equal(back.distance[done] < 0, field.distance[done] < 0)
    for kind in ("npz", "exr"):
        result = coloured(tmp_path / f"a.{kind}", "--out", tmp_path / f"{kind}.png", "--mark-unsettled")
        assert result.exit_code == 0, result.output
    one, other = (np.asarray(Image.open(tmp_path / f"{kind}.png"), int) for kind in ("npz", "exr"))
    assert np.abs(one - other).max() <= 1


def test_trainings_count_by_the_size_of_their_measure(tmp_path):
    field = made("tanh", "training")
    field.measure[1, :3], field.fate[1, :3] = [-12.25, 7.5, 1e300], [-1, 1, 1]
    write_exr(field, tmp_path / "a.exr")
    _, found = opened(tmp_path / "a.exr")
    assert found["N"][1, :3].tolist() == [1036, 1031, 2**32 - 2] and found["N"][0, 0] == 0
    assert found["NF"][1, :2].tolist() == [0.25, 0.5] and found["T"][1, :3].tolist() == [0.75, 0.25, 0.25]


@pytest.mark.parametrize(("program", "radius"), [("KallesFraktaler2+", 10000), ("Fraktaler3", 25)])
def test_a_file_of_another_program(program, radius, tmp_path):
    """Counts of 64 bits, its own bailout radius R, no colours: N - bias + NF = k + 1 - log2(log|z_k| / log R)."""
    with mpmath.workdps(30):
        k, z = raw_data.last_iterate(mpmath.mpc("0.26", "0.001"), radius)
        fraction = float(1 - mpmath.log(mpmath.log(abs(z)) / mpmath.log(radius), 2))
        far, last = raw_data.last_iterate(mpmath.mpc("0.26", "0.001"))
        smooth = float(far + 1 - mpmath.log(mpmath.log(abs(last)) / mpmath.log(2), 2))
    counts = np.array([[0, 2**32 + 5, k, -1]])
    channels = {
        "N0": (counts + 1024 * (counts > 0)).astype(np.uint32),
        "N1": np.array([[0, 1, 0, 2**32 - 1]], np.uint32),
        "NF": np.array([[0, 0.5, fraction, 0]], np.float32),
    }
    view = View.parse("0.26", "0.001", "1e-3", "4x1")
    scene = Scene("mandelbrot", view, 10**9)
    text = (writing.kfr(scene, ("#000000", "#ffffff")) if radius == 10000 else writing.f3_toml(scene))[0]
    header = {program: text, "Iterations": str(10**10), "IterationsBias": "1024"}
    OpenEXR.File({**header, "type": OpenEXR.scanlineimage}, channels).write(str(tmp_path / "a.exr"))
    field = read(tmp_path / "a.exr")
    assert field.done.tolist() == [[False, True, True, True]] and field.fate.tolist() == [[0, 1, 1, 0]]
    assert field.iterations.tolist() == [[0, 2**32 + 5, k, 0]] and field.scene.view == view
    assert field.measure[0, 2] == pytest.approx(smooth, abs=0.01)  # R is not as far out
    assert coloured(tmp_path / "a.exr", "--out", tmp_path / "a.png").exit_code == 0


def broken(tmp_path):
    """Files that hold no raw data, and what is said of each."""
    write_exr(made("mandelbrot", "map"), tmp_path / "good.exr")
    good = (tmp_path / "good.exr").read_bytes()
    yield good[:200], "is cut short"
    yield good[:-30], "is not an OpenEXR picture, or it is cut short"
    yield b"hello", "is not an OpenEXR picture"
    header, channels = opened(tmp_path / "good.exr")
    for lacks, said in (("N", "no channel N of the picture's size"), ("header", "carries no scene, and no place")):
        kept = {k: v for k, v in header.items() if isinstance(v, str) and k != "name" and lacks != "header"}
        OpenEXR.File(kept, {k: v for k, v in channels.items() if k != lacks}).write(str(tmp_path / "less.exr"))
        yield (tmp_path / "less.exr").read_bytes(), said
    small = {k: np.ascontiguousarray(v[:2]) for k, v in channels.items()}
    OpenEXR.File({"deepzoom-scene": header["deepzoom-scene"]}, small).write(str(tmp_path / "less.exr"))
    yield (tmp_path / "less.exr").read_bytes(), "has 6x2 pixels, but its scene 6x4"


def test_damaged_files_get_one_sentence(tmp_path, capfd):
    for content, said in broken(tmp_path):
        (tmp_path / "a.exr").write_bytes(content)
        capfd.readouterr()
        with pytest.raises(InputError, match=said):
            read(tmp_path / "a.exr")
        assert capfd.readouterr() == ("", "")  # the library's own words do not show
    with pytest.raises(InputError, match="there is no file"):
        read(tmp_path / "none.exr")


@pytest.mark.parametrize("count", [20, pytest.param(2000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["mandelbrot", "tanh"])
def test_damaged_bytes_are_read_or_refused(name, count, tmp_path):
    write_exr(made(name, "map" if name == "mandelbrot" else "training"), tmp_path / "good.exr")
    good, chance, read_ones = (tmp_path / "good.exr").read_bytes(), random.Random(24), 0
    for _ in range(count):
        (tmp_path / "a.exr").write_bytes(damaged(good, chance))
        try:
            field = read(tmp_path / "a.exr")
        except InputError as error:
            assert "\n" not in str(error)
        else:
            read_ones += 1
            assert field.measure.shape == (field.scene.view.height, field.scene.view.width)
    assert count < 2000 or 0 < read_ones < count


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["render", "--out", "a.exr", "--figure"], "--figure: this is for PNG pictures"),
        (["render", "--out", "a.exr", "--png-bits", "16"], "--png-bits: this is for PNG pictures"),
        (["render", "--out", "a.tga"], "does not end in .png or .exr"),
        (["zoom", "--out", "a.mp4", "--from", "1", "--to", "0.1", "--format", "exr"], "give --out DIR"),
        (
            ["zoom", "--out", "a", "--from", "1", "--to", "0.1", "--format", "exr", "--frames", "5"],
            "--frames: raw data",
        ),
        (["zoom", "--out", "a", "--from", "1", "--to", "0.1", "--format", "gif"], "'gif' is neither png nor exr"),
    ],
)
def test_options_that_do_not_go_with_raw_data(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2 and said in result.stderr


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    made("mandelbrot", "map").save(tmp_path / "a.npz")
    for command in (
        ["export", str(tmp_path / "a.npz"), "a.exr"],
        ["render", "--out", "a.exr"],
        ["colour", "a.exr", "--out", "a.png"],
    ):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 2 and "pip install 'deepzoom[exr]'" in result.stderr, result.output
