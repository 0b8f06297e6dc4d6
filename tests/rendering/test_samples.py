"""Samples: which pixels get them, that each has its point's value, and how files keep them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from gmpy2 import mpq
from small_network import SmallNetwork
from typer.testing import CliRunner

from deepzoom.cli import app
from deepzoom.colouring.colour import coloured
from deepzoom.errors import InputError
from deepzoom.film.film import Target, make
from deepzoom.film.frames import Frames
from deepzoom.film.keyframes import Keyframes
from deepzoom.film.zoom_path import Descent, Film
from deepzoom.rendering import antialiasing, horizon, sample_counts
from deepzoom.rendering import batches as work
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.field import Field
from deepzoom.rendering.render import render
from deepzoom.rendering.verify import verify
from deepzoom.scene.colours import Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import MOST_PIXELS, View, check_samples

HOME = View.parse("-0.75", "0.1", "2.6", "40x28")


def mandelbrot(samples, view=HOME, steps=200):
    return Scene("mandelbrot", replace(view, samples=samples), steps)


@pytest.fixture
def network(tmp_path):
    small = SmallNetwork(31, widths=(2, 3, 1), rows=4)
    np.savez(tmp_path / "own.npz", X=small.x, Y=small.y, theta0=small.weights[0], theta1=small.weights[1])
    return {"data": str(tmp_path / "own.npz")}


def same(a, b):
    """Whether two fields hold the same values, samples included."""
    equal = a.channels == b.channels and all(np.array_equal(getattr(a, c), getattr(b, c)) for c in a.channels)
    if a.samples is None or b.samples is None:
        return equal and a.samples is b.samples
    return equal and np.array_equal(a.sampled, b.sampled) and same(a.samples, b.samples)


# which pixels get them


def ramp(field, values):
    field.measure[:], field.done[:] = values, True
    field.fate[:] = np.where(field.measure < 0, -1, 1)
    return field


def chosen(field):
    places = sample_counts.Places(field, field.done)
    return sample_counts.begins(places.spread())


def test_even_change_needs_none_and_borders_do():
    scene = Scene("tanh", View.parse("0", "0", "1", "30x30"), 100)
    across = np.arange(30.0) - 14.5
    field = ramp(Field.empty(scene), np.broadcast_to(2 + across / 20, (30, 30)))
    assert not chosen(field)[1:-1, 1:-1].any()
    ramp(field, np.broadcast_to(np.where(across < 0, across - 3, across + 3), (30, 30)))
    found = chosen(field)[1:-1]
    assert found[:, 14:16].all() and not found[:, 3:12].any() and not found[:, 18:27].any()
    # unknown values decide nothing
    field.done[:, 15:] = False
    assert not chosen(field)[1:-1, 1:14].any()


def test_no_palette_decides(own_cache):
    one = render(mandelbrot(4)).field
    other = replace(mandelbrot(4), palette="twilight", colouring=Colouring("cyclic", 3.0))
    assert same(render(other).field, one)


def test_rounds_end_with_all():
    assert (
        sample_counts.rounds(16) == [4, 8, 12, 16]
        and sample_counts.rounds(3) == [3]
        and sample_counts.rounds(6) == [4, 6]
    )
    assert sample_counts.rounds(256)[-1] == 256 and np.all(np.diff(sample_counts.rounds(256)) > 0)


def test_a_pixel_goes_on_while_its_samples_differ():
    spread, same_place = np.full(2, 4e-4), np.full((1, 4, 1), 0.5)
    apart = np.array([0.5, 0.9, 0.1, 0.3])[None, :, None]
    assert sample_counts.goes_on(spread, np.concatenate([same_place, apart])).tolist() == [False, True]


# their values


def test_pixels_are_as_without_and_samples_as_at_their_points(own_cache):
    """Each sample equals a picture of one pixel whose centre is the sample's point."""
    plain, field = (render(mandelbrot(n)).field for n in (1, 16))
    assert plain.samples is None and all(np.array_equal(getattr(plain, c), getattr(field, c)) for c in plain.channels)
    assert 100 < len(field.sampled) < 900 and field.samples.done[:, 0].all()
    numbers = antialiasing.numbers(field)
    assert len(numbers) == 40 * 28 + field.samples.done.sum() == len(np.unique(numbers))
    for n in np.random.default_rng(1).choice(numbers[40 * 28 :], 40, replace=False).tolist():
        x, y = field.scene.view.point(n)
        alone = render(mandelbrot(1, View(x, y, HOME.depth, 1, 1))).field
        for channel in ("measure", "fate", "iterations"):
            assert antialiasing.values(field, channel, np.array([n])) == getattr(alone, channel)[0]
    assert not verify(field, 60).differs.any()


