"""Minibrots far below float64's range, and preperiodic points: every settled pixel is right.

Older kernels called wrong pixels settled below about 1e-616, where an orbit comes within 1e-308 of its critical point.
"""

from __future__ import annotations

import math

import escape_oracle
import numpy as np
import pytest
from deep_search import LEVELS, check, check_nucleus, search
from deep_views import JULIA, NUCLEI, at, at_preperiodic, view_at
from small_network import quiet

from deepzoom import systems
from deepzoom.backends.escape_time.perturbation import PerturbationJob
from deepzoom.landmarks import get
from deepzoom.reference.nucleus import find
from deepzoom.scene.view import View


@pytest.mark.parametrize(
    ("name", "digits"), [pytest.param("mandelbrot-2", "648", marks=pytest.mark.slow), ("julia-2", 330)]
)
def test_pixels_in_and_around_a_nucleus(own_cache, name, digits):
    """Pixels in the nucleus, at its edge and antenna, and ten sizes away."""
    tally = check_nucleus(at(name, digits), 24)
    assert not tally.wrong and tally.settled >= 20


DEEPER = [("mandelbrot-2", "1300"), ("julia-2", 1400), ("burning-ship", "1000"), ("tricorn", 2000)]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "digits"), [*((name, sizes[0]) for name, sizes in NUCLEI.items()), *DEEPER])
def test_nuclei(own_cache, name, digits):
    """One or two of each system; ``python tests/helpers/deep_search.py --nuclei`` goes through all of them."""
    tally = check_nucleus(at(name, digits))
    assert not tally.wrong and tally.compared == tally.settled
    if name in JULIA or name.startswith("mandelbrot"):  # maps without folds are hardly ever in doubt
        assert tally.settled >= 32


@pytest.mark.slow
def test_a_search_finds_none(own_cache):
    """Nuclei and preperiodic points at random depths: with all skips, with none, and in double-double."""
    found = search(range(40), math.inf, 1200)
    assert len(found) > 10 and sum(tally.compared for tally in found.values()) > 700
    assert [text for tally in found.values() for text in tally.wrong] == []


@pytest.mark.parametrize("level", LEVELS)
def test_skips_of_all_lengths(own_cache, level):
    """A preperiodic point at 1e-420: all differences start below float64's range, and some end within it."""
    place = at_preperiodic("mandelbrot-2", 5, 420)
    view = view_at(place, 30)
    tally = check(place, view, "", [level], list(range(0, 169, 12)))
    assert not tally.wrong and tally.settled > 10


def test_the_view_of_a_nucleus_beside_a_preperiodic_point(own_cache):
    """What ``nucleus mandelbrot --center 0 1 --depth 1e-160`` prints: its orbit passes 0 once, within 1e-160."""
    system = systems.create("mandelbrot")
    found = find(system, View.parse("0", "1", "1e-160", "32x32"), 5000)
    assert found.period > 400 and found.size < 1e-300
    view = View(found.x, found.y, 4 * found.size, 16, 16)
    out = PerturbationJob(system, view, None, quiet, quiet).first(np.arange(256))
    assert (out.trust > 0).mean() > 0.9 and 0.05 < (out.fate == 0).mean() < 0.2


@pytest.mark.parametrize("away", [10, 29, pytest.param(399, marks=pytest.mark.slow)])
def test_a_centre_just_outside_of_minus_2(own_cache, away):
    """The centre's orbit escapes in its first step, so that another point's is the reference."""
    view = View.parse(f"-2.{'0' * away}1", "0", f"1e-{away}", "16x16")
    out = PerturbationJob(systems.create("mandelbrot"), view, None, quiet, quiet).first(np.arange(256))
    assert np.all(out.trust == 1)
    for pixel in range(0, 256, 13):
        n, smooth = escape_oracle.iterate("mandelbrot", {}, *view.at(pixel % 16, pixel // 16), 2000, 2000)
        assert out.iterations[pixel] == n and abs(out.measure[pixel] - smooth) < 1e-6


@pytest.mark.slow
def test_the_landmark_at_1e_1016(own_cache):
    place = get("mandelbrot-e1000")
    view = View.parse(place.x, place.y, "1e-1016", "24x24")
    job = PerturbationJob(systems.create("mandelbrot", {}, place.steps), view, None, quiet, quiet)
    pixels = np.random.default_rng(1).choice(576, 24, replace=False)
    out = job.first(pixels)
    assert np.all(out.trust == 1)
    for k, pixel in enumerate(pixels.tolist()):
        x, y = view.at(pixel % 24, pixel // 24)
        assert out.iterations[k] == escape_oracle.iterate("mandelbrot", {}, x, y, place.steps, 3600)[0]
