"""Films: the path down, what keyframes compute, and reprojected frames against frames rendered directly."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from gmpy2 import mpq
from mandelbrot_scene import E50, mandelbrot

import deepzoom
from deepzoom import landmarks
from deepzoom.colouring.palettes import apply
from deepzoom.colouring.places import by_cycle
from deepzoom.errors import InputError
from deepzoom.film.exponential_map import expmap
from deepzoom.film.film import Target, estimate, make
from deepzoom.film.keyframes import Keyframes
from deepzoom.film.reproject import frame, sample
from deepzoom.film.zoom_path import Descent, Film, _followed, mapping, new_pixels
from deepzoom.rendering.batches import Observer, batches_of
from deepzoom.scene.colours import Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY, parse_stretch
from deepzoom.scene.view import View


def test_the_way_down():
    descent = Descent.of(mandelbrot("1e-30"), mpq(3))
    depths = [float(descent.keyframe(k).view.depth) for k in range(descent.count)]
    assert depths[0] == 3 and depths[-1] == 1e-30
    ratios = np.array(depths[:-1]) / depths[1:]
    assert np.allclose(ratios[:-1], np.sqrt(2), rtol=1e-10) and 1 < ratios[-1] <= np.sqrt(2) * (1 + 1e-10)
    film = Film(descent, mpq(3), mpq(1, 10**30), 11, 48, 32)
    logs = np.log([float(film.view(n).depth) for n in range(11)])
    assert np.allclose(np.diff(logs), np.log(1e-30 / 3) / 10, rtol=1e-10)
    assert (film.view(0).depth, film.view(10).depth) == (3, mpq(1, 10**30))
    assert descent.position(film.view(5).depth) == pytest.approx(2 * np.log2(3e30) / 2)


def test_a_thousand_decimals_deep():
    descent = Descent.of(mandelbrot("1e-1000"), mpq(3))
    assert descent.count == int(np.ceil(2 * np.log2(3) + 2000 * np.log2(10))) + 1
    middle = descent.keyframe(3000).view.depth
    assert abs(Fraction(int(middle.numerator), int(middle.denominator)) * 2**1500 / 3 - 1) < Fraction(1, 10**9)


@pytest.mark.parametrize("quality", [0.7, 1.0, 2.0])
@pytest.mark.parametrize("shape", [IDENTITY, parse_stretch("20@30").turned(40)])
def test_pixels_are_new_unless_the_next_keyframe_covers_them_whole(quality, shape):
    """The exact corners of each pixel against the next view's box."""
    descent = Descent.of(mandelbrot("1e-9", "24x16", shape), mpq(3), quality)
    outer, inner = (descent.keyframe(k).view for k in (20, 21))
    new = new_pixels(outer, inner)
    turn = np.linalg.inv(inner.shape.matrix)
    for row in range(outer.height):
        for column in range(outer.width):
            inside = []
            for j, i in ((-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5)):
                x, y = outer.at(column + j, row + i)
                u, v = turn @ [float((x - inner.x) / inner.depth), float((y - inner.y) / inner.depth)]
                inside.append(abs(u) <= inner.width / inner.height / 2 and abs(v) <= 0.5)
            assert new[row, column] == (not all(inside)), (row, column)
    assert 0.45 < new.mean() < 0.75


def test_the_number_of_runs_depends_on_the_octaves_alone():
    """At most 1.5 times three quarters of a frame for each octave."""
    descent = Descent.of(mandelbrot("1e-20", "128x128"), mpq(9))
    few, many = (estimate(Film(descent, mpq(9), mpq(1, 10**20), n, 128, 128), 1, Observer()) for n in (10, 5000))
    assert few["pixels"] == many["pixels"] < 1.5 * 0.75 * 128 * 128 * np.log2(9e20) + 128 * 128
    assert few["bytes"] < many["bytes"] and few["keyframes"] == descent.count


def test_wanted_tiles_hold_those_pixels_alone():
    wanted = np.random.default_rng(1).random((30, 40)) < 0.3
    every = np.concatenate(list(batches_of(40, 30, 64, wanted)))
    assert np.array_equal(np.sort(every), np.flatnonzero(wanted))


def test_only_what_is_new_is_computed(filmed):
    film, keyframes, facts = filmed
    count = film.descent.count
    assert facts["pixels"] == sum(film.descent.new(k).sum() for k in range(count))
    for k in range(count):
        assert np.array_equal(keyframes.get(k).done, film.descent.new(k))
    assert film.descent.new(count - 1).all()


