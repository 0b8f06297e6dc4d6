"""Colours of a film: they change evenly, and every end of orbits keeps its part of the palette."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gmpy2 import mpq

import deepzoom
from deepzoom.colouring import attractors, oklab
from deepzoom.colouring.colour import BY_RANK, coloured
from deepzoom.film.film import Target, make
from deepzoom.film.keyframes import Keyframes
from deepzoom.film.palette_ranks import Colours
from deepzoom.film.reproject import frame
from deepzoom.film.zoom_path import Descent, Film
from deepzoom.scene.colours import COURSE, Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View


def test_colours_go_evenly(filmed):
    """From frame to frame colours change only as the picture moves, and a frame looks like its view's picture."""
    film, keyframes, _ = filmed
    fine = replace(film, frames=400)
    colours = Colours(keyframes)

    def rgb(number):
        view = fine.view(number)
        return colours.rgb(frame(view, keyframes), fine.descent.position(view.depth))

    means = np.array([rgb(n).mean(axis=(0, 1)) for n in range(400)])
    assert np.abs(np.diff(means, axis=0)).max() < 0.03
    for number in (100, 250):
        direct = coloured(deepzoom.render(fine.scene(number)).field)
        assert np.abs(rgb(number) - direct).mean() < 0.12


def signed_keyframes(tmp_path, measure_of, how=BY_RANK):
    """A film of a training system with invented measures, f(log2 of the distance from the centre)."""
    scene = Scene("tanh", View.parse("0", "0", "1e-3", "32x32"), 60, colouring=how)
    descent = Descent.of(scene, mpq(1))
    keyframes = Keyframes(tmp_path, descent)
    for k in range(descent.count):
        field = deepzoom.Field.empty(descent.keyframe(k))
        field.done[:] = descent.new(k)
        x, y = field.scene.view.points(np.arange(32 * 32))
        field.measure[:] = measure_of(x, y).reshape(32, 32)
        field.fate[:] = np.where(field.measure < 0, -1, 1)
        field.save(keyframes.path(k))
    return keyframes


def test_converged_and_diverged_keep_their_parts_of_the_palette(tmp_path):
    keyframes = signed_keyframes(tmp_path, lambda x, y: np.where(x < 0, -1.0, 1.0) * (1 + np.hypot(x, y)))
    view = keyframes.descent.keyframe(8).view
    samples = frame(view, keyframes)
    colours = Colours(keyframes)
    colours._palette = "gray"
    rgb = colours.rgb(samples, 8.0)[..., 0]
    assert rgb[samples.measure < 0].min() > 0.6 and rgb[samples.measure > 0].max() < 0.4
    # the most negative measures, far out, have the highest places
    left = rgb[16, :16]
    assert np.all(np.diff(left) <= 1e-6) and left[0] > left[-1]


def test_ranks_blend_where_a_kind_is_rare(tmp_path):
    """Converged pixels become few, and vanish deeper down: their colours do not jump on the way."""
    keyframes = signed_keyframes(tmp_path, lambda x, y: np.where(x < -0.02, -1.0 - np.hypot(x, y), 1 + np.hypot(x, y)))
    colours = Colours(keyframes)
    colours._palette = "gray"
    film = Film(keyframes.descent, mpq(1), mpq(1, 1000), 300, 32, 32)
    before = None
    for number in range(300):
        view = film.view(number)
        samples = frame(view, keyframes)
        rgb = colours.rgb(samples, film.descent.position(view.depth))[..., 0]
        means = [rgb[samples.measure < 0].mean() if (samples.measure < 0).any() else None, rgb.mean()]
        if before is not None and before[0] is not None and means[0] is not None:
            assert abs(means[0] - before[0]) < 0.05
        before = means


def check_course(film, keyframes, by):
    """The frames' colours are in the order of what they show, and change evenly; exponents of both signs keep apart."""
    colours, means = Colours(keyframes), []
    colours._palette = "gray"
    for number in range(film.frames):
        view = film.view(number)
        samples = frame(view, keyframes)
        grey = colours.rgb(samples, film.descent.position(view.depth))[..., 0]
        values, ordered = np.sort(samples.course, axis=None), grey.ravel()[np.argsort(samples.course, axis=None)]
        rising = np.diff(ordered) * (-1 if by in ("loss", "lyapunov") else 1)
        assert not np.isnan(values).any() and rising.min() > -0.005
        if by == "lyapunov":
            assert (ordered[values < 0] >= 0.495).all() and (ordered[values > 0] <= 0.505).all()
        means.append(grey.mean())
    assert np.abs(np.diff(means)).max() < 0.06


