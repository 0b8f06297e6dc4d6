"""Views and scenes: pixels are exact, and a scene's TOML text reads back to the same scene."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepzoom.errors import InputError
from deepzoom.scene.colours import Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View, parse_size

X, Y = "-0.41415926535897932384626433832795", "1.1718281828459045235360287471352"


def exact(value):
    return Fraction(str(value))


def true_point(view, row, column):
    """The point of a pixel by the contract's formula, centre + depth * (u, v)."""
    u = (Fraction(column) + Fraction(1, 2) - Fraction(view.width, 2)) / view.height
    v = (Fraction(view.height, 2) - row - Fraction(1, 2)) / view.height
    return exact(view.x) + exact(view.depth) * u, exact(view.y) + exact(view.depth) * v


@pytest.mark.parametrize("depth", ["9", "1e-7", "1e-20", "3.3e-400"])
def test_a_flipped_view_has_its_rows_the_other_way_round(depth):
    view = View.parse(X, Y, depth, "9x6")
    over = replace(view, flip=True)
    for row in range(6):
        assert over.at(3, row) == view.at(3, 5 - row)
        ours, theirs = over.differences(np.array([9 * row])), view.differences(np.array([9 * (5 - row)]))
        assert ours == theirs
    scene = Scene("mandelbrot", over, 100)
    assert Scene.from_toml(scene.to_toml()) == scene and "flip = true" in scene.to_toml()


@pytest.mark.parametrize("depth", ["9", "1e-7", "1e-20", "3.3e-400"])
def test_pixels_stand_where_the_contract_says(depth):
    view = View.parse(X, Y, depth, "37x24")
    pixels = np.random.default_rng(1).choice(view.pixels, 40, replace=False)
    dx, dy, exponent = view.differences(pixels)
    x, y = view.points(pixels)
    for k, pixel in enumerate(pixels.tolist()):
        row, column = divmod(pixel, view.width)
        true = true_point(view, row, column)
        assert tuple(map(exact, view.at(column, row))) == true
        assert (x[k], y[k]) == (float(true[0]), float(true[1]))
        for got, at, centre in zip((dx[k], dy[k]), true, (view.x, view.y)):
            difference = at - exact(centre)
            assert abs(Fraction(got) * Fraction(2) ** exponent - difference) <= abs(difference) * Fraction(3, 2**53)


def test_y_grows_upward_and_x_to_the_right():
    view = View.parse("0", "0", "2", "4x2")
    assert (view.at(-0.5, -0.5), view.at(3.5, 1.5)) == ((-2, 1), (2, -1))


def test_published_windows_have_their_outermost_pixel_centres_on_the_corners():
    view = View.parse("0", "0", "64", "64x64")  # a window of 63, times 64 / 63
    assert (view.at(0, 0)[0], view.at(63, 0)[0]) == (Fraction(-63, 2), Fraction(63, 2))


@pytest.mark.parametrize(("column", "row", "factor"), [(0, 0, 2), (30.25, 11.5, 3), (36, 23, 1e6)])
def test_going_on_from_a_pixel(column, row, factor):
    from gmpy2 import mpq

    view = View.parse(X, Y, "1e-30", "37x24")
    near = view.zoomed(column, row, mpq(factor))
    x, y = true_point(view, Fraction(row), Fraction(column))
    assert abs(exact(near.depth) / (exact(view.depth) / Fraction(factor)) - 1) <= Fraction(1, 2**50)
    assert abs(exact(near.x) - x) <= exact(near.depth) / 2**40
    assert abs(exact(near.y) - y) <= exact(near.depth) / 2**40
    assert Scene.from_toml(Scene("tanh", near, 500).to_toml()).view == near


@given(
    st.sampled_from(["tanh", "own/file.py:NAME"]),
    st.integers(1, 10**9),
    st.dictionaries(st.sampled_from(["data", "activation", "offset-when"]), st.text(max_size=20)),
    st.none() | st.integers(1, 10**6),
    st.text("abcdef_", min_size=1),
    st.integers(-(10**80), 10**80),
    st.integers(-900, 10),
    st.sampled_from(["rank", "histogram", "distance"]).map(Colouring)
    | st.builds(
        Colouring,
        st.just("cyclic"),
        st.floats(1e-300, 1e300),
        st.none() | st.floats(0, 360),
        st.integers(0, 0xFFFFFF).map("#{:06x}".format),
        st.lists(st.integers(0, 0xFFFFFF).map("#{:06x}".format), max_size=300).map(tuple),
    ),
)
def test_toml_reads_back_to_the_same_scene(system, steps, settings, bits, palette, x, power, colouring):
    view = View.parse(f"{x}e-75", "-0.1", f"7e{power}", "12x7")
    scene = Scene(system, view, steps, settings, "cpu-float64", bits, palette, colouring)
    assert Scene.from_toml(scene.to_toml()) == scene


