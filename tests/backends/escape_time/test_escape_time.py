"""Escape-time systems: known places, and each code path against another."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import escape_oracle
import gmpy2
import numpy as np
import pytest
from deep_search import check
from deep_views import place_by, view_at
from escape_jobs import exact_place, job_at, slow_if
from gmpy2 import mpq
from known_places import LOCATIONS, ThreeByThree, counts
from small_network import quiet

from deepzoom import systems
from deepzoom.backends.escape_time import float64 as escape_time
from deepzoom.backends.escape_time import perturbation as escape_time_differences
from deepzoom.backends.escape_time.perturbation import PerturbationJob
from deepzoom.coordinates import parse_decimal
from deepzoom.reference import orbit, precision
from deepzoom.reference.orbit_end import end as end_of
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

IN_FLOAT64 = ("buffalo", "perpendicular-burning-ship")
"""Maps with the folds of the celtic map and the burning ship. Those two, whose kernels for differences are compiled in
every test run, stand for these; a test run has these only in float64."""
ALIKE = (*IN_FLOAT64, "shark-fin", "tricorn", "magnet2")
"""Maps that only slow tests run as differences."""


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(
            p,
            id=p["name"],
            marks=slow_if(p["limit"] > 10**6 or p["system"] in ALIKE),
        )
        for p in LOCATIONS
    ],
)
def test_known_places(own_cache, place):
    """Counts on a 3x3 grid, down to 1e-1000, are those that big integers give (tests/golden/locations.json)."""
    got, _ = three_by_three(place)
    assert got.tolist() == place["counts"]


@pytest.mark.slow
def test_pixels_that_are_wrong_say_that_they_are_not_settled(own_cache):
    """float64 alone fails here. The test looks before more digits are tried."""
    place = next(p for p in LOCATIONS if p["name"] == "super_dense")
    got, trust = three_by_three(place, lambda job, pixels: job.first(pixels))
    wrong = got != np.array(place["counts"], dtype=object)
    assert wrong.any() and np.all(trust[wrong] == -1)


@pytest.mark.slow
@pytest.mark.parametrize("bits", [600, 1200])
def test_the_corrected_count(bits):
    place = next(p for p in LOCATIONS if "corrected" in p)
    quarter = 1 / mpq(place["zoom_height4"])
    x, y = (
        Fraction(int(v.numerator), int(v.denominator)) for v in (mpq(place["x"]) - quarter, mpq(place["y"]) - quarter)
    )
    found = escape_oracle.iterate("mandelbrot", {}, x, y, place["limit"], bits)[0]
    assert found == place["counts"][0][0]


def three_by_three(place, run=lambda job, pixels: job.run(pixels)):
    """(counts, trust) on a place's grid, rows in the order of growing y."""
    zoom, width = place["zoom_height4"], place["width"]
    depth = parse_decimal(width, "width") if width else 4 / parse_decimal(zoom, "zoom")
    view = ThreeByThree(parse_decimal(place["x"], "x"), parse_decimal(place["y"], "y"), depth, 3, 3)
    system = systems.create(place["system"], {}, place["limit"])
    out = run(PerturbationJob(system, view, None, quiet, quiet), np.arange(9))
    return np.array(counts(out), dtype=object).reshape(3, 3)[::-1], out.trust.reshape(3, 3)[::-1]


X, Y = (
    "-1.76938317919551501821384728608547378290574726365475143746552821652788819126",
    "0.00423684791873677221492650717136799707668267091740375727945943565011234400",
)
"""A spiral in the period-3 valley of the Mandelbrot set, to 70 digits."""


SHIP = "-1.762", "-0.028"


@pytest.mark.parametrize("depth", ["1e-3", "1e-14", "1e-40"])
def test_skips_change_nothing(own_cache, depth):
    job = job_at("mandelbrot", {}, X, Y, depth)
    pixels = np.arange(32 * 32)
    with_skips = job.run(pixels)
    job._near_radii[:] = job._radii[:] = 0.0
    without = job.run(pixels)
    assert np.array_equal(with_skips.iterations, without.iterations)
    assert np.allclose(with_skips.measure, without.measure, rtol=1e-9, atol=0)
    assert len(np.unique(without.iterations)) > 5


