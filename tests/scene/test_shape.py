"""Stretched and turned views: where their pixels lie, what they show, and how the shape is given and stored."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import escape_oracle
import mpmath
import numpy as np
import pytest
from small_network import KINDS, SmallNetwork, quiet, system_of

from deepzoom import systems
from deepzoom.arithmetic.tangent import monomials, substituted
from deepzoom.backends.cpu_float64 import CpuFloat64
from deepzoom.backends.cpu_perturbation import CpuPerturbation
from deepzoom.backends.exact import ExactBackend
from deepzoom.commands.requests.scene import Request
from deepzoom.errors import InputError
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY, Shape, parse_stretch
from deepzoom.scene.view import View

X, Y = "-0.41415926535897932384626433832795", "-0.1718281828459045235360287471352"


SHIP = (
    "-1.04990754514637048724270657147425222328314931231242206340821112",
    "-0.9130527524344864042255938591760607042357488623618701379638785399",
)
"""Islands near the Burning Ship."""


LEANING = ["31.5", "-0.125", "7.3", "0.061"]  # determinant 2.834


def true_point(view, texts, pixel):
    """The point of a pixel by the contract's formula, centre + depth * shape (u, v)."""
    row, column = divmod(pixel, view.width)
    u = (Fraction(column) + Fraction(1, 2) - Fraction(view.width, 2)) / view.height
    v = (Fraction(view.height, 2) - row - Fraction(1, 2)) / view.height * (-1 if view.flip else 1)
    a, b, c, d = map(Fraction, texts)
    depth = Fraction(str(view.depth))
    return Fraction(str(view.x)) + depth * (a * u + b * v), Fraction(str(view.y)) + depth * (c * u + d * v)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("depth", ["9", "1e-7", "3.3e-400"])
@pytest.mark.parametrize("texts", [LEANING, ["1." + "123456789" * 9, "0.5", "-0.5", "1"]])
def test_pixels_stand_where_the_contract_says(flip, depth, texts):
    view = replace(View.parse(X, Y, depth, "37x24"), shape=Shape.parse(texts), flip=flip)
    pixels = np.random.default_rng(1).choice(view.pixels, 30, replace=False)
    dx, dy, exponent = view.differences(pixels)
    x, y = view.points(pixels)
    largest = max(
        abs(v - Fraction(str(c)))
        for corner in (0, 36, 37 * 23, 37 * 24 - 1)
        for v, c in zip(true_point(view, texts, corner), (view.x, view.y))
    )
    assert largest <= Fraction(str(view.largest_difference())) <= Fraction(11, 10) * largest
    for k, pixel in enumerate(pixels.tolist()):
        true = true_point(view, texts, pixel)
        row, column = divmod(pixel, 37)
        assert tuple(Fraction(str(v)) for v in view.at(column, row)) == true
        assert (x[k], y[k]) == (float(true[0]), float(true[1]))
        for got, at, centre in zip((dx[k], dy[k]), true, (view.x, view.y)):
            difference = at - Fraction(str(centre))
            assert abs(got) < 1
            assert abs(Fraction(got) * Fraction(2) ** exponent - difference) <= abs(difference) * Fraction(3, 2**53)


def test_the_innermost_pixels_are_not_nearer_than_said():
    view = replace(View.parse("0", "0", "1", "16x16"), shape=Shape.parse(LEANING))
    near = min(max(map(abs, true_point(view, LEANING, p))) for p in range(256))
    assert Fraction(str(view.smallest_difference())) <= near


def test_a_stretch_and_a_turn_are_what_they_say():
    assert parse_stretch("3@90").texts() == ["1", "0", "0", "3"]
    assert IDENTITY.turned(90).texts() == ["0", "-1", "1", "0"]
    leaning = parse_stretch("32@30")
    along, across = np.array([math.cos(math.pi / 6), 0.5]), np.array([-0.5, math.cos(math.pi / 6)])
    assert np.allclose(leaning.matrix @ along, 32 * along, atol=1e-9)
    assert np.allclose(leaning.matrix @ across, across, atol=1e-9)
    # with a turn of 30 degrees, the picture's right is the stretched direction
    assert np.allclose(leaning.turned(30).matrix @ [1, 0], 32 * along, atol=1e-9)
    assert parse_stretch("32@-330") == leaning == parse_stretch("32@390")