def pixel_scale_border(field):
    """Which pixels have another fate within two pixels."""
    fate = np.pad(field.fate, 2, mode="edge")
    h, w = field.fate.shape
    parts = np.stack([fate[i : i + h, j : j + w] for i in range(5) for j in range(5)])
    return parts.min(axis=0) != parts.max(axis=0)


@pytest.mark.parametrize("number", [0, 7, 18, 29, 39])
def test_reprojected_frames_equal_rendered_ones(filmed, number):
    film, keyframes, _ = filmed
    samples = frame(film.view(number), keyframes)
    field = deepzoom.render(film.scene(number)).field
    away = ~pixel_scale_border(field)
    assert away.sum() > 100
    assert (samples.fate == field.fate)[away].mean() >= 0.99
    smooth = away & (field.measure > 0)
    slope = np.maximum(*(np.abs(g) for g in np.gradient(field.measure)))
    assert (np.abs(samples.measure - field.measure) <= 2 * slope + 0.1)[smooth].mean() > 0.85
    if number in (0, 39):  # the first and the last frame are keyframes themselves
        i, j = np.indices(away.shape)
        beyond = np.maximum(np.abs(j + 0.5 - 24) / 24, np.abs(i + 0.5 - 16) / 16) * np.sqrt(2) > 1
        own = beyond if number == 0 else np.ones_like(away)
        assert np.array_equal(samples.measure[own], field.measure[own])


@pytest.mark.slow
def test_reprojected_frames_of_a_training_fractal(own_cache, tmp_path):
    """Down to depths where keyframes are differences from one reference run."""
    place = landmarks.get("tanh-deep")
    scene = Scene("tanh", View.parse(place.x, place.y, "1e-6", "20x16"), 50, backend="cpu-perturbation")
    film = Film(Descent.of(scene, mpq(9)), mpq(9), scene.view.depth, 24, 20, 16)
    assert make(film, Target(tmp_path, tmp_path / "data", keep=True)).complete
    keyframes = Keyframes(tmp_path / "data", film.descent)
    kinds, same = 0, []
    for number in (0, 2, 5, 23):
        field = deepzoom.render(film.scene(number)).field
        samples = frame(film.view(number), keyframes)
        away = ~pixel_scale_border(field)
        same.append((samples.fate == field.fate)[away])
        kinds += len(np.unique(field.fate)) == 2
        assert np.median(np.abs(samples.measure - field.measure) / np.abs(field.measure)) < 0.05
    assert kinds > 2 and np.concatenate(same).mean() >= 0.99


def test_every_point_is_covered(filmed):
    film, keyframes, _ = filmed
    for number in range(film.frames):
        for samples in (1, 3):
            assert not np.isnan(frame(replace(film, samples=samples).seen(film.shot(number)), keyframes).measure).any()


def test_a_point_takes_the_value_of_the_deepest_keyframes_pixel(filmed):
    """The deepest keyframe whose box holds the point."""
    film, keyframes, _ = filmed
    view = film.view(10)
    u, v = 0.01, 0.003  # near the centre, about seven keyframes deeper
    got = sample(view, np.array([[u], [v]]), keyframes).measure[0]
    x, y = u * float(view.depth), v * float(view.depth)
    for k in reversed(range(film.descent.count)):
        own = keyframes.get(k)
        depth = float(own.scene.view.depth)
        row, column = int(16 - y / depth * 32), int(24 + x / depth * 32)
        if max(abs(x) / 48, abs(y) / 32) * 32 / depth < 0.5:
            assert own.done[row, column] and own.measure[row, column] == got
            return
    raise AssertionError


def test_the_centre_of_an_odd_frame(filmed):
    film, keyframes, _ = filmed
    view = replace(film.view(5), width=47, height=31)
    measure = frame(view, keyframes).measure
    assert not np.isnan(measure).any()


def test_a_mapping_goes_there_and_back():
    a = replace(View.parse("0", "0", "1e-30", "8x8"), shape=parse_stretch("9@20"))
    b = replace(View.parse("0", "0", "3e-32", "8x8"), shape=parse_stretch("7@25").turned(10))
    assert np.allclose(mapping(a, b) @ mapping(b, a), np.eye(2))
    point = np.array([0.2, -0.3])
    exact = [float(v) for v in a.shape.times(mpq(0.2), mpq(-0.3))]
    assert np.allclose(b.shape.matrix @ (mapping(a, b) @ point) * 3e-32, np.array(exact) * 1e-30, atol=0)


