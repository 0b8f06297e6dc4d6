"""Pictures in tiles have the pixels of a render in one piece, in bounded memory, and can be shared and resumed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from deepzoom.cli import app
from deepzoom.colouring.whole import Collected
from deepzoom.errors import InputError, Stopped
from deepzoom.pictures.png import read_scene
from deepzoom.printing import tiles as module
from deepzoom.printing.compute import compute
from deepzoom.printing.tiles import Tiles
from deepzoom.rendering.batches import Observer
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

MANDELBROT = ["mandelbrot", "--center", "-0.75", "0.1", "--depth", "0.5", "--size", "40x33", "--steps", "300"]
NEWTON = ["newton", "--size", "24x19", "--steps", "50"]
TRAINING = ["tanh", "--center", "1.5", "1.5", "--depth", "6", "--size", "24x15", "--steps", "20", "--stretch", "off"]
DEEP = ["mandelbrot", "--at", "mandelbrot-deep", "--size", "32x24"]
BASINS = ["basins", "--size", "24x19", "--steps", "40", "--samples", "4"]
UNFOLDED = ["tanh", "--depth", "1e-12", "--size", "24x15", "--samples", "4"]  # a shape that deepzoom finds


@pytest.fixture(autouse=True)
def small_tiles(tmp_path, monkeypatch):
    """Tiles of four rows or so, and of two where the picture is wide."""
    monkeypatch.setattr(module, "PIXELS", 160)
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    return CliRunner().invoke(app, ["render", *map(str, arguments)])


def pixels(path):
    if path.endswith("16.png"):
        import png

        width, height, rows, _ = png.Reader(bytes=Path(path).read_bytes()).read()
        return np.array([list(r) for r in rows]).reshape(height, width, 3)
    return np.asarray(Image.open(path))


@pytest.mark.parametrize(
    ("place", "colours"),
    [
        (MANDELBROT, [["--slope", "45"], ["--colouring", "cyclic"], ["--colouring", "histogram", "--png-bits", "16"]]),
        (MANDELBROT, [["--colouring", "distance", "--mark-unsettled"], ["--colouring", "phase"]]),
        (NEWTON, [["--slope", "200"], ["--colouring", "rank"]]),
        (TRAINING, [["--slope", "45"], ["--colouring", "cyclic", "--slope", "10"]]),
        pytest.param(DEEP, [["--slope", "45", "--trust", "settle"]], marks=pytest.mark.slow),
        ([*MANDELBROT, "--samples", "4", "--stretch", "3@20"], [["--slope", "45"], ["--colouring", "histogram"]]),
        ([*MANDELBROT, "--samples", "9"], [["--colouring", "distance", "--mark-unsettled"], ["--colouring", "binary"]]),
        ([*NEWTON, "--samples", "4"], [["--colouring", "attractor", "--slope", "200"]]),
        ([*TRAINING, "--samples", "4"], [["--slope", "45"]]),
        pytest.param([*DEEP, "--samples", "4"], [["--trust", "settle"]], marks=pytest.mark.slow),
        pytest.param(BASINS, [[], ["--colouring", "rank"]], marks=pytest.mark.slow),
        pytest.param(UNFOLDED, [["--slope", "45"]], marks=pytest.mark.slow),
    ],
    ids=["mandelbrot", "distance", "newton", "training", "deep", "mandelbrot-4", "distance-9", "newton-4", "training-4",
         "deep-4", "basins-4", "unfolded-4"],
)  # fmt: skip
def test_equal_pixels(place, colours):
    """With several colourings, the tiles of the first serve them all."""
    for k, colour in enumerate(colours):
        names = [f"{kind}-{k}-{'16' if '16' in colour else '8'}.png" for kind in ("one", "tiled")]
        one = run(*place, *colour, "--out", names[0])
        tiled = run(*place, *colour, "--out", names[1], "--tiles", "t", "--json")
        assert one.exit_code == tiled.exit_code == 0, one.output + tiled.output
        facts = json.loads(tiled.stdout)
        assert facts["tiles"] >= 3 and (facts["pixels"] > 0) == (k == 0) and facts["left"] == 0
        assert (facts["samples"] > 0) == ("--samples" in place and k == 0)
        first, second = map(pixels, names)
        assert first.dtype == second.dtype and np.array_equal(first, second)
        assert read_scene(names[0]) == read_scene(names[1])


def test_tiles_without_angles():
    assert run(*MANDELBROT, "--tiles", "t", "--out", "a.png").exit_code == 0
    result = run(*MANDELBROT, "--tiles", "t", "--out", "b.png", "--colouring", "binary")
    assert result.exit_code == 2 and "--colouring: the tiles hold no angles" in result.stderr


def test_shares_make_the_same_picture():
    assert run(*MANDELBROT, "--tiles", "a", "--out", "a.png").exit_code == 0
    counts = []
    for k in (3, 1, 2):
        result = run(*MANDELBROT, "--tiles", "b", "--tile", f"{k}/3", "--out", "b.png", "--json")
        assert result.exit_code == 0, result.output
        counts.append(json.loads(result.stdout)["pixels"])
    assert sum(counts) == 40 * 33 and min(counts) > 0
    assert not Path("b.png").exists()
    merged = run(*MANDELBROT, "--tiles", "b", "--out", "b.png", "--json")
    assert json.loads(merged.stdout)["pixels"] == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


def test_shares_take_samples_once_all_tiles_are_there():
    own = [*MANDELBROT, "--samples", "4", "--tiles", "b", "--out", "b.png", "--json"]
    for k, first in ((2, True), (1, True), (1, False), (2, False)):
        result = run(*own, "--tile", f"{k}/2")
        facts = json.loads(result.stdout)
        waits = (k, first) == (2, True)
        assert (facts["pixels"] > 0) == first and (facts["left"] > 0) == waits
        assert (facts["samples"] > 0) == (not waits and (k, first) != (1, False))
        assert ("Samples need the pixels of all tiles; " in result.stderr) == waits
    assert json.loads(run(*own).stdout)["samples"] == 0
    assert run(*MANDELBROT, "--samples", "4", "--out", "a.png").exit_code == 0
    assert np.array_equal(pixels("a.png"), pixels("b.png"))


class Stops(Observer):
    """Stops once so many pixels are done, or gone through for samples."""

    def __init__(self, name, most):
        self._name, self._most, self._stopped = name, most, False

    def part(self, name, done, total):
        self._stopped |= name == self._name and done > self._most

    def stopped(self):
        return self._stopped


def test_a_stopped_or_killed_render_goes_on(tmp_path):
    scene = Scene("mandelbrot", View.parse("-0.75", "0.1", "0.5", "40x33"), 300)
    tiles = Tiles.of(tmp_path, replace(scene, view=replace(scene.view, samples=4)))
    with pytest.raises(Stopped):
        compute(tiles, range(tiles.count), 1, Stops("pixels", 2 * 160))
    kept = {p.name: p.read_bytes() for p in tmp_path.glob("*.npz")}
    assert sorted(kept) == ["tile-00000.npz", "tile-00001.npz"]
    (tmp_path / ".tile-00002.npz.abc.tmp").write_bytes(b"cut")  # as a killed process leaves it
    with pytest.raises(Stopped):
        compute(tiles, range(tiles.count), 1, Stops("samples", 2 * 160))
    assert (found := {p.name for p in tmp_path.glob("samples-4-*.npz")}) >= {"samples-4-00000.npz"} and len(found) < 9
    assert compute(tiles, range(tiles.count), 1, Observer()).samples > 0
    assert all((tmp_path / name).read_bytes() == content for name, content in kept.items())
    assert all(tiles.load(k).done.all() and tiles.is_done(k, samples=True) for k in range(tiles.count))
    assert compute(Tiles.of(tmp_path, scene), range(tiles.count), 1, Observer()) == (0, 0, 0)  # the same pixels


def test_tiles_that_do_not_belong(tmp_path):
    assert run(*MANDELBROT, "--tiles", "t", "--out", "a.png").exit_code == 0
    other = run(*MANDELBROT, "--set", "power=3", "--tiles", "t", "--out", "b.png")
    assert other.exit_code == 2 and "tile-00000.npz belongs to another picture" in other.stderr
    checked = run(*MANDELBROT, "--trust", "settle", "--tiles", "t", "--out", "b.png")
    assert checked.exit_code == 2 and "was checked less (--trust sample)" in checked.stderr
    whole = (tmp_path / "t" / "tile-00003.npz").read_bytes()
    (tmp_path / "t" / "tile-00003.npz").write_bytes(whole[:-100])
    cut = run(*MANDELBROT, "--tiles", "t", "--out", "b.png")
    assert cut.exit_code == 2 and "tile-00003.npz is cut short" in cut.stderr
    again = run(*MANDELBROT, "--tiles", "t", "--out", "b.png", "--force", "--json")
    assert again.exit_code == 0 and json.loads(again.stdout)["pixels"] == 160
    assert np.array_equal(pixels("a.png"), pixels("b.png"))


def test_samples_that_do_not_belong(tmp_path, monkeypatch):
    own = [*MANDELBROT, "--samples", "4", "--tiles", "t", "--json"]
    assert run(*own, "--out", "a.png").exit_code == 0
    assert run(*own, "--samples", "3", "--out", "c.png").exit_code == 0  # samples of each number are kept
    path = tmp_path / "t" / "samples-4-00003.npz"
    path.write_bytes(path.read_bytes()[:-100])
    cut = run(*own, "--out", "b.png")
    assert cut.exit_code == 2 and "samples-4-00003.npz is cut short" in cut.stderr
    again = json.loads(run(*own, "--out", "b.png", "--force").stdout)
    assert again["pixels"] == 0 < again["samples"] and np.array_equal(pixels("a.png"), pixels("b.png"))
    assert not list((tmp_path / "t").glob("samples-3-*"))
    monkeypatch.setattr(module, "SAMPLES", 320)
    other = run(*own, "--out", "c.png", "--force", "--samples", "4")
    assert other.exit_code == 0 and len(list((tmp_path / "t").glob("tile-*"))) == 17
    monkeypatch.undo()
    rows = run(*MANDELBROT, "--tiles", str(tmp_path / "t"), "--out", str(tmp_path / "d.png"))
    assert rows.exit_code == 2 and "tile-00000.npz has rows 0 to 1, and with --samples 1 it would have" in rows.stderr


def test_tiles_checked_in_different_ways(tmp_path):
    """Tiles that were repaired and tiles that were not make one picture."""
    assert run(*TRAINING, "--tiles", "t", "--tile", "2/2", "--trust", "settle").exit_code == 0
    assert run(*TRAINING, "--tiles", "t", "--out", "a.png", "--slope", "45").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tile", "1/2"], "--tile: this needs --tiles DIR"),
        (["--tiles", "t", "--tile", "3/2"], "'3/2' is not K/N"),
        (["--tiles", "t", "--tile", "0/2"], "'0/2' is not K/N"),
        (["--tiles", "t", "--tile", "two"], "'two' is not K/N"),
        (["--tiles", "t"], "--out: a picture in tiles needs a name that ends in .png"),
        (["--tiles", "t", "--out", "a.exr"], "--out: a picture in tiles needs a name that ends in .png"),
        (["--tiles", "no/t", "--out", "a.png"], "there is no folder no"),
        (["--tiles", "t", "--out", "a.png", "--figure"], "--figure: this does not work with --tiles"),
        (["--tiles", "t", "--out", "a.png", "--data", "a.npz"], "--data: this does not work with --tiles"),
        (["--tiles", "t", "--out", "a.png", "--samples", "257"], "--samples: '257' is not a whole number"),
        (["--tiles", "t", "--out", "a.png", "--colouring", "stripe"], "--tiles: tiles have no horizons, no courses"),
        (["--tiles", "t", "--out", "a.png", "--size", "1e6x1e6"], "--size: '1e6x1e6' would need"),
        (["--out", "a.png", "--size", "18000x27000"], "supported, or 68,719,476,736 with --tiles"),
    ],
)
def test_bad_input(arguments, said):
    result = run("mandelbrot", "--size", "40x30", *arguments)
    assert result.exit_code == 2 and said in result.stderr, result.output


def test_a_dry_run_of_a_print():
    result = run("mandelbrot", "--size", "18000x27000", "--tiles", "t", "--out", "a.png", "--dry-run", "--json")
    assert json.loads(result.stdout)["pixels"] == 486_000_000 and not list(Path().glob("t"))


@pytest.mark.parametrize("most", [500, 10_000])
def test_few_values_stand_for_many(most):
    rng = np.random.default_rng(1)
    parts = [rng.normal(k, 3, rng.integers(1, 900)).round(2) for k in range(20)]
    kinds = [rng.integers(0, 2, len(p)).astype(np.int16) for p in parts]
    found = Collected(7, sum(map(len, parts)), most)
    for part, kind in zip(parts, kinds, strict=True):
        found.add(part, kind)
    whole, everything, every_kind = found.whole(), np.concatenate(parts), np.concatenate(kinds)
    assert len(whole.values) <= most + 2 and whole.rows == 7 and whole.kinds is not None
    for kind in (0, 1):
        own, all_of_it = whole.values[whole.kinds == kind], np.sort(everything[every_kind == kind])
        if most > len(everything):
            assert np.array_equal(own, all_of_it)
        at = rng.normal(10, 6, 200)
        ranks = [np.searchsorted(v, at) / len(v) for v in (own, all_of_it)]
        assert np.abs(ranks[0] - ranks[1]).max() <= 20 * (len(everything) / most) / len(all_of_it)


def test_a_tile_needs_its_system_loaded(tmp_path):
    tiles = Tiles.of(tmp_path, Scene("map.py:nothing", View.parse("0", "0", "1", "4x4"), 10, digest="0" * 64))
    with pytest.raises(InputError):
        tiles.empty(0)