def test_a_share_of_a_shape_composes():
    shape = parse_stretch("1000@20").turned(50)
    assert shape.part(0, 0) == IDENTITY and shape.part(1, 1) == shape
    sizes = np.linalg.svd(shape.part(1 / 3, 0.2).matrix)[1]
    assert sizes == pytest.approx([10, 1], rel=1e-9)
    twice = IDENTITY.turned(60).part(0.3, 0.5)
    assert np.allclose(twice.matrix, IDENTITY.turned(30).matrix, atol=1e-9)


def test_scenes_keep_it():
    view = replace(View.parse(X, Y, "1e-20", "8x8"), shape=parse_stretch("32@33.3").turned(12.5))
    scene = Scene("tanh", view, 500)
    assert Scene.from_toml(scene.to_toml()) == scene
    plain = Scene("tanh", replace(view, shape=IDENTITY), 500).to_toml()
    assert "shape" not in plain and Scene.from_toml(plain).view.shape == IDENTITY


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ('["1", "0", "0"]', "is not four decimal texts"),
        ("[1, 0, 0, 1]", "is not four decimal texts"),
        ('["1", "0", "0", "x"]', "'x' is not a decimal number"),
        ('["1", "2", "2", "4"]', "is not above zero"),
        ('["1", "0", "0", "-1"]', "is not above zero"),
    ],
)
def test_a_wrong_shape_is_refused(shape, message):
    text = Scene("tanh", View.parse(X, Y, "1e-20", "8x8"), 500).to_toml()
    with pytest.raises(InputError, match=r"--scene: a\.toml: view\.shape: .*") as error:
        Scene.from_toml(text.replace('size = "8x8"', f'size = "8x8"\nshape = {shape}'), "--scene: a.toml")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stretch": "32"}, "--stretch: '32' is not auto, off or RATIO@ANGLE, such as 32@45."),
        ({"stretch": "0@3"}, "--stretch: 0 is not a ratio from 1e-9 to 1e9"),
        ({"stretch": "1e10@3"}, "--stretch: 1e10 is not a ratio from 1e-9 to 1e9"),
        ({"stretch": "-2@3"}, "--stretch: -2 is not a ratio from 1e-9 to 1e9"),
        ({"stretch": "2@north"}, "--stretch: 'north' is not a decimal number"),
        ({"stretch": "auto", "rotate": "nan"}, "--rotate: 'nan' is not a decimal number"),
    ],
)
def test_wrong_options_are_one_sentence(given, message):
    with pytest.raises(InputError) as error:
        Request(**given).to_scene()
    assert message in str(error.value)


def test_options_override_a_scene(tmp_path):
    scene = Request("tanh", stretch="4@10", rotate="20").to_scene()
    path = tmp_path / "a.toml"
    path.write_text(scene.to_toml())
    assert Request(scene=path).to_scene().view.shape == scene.view.shape == parse_stretch("4@10").turned(20)
    assert Request(scene=path, rotate="-20").to_scene().view.shape.matrix == pytest.approx(parse_stretch("4@10").matrix)
    assert Request(scene=path, stretch="2@0").to_scene().view.shape == parse_stretch("2@0")


def test_polynomials_in_the_pictures_own_coordinates():
    rng, order = np.random.default_rng(3), 4
    data, matrix = rng.normal(size=(len(monomials(order)), 5)), rng.normal(size=(2, 2))

    def value(coefficients, x, y):
        return sum(c * x**i * y**j for c, (i, j) in zip(coefficients, monomials(order).tolist()))

    u, v = 0.3, -0.7
    assert value(substituted(data, order, matrix), u, v) == pytest.approx(value(data, *(matrix @ [u, v])), rel=1e-12)