@pytest.mark.parametrize("flip", [False, True])
def test_stretched_and_flipped_films(own_cache, tmp_path, flip):
    place = landmarks.get("burning-ship-deep")
    view = View.parse(place.x, place.y, "1e-6", "32x32")
    view = replace(view, shape=parse_stretch("6@60").turned(50), flip=flip)
    scene = Scene("burning-ship", view, 2000)
    film = Film(Descent.of(scene, mpq(1)), mpq(1), view.depth, 9, 32, 32)
    keyframes = Keyframes(tmp_path / "data", film.descent)
    assert make(film, Target(tmp_path, tmp_path / "data", keep=True)).complete
    assert film.view(0).shape == IDENTITY and film.view(8) == view
    for number in (0, 4, 8):
        field = deepzoom.render(film.scene(number)).field
        samples = frame(film.view(number), keyframes)
        assert not np.isnan(samples.measure).any()
        away = ~pixel_scale_border(field)
        assert (samples.fate == field.fate)[away].mean() >= 0.99
        assert np.median(np.abs(samples.measure - field.measure)[away]) < 0.5


def test_a_turn_too_sharp_for_its_way_is_refused():
    with pytest.raises(InputError, match="--stretch: the view is stretched and turned too much for so short a zoom"):
        Descent.of(mandelbrot("0.5", shape=parse_stretch("1e6@10")), mpq(1))
    with pytest.raises(InputError, match="--to: this is less deep than --from"):
        Descent.of(mandelbrot("2"), mpq(1))
    for quality in (0.0, 17.0, float("nan")):
        with pytest.raises(InputError, match=r"--quality: .* is not a number from 0.1 to 16"):
            Descent.of(mandelbrot(), mpq(1), quality)


def test_a_stretch_follows_what_it_is_told_smoothly_and_never_falls():
    rng = np.random.default_rng(5)
    told = np.exp2(np.linspace(0, 10, 140) + rng.normal(size=140))
    shares = np.array(_followed(told.tolist()))
    grown = shares * np.log2(told[-1])
    assert shares[-1] == 1 and np.diff(grown).min() >= 0 and np.diff(grown).max() <= 0.2 + 1e-9
    middle = np.linspace(0, 10, 140)[20:110]
    assert np.abs(grown[20:110] - middle).max() < 1.5
    assert _followed([1.0, 1.0, 1.0]) == [1.0, 1.0, 1.0]
    # a jump at the end starts its turn before it
    assert np.diff(np.array(_followed([1.0] * 20 + [2.0**4])) * 4).max() <= 0.2 + 1e-9


def test_the_exponential_map(filmed):
    """Each row is a circle of the view, one pixel wide. Its values are compared with the formula's."""
    film, keyframes, _ = filmed
    descent = replace(film.descent, scene=replace(film.descent.scene, colouring=Colouring("cyclic", 4.0)))
    own = Keyframes(keyframes.folder, descent)
    strip = expmap(own)
    rows, width, _ = strip.shape
    assert width == round(np.pi * np.hypot(48, 32))
    assert rows == pytest.approx(np.log(3e4) * width / (2 * np.pi), abs=1)
    assert expmap(own, most_rows=50).shape[0] in (49, 50, 51)
    shaded = replace(descent.scene, colouring=Colouring(slope=45.0))
    assert np.isfinite(expmap(Keyframes(keyframes.folder, replace(descent, scene=shaded)), most_rows=50)).all()
    # outer rows, far from the set: the smooth count of each point, iterated alone
    errors = []
    for row in range(0, rows // 12, 4):
        for column in range(0, width, 9):
            angle, distance = (column + 0.5) * 2 * np.pi / width, 1.5 * np.exp(-(row + 0.5) * 2 * np.pi / width)
            c = complex(float(E50.x), float(E50.y)) + distance * np.exp(1j * angle)
            z, n = 0j, 0
            while abs(z) < 1e10 and n < 300:
                z, n = z * z + c, n + 1
            if n < 300:
                place = by_cycle(np.array([n + 1 - np.log2(np.log2(abs(z)))]), 4.0, True)
                errors.append(np.abs(apply("Spectral", place)[0] - strip[row, column]).max())
    assert len(errors) > 50 and np.median(errors) < 0.05