def test_deep_training_pixels_too(own_cache, network):
    x, y = "-0.41415926535897932384626433832795028841971", "-0.1718281828459045235360287471352662497757"
    scene = Scene("tanh", View.parse(x, y, "1e-20", "12x8"), 60, network)
    plain = render(scene).field
    field = render(replace(scene, view=replace(scene.view, samples=4))).field
    assert np.array_equal(plain.measure, field.measure) and plain.made["bits"] == field.made["bits"]
    # all samples, even if none are needed
    field.sampled, field.samples = np.arange(96), Field.empty(field.scene, (96, 3))
    job = antialiasing.OfSamples(planned_job(field.scene), field)
    found = job.run(np.arange(3 * 96)).measure
    exact = antialiasing.OfSamples(planned_job(replace(field.scene, backend="exact")), field).run(np.arange(0, 288, 58))
    assert np.allclose(found[::58], exact.measure, rtol=1e-9, atol=0)


def planned_job(scene):
    from deepzoom.rendering.render import plan

    planned = plan(scene)
    return planned.backend.job(planned.system, scene.view, None, lambda share: None, lambda text: None)


class StopsInSamples(Observer):
    def __init__(self):
        self.kept, self.ends = [], False

    def part(self, name, done, total):
        self.ends = name == "samples" and done > 100

    def checkpoint(self, field):
        self.kept.append(field)

    def stopped(self):
        return self.ends


