"""Lyapunov exponents against mpmath: random pixels, ordered and chaotic, at four depths."""

from __future__ import annotations

import json
from pathlib import Path

import mpmath
import numpy as np
import pytest
from escape_oracle import exponent
from small_network import quiet

from deepzoom import systems
from deepzoom.backends import lyapunov
from deepzoom.errors import InputError
from deepzoom.scene.view import View


def job(settings, x, y, depth, steps=120, exactly=False, size=64):
    system = systems.create("lyapunov", settings, steps)
    return lyapunov.LyapunovJob(system, View.parse(x, y, depth, (size, size)), None, exactly, quiet)


GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "lyapunov.json").read_text())["places"]
"""Golden exponents from 1e-3 to 1e-100 (golden/make_lyapunov.py)."""
PLACES = {
    "window": ("AB", "3", "3"),
    "chaos": ("AB", "3.8123", "3.9217"),
    "zircon": ("BBBBBBAAAAAA", "3.7123", "2.9517"),
    "one letter": ("A", "3.56995", "3.2"),
}


@pytest.mark.parametrize("depth", ["1.9", "1e-6", "1e-13", "1e-30"])
@pytest.mark.parametrize("place", PLACES)
def test_exponents_against_mpmath(own_cache, place, depth):
    """200 pixels: all are settled, and their exponents are right to 1e-9."""
    sequence, x, y = PLACES[place]
    if place != "window" and depth == "1.9":
        depth = "0.05"
    ran = job({"sequence": sequence, "warmup": "40"}, x, y, depth)
    pixels = np.random.default_rng(len(place)).choice(64 * 64, 200, replace=False)
    out = ran.run(pixels)
    assert np.all(out.trust == 1)
    for k, pixel in enumerate(pixels.tolist()):
        row, column = divmod(pixel, 64)
        true = exponent(*ran._view.at(column, row), sequence, 40, 120, 190)
        assert abs(out.measure[k] - true) <= 1e-9, pixel
        assert out.fate[k] == mpmath.sign(true)


@pytest.mark.parametrize("kept", GOLDEN, ids=[f"{k['sequence']}-{k['x'][:6]}" for k in GOLDEN])
def test_golden_exponents(own_cache, kept):
    for view in kept["views"]:
        settings = {"sequence": kept["sequence"], "warmup": str(kept["warmup"])}
        ran = job(settings, kept["x"], kept["y"], view["depth"], kept["steps"], size=kept["size"])
        out = ran.run(np.array(view["pixels"]))
        assert np.all(out.trust == 1), view["depth"]
        assert np.allclose(out.measure, view["value"], rtol=0, atol=1e-9), view["depth"]


def test_exact_and_float64_agree(own_cache):
    pixels = np.arange(0, 64 * 64, 97)
    plain, exact = (job({}, "3", "3", "1.9", exactly=exactly).run(pixels) for exactly in (False, True))
    assert np.allclose(plain.measure, exact.measure, rtol=0, atol=1e-9)
    assert (exact.measure > 0).any() and (exact.measure < 0).any()


@pytest.mark.parametrize("exactly", [False, True])
def test_the_ends_of_the_scale(own_cache, exactly):
    """At a = b = 2 the orbit stays at 1/2. At 0 it ends at once. Beyond 4 it escapes. At 1 it goes to 0."""

    def one(x):
        out = job({"warmup": "0"}, x, x, "1e-3", exactly=exactly, size=1).run(np.zeros(1, dtype=np.int64))
        return out.measure[0], out.fate[0], out.trust[0]

    largest = np.finfo(float).max
    assert one("2") == (-largest, -1, 1)
    assert one("0") == (-largest, -1, 1)
    assert one("4.5") == (largest, 1, 1)
    assert one("1")[0] < 0


@pytest.mark.parametrize(
    ("x", "y", "depth", "warmup"),
    [
        ("2", "2", "1e-400", "0"),
        ("0", "3.5", "1e-320", "40"),
        ("1e-310", "3.9", "1e-311", "40"),
        ("0", "0", "1e-400", "3"),
    ],
)
def test_parameters_and_slopes_below_the_range_of_float64(own_cache, x, y, depth, warmup):
    """A parameter that float64 rounds to 0 is not 0. An orbit that comes within 1e-400 of 1/2 does not meet it."""
    ran = job({"warmup": warmup}, x, y, depth, size=8)
    pixels = np.arange(0, 64, 9)
    out = ran.run(pixels)
    assert np.all(out.trust == 1)
    for k, pixel in enumerate(pixels.tolist()):
        true = exponent(*ran._view.at(pixel % 8, pixel // 8), "AB", int(warmup), 120, 1000)
        assert abs(out.measure[k] - true) <= 1e-9


def test_deep_pixels_differ_where_the_orbit_is_chaotic(own_cache):
    """Neighbouring pixels 1e-30 apart differ after enough steps for so small a difference to grow."""
    out = job({"warmup": "0"}, "3.9123", "3.8217", "1e-30", steps=300).run(np.arange(64))
    assert len(np.unique(out.measure)) == 64 and np.ptp(out.measure) > 1e-6


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sequence": "ABC"}, r"--set sequence: 'ABC' is not made of 1 to 1000 letters A and B"),
        ({"sequence": ""}, r"--set sequence: '' is not"),
        ({"sequence": "ab"}, r"--set sequence: 'ab' is not"),
        ({"warmup": "-1"}, r"--set warmup: '-1' is not a whole number from 0"),
        ({"warmup": "1e3"}, r"--set warmup"),
        ({"letters": "A"}, r"--set: lyapunov has no setting 'letters'"),
    ],
)
def test_bad_settings_are_one_sentence(settings, words):
    with pytest.raises(InputError, match=words):
        systems.create("lyapunov", settings)
