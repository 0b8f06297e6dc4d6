"""Colours by attractor: each attractor keeps its hue, hues differ clearly, and faster pixels are lighter."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from typer.testing import CliRunner

from deepzoom import systems
from deepzoom.cli import app
from deepzoom.colouring import attractors, oklab
from deepzoom.colouring.colour import coloured
from deepzoom.colouring.palettes import apply
from deepzoom.commands.requests.colours import ColourOptions
from deepzoom.commands.requests.scene import Request
from deepzoom.errors import InputError
from deepzoom.rendering.field import Field
from deepzoom.scene.colours import DEFAULT_PALETTE, Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

BY = Colouring("attractor")
# how an eye without long, middle or short cones sees linear light (Machado, Oliveira, Fernandes 2009, severity 1)
EYES = {
    "all": np.eye(3),
    "no long": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no middle": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no short": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def field_of(system, measure, attractor, how=BY, palette=DEFAULT_PALETTE, settings=None):
    height, width = measure.shape
    view = View.parse("0", "0", "3", (width, height))
    scene = Scene(system, view, 100, settings or {}, palette=palette, colouring=how)
    done = np.ones(measure.shape, np.bool_)
    return replace(Field.empty(scene), measure=measure, attractor=attractor.astype(np.int16), done=done)


def hues(rgb):
    """Hues in degrees."""
    lab = oklab.from_rgb(rgb)
    return np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360


def apart(a, b):
    return np.abs((a - b + 180) % 360 - 180)


def test_oklab_against_its_published_values():
    known = {(1, 1, 1): (1, 0, 0), (1, 0, 0): (0.62796, 0.22486, 0.12585), (0, 0, 1): (0.45201, -0.03246, -0.31153)}
    for rgb, lab in known.items():
        assert np.allclose(oklab.from_rgb(np.array(rgb, float)), lab, atol=2e-4)
    some = np.random.default_rng(1).random((50, 3))
    assert np.allclose(oklab.to_rgb(oklab.from_rgb(some)), some, atol=1e-5)


def test_colours_beyond_srgb_keep_lightness_and_hue():
    wanted = np.array([[0.6, 0.3 * np.cos(t), 0.3 * np.sin(t)] for t in np.linspace(0, 6, 13)])
    rgb = oklab.to_rgb(wanted)
    got = oklab.from_rgb(rgb)
    assert rgb.min() >= 0 and rgb.max() <= 1
    assert np.allclose(got[:, 0], 0.6, atol=1e-3)
    assert apart(hues(rgb), np.degrees(np.arctan2(wanted[:, 2], wanted[:, 1])) % 360).max() < 0.5


@pytest.mark.parametrize(("ends", "least"), [(2, 0.27), (3, 0.18), (4, 0.14), (5, 0.1), (8, 0.05)])
def test_ends_look_different_to_every_eye(ends, least):
    """Distances in OKLab are as docs/colouring.md states them. A distance of 0.02 can just be seen."""
    rgb = oklab.to_rgb(attractors.bases(ends, DEFAULT_PALETTE, ()))
    light = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    for eye in EYES.values():
        seen = np.clip(light @ np.transpose(eye), 0, 1)
        lab = oklab.from_rgb(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055))
        assert min(np.linalg.norm(a - b) for a, b in combinations(lab, 2)) > least


@pytest.mark.parametrize(("system", "ends"), [("newton", 3), ("nova", 1), ("magnet1", 2)])
def test_hues_are_of_the_number_not_of_what_is_seen(system, ends):
    """An attractor alone in a view has the same colours as beside others."""
    rng = np.random.default_rng(2)
    first = 0 if system == "magnet1" else 1  # attractor 0 is escape
    attractor = rng.integers(first, first + ends, (40, 40))
    measure = 5 + 20 * rng.random((40, 40))
    rgb = coloured(field_of(system, measure, attractor))
    for number in range(first, first + ends):
        own = attractor == number
        hue = (attractors.FIRST_HUE + 360 * (number - first) / ends) % 360
        assert apart(hues(rgb[own]), hue).max() < 2
        one = coloured(field_of(system, np.where(own, measure, -1.0), np.where(own, number, 0)))
        assert np.allclose(one[own], rgb[own]) and np.all(one[~own] == 0)


def test_fast_is_light_and_each_attractor_has_all_shades():
    """A pixel's lightness follows its rank among its attractor's pixels alone. Each count has a contour."""
    counts = np.sort(np.random.default_rng(3).random((2, 300)) * 10)
    measure = np.stack([counts[0], 1000 + counts[1]])
    light = oklab.from_rgb(coloured(field_of("newton", measure, np.array([[1] * 300, [3] * 300]))))[..., 0]
    parts = light.reshape(2, 10, 30).mean(axis=2)
    assert np.all(np.diff(parts) < 0.02) and np.all(parts[:, 0] - parts[:, -1] > 0.3)
    whole = np.full((1, 200), 5.0) + np.linspace(0, 4, 200)
    ripples = coloured(field_of("newton", whole, np.ones((1, 200))))[0].sum(axis=1)
    assert np.sum(np.diff(np.sign(np.diff(ripples))) < 0) >= 3  # maxima, near whole counts, as contours have
    assert np.abs(np.diff(ripples)).max() < 0.1  # but no edges


def test_interior_slopes_and_pixels_not_done():
    rng = np.random.default_rng(4)
    measure = np.where(rng.random((16, 16)) < 0.2, -1.0, 30 * rng.random((16, 16)))
    attractor = np.where(measure < 0, 0, rng.integers(1, 4, (16, 16)))
    plain = coloured(field_of("newton", measure, attractor, replace(BY, interior="#336699")))
    lit = coloured(field_of("newton", measure, attractor, replace(BY, interior="#336699", slope=45.0)))
    for rgb in (plain, lit):
        assert np.allclose(rgb[measure < 0], [0.2, 0.4, 0.6]) and rgb.min() >= 0 and rgb.max() <= 1
    assert not np.array_equal(plain, lit)
    field = field_of("newton", measure, attractor)
    field.done[:] = False
    assert np.all(coloured(field) == 0.5)


def test_another_palette_gives_its_own_colours():
    eight = {"polynomial": "1,0,0,0,0,0,0,0,-1"}
    attractor = np.arange(1, 9)[None, :] * np.ones((9, 1), np.int64)
    measure = np.arange(9.0)[:, None] * np.ones((1, 8))
    rgb = coloured(field_of("newton", measure, attractor, palette="hsv", settings=eight))
    wanted = hues(apply("hsv", (np.arange(8) + 0.5) / 8, True))
    assert apart(hues(rgb[4]), wanted).max() < 3


def test_newton_alone_is_so_by_itself_and_old_scenes_stay():
    places = {name: Request(system=name).to_scene().colouring.by for name in systems.ESCAPE_TIME if name != "formula"}
    assert [name for name, by in places.items() if by == "attractor"] == ["newton"]
    for given in ({"center": ("0", "0"), "depth": "1"}, {"at": "newton-deep"}):
        request = Request(system="newton", **given)
        scene = request.to_scene()
        assert scene.colouring == BY and Scene.from_toml(scene.to_toml()) == scene
        old = replace(request, colours=ColourOptions(colouring="rank")).to_scene()
        assert old == replace(scene, colouring=Colouring()) and "colouring" not in old.to_toml()
        assert Scene.from_toml(old.to_toml()).colouring == Colouring()
    assert Request(system="newton", colours=ColourOptions(palette="magma")).to_scene().colouring == BY


def test_a_scene_file_without_colouring_is_by_rank(tmp_path):
    file = tmp_path / "old.toml"
    file.write_text(Request(system="newton", colours=ColourOptions(colouring="rank")).to_scene().to_toml())
    assert Request(scene=file).to_scene().colouring == Colouring()


def test_refused_where_there_is_no_attractor():
    known = {n for n in systems.ESCAPE_TIME if systems.create(n).ends.stop > 1}
    assert known == {"newton", "nova", "magnet1", "magnet2"}
    for name in ("mandelbrot", "tanh", "lyapunov"):
        result = CliRunner().invoke(app, ["render", name, "--colouring", "attractor", "--dry-run"])
        assert result.exit_code == 2 and result.stderr.count("\n") == 1
        assert f"whose runs end at attractors; give rank or cyclic for {name}." in result.stderr
    with pytest.raises(InputError, match="name the file"):
        ColourOptions(colouring="attractor").applied(Scene("never-named.py:step", View.parse("0", "0", "1", "8x8"), 9))
