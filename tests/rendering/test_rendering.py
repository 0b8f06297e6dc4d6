"""From a scene to its field: each pixel once, coarse to fine, the same on any backend, stopped and resumed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gmpy2 import mpq
from small_network import SmallNetwork

from deepzoom.errors import InputError
from deepzoom.rendering import batches as work
from deepzoom.rendering import render as rendering
from deepzoom.rendering.batches import Observer, batches_of
from deepzoom.rendering.render import render
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

X, Y = "-0.41415926535897932384626433832795028841971", "-0.1718281828459045235360287471352662497757"


@pytest.fixture
def scene(tmp_path):
    small = SmallNetwork(31, widths=(2, 3, 1), rows=4)
    np.savez(tmp_path / "own.npz", X=small.x, Y=small.y, theta0=small.weights[0], theta1=small.weights[1])
    settings = {"data": str(tmp_path / "own.npz")}
    return Scene("tanh", View.parse(X, Y, "1e-20", "70x50"), 60, settings)


@pytest.mark.parametrize(("width", "height", "size"), [(1, 1, 8), (70, 50, 64), (33, 7, 1000), (16, 16, 1)])
def test_tiles_hold_every_pixel_once_coarse_ones_first(width, height, size):
    found = list(batches_of(width, height, size))
    assert all(0 < len(t) <= size for t in found)
    every = np.concatenate(found)
    assert np.array_equal(np.sort(every), np.arange(width * height))
    fineness = [(1 if (p // width) % 2 or (p % width) % 2 else 2) for p in every.tolist()]
    assert fineness == sorted(fineness, reverse=True)


def test_the_same_whatever_runs_it(own_cache, scene, monkeypatch):
    monkeypatch.setattr("deepzoom.backends.training.perturbation.batch_size_of", lambda *a: 96)
    results = [render(scene, jobs=jobs).field for jobs in (1, 2, 5)]
    assert results[0].done.all()
    for other in results[1:]:
        assert np.array_equal(other.measure, results[0].measure)
        assert np.array_equal(other.fate, results[0].fate)


class StopsAt(Observer):
    def __init__(self, count):
        self.count, self.done, self.kept = count, 0, 0

    def pixels(self, field, done, total):
        self.done = done
        assert done == field.done.sum() and total == field.done.size

    def checkpoint(self, field):
        self.kept += 1

    def stopped(self):
        return self.done >= self.count


def test_a_stopped_render_goes_on_to_the_same_field(own_cache, scene, tmp_path, monkeypatch):
    monkeypatch.setattr("deepzoom.backends.training.perturbation.batch_size_of", lambda *a: 64)
    monkeypatch.setattr(work, "FIRST_CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(work, "CHECKPOINT_SECONDS", 0.0)
    whole = render(scene)
    assert whole.complete
    observer = StopsAt(1000)
    part = render(scene, jobs=2, observer=observer)
    assert not part.complete and 1000 <= part.facts["pixels"] < 3500 and observer.kept > 0
    assert part.field.done.sum() == part.facts["pixels"]
    part.field.save(tmp_path / "p.npz")
    kept = type(part.field).load(tmp_path / "p.npz")
    before = kept.done.copy()
    kept.measure[before] += 1.0  # marks these pixels: if they ran again, the mark would be lost
    rest = render(scene, partial=kept)
    assert rest.complete
    assert np.array_equal(rest.field.measure[~before], whole.field.measure[~before])
    assert np.array_equal(rest.field.measure[before], whole.field.measure[before] + 1.0)


def test_stopping_before_the_first_pixel(own_cache, scene):
    class AtOnce(Observer):
        def stopped(self):
            return True

    part = render(scene, observer=AtOnce())
    assert not part.complete and not part.field.done.any() and part.facts["pixels"] == 0


def test_facts(own_cache, scene):
    facts = render(scene).facts
    assert facts["backend"] == "cpu-perturbation" and facts["pixels"] == 3500
    assert (facts["settled"], facts["unchecked"]) == (70, 3430)
    assert facts["bits"] >= 128 and 0 < facts["reference_steps"] <= 60
    shallow = render(replace(scene, view=replace(scene.view, depth=mpq(1)))).facts
    assert (shallow["backend"], shallow["bits"], shallow["reference_steps"]) == ("cpu-float64", 53, 0)


def test_auto_goes_by_what_float64_resolves_at_the_centre(scene):
    def chosen(x, depth):
        return rendering.plan(replace(scene, view=View.parse(x, "0.5", depth, "256x256"))).backend.name

    # pixels are 2**-8 of the depth apart; float64's spacing is 2**-52 at 1, 2**-58 at 1/64
    assert chosen("1.0", str(1e3 * 2.0**-34)) == "cpu-float64"
    assert chosen("1.0", str(0.9 * 2.0**-34)) == "cpu-perturbation"
    assert chosen("100", str(16 * 2.0**-34)) == "cpu-perturbation"


def test_what_cannot_be_rendered_is_said_before_anything_runs(scene):
    for change, message in [
        ({"system": "tan"}, "tan"),
        ({"backend": "gpu"}, "--backend: 'gpu' is none of auto, cpu-float64"),
        ({"settings": {"colour": "red"}}, "--set: tanh has no setting 'colour'; it has data"),
        ({"settings": {"activation": "sinus"}}, "--set activation: 'sinus' is not one of identity"),
        ({"settings": {"rates": "x,z"}}, "--set rates: 'z' is neither x, y nor a log10"),
        ({"settings": {"rates": "x"}}, "names 1 layers; the network has 2"),
        ({"settings": {"data": "none.npz"}}, "--set data: none.npz does not exist"),
        ({"steps": 0}, "--steps: 0 is not from 1 to"),
        ({"bits": 64, "backend": "cpu-perturbation"}, "--bits: 64 is too few for depth 1e-20"),
        ({"view": View.parse("400", "0", "1", "8x8")}, "--center x: coordinates are log10 of a learning rate"),
        ({"settings": {}, "system": "minibatch", "steps": 1001}, "--steps: 1001 is more than the 1000 steps"),
    ]:
        with pytest.raises(InputError) as error:
            rendering.plan(replace(scene, **change))
        assert message in str(error.value)


@pytest.fixture
def distances(own_cache, monkeypatch):
    """Makes a backend give each pixel its number as its distance, if a distance is asked for."""
    from deepzoom.backends.escape_time.float64 import Float64Job

    run = Float64Job.run
    monkeypatch.setattr(Float64Job, "batch_size", 100)

    def give(some):
        def with_distance(self, pixels):
            out = run(self, pixels)
            return replace(out, distance=pixels.astype(float)) if some(pixels) else out

        monkeypatch.setattr(Float64Job, "run", with_distance)

    return give


ESCAPE = Scene("mandelbrot", View.parse("-0.75", "0", "3", "40x30"), 200)


def test_distances_stand_at_their_pixels_also_after_going_on(distances, tmp_path):
    assert render(ESCAPE).field.distance is None
    distances(lambda pixels: True)
    numbers = np.arange(1200.0).reshape(30, 40)
    assert np.array_equal(render(ESCAPE).field.distance, numbers)
    part = render(ESCAPE, jobs=1, observer=StopsAt(300)).field
    assert np.array_equal(part.distance, np.where(part.done, numbers, -1)) and 300 <= part.done.sum() < 1200
    part.save(tmp_path / "p.npz")
    assert np.array_equal(render(ESCAPE, partial=type(part).load(tmp_path / "p.npz")).field.distance, numbers)


def test_a_field_has_the_distances_of_all_its_pixels_or_none(distances):
    part = render(ESCAPE, jobs=1, observer=StopsAt(300)).field
    distances(lambda pixels: 1199 not in pixels)
    assert render(ESCAPE).field.distance is None
    distances(lambda pixels: True)
    rest = render(ESCAPE, partial=part)
    assert rest.complete and rest.field.distance is None


def test_read_outs_join_by_what_all_of_them_have():
    from deepzoom.backends.base import ReadOut

    def out(count, **more):
        return ReadOut(np.ones(count), *np.zeros((2, count), np.int8), **more)

    with_distance = out(2, distance=np.array([1.0, 2.0]))
    assert ReadOut.joined([with_distance, out(3, distance=np.full(3, 5.0))]).distance.tolist() == [1, 2, 5, 5, 5]
    assert ReadOut.joined([with_distance, out(3)]).distance is None
    later = replace(with_distance, iterations=np.array([4, 0]), fate=np.array([1, 0], np.int8)).after(10)
    assert later.distance is None and later.iterations.tolist() == [14, 0]