def test_stopped_and_gone_on_with_on_any_number_of_threads(own_cache, tmp_path, monkeypatch):
    monkeypatch.setattr("deepzoom.backends.escape_time.float64.EscapeTimeJob.batch_size", 128)
    monkeypatch.setattr(work, "FIRST_CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(work, "CHECKPOINT_SECONDS", 0.0)
    whole = render(mandelbrot(16), jobs=1).field
    assert same(render(mandelbrot(16), jobs=4).field, whole)
    observer = StopsInSamples()
    part = render(mandelbrot(16), jobs=2, observer=observer)
    assert not part.complete and 100 < part.field.samples.done[:, 0].sum() < len(whole.sampled)
    assert observer.kept and all(field is part.field for field in observer.kept)
    part.field.save(tmp_path / "p.npz")
    kept = Field.load(tmp_path / "p.npz")
    assert same(kept, part.field) and coloured(kept).shape == (28, 40, 3)
    kept.samples.measure[kept.samples.done] += 1.0  # marks these samples: if they ran again, the mark would be lost
    before = kept.samples.done.copy()
    rest = render(mandelbrot(16), partial=kept)
    assert rest.complete and np.array_equal(rest.field.samples.done, whole.samples.done)
    assert np.array_equal(rest.field.samples.measure, whole.samples.measure + before)


@pytest.mark.parametrize("trust", ["sample", "settle"])
def test_trust_and_horizons_cover_them(own_cache, network, trust):
    scene = Scene("tanh", View.parse("1.2", "1.7", "3", "16x12"), 60, network, trust=trust, horizon=True)
    result = render(replace(scene, view=replace(scene.view, samples=8)))
    field, facts = result.field, result.facts
    assert result.complete and facts["sampled"] == len(field.sampled) > 10
    assert (
        facts["samples"]
        == 192 + field.samples.done.sum()
        == sum(facts[k] for k in ("settled", "unsettled", "unchecked"))
    )
    checked = int((field.trust != 0).sum()), int((field.samples.trust[field.samples.done] != 0).sum())
    assert (sum(checked) == facts["samples"]) if trust == "settle" else (0 < sum(checked) < 0.05 * facts["samples"])
    assert not field.samples.trust[~field.samples.done].any()
    assert horizon.is_wanted(scene) and (field.samples.horizon[field.samples.done] >= 0).all()
    assert np.isfinite(coloured(replace(field, scene=replace(field.scene, colouring=Colouring("horizon"))))).all()


def test_films_have_smooth_frames(own_cache, tmp_path):
    """A frame with samples is closer than one without to its view's picture with samples."""
    view = View.parse("-0.743643887037151", "0.131825904205330", "0.02", "36x24")
    pictures = {}
    for n in (1, 8):
        scene = mandelbrot(n, view)
        film = Film(Descent.of(scene, mpq(1, 10)), mpq(1, 10), view.depth, 5, 36, 24)
        target = Target(tmp_path / f"f{n}", tmp_path / f"f{n}" / "data", keep=True)
        assert make(film, target).complete
        frames = Frames(film, [Keyframes(target.data, film.descent)])
        pictures[n] = [frames.rgb(number) for number in range(5)]
        assert frames.film.scene(2).view.samples == n
    for number in (1, 3):
        direct = coloured(render(replace(film.scene(number), view=replace(film.view(number), samples=64))).field)
        one, eight = (np.sqrt(np.mean((pictures[n][number] - direct) ** 2)) for n in (1, 8))
        assert eight < 0.7 * one


# files and commands


def run(*args):
    return CliRunner().invoke(app, [str(a) for a in args])


@pytest.mark.parametrize("value", ["0", "1.5", "1e6", "-4", "257", "many", "99999999999999999999"])
@pytest.mark.parametrize("command", ["render", "zoom", "colour"])
def test_a_number_that_is_none_is_one_sentence(tmp_path, command, value):
    field = Field.empty(mandelbrot(1))
    field.save(tmp_path / "d.npz")
    first = {"render": ["mandelbrot"], "colour": [tmp_path / "d.npz"]}
    film = ["mandelbrot", "--from", "1", "--to", "1e-2", "--frames", "3"]
    result = run(command, *first.get(command, film), "--samples", value, "--out", tmp_path / "x.png")
    assert result.exit_code == 2
    assert "--samples" in result.stderr and len(result.stderr.strip().splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["d.npz"]


def test_what_memory_cannot_hold_is_refused():
    check_samples(replace(HOME, samples=256))
    with pytest.raises(InputError, match="--samples"):
        check_samples(View(mpq(0), mpq(0), mpq(1), 1 << 14, MOST_PIXELS >> 14, samples=2))
    with pytest.raises(InputError, match="--samples: 300"):
        render(mandelbrot(300))
    with pytest.raises(InputError, match="samples = 0"):
        Scene.from_toml(mandelbrot(16).to_toml().replace("samples = 16", "samples = 0"))


def test_from_render_to_colour_and_back(own_cache, tmp_path):
    picture, data = tmp_path / "m.png", tmp_path / "m.npz"
    view = ("mandelbrot", "--center", -0.75, 0.1, "--depth", 2.6, "--size", "40x28", "--steps", 200)
    result = run("render", *view, "--samples", 16, "--out", picture, "--data", data, "--json", "--quiet")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["pixels"] == 1120 < facts["samples"] and 0 < facts["sampled"] < 1120
    assert run("render", *view, "--samples", 16, "--dry-run", "--json").stdout.count('"samples": 16') == 1
    assert "pixels with samples" in run("info", data).stdout and "samples = 16" in run("info", picture).stdout
    # the same number gives the same picture; fewer, a render's with fewer; one, a render's without samples
    for n, options in ((16, ()), (6, ("--samples", 6)), (1, ("--samples", 1))):
        again, direct = tmp_path / f"c{n}.png", tmp_path / f"r{n}.png"
        assert run("colour", data, *options, "--out", again).exit_code == 0
        assert run("render", "--scene", picture, *options, "--out", direct, "--quiet").exit_code == 0
        assert again.read_bytes() == direct.read_bytes()
    more = run("colour", data, "--samples", 17, "--out", tmp_path / "n.png")
    assert more.exit_code == 2 and "at most 16" in more.stderr and not (tmp_path / "n.png").exists()


@pytest.mark.parametrize(
    "broken",
    [
        {"sampled": np.array([5, 3])},
        {"sampled": np.array([5, 50])},
        {"sampled": np.array([3.0, 5.0])},
        {"sampled": np.array([1, 2, 3])},
        {"sample_measure": np.zeros((2, 5))},
        {"sample_done": None},
    ],
)
def test_files_that_are_not_right(tmp_path, broken):
    scene = Scene("tanh", replace(View.parse("0", "0", "1", "4x4"), samples=4), 60)
    field = Field.empty(scene)
    field.sampled, field.samples = np.array([3, 5]), Field.empty(scene, (2, 3))
    field.save(tmp_path / "f.npz")
    assert same(Field.load(tmp_path / "f.npz"), field)
    with np.load(tmp_path / "f.npz") as found:
        arrays = {**found, **broken}
    np.savez(tmp_path / "f.npz", **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(InputError, match=r"FILE: .*f\.npz"):
        Field.load(tmp_path / "f.npz")