@pytest.mark.parametrize("kind", ["tanh", "relu", "minibatch", "offset once"])
@pytest.mark.parametrize("backend", [CpuPerturbation, ExactBackend, CpuFloat64])
def test_pixels_of_stretched_views_equal_mpmath(own_cache, kind, backend):
    """Along the weak direction differences are sums that cancel: a stretch costs its own digits, three here."""
    import oracle

    small = SmallNetwork(20, steps=80, **KINDS[kind])
    depth = "1e-4" if backend is CpuFloat64 else "1e-20"
    place = replace(View.parse(X, Y, depth, "12x8"), shape=parse_stretch("700@25").turned(70))
    texts = place.shape.texts()
    pixels = np.array([0, 17, 42, 95])
    out = backend().job(system_of(small), place, None, quiet, quiet).run(pixels)
    with mpmath.workprec(500):
        for pixel, measure, fate in zip(pixels.tolist(), out.measure, out.fate):
            exact = [mpmath.mpf(v.numerator) / v.denominator for v in true_point(place, texts, pixel)]
            true = oracle.measure(small.oracle(*exact)[0])
            assert measure == pytest.approx(float(true), rel=1e-9)
            assert fate == (-1 if true < 0 else 1)


@pytest.mark.parametrize(
    ("depth", "backend"),
    [("1e-3", CpuFloat64), ("1e-3", CpuPerturbation), ("1e-30", CpuPerturbation), ("1e-30", ExactBackend)],
)
def test_escape_counts_of_stretched_views(own_cache, depth, backend):
    """Counts against big integers. Small pictures also run in double-double."""
    view = View.parse(*SHIP, depth, "24x20")
    view = replace(view, shape=parse_stretch("9@60").turned(-33), flip=True)
    texts = view.shape.texts()
    job = backend().job(systems.create("burning-ship", {}, 4000), view, None, quiet, quiet)
    pixels = np.random.default_rng(2).choice(view.pixels, 10 if backend is ExactBackend else 60, replace=False)
    out = job.run(pixels)
    for k, pixel in enumerate(pixels.tolist()):
        if out.trust[k] > 0:
            n, smooth = escape_oracle.iterate("burning-ship", {}, *true_point(view, texts, pixel), 4000, 500)
            assert out.iterations[k] == n
            assert out.measure[k] == pytest.approx(-1 if smooth is None else smooth, abs=1e-6)
    assert (out.trust > 0).mean() > 0.5 and len(np.unique(out.iterations)) > 3


def test_what_a_stretched_view_spans():
    view = replace(View.parse("1.1", "2.3", "2e-20", "8x6"), shape=parse_stretch("500@30").turned(77))
    long, short, degrees = view.spans()
    assert (float(long), float(short), degrees) == pytest.approx((1e-17, 2e-20, 30))
    assert view.spanned() == "The picture's height spans 1.00e-17 along 30 degrees, and 2.00e-20 across."
    assert replace(view, shape=IDENTITY.turned(20)).spanned() is None


def test_second_runs_move_coordinates_by_the_rounding_of_the_skip(own_cache):
    """By the rounding of all skipped steps: more than a unit in the last place, and the stretch magnifies it.

    In a steep view the coordinates that count are the picture's own. They do not cancel, and parameters stay.
    """
    small = SmallNetwork(20, steps=80, **KINDS["tanh"])
    place, pixels = View.parse(X, Y, "1e-25", "6x6"), np.arange(36)
    for stretch, which, least, most in (
        ("off", 1, 1e-15, 1e-14), ("1e5@34", 0, 1e-15, 1e-14), ("1e8@34", 1, 3e-16, 7e-16), ("1e8@34", 0, 0.0, 0.0),
    ):  # fmt: skip
        view = replace(place, shape=parse_stretch(stretch))
        job = CpuPerturbation().job(system_of(small), view, None, quiet, quiet)
        assert job.facts.skipped_steps > 0
        one, other, again = (np.array(job._differences(pixels, moved)[which][:2]) for moved in (False, True, True))
        assert least <= np.abs(other / one - 1).max() <= most
        assert np.array_equal(other, again)
