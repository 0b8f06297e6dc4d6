"""Fields, colours and pictures: a file reads back as it was written, and no file is left half written."""

from __future__ import annotations

import io
import stat
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import png
import pytest
from gmpy2 import mpq
from PIL import Image

from deepzoom.colouring import palettes
from deepzoom.colouring.colour import colour
from deepzoom.colouring.places import by_rank
from deepzoom.coordinates import parse_decimal
from deepzoom.errors import InputError
from deepzoom.files import check_output, whole_file
from deepzoom.pictures.figure import end_labels, write_figure
from deepzoom.pictures.png import read_scene, write_png
from deepzoom.rendering.field import PASSES, Field
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View
from deepzoom.systems.base import Axis

SCENE = Scene("tanh", View.parse("1.25", "-0.5e-3", "1e-20", "7x5"), 500, {"offset": "none"}, "exact", 200, "viridis")


@pytest.fixture
def field():
    rng = np.random.default_rng(0)
    measure = rng.normal(size=(5, 7))
    fate = np.where(measure < 0, -1, 1).astype(np.int8)
    return Field(SCENE, measure, fate, np.zeros((5, 7), np.int8), np.ones((5, 7), np.bool_), {"backend": "exact"})


def test_a_data_file_reads_back(tmp_path, field):
    field.save(tmp_path / "a.npz")
    got = Field.load(tmp_path / "a.npz")
    for name in ("measure", "fate", "trust", "done"):
        assert np.array_equal(getattr(got, name), getattr(field, name))
        assert getattr(got, name).dtype == getattr(field, name).dtype
    assert (got.scene, got.made) == (SCENE, {"backend": "exact"})
    with np.load(tmp_path / "a.npz") as raw:  # the contract's names and types
        assert {k: raw[k].dtype.kind for k in raw.files} == {
            "measure": "f", "fate": "i", "trust": "i", "done": "b", "scene": "U", "made": "U",
        }  # fmt: skip


def test_a_picture_of_few_colours_or_many_reads_back(tmp_path):
    rng = np.random.default_rng(5)
    few, many = rng.integers(0, 256, (4, 3))[rng.integers(0, 4, (50, 31))], np.cumsum(np.ones((50, 31, 3)), axis=1)
    for levels in (few, many):
        write_png(tmp_path / "a.png", levels / 255, SCENE)
        with Image.open(tmp_path / "a.png") as found:
            assert np.array_equal(np.asarray(found), levels)
        assert read_scene(tmp_path / "a.png") == SCENE


def test_distances_are_kept_where_there_are_any(tmp_path):
    scene = Scene("mandelbrot", SCENE.view, 100)
    without = Field.empty(scene)
    without.save(tmp_path / "a.npz")
    assert Field.load(tmp_path / "a.npz").distance is None
    distance = np.linspace(-1, 33, 35).reshape(5, 7)
    replace(without, distance=distance).save(tmp_path / "b.npz")
    got = Field.load(tmp_path / "b.npz")
    assert np.array_equal(got.distance, distance) and got.distance.dtype == np.float64
    assert got.channels == [*without.channels, "distance"]
    replace(without, distance=distance.astype(np.float32)).save(tmp_path / "c.npz")
    with pytest.raises(InputError, match="distance does not have the size and type that its scene needs"):
        Field.load(tmp_path / "c.npz")


def test_wrong_data_files_are_refused(tmp_path, field):
    path = tmp_path / "a.npz"
    field.save(path)
    whole = path.read_bytes()
    for length in (0, 3, 30, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="is not a data file of deepzoom, or it is cut short"):
            Field.load(path)
    np.savez(path, x=np.zeros(3))
    with pytest.raises(InputError, match="it lacks 'scene'"):
        Field.load(path)
    np.savez(path, x=np.array([object()], dtype=object))
    with pytest.raises(InputError, match="is not a data file"):
        Field.load(path)
    bad = replace(field, measure=field.measure[:, :3])
    bad.save(path)
    with pytest.raises(InputError, match="measure does not have the size and type that its scene needs"):
        Field.load(path)
    with pytest.raises(InputError, match="--scene: there is no file"):
        Field.load(tmp_path / "none.npz", "--scene")


@pytest.mark.parametrize("bits", [8, 16])
def test_pictures_carry_their_scene_and_colours(tmp_path, field, bits):
    path = tmp_path / "a.png"
    rgb = colour(field.measure, "Spectral", fine=bits == 16)
    write_png(path, rgb, SCENE, bits)
    assert read_scene(path) == SCENE
    width, height, rows, info = png.Reader(bytes=path.read_bytes()).read()
    assert (width, height, info["bitdepth"]) == (7, 5, bits)
    got = np.array([list(row) for row in rows]).reshape(5, 7, -1)[..., :3]
    assert np.abs(got / (2**bits - 1) - rgb).max() <= 0.5001 / (2**bits - 1)


def test_sixteen_bits_show_more_colours(field):
    ramp = np.linspace(-2, -1, 3000).reshape(30, 100)
    coarse, fine = (len(np.unique(colour(ramp, "Spectral", f).reshape(-1, 3), axis=0)) for f in (False, True))
    assert coarse <= 256 < 2000 < fine