@pytest.mark.parametrize("name", ["mandelbrot", "burning-ship"])
def test_numbers_with_exponents_change_nothing(own_cache, monkeypatch, name):
    place = (X, Y) if name == "mandelbrot" else SHIP
    pixels = np.arange(32 * 32)
    plain = job_at(name, {}, *place, "1e-9").run(pixels)
    monkeypatch.setattr(escape_time_differences, "least", lambda iteration: 0)
    wide = job_at(name, {}, *place, "1e-9")
    assert wide._wide
    out = wide.run(pixels)
    assert np.array_equal(plain.iterations, out.iterations)
    assert np.allclose(plain.measure, out.measure, rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", IN_FLOAT64)
def test_float64_agrees_with_exact_runs(own_cache, name):
    pixels = np.arange(32 * 32)
    plain = job_at(name, {}, "-0.4", "0.6", "1.9", kind=escape_time.Float64Job).run(pixels)
    assert len(np.unique(plain.iterations)) > 10
    short = np.flatnonzero((plain.iterations > 0) & (plain.iterations < 50))
    some = np.random.default_rng(2).choice(short, 80, replace=False)
    exact = job_at(name, {}, "-0.4", "0.6", "1.9", kind=escape_time.ExactJob).run(some)
    assert np.array_equal(exact.iterations, plain.iterations[some])
    assert np.allclose(exact.measure, plain.measure[some], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [pytest.param(n, marks=slow_if(n in ALIKE)) for n in systems.ESCAPE_TIME])
def test_backends_agree(own_cache, name):
    """All three backends agree where float64 serves: rounding grows to a pixel's size only in long runs."""
    place = ("0.1", "0.2") if name == "julia" else ("-0.4", "0.6")
    pixels = np.arange(32 * 32)
    plain = job_at(name, {}, *place, "1.9", kind=escape_time.Float64Job).run(pixels)
    deep = job_at(name, {}, *place, "1.9").run(pixels)
    assert np.mean(plain.iterations == deep.iterations) > 0.98
    assert len(np.unique(plain.iterations)) > 10
    short = np.flatnonzero((deep.iterations > 0) & (deep.iterations < 50))
    assert np.array_equal(plain.iterations[short], deep.iterations[short])
    some = np.random.default_rng(2).choice(short, 40, replace=False)
    exact = job_at(name, {}, *place, "1.9", kind=escape_time.ExactJob).run(some)
    assert np.array_equal(exact.iterations, deep.iterations[some])
    assert np.allclose(exact.measure, deep.measure[some], rtol=1e-9, atol=1e-9)


def test_an_orbit_ends_where_it_escapes_and_keeps_what_float64_does_not():
    system = systems.create("mandelbrot")
    zero, half = (mpq(0), mpq(0)), (mpq(1, 2), mpq(0))
    found = orbit.made(system.iteration, zero, half, 100, 50)
    assert found.steps == 5 and found.x[:4].tolist() == [0.0, 0.5, 0.75, 1.0625]
    excess = np.ldexp(*found.excess(system.iteration, 3, 6))
    assert abs(found.x[-1]) > 2 and excess[-1] > 0 > excess[-2] and excess[0] == 1.0625**2 - 4
    circle = orbit.made(
        system.iteration, zero, (-2 + mpq(1, 10**30), mpq(0)), 300, 20
    )  # z_2, z_3: 2 - 3e-30, 2 - 11e-30
    m, e = circle.excess(system.iteration, 2, 4)
    assert np.allclose(np.ldexp(m, e), [-12e-30, -44e-30], rtol=1e-12, atol=0)
    # c = -1 + 1e-200 makes every second iterate tiny
    tiny = orbit.made(system.iteration, zero, (mpq(-1) + mpq(1, 10**200), mpq(0)), 900, 6)
    assert tiny.tiny.tolist() == [True, False, True, False, True, False, True]
    assert tiny.tiny_at.tolist() == [0, 2, 4, 6] and tiny.tiny_m[0, 0] == 0
    assert np.ldexp(tiny.tiny_m[1, 0], tiny.tiny_e[1, 0]) == pytest.approx(-1e-200, rel=1e-15)


def test_an_orbit_that_is_back_where_it_began_ends():
    for c, period in ((0, 1), (-1, 2)):
        found = orbit.made(systems.create("mandelbrot").iteration, (mpq(0), mpq(0)), (mpq(c), mpq(0)), 100, 50)
        assert found.steps == period and found.x[-1] == 0
    end = end_of(systems.create("mandelbrot").iteration, (mpq(0), mpq(0)), (mpq(-1), mpq(0)), 100, 50)
    assert not end.beyond


@pytest.mark.parametrize("depth", ["1e-14", "1e-30", "1e-90"])
@pytest.mark.parametrize("kind", [PerturbationJob, escape_time.ExactJob])
def test_exits_close_to_the_radius(own_cache, kind, depth):
    """Near the tip -2, orbits exceed the radius by less than 2**-53 of it, and stay there for a hundred steps."""
    job = job_at("mandelbrot", {}, "-2", "0", depth, 8, 2000, kind)
    out = job.first(np.arange(64)) if kind is PerturbationJob else job.run(np.arange(64))
    assert (out.trust > 0).mean() > 0.9 and (out.fate != 0).mean() > 0.9
    for pixel in range(0, 64, 5):
        n, smooth = escape_oracle.iterate("mandelbrot", {}, *exact_place(job.view, pixel), 2000, 2500)
        if out.trust[pixel] > 0:
            assert out.iterations[pixel] == n and abs(out.measure[pixel] - (-1 if smooth is None else smooth)) < 2e-6


def test_references_of_julia_sets_have_bits_for_what_a_critical_point_makes_of_differences(own_cache):
    """For c = i, near 0, a step shrinks differences from 1e-41 to 1e-82. Later they grow again."""
    c = {"cx": "0", "cy": "1"}
    view, far = (View.parse(x, "0.3e-40", "1e-40", "8x8") for x in ("0.2e-40", "0.5"))
    usual = precision.reference_bits(systems.create("mandelbrot"), view)
    assert 40 * math.log2(10) + precision.GUARD < usual < 40 * math.log2(10) + precision.GUARD + 10
    bits = [precision.reference_bits(systems.create("julia", c, 800), v) for v in (far, view)]
    assert bits[0] < usual + 10 and 120 < bits[1] - usual < 150
    job = job_at("julia", c, "0.2e-40", "0.3e-40", "1e-40", 8, 800)
    out = job.first(np.arange(64))
    assert np.all(out.trust == 1) and len(np.unique(out.measure)) > 32
    for pixel in range(0, 64, 7):
        n, smooth = escape_oracle.iterate("julia", c, *exact_place(job.view, pixel), 800, 900)
        assert out.iterations[pixel] == n and abs(out.measure[pixel] - (-1 if smooth is None else smooth)) < 2e-6


@pytest.mark.parametrize(("c", "x", "depth"), [("-2", "2", "1e-50"), ("-2", "2", "1e-400"), ("-0.75", "1.5", "1e-50")])
def test_julia_sets_at_fixed_points(own_cache, c, x, depth):
    """The centre's orbit returns to its start after one step, but pixels do not rebase to that point."""
    job = job_at("julia", {"cx": c, "cy": "0"}, x, "0", depth, 8, 3000)
    out = job.first(np.arange(64))
    assert (out.trust > 0).mean() > 0.4
    for pixel in np.flatnonzero(out.trust > 0)[::7].tolist():
        n, _ = escape_oracle.iterate("julia", {"cx": c, "cy": "0"}, *exact_place(job.view, pixel), 3000, 3000)
        assert out.iterations[pixel] == n


def test_back_at_the_same_difference_within_its_error_is_not_for_ever(own_cache):
    """Near a magnet's nucleus, differences are twice 0 to all digits, but the orbits continue and end."""
    place = place_by(random.Random("deep 369"), 369)
    for height in (4, 30):
        tally = check(
            place, view_at(place, height, (Fraction(3, 13), Fraction(-2, 13))), "", ["all skips"], range(0, 169, 9)
        )
        assert not tally.wrong and tally.settled > 5


def test_an_orbit_is_kept(own_cache, monkeypatch):
    first = job_at("mandelbrot", {}, X, Y, "1e-14")
    monkeypatch.setattr(orbit, "made", lambda *a: pytest.fail("made again"))
    again = job_at("mandelbrot", {}, X, Y, "1e-14")
    assert np.array_equal(first._all.x, again._all.x) and first._orbits[0].steps == again._orbits[0].steps


def test_a_field_has_iterations(tmp_path):
    from deepzoom import render

    scene = Scene("mandelbrot", View.parse("-0.75", "0", "2.6", "24x16"), 200)
    field = render(scene).field
    field.save(str(tmp_path / "a.npz"))  # a file name may be text or a path
    again = Field.load(str(tmp_path / "a.npz"))
    assert again.iterations.dtype == np.int64 and np.array_equal(again.iterations, field.iterations)
    inside = field.iterations == 0
    assert 0 < inside.sum() < inside.size
    assert np.all(field.measure[inside] == -1) and np.all(field.fate[inside] == 0)
    assert np.all(field.measure[~inside] > 0) and np.all(field.fate[~inside] == 1)


@pytest.mark.parametrize("power", [20, pytest.param(1000, marks=pytest.mark.slow)])
def test_high_powers(own_cache, power):
    """Counts of ``z**power + c`` against gmpy2's complex numbers."""
    job = job_at("formula", {"formula": f"z**{power} + c"}, "0.98", "0.3", "0.2", 16, 500, escape_time.Float64Job)
    out = job.run(np.arange(256))
    assert (out.trust > 0).all() and len(np.unique(out.iterations)) >= 3
    with gmpy2.context(precision=300):
        for pixel in range(0, 256, 17):
            c = gmpy2.mpc(*map(mpq, exact_place(job.view, pixel)))
            z, n = gmpy2.mpc(0), 0
            while abs(z) <= 100 and n < 500:
                z, n = z**power + c, n + 1
            assert out.iterations[pixel] == (n if abs(z) > 100 else 0)


@pytest.mark.parametrize("kind", [escape_time.Float64Job, PerturbationJob])
def test_ending_inside_pixels_early_ends_no_others(own_cache, kind):
    """An orbit that returns to the same number is not followed further. The exact backend checks this around a bulb."""
    place = "-0.1225611668766536", "0.7448617666197442"  # the centre of the period-3 bulb
    pixels = np.random.default_rng(5).choice(24 * 24, 60, replace=False)
    found = job_at("mandelbrot", {}, *place, "0.3", 24, 2000, kind).run(pixels)
    exact = job_at("mandelbrot", {}, *place, "0.3", 24, 2000, escape_time.ExactJob).run(pixels)
    assert 10 < (exact.fate == 0).sum() < 50
    settled = found.trust > 0
    assert settled.mean() > 0.9 and np.array_equal(found.iterations[settled], exact.iterations[settled])
    assert np.array_equal(found.fate[settled], exact.fate[settled])


@pytest.mark.parametrize("kind", [escape_time.Float64Job, PerturbationJob, escape_time.ExactJob])
def test_a_start_beyond_the_exit_has_count_0(own_cache, kind):
    out = job_at("julia", {}, "3", "0", "0.1", 2, 50, kind).run(np.arange(4))
    assert out.iterations.tolist() == [0] * 4 and out.fate.tolist() == [1] * 4


def test_the_exact_backend_says_where_its_bits_were_too_few(own_cache):
    view = View.parse("-0.75", "0.1", "1e-20", "2x2")
    system = systems.create("mandelbrot", {}, 50)
    assert escape_time.ExactJob(system, view, None, quiet).run(np.arange(4)).trust.tolist() == [1] * 4
    assert -1 in escape_time.ExactJob(system, view, 3, quiet).run(np.arange(4)).trust