def valid():
    return Scene("tanh", View.parse(X, Y, "1e-20", "8x8"), 500)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t + "\n[colours]\na = 1\n", "unknown key 'colours.a'; known keys are deepzoom.format"),
        (lambda t: "extra = 1\n" + t, "unknown key 'extra'"),
        (lambda t: t.replace("steps = 500", "steps = 500\nsteep = 1"), "unknown key 'run.steep'"),
        (lambda t: t.replace("steps = 500", ""), "lacks the key 'run.steps'"),
        (lambda t: t.replace("steps = 500", "steps = true"), "run.steps = True should be of type int"),
        (lambda t: t.replace("steps = 500", 'steps = "500"'), "run.steps = '500' should be of type int"),
        (lambda t: t.replace("format = 1", "format = 2"), "has format 2; this version reads format 1"),
        (lambda t: t.replace("[view]", "[view"), "is not valid TOML"),
        (lambda t: t.replace('"1e-20"', '"-1"'), "--depth: -1 is not above zero"),
        (lambda t: t + 'colouring = "banded"', "--colouring: 'banded' is not one of rank, cyclic, histogram, distance"),
        (lambda t: t + "colouring = 3", "colour.colouring = 3 should be of type str"),
        (lambda t: t + "cycle = 0", "--cycle: 0 is not a number above zero"),
        (lambda t: t + "cycle = nan", "--cycle: nan is not a number above zero"),
        (lambda t: t + "cycle = 1" + 400 * "0", "--cycle: inf is not a number above zero"),
        (lambda t: t + "cycle = true", "colour.cycle = True should be of type float"),
        (lambda t: t + "slope = inf", "--slope: inf is not an angle in degrees"),
        (lambda t: t + 'interior = "blue"', "'blue' is not a colour such as '#0040ff'"),
        (lambda t: t + 'colours = ["#000000", "#12345"]', "'#12345' is not a colour such as '#0040ff'"),
        (lambda t: t + "colours = [3]", "3 is not a colour such as '#0040ff'"),
        (lambda t: t.replace(f'"{X}"', '"1,5"'), "--center x: '1,5' is not a decimal number"),
    ],
)
def test_a_wrong_scene_is_refused(change, message):
    text = valid().to_toml()
    assert change(text) != text
    with pytest.raises(InputError) as error:
        Scene.from_toml(change(text), "--scene: f.toml")
    assert str(error.value).startswith("--scene: f.toml") and message in str(error.value)


def test_scenes_without_colours_are_in_the_published_ones():
    """So are scenes from before colours could be chosen. A scene in the published colours is still written that way."""
    text = valid().to_toml()
    assert tomllib.loads(text)["colour"] == {"palette": "Spectral"}
    assert Scene.from_toml(text).colouring == Colouring("rank", slope=None, interior="#000000", colours=())
    whole = Scene.from_toml(text + 'colouring = "cyclic"\ncycle = 8\nslope = 45').colouring
    assert (whole.by, whole.cycle, whole.slope) == ("cyclic", 8.0, 45.0)


def test_the_text_is_readable():
    tables = tomllib.loads(valid().to_toml())
    assert tables["view"] == {"x": X, "y": Y, "depth": "1e-20", "size": "8x8"}


@pytest.mark.parametrize("text", ["0x0", "5", "axb", "3x-1", "2.5x3", "1x2x3", "", "x", "nanx3", "infx1"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(InputError, match=r"--size: .* is not WIDTHxHEIGHT"):
        parse_size(text)


def test_too_large_says_how_much_memory_it_would_need():
    with pytest.raises(InputError, match=r"--size: '1e9x1e9' would need 111 EiB of memory; at most 268,435,456 pixels"):
        parse_size("1e9x1e9")
    assert parse_size("1e3x20") == (1000, 20)
