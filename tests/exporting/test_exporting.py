"""Fields for other programs: datasets with coordinates for any depth, and files that hold the very bits of a field."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from deepzoom.cli import app
from deepzoom.colouring.colour import coloured
from deepzoom.errors import InputError
from deepzoom.exporting import channels, write
from deepzoom.pictures.png import read_scene, write_png
from deepzoom.rendering import field as fields
from deepzoom.rendering.field import Field
from deepzoom.rendering.render import Rendered
from deepzoom.scene import sample_positions
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import Shape
from deepzoom.scene.view import View

SCIENCE = "needs the extra 'science'"
OPEN = {".nc": "open_dataset", ".zarr": "open_zarr"}


def dataset(field):
    pytest.importorskip("xarray", reason=SCIENCE)
    return field.to_xarray()


def view(depth="1e-8000", turned=True, **more):
    found = replace(View.parse("-1.75" + "3" * 8100, "0.1", depth, "9x6"), **more)
    return replace(found, shape=Shape.stretched(1e5, 33.0)) if turned else found


def filled(scene):
    """A field, not rendered, with a missing pixel and all kinds of numbers in it."""
    field, rng = Field.empty(scene), np.random.default_rng(7)
    if scene.view.samples > 1:
        field.sampled = np.array([1, 5, 50])
        field.samples = Field.empty(scene, (3, scene.view.samples - 1))
    shape = field.done.shape
    field.distance, field.rung = rng.random(shape), rng.integers(0, 4, shape, np.int8)
    for part in filter(None, (field, field.samples)):
        for name in part.channels:
            array = getattr(part, name)
            some = rng.integers(-1, 2, array.shape)
            array[...] = rng.normal(size=array.shape) if array.dtype == np.float64 else some
    field.measure[0, :4] = np.nan, -0.0, np.inf, 5e-324
    field.measure.view(np.int64)[0, 4] = 0x7FF8000000000123  # another NaN
    field.iterations[:] = 2**53 - 1
    field.done[:] = True
    field.done[3, 3] = False
    field.made = {"system": "abc", "seconds": 1.5}
    return field


def with_no_sample(scene):
    """A field none of whose pixels needed more samples."""
    field = Field.empty(scene)
    return replace(field, sampled=np.zeros(0, np.int64), samples=Field.empty(scene, (0, 3)))


MAP = filled(Scene("mandelbrot", view(samples=4, flip=True), 100))
TRAINING = Field.empty(Scene("tanh", view("1e-6", False), 100))
UNSAMPLED = with_no_sample(Scene("größe.py:step", view(samples=4), 100))


def test_every_channel_is_described_once():
    every = {*fields._ESCAPE_TIME, *fields._OPTIONAL}
    assert every <= set(channels.CHANNELS)
    assert every >= {*channels._OF_MAPS, *channels._OF_LYAPUNOV}
    for field in (MAP, TRAINING, Field.empty(Scene("lyapunov", view("1", False), 10))):
        for name, channel in channels.of(field).items():
            attributes = channel.attributes(getattr(field, name).dtype)
            assert attributes["long_name"] and ("units" in attributes or "flag_values" in attributes or name == "done")
            if channel.flags:
                assert len(attributes["flag_meanings"].split()) == len(attributes["flag_values"]) == 3


def exactly(scene, row, column):
    """(x - centre, y - centre) / depth in fractions, by the formula of docs/commands.md."""
    own = scene.view
    xu, xv, yu, yv = (Fraction(int(e.numerator), int(e.denominator)) for e in own.shape.entries)
    u = (column + Fraction(1, 2) - Fraction(own.width, 2)) / own.height
    v = (Fraction(own.height, 2) - row - Fraction(1, 2)) / own.height
    v = -v if own.flip else v
    return xu * u + xv * v, yu * u + yv * v


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("depth", ["1e-20", "1e-300", "1e-8000", "3e5"])
@pytest.mark.parametrize("flip", [False, True])
def test_coordinates_hold_at_any_depth(depth, turned, flip):
    scene = Scene("mandelbrot", view(depth, turned, flip=flip), 10)
    data = dataset(Field.empty(scene))
    assert data.sizes == {"v": 6, "u": 9}
    assert ("x" in data.coords) == ("y" in data.coords) == (depth == "3e5")
    assert View.parse(data.centre_x, data.centre_y, data.depth, "9x6") == view(depth, False)
    for row, column in [(0, 0), (2, 7), (5, 3)]:
        here = data.isel(v=row, u=column)
        for name, true in zip("xy", exactly(scene, row, column)):
            assert abs(Fraction(float(here[f"d{name}"])) - true) <= abs(true) * Fraction(1, 2**52)
            if name in data.coords:
                exact = scene.view.point(row * 9 + column)["xy".index(name)]
                assert float(here[name]) == float(exact)
        straight = replace(scene, view=replace(scene.view, shape=view(depth, False).shape))
        np.testing.assert_allclose([here.u, here.v], [float(t) for t in exactly(straight, row, column)], rtol=1e-15)


def test_x_and_y_are_there_where_float64_holds_them():
    data = dataset(TRAINING)
    assert data.x.long_name.startswith("log10 of ") and data.x.dims == ("v", "u")
    assert "x" not in dataset(Field.empty(replace(TRAINING.scene, view=view("1e-13", False)))).coords
    own = Field.empty(Scene("none.py:step", view("1", False), 10))  # its file was not loaded
    assert dataset(own).x.long_name == "x"


def test_where_samples_lie():
    data, own = dataset(MAP), MAP.scene.view
    assert data.sampled.values.tolist() == [1, 5, 50] and data.sample.values.tolist() == [1, 2, 3]
    assert data.sample_measure.dims == ("sampled", "sample") and data.sample_measure.long_name == data.measure.long_name
    offsets = sample_positions.offsets(4)[1:] / sample_positions.parts(4) / own.height
    for k in range(3):
        u, v = own.heights(np.array([5 + (k + 1) * own.pixels]))
        np.testing.assert_allclose(data.u[5] + data.sample_du[k], u[0], rtol=1e-14)
        np.testing.assert_allclose(data.v[0] + data.sample_dv[k], v[0], rtol=1e-14)
        np.testing.assert_allclose(abs(data.sample_du[k]), abs(offsets[k, 0]))


@pytest.mark.parametrize("suffix", OPEN)
@pytest.mark.parametrize("field", [MAP, TRAINING, UNSAMPLED], ids=["map", "training", "no-sample"])
def test_files_hold_the_bits_of_the_field(tmp_path, suffix, field):
    xarray = pytest.importorskip("xarray", reason=SCIENCE)
    path = tmp_path / f"a{suffix}"
    checked(path, field)
    with getattr(xarray, OPEN[suffix])(path) as found:
        assert found.load().identical(field.to_xarray())
        for prefix, part in (("", field), ("sample_", field.samples)):
            for name in part.channels if part is not None else []:
                given, read = getattr(part, name), found[prefix + name].values
                assert read.dtype == given.dtype and read.tobytes() == given.tobytes()
        assert Scene.from_toml(found.scene) == field.scene and json.loads(found.made) == field.made
        scene = tmp_path / "scene.toml"
        scene.write_text(found.scene)
    shown = CliRunner().invoke(app, ["info", str(scene)])
    assert shown.exit_code == 0 and shown.stdout.startswith(field.scene.to_toml())
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([path.name, "scene.toml"])


def checked(path, field, force=False):
    try:
        write.check(path, force)
    except InputError as error:
        if "not installed" in str(error):
            pytest.skip(SCIENCE)
        raise
    write.write(field, path)


@pytest.mark.parametrize("field", [MAP, UNSAMPLED], ids=["map", "no-sample"])
def test_tiff_has_a_page_for_each_channel(tmp_path, field):
    tifffile = pytest.importorskip("tifffile", reason=SCIENCE)
    checked(tmp_path / "a.tiff", field)
    with tifffile.TiffFile(tmp_path / "a.tiff") as file:
        assert [page.tags["PageName"].value for page in file.pages] == field.channels
        assert Scene.from_toml(file.pages[0].description) == field.scene
        stack = file.asarray()
    assert stack.shape == (len(field.channels), 6, 9) and stack.dtype == np.float64
    for name, page in zip(field.channels, stack):
        assert name == "done" or np.isnan(page[3, 3])
        np.testing.assert_array_equal(page[field.done], getattr(field, name)[field.done])


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    TRAINING.save("a.npz")


def export(*args):
    return CliRunner().invoke(app, ["export", *args])


@pytest.mark.parametrize("suffix", [".nc", ".zarr", ".tif"])
def test_the_command(place, suffix):
    for package in ("xarray", "zarr", "h5netcdf", "h5py", "tifffile"):
        pytest.importorskip(package, reason=SCIENCE)
    out = Path(f"out{suffix}")
    assert export("a.npz", str(out)).stdout == f"{out}\n"
    result = export("a.npz", str(out))
    assert result.exit_code == 2 and f"OUT: {out} exists" in result.stderr
    assert export("a.npz", str(out), "--force").exit_code == 0
    assert sorted(p.name for p in Path().iterdir()) == ["a.npz", out.name]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["a.npz", "a.csv"], "OUT: a.csv does not end in .nc, .zarr, .tiff, .tif, .exr."),
        (["a.npz", "none/a.nc"], "OUT: there is no folder none"),
        (["a.npz", "none/a.zarr"], "OUT: there is no folder none"),
        (["a.npz", "own.zarr", "--force"], "OUT: own.zarr is a folder, but no Zarr store, so it stays"),
        (["none.npz", "a.tiff"], "FILE: there is no file none.npz"),
    ],
)
def test_bad_input(place, args, words):
    pytest.importorskip("tifffile", reason=SCIENCE)
    Path("own.zarr").mkdir()
    result = export(*args)
    assert result.exit_code == 2 and words in result.stderr and len(result.stderr.splitlines()) == 1
    assert Path("own.zarr").is_dir() and len(list(Path().iterdir())) == 2


@pytest.mark.parametrize("suffix", [".nc", ".zarr", ".tiff"])
def test_a_missing_package(place, suffix, monkeypatch):
    for name in ("xarray", "tifffile"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    result = export("a.npz", f"a{suffix}")
    assert result.exit_code == 2
    assert re.search(r"OUT: \.\w+ needs \w+, .* python -m pip install 'deepzoom\[science\]'\.$", result.stderr.strip())
    with pytest.raises(InputError, match=r"deepzoom\[science\]"):
        TRAINING.to_xarray()


def test_a_failed_export_leaves_what_was_there(place, monkeypatch):
    xarray = pytest.importorskip("xarray", reason=SCIENCE)
    checked(Path("a.zarr"), TRAINING)
    before = sorted(Path().rglob("*"))

    def fail(self, where, **options):
        Path(where).mkdir()
        Path(where, "half").touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xarray.Dataset, "to_zarr", fail)
    result = export("a.npz", "a.zarr", "--force")
    assert result.exit_code == 1 and "no space left" in result.stderr
    assert sorted(Path().rglob("*")) == before


def test_a_field_shows_its_picture(tmp_path):
    field = replace(MAP, samples=None, sampled=None)
    shown = tmp_path / "shown.png"
    shown.write_bytes(field._repr_png_())
    write_png(tmp_path / "a.png", coloured(field), field.scene)
    assert shown.read_bytes() == (tmp_path / "a.png").read_bytes() and read_scene(shown) == field.scene
    with Image.open(shown) as picture:
        assert picture.size == (9, 6)
    assert Rendered(field, True, {})._repr_png_() == shown.read_bytes()
    large = Field.empty(Scene("tanh", View.parse("0", "0", "1", "3000x5"), 10))
    with Image.open(io.BytesIO(large._repr_png_())) as picture:
        assert picture.size == (1000, 2)