def test_figures_carry_their_scene(tmp_path, field):
    axes = Axis("Input layer learning rate", True), Axis("Output layer learning rate", True)
    write_figure(tmp_path / "f.png", colour(field.measure, "Spectral"), SCENE, axes, "a title")
    assert read_scene(tmp_path / "f.png") == SCENE
    with Image.open(tmp_path / "f.png") as image:
        assert image.size[0] == 900


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("0.001", "1000"),
        ("13.2996", "13.3004"),
        ("1.000000000000000000001", "1.000000000000000000002"),
        ("-2.5e-30", "2.5e-30"),
        ("5.2e-7", "5.3e-7"),
        ("9.9999999999999", "10.0000000000001"),
    ],
)
def test_axes_have_just_enough_digits(low, high):
    """Both ends are right to a ten-thousandth of their distance or better, but not to a hundred-millionth of it."""
    texts = end_labels(parse_decimal(low, "x"), parse_decimal(high, "x"))
    apart = Decimal(high) - Decimal(low)
    for text, value in zip(texts, (low, high)):
        assert abs(Decimal(text) - Decimal(value)) <= apart / 10000
        last_place = Decimal(text).as_tuple().exponent
        assert Decimal(1).scaleb(last_place) >= apart / 10**8 or len(text) <= 9


def test_colours_spread_by_rank_as_published():
    measure = np.array([[-5.0, -1.0, -3.0], [0.0, 2.0, 1e6]])
    # negative values map to [1, 0.25] from deep to shallow, others to [-0.25, -1]
    assert np.allclose(by_rank(measure), [[1.0, 0.25, 0.625], [-0.25, -0.625, -1.0]])
    assert np.allclose(by_rank(np.array([[-5.0, np.nan]])), [[1.0, np.nan]], equal_nan=True)
    assert np.all(by_rank(np.full((2, 2), 3.0)) < 0)


def test_pixels_not_done_are_grey_or_from_the_coarser_grid(field):
    view = replace(SCENE.view, width=40, height=33)
    part = Field.empty(replace(SCENE, view=view))
    part.done[::16, ::16] = True
    part.measure[::16, ::16] = 7.0
    part.done[3, 3], part.measure[3, 3] = True, -1.0
    shown = part.shown()
    assert shown[3, 3] == -1.0 and shown[3, 4] == 7.0 and not np.isnan(shown).any()
    assert np.isnan(Field.empty(SCENE).shown()).all()
    assert np.allclose(colour(Field.empty(SCENE).shown(), "Spectral"), 0.5)
    assert PASSES == (16, 8, 4, 2, 1)


def test_unknown_palettes_get_a_hint():
    with pytest.raises(InputError, match=r"'viridi' is not a colour map of matplotlib \(similar: viridis"):
        palettes.check("viridi")
    palettes.check("Spectral")


def test_files_appear_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.bin"
    with whole_file(path) as file:
        file.write(b"first")
        assert not path.exists()
    assert path.read_bytes() == b"first"
    with pytest.raises(RuntimeError), whole_file(path) as file:
        file.write(b"second")
        raise RuntimeError
    assert path.read_bytes() == b"first"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]
    (tmp_path / "plain").write_bytes(b"")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_outputs_are_checked_before_anything_runs(tmp_path):
    (tmp_path / "there.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"--out: .*there.png exists; give another name, or --force"):
        check_output(tmp_path / "there.png", "--out", False)
    check_output(tmp_path / "there.png", "--out", True)
    with pytest.raises(InputError, match=r"--out: .* is a folder"):
        check_output(tmp_path, "--out", True)
    with pytest.raises(InputError, match=r"--data: there is no folder .*; create it first"):
        check_output(tmp_path / "no" / "a.npz", "--data", False)
    with pytest.raises(InputError, match=r"--out: .* cannot be written \(.*\); give a folder"):
        check_output(Path("/proc/a.png"), "--out", False)


def test_what_carries_no_scene_is_refused(tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (3, 3)).save(buffer, "PNG")
    cases = {
        "plain.png": (buffer.getvalue(), "carries no scene; it was not made by deepzoom"),
        "cut.png": (buffer.getvalue()[:40], "is not a PNG picture, or it is cut short"),
        "text.png": (b"hello", "is not a PNG picture, or it is cut short"),
        "bytes.toml": (b"\xff\xfe\x00", "is neither a scene .TOML text., a picture nor a data file"),
        "words.toml": (b"hello", "is not valid TOML"),
    }
    for name, (content, message) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"--scene: .*{name} {message}"):
            read_scene(tmp_path / name, "--scene")
    with pytest.raises(InputError, match="there is no file"):
        read_scene(tmp_path / "none.toml")


def test_figures_show_the_parameter_itself():
    from deepzoom.pictures.figure import _parameter

    depth = mpq(1, 10**30)
    assert abs(_parameter(mpq(-2), Axis("rate", True), depth) - mpq(1, 100)) < mpq(1, 10**60)
    assert _parameter(mpq(-2), Axis("c", False), depth) == -2


def test_figures_of_turned_views_say_where_the_picture_leads(tmp_path):
    from deepzoom.pictures.figure import _direction, write_figure
    from deepzoom.scene.shape import IDENTITY

    assert _direction("width", (mpq(-1, 2), mpq(2)), mpq(1, 10**20)) == "width: -5.00e-21 in x, +2.00e-20 in y"
    assert _direction("height", (mpq(0), mpq(1)), mpq(3)) == "height: 0 in x, +3.00 in y"
    view = replace(View.parse("1", "2", "1e-20", "8x6"), shape=IDENTITY.turned(30))
    scene = Scene("tanh", view, 50)
    axes = Axis("Input rate", True), Axis("Output rate", True)
    write_figure(tmp_path / "f.png", np.zeros((6, 8, 3)), scene, axes, "title")
    assert read_scene(tmp_path / "f.png") == scene