@pytest.mark.parametrize("by", COURSE)
def test_the_course_of_runs(tmp_path, by):
    def wave(x, y):
        return np.round(1000 * np.sin(3 * np.log(np.hypot(x, y)) + np.arctan2(y, x))) / 8

    keyframes = signed_keyframes(tmp_path, lambda x, y: np.where(x < 0, -1.0, 1.0), Colouring(by))
    for k in range(keyframes.descent.count):
        field = deepzoom.Field.load(keyframes.path(k))
        x, y = field.scene.view.points(np.arange(32 * 32))
        values = (wave(x, y) + (200 if by == "best-step" else 0)).reshape(32, 32)
        setattr(field, COURSE[by], values.astype(np.int32) if by == "best-step" else values)
        field.save(keyframes.path(k))
    check_course(Film(keyframes.descent, mpq(1), mpq(1, 1000), 40, 32, 32), keyframes, by)
    black = Colours(keyframes)
    samples = replace(frame(keyframes.descent.keyframe(3).view, keyframes), course=np.full((32, 32), np.nan))
    assert np.ptp(black.rgb(samples, 3.0)) < 1e-12  # one colour where nothing is known


@pytest.mark.slow
@pytest.mark.parametrize("by", COURSE)
def test_a_film_of_the_course_of_runs(own_cache, tmp_path, by):
    """A frame looks like its view's picture."""
    scene = Scene("tanh", View.parse("1", "1", "0.5", "24x16"), 12, colouring=Colouring(by), trust="off")
    film = Film(Descent.of(scene, mpq(4)), mpq(4), scene.view.depth, 60, 24, 16)
    assert make(film, Target(tmp_path, tmp_path / "data", keep=True), jobs=2).complete
    keyframes, view = Keyframes(tmp_path / "data", film.descent), film.view(30)
    check_course(film, keyframes, by)
    rgb = Colours(keyframes).rgb(frame(view, keyframes), film.descent.position(view.depth))
    assert np.abs(rgb - coloured(deepzoom.render(film.scene(30)).field)).mean() < 0.12


def test_a_film_of_angles(tmp_path):
    """Colours are those of the keyframes' angles; a film without angles cannot have them later."""
    view = View.parse("-0.7463", "0.1102", "0.5", "24x16")
    scene = Scene("mandelbrot", view, 100, colouring=Colouring("binary"), trust="off")
    film = Film(Descent.of(scene, mpq(2)), mpq(2), view.depth, 5, 24, 16)
    assert make(film, Target(tmp_path, tmp_path / "data", keep=True), jobs=2).complete
    keyframes = Keyframes(tmp_path / "data", film.descent)
    first = keyframes.get(0)
    samples = frame(film.view(4), keyframes)
    assert ((samples.phase >= 0) == (samples.fate > 0)).all()
    rgb = Colours(keyframes).rgb(samples, film.descent.position(view.depth))
    assert np.abs(rgb - coloured(deepzoom.render(scene).field)).max() < 1 / 255
    first.make_room_to_border(False)
    first.save(keyframes.path(0))
    assert keyframes.state(0) == "other"


@pytest.mark.parametrize(
    "how", [Colouring("cyclic", 9.0), Colouring("histogram"), Colouring("distance"), Colouring(slope=40.0)]
)
def test_every_way_of_colouring(filmed, how):
    film, keyframes, _ = filmed
    other = Keyframes(keyframes.folder, replace(film.descent, scene=replace(film.descent.scene, colouring=how)))
    view = film.view(20)
    rgb = Colours(other).rgb(frame(view, other), film.descent.position(view.depth))
    scene = replace(film.scene(20), colouring=how)
    direct = coloured(deepzoom.render(scene).field)
    assert rgb.shape == direct.shape and np.isfinite(rgb).all()
    assert np.abs(rgb - direct).mean() < 0.17


def test_ends_have_their_parts_of_the_palette_in_every_frame(own_cache, tmp_path):
    scene = Scene("newton", View.parse("0.8", "0.7", "0.01", "24x16"), 200)
    film = Film(Descent.of(scene, mpq(4)), mpq(4), scene.view.depth, 12, 24, 16)
    assert make(film, Target(tmp_path, tmp_path / "data", keep=True)).complete
    keyframes = Keyframes(tmp_path / "data", film.descent)
    colours = Colours(keyframes)
    colours._palette = "gray"
    for number in range(12):
        view = film.view(number)
        samples = frame(view, keyframes)
        rgb = colours.rgb(samples, film.descent.position(view.depth))[..., 0]
        part = np.floor(np.clip(rgb, 0, 0.999) * 3) + 1
        assert np.array_equal(part[samples.measure >= 0], samples.attractor[samples.measure >= 0])
    scene = replace(film.descent.scene, colouring=Colouring("attractor"))
    hued = Colours(Keyframes(tmp_path / "data", replace(film.descent, scene=scene)))
    bases = attractors.bases(3, scene.palette, ())[:, 1:]
    for number in range(12):
        view = film.view(number)
        samples = frame(view, keyframes)
        rgb = hued.rgb(samples, film.descent.position(view.depth))
        drawn = samples.measure >= 0
        nearest = np.argmax(oklab.from_rgb(rgb[drawn])[:, 1:] @ bases.T, axis=1)  # the nearest of the three hues
        assert np.array_equal(nearest + 1, samples.attractor[drawn])
