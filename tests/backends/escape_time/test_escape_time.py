"""Escape-time systems: counts and smooth counts against independent oracles, and each code path against another."""

from __future__ import annotations

import json
import math
import random
from fractions import Fraction

import escape_oracle
import gmpy2
import mpmath
import numpy as np
import pytest
from deep_search import check
from deep_views import place_by, view_at
from gmpy2 import mpq
from known_places import GOLDEN, LOCATIONS, ThreeByThree, counts
from small_network import quiet

from deepzoom import systems
from deepzoom.backends.escape_time import float64 as escape_time
from deepzoom.backends.escape_time import perturbation as escape_time_differences
from deepzoom.backends.escape_time.perturbation import PerturbationJob
from deepzoom.coordinates import parse_decimal
from deepzoom.errors import InputError
from deepzoom.formula.expression import parse
from deepzoom.landmarks import all_landmarks, get
from deepzoom.reference import orbit, precision
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View
from deepzoom.systems.own_formula import growth


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(
            p,
            id=p["name"],
            marks=[pytest.mark.slow] if p["limit"] > 10**6 else [],
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


DEEP = [
    m
    for m in all_landmarks()
    if m.system in systems.ESCAPE_TIME
    and m.system != "formula"
    and m.name.endswith("-deep" if m.system in ("mandelbrot", "julia", "newton", "nova") else "-e100")
]
"""A place of each system with structure down to 1e-60 and deeper."""
ALIKE = ("buffalo", "perpendicular-burning-ship")
"""Maps with the folds of the celtic map and the burning ship. Those two, whose kernels for differences are compiled in
every test run, stand for these; a test run has these only in float64."""


def slow_if(condition):
    return [pytest.mark.slow] if condition else []


def exact_place(view, pixel):
    row, column = divmod(pixel, view.width)
    return view.at(column, row)


@pytest.mark.parametrize("place", [pytest.param(p, id=p.name, marks=slow_if(p.system in ALIKE)) for p in DEEP])
@pytest.mark.parametrize("depth", ["1e-3", "1e-13", "1e-30", "1e-60"])
def test_200_pixels_against_an_independent_oracle(own_cache, place, depth):
    """Every settled pixel has the oracle's count and attractor, and its smooth count to 1e-6."""
    job = job_at(place.system, place.settings, place.x, place.y, depth, 64, place.steps)
    pixels = np.random.default_rng(len(place.name)).choice(64 * 64, 200, replace=False)
    out = job.run(pixels)
    bits = 300 + int(3.33 * float(depth.split("e-")[1]))
    given = {"cx": "-0.8", "cy": "0.156"}
    settled = out.trust > 0
    for k, pixel in zip(np.flatnonzero(settled), pixels[settled].tolist()):
        x, y = exact_place(job.view, pixel)
        if place.system == "nova":
            n, smooth = escape_oracle.nova(3, ("1", "0"), x, y, place.steps, bits)
            attractor = int(smooth is not None)
        elif place.system in ("newton", "magnet1", "magnet2"):
            n, attractor, smooth = escape_oracle.drawn(place.system, x, y, place.steps, bits)
        else:
            n, smooth = escape_oracle.iterate(place.system, given, x, y, place.steps, bits)
            attractor = 0
        assert (out.iterations[k], out.attractor[k]) == (n, attractor), pixel
        assert out.measure[k] == pytest.approx(-1 if smooth is None else smooth, abs=1e-6)
    assert settled.sum() > 20 and len(np.unique(out.iterations)) > 8


RELAXED = [
    pytest.param((1, 0, 0, -1), ("0.7", "0"), marks=pytest.mark.slow),
    pytest.param((1, 0, 0, -1), ("1.45", "0"), marks=pytest.mark.slow),
    pytest.param((1, 0, 0, -1), ("0.9", "0.5"), marks=pytest.mark.slow),
    pytest.param((1, 0, -2, 2), ("1.2", "-0.3"), marks=pytest.mark.slow),
]
"""Polynomials and relaxations for Newton's method."""


@pytest.mark.parametrize(("coefficients", "relaxation"), RELAXED)
@pytest.mark.parametrize("depth", ["1", "1e-3", "1e-13", "1e-30", "1e-60"])
def test_newton_with_relaxation_against_an_independent_oracle(own_cache, coefficients, relaxation, depth):
    """Around a repelling cycle of two points, where all basins meet; compared as for the other systems."""
    with mpmath.workdps(90):
        a, down = mpmath.mpc(*relaxation), escape_oracle.slopes(coefficients)

        def step(z):
            return z - a * escape_oracle.horner(coefficients, z) / escape_oracle.horner(down, z)

        place = mpmath.findroot(
            lambda z: (step(step(z)) - z) / escape_oracle.horner(coefficients, z),
            (0.1, 0.3, 0.1 + 0.2j),
            solver="muller",
        )
        assert abs(step(place) - place) > 0.1 and abs(mpmath.diff(lambda z: step(step(z)), place)) > 1.5
        x, y = (mpmath.nstr(v, 85, min_fixed=-mpmath.inf, max_fixed=mpmath.inf) for v in (place.real, place.imag))
    settings = {"polynomial": ",".join(map(str, coefficients))}
    settings |= dict(zip(("relaxation", "relaxationy"), relaxation))
    job = job_at("newton", settings, x, y, depth, 64, 3000)
    pixels = np.random.default_rng(4).choice(64 * 64, 60, replace=False)
    out = job.run(pixels)
    settled = out.trust > 0
    for k, pixel in zip(np.flatnonzero(settled), pixels[settled].tolist()):
        at = exact_place(job.view, pixel)
        n, attractor, smooth = escape_oracle.relaxed(
            coefficients, relaxation, *at, 3000, 300 + int(7 * -np.log10(float(depth)))
        )
        assert (out.iterations[k], out.attractor[k]) == (n, attractor), pixel
        assert out.measure[k] == pytest.approx(-1 if smooth is None else smooth, abs=1e-6)
    assert settled.mean() > 0.9 and len(np.unique(out.attractor[settled])) >= 2


def test_exact_pixels_of_relaxed_newton_have_smooth_counts(own_cache):
    settings = {"polynomial": "1,0,0,-1", "relaxation": "1.8"}
    job = job_at("newton", settings, "0.2", "-0.75", "1", 8, 3000, escape_time.ExactJob)
    pixels = np.arange(0, 64, 9)
    out = job.run(pixels)
    assert (out.trust == 1).all()
    for k, pixel in enumerate(pixels.tolist()):
        n, attractor, smooth = escape_oracle.relaxed(
            (1, 0, 0, -1), ("1.8", "0"), *exact_place(job.view, pixel), 3000, 300
        )
        assert (out.iterations[k], out.attractor[k]) == (n, attractor), pixel
        assert out.measure[k] == pytest.approx(smooth, abs=1e-6)


@pytest.mark.parametrize(
    ("power", "relaxation", "near"),
    [
        (3, ("1", "0"), -0.4014 + 0.2732j),
        pytest.param(4, ("1", "0"), -0.6084 + 0.0654j, marks=pytest.mark.slow),
        pytest.param(3, ("1.3", "0.2"), -0.4177 + 0.2696j, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("depth", ["1", "1e-13", "1e-30"])
def test_nova_against_an_independent_oracle(own_cache, power, relaxation, near, depth):
    """Around a c with z_6 = z_4: the cycle of two repels, so the set has structure there at all depths."""
    with mpmath.workdps(60):
        a = mpmath.mpc(*relaxation)

        def orbit_of(c, n):
            z = mpmath.mpc(1)
            for _ in range(n):
                z = z - a * (z**power - 1) / (power * z ** (power - 1)) + c
            return z

        place = mpmath.findroot(
            lambda c: orbit_of(c, 6) - orbit_of(c, 4), (near, near + 1e-4, near + 1e-4j), solver="muller"
        )
        assert abs(orbit_of(place, 5) - orbit_of(place, 4)) > 0.1
        x, y = (mpmath.nstr(v, 50, min_fixed=-mpmath.inf, max_fixed=mpmath.inf) for v in (place.real, place.imag))
    settings = {"power": str(power), "relaxation": relaxation[0], "relaxationy": relaxation[1]}
    job = job_at("nova", settings, x, y, depth, 64, 1000)
    pixels = np.random.default_rng(4).choice(64 * 64, 60, replace=False)
    out = job.run(pixels)
    settled = out.trust > 0
    for k, pixel in zip(np.flatnonzero(settled), pixels[settled].tolist()):
        n, smooth = escape_oracle.nova(power, relaxation, *exact_place(job.view, pixel), 1000, 600)
        assert out.iterations[k] == n, pixel
        assert out.measure[k] == pytest.approx(-1 if smooth is None else smooth, abs=1e-6)
    assert settled.mean() > 0.9 and len(np.unique(out.iterations)) > 3


NEAR_K = [
    "z**3 - 3*z + c",
    pytest.param("z**4/4 - z**3/3 + c*z**2/2 - c*z + c/2 + 1", marks=pytest.mark.slow),
    pytest.param("z - (z**3 - 1)/(3*z**2) + c/2", marks=pytest.mark.slow),
    pytest.param("z**2 - 2*z + c*z**3 + 0.1", marks=pytest.mark.slow),
]
"""Formulas for z_0 = 1. All but the last have a critical point there, where float64 loses digits."""


@pytest.mark.parametrize("text", NEAR_K)
@pytest.mark.parametrize("near", ["1e-9", "1e-40"])
def test_orbits_that_come_close_to_a_critical_point_other_than_0(own_cache, text, near):
    """Pixels around a c whose z_3 is within ``near`` of z_0: all settled pixels agree with mpmath."""
    with mpmath.workdps(120):
        step = eval(f"lambda z, c: {text}".replace("0.1", "mpmath.mpf('0.1')"), {"mpmath": mpmath})

        def orbit_of(c, n):
            z = mpmath.mpc(1)
            for _ in range(n):
                z = step(z, c)
            return z

        place = mpmath.findroot(lambda c: orbit_of(c, 3) - 1 - mpmath.mpf(near), 0.4 + 0.7j, solver="muller")
        x, y = (mpmath.nstr(v, 100, min_fixed=-mpmath.inf, max_fixed=mpmath.inf) for v in (place.real, place.imag))
    job = job_at("formula", {"formula": text, "z0x": "1", "radius": "50"}, x, y, near, 32, 200)
    out = job.first(np.arange(1024))
    pixels = np.random.default_rng(1).choice(1024, 40, replace=False)
    settled = pixels[out.trust[pixels] > 0]
    with mpmath.workdps(300):
        step = eval(f"lambda z, c: {text}".replace("0.1", "mpmath.mpf('0.1')"), {"mpmath": mpmath})
        for pixel in settled.tolist():
            c = mpmath.mpc(*(mpmath.mpf(int(v.numerator)) / int(v.denominator) for v in exact_place(job.view, pixel)))
            z, n = mpmath.mpc(1), 0
            while abs(z) <= 50 and n < 200:
                z, n = step(z, c), n + 1
            assert out.iterations[pixel] == (n if abs(z) > 50 else 0), pixel
    assert len(settled) > 30


KEPT = json.loads((GOLDEN / "escape.json").read_text())["systems"]


GOLDENS = [
    pytest.param(k, id=f"{k['system']}-{i}", marks=slow_if(k["settings"] == {"power": "5"} or k["system"] in ALIKE))
    for i, k in enumerate(KEPT)
]
"""Each power has kernels of its own. Power 3 stands for 5, too."""


@pytest.mark.parametrize("kept", GOLDENS)
def test_golden_pixels(own_cache, kept):
    """200 pixels of each view at preperiodic points and along folds, down to 1e-100 (golden/make_escape.py).

    Every settled pixel is right. float64 does not settle pixels whose count changes if only 45 bits more than the
    depth are used. Without folds it settles most pixels.
    """
    for view in kept["views"]:
        size = kept["size"]
        job = job_at(kept["system"], kept["settings"], kept["x"], kept["y"], view["depth"], size, kept["limit"])
        out = job.run(np.array(view["pixels"]))
        settled = out.trust > 0
        assert np.array_equal(out.iterations[settled], np.array(view["iterations"])[settled]), view["depth"]
        smooth = np.array([-1.0 if v is None else v for v in view["smooth"]])
        assert np.allclose(out.measure[settled], smooth[settled], rtol=0, atol=1e-6)
        in_float64 = job.first(np.array(view["pixels"])).trust > 0
        assert not in_float64[np.isin(view["pixels"], view["delicate"])].any()
        if kept["system"] in ("mandelbrot", "julia"):
            assert in_float64.mean() > 0.75, (view["depth"], in_float64.mean())


@pytest.mark.slow
def test_golden_pixels_are_what_their_script_makes():
    """Some pixels at 1e-30 and 1e-100, run again by the oracle, have the golden counts."""
    rng = np.random.default_rng(3)
    for kept in KEPT:
        for view in kept["views"][2:]:
            place = View.parse(kept["x"], kept["y"], view["depth"], (kept["size"], kept["size"]))
            for k in rng.choice(len(view["pixels"]), 5, replace=False):
                x, y = exact_place(place, view["pixels"][k])
                found = escape_oracle.iterate(kept["system"], kept["settings"], x, y, kept["limit"], 700)
                assert found[0] == view["iterations"][k]
                assert found[1] == pytest.approx(view["smooth"][k], rel=1e-12)


def job_at(name, settings, x, y, depth, size=32, limit=3000, kind=PerturbationJob):
    system = systems.create(name, settings, limit)
    view = View.parse(x, y, depth, (size, size))
    if kind is escape_time.Float64Job:
        return kind(system, view, quiet)
    return kind(system, view, None, *([quiet, quiet] if kind is PerturbationJob else [quiet]))


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
    monkeypatch.setattr(escape_time_differences, "_least", lambda iteration: 0)
    wide = job_at(name, {}, *place, "1e-9")
    assert wide._wide
    out = wide.run(pixels)
    assert np.array_equal(plain.iterations, out.iterations)
    assert np.allclose(plain.measure, out.measure, rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", ALIKE)
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
    assert abs(found.x[-1]) > 2 and found.excess_m[-1] > 0 > found.excess_m[-2]
    # c = -1 + 1e-200 makes every second iterate tiny
    tiny = orbit.made(system.iteration, zero, (mpq(-1) + mpq(1, 10**200), mpq(0)), 900, 6)
    assert tiny.tiny.tolist() == [True, False, True, False, True, False, True]
    assert tiny.tiny_at.tolist() == [0, 2, 4, 6] and tiny.tiny_m[0, 0] == 0
    assert np.ldexp(tiny.tiny_m[1, 0], tiny.tiny_e[1, 0]) == pytest.approx(-1e-200, rel=1e-15)


def test_an_orbit_that_is_back_where_it_began_ends():
    for c, period in ((0, 1), (-1, 2)):
        found = orbit.made(systems.create("mandelbrot").iteration, (mpq(0), mpq(0)), (mpq(c), mpq(0)), 100, 50)
        assert found.steps == period and found.x[-1] == 0
    end = orbit.end(systems.create("mandelbrot").iteration, (mpq(0), mpq(0)), (mpq(-1), mpq(0)), 100, 50)
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
    assert np.array_equal(first._x, again._x) and first._orbits[0].steps == again._orbits[0].steps


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


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("mandelbrot", {"power": "1"}, "--set power: '1' is not a whole number from 2 to 30"),
        ("mandelbrot", {"power": "2.5"}, "--set power: '2.5' is not a whole number from 2 to 30"),
        ("julia", {"cx": "east"}, "--set cx: 'east' is not a decimal number"),
        ("newton", {"polynomial": "1,-2,1"}, "--set polynomial: the polynomial has a repeated root"),
        ("newton", {"relaxation": "2"}, "--set relaxation: 2 + 0i is 1 or more away from 1, so no root"),
        ("newton", {"relaxationy": "-1"}, "--set relaxation: 1 + -1i is 1 or more away from 1"),
        ("newton", {"relaxation": "1e400"}, "--set relaxation: 1e400 + 0i is 1 or more away from 1"),
        ("newton", {"relaxation": "half"}, "--set relaxation: 'half' is not a decimal number"),
        ("celtic", {"power": "3"}, "--set: celtic has no setting 'power'; it has none"),
        ("formula", {"formula": "1e400*z**2 + c"}, "--formula: '1e400*z**2 + c' has a number beyond 1e100, or one"),
        ("formula", {"formula": "z**2 + c + 10**-200"}, "has a number beyond 1e100, or one below 1e-100 that is not 0"),
        ("formula", {"z0x": "1e400"}, "--set z0x: 1e400 is beyond 1e100"),
        ("formula", {"radius": "1e400"}, "--set radius: 1e400 is not from 1 to 1e10"),
        (
            "newton",
            {"polynomial": "1e150,0,-1"},
            "--set: with these values the formula has a number beyond 1e100, or one",
        ),
    ],
)
def test_wrong_settings(name, given, message):
    with pytest.raises(InputError) as error:
        systems.create(name, given)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("z**20 + c", (20, 1)), ("z**1000 + c", (1000, 1)), ("2*z**30 + z + c", (30, 2)), ("1e90*z**3 + c", (3, 1e90)),
        ("exp(z) + c", (2, 1)), ("z + c", (2, 1)), ("1e8*z/z**2 + c", (2, 1)),
    ],
)  # fmt: skip
def test_growth_of_formulas(text, law):
    """Far out, a step turns |z| into gain * |z|**degree; (2, 1) stands for formulas that do not grow like a power."""
    assert growth(parse(text)) == pytest.approx(law, rel=1e-7)


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


@pytest.mark.parametrize("depth", ["1e-290", "1e-420"])
def test_newton_below_the_range_of_float64(own_cache, depth):
    """Around a repelling cycle of two points of Newton's method for z**3 - 1."""
    with mpmath.workdps(480):
        place = mpmath.findroot(
            lambda z: 20 * z**6 + 5 * z**3 + 2, (0.49 + 0.5j, 0.5 + 0.5j, 0.49 + 0.51j), solver="muller"
        )

        def step(z):
            return z - (z**3 - 1) / (3 * z**2)

        assert abs(step(step(place)) - place) < mpmath.mpf("1e-470") and abs(step(place) - place) > 0.1
        x, y = (mpmath.nstr(v, 470, min_fixed=-mpmath.inf, max_fixed=mpmath.inf) for v in (place.real, place.imag))
    job = job_at("newton", {}, x, y, depth, 32, 3000)
    assert job._wide
    out = job.first(np.arange(1024))
    pixels = np.random.default_rng(4).choice(1024, 40, replace=False)
    settled = pixels[out.trust[pixels] > 0]
    for pixel in settled.tolist():
        n, attractor, smooth = escape_oracle.drawn("newton", *exact_place(job.view, pixel), 3000, 2200)
        assert (out.iterations[pixel], out.attractor[pixel]) == (n, attractor)
        assert out.measure[pixel] == pytest.approx(smooth, abs=1e-6)
    assert len(settled) > 30 and len(np.unique(out.attractor)) == 3


@pytest.mark.parametrize("name", ["nova", "magnet1"])
def test_quotients_below_the_range_of_float64(own_cache, name):
    """Maps with quotients, around preperiodic points at 1e-420."""
    steps = {
        "nova": lambda z, c: z - (z**3 - 1) / (3 * z**2) + c,
        "magnet1": lambda z, c: ((z * z + c - 1) / (2 * z + c - 2)) ** 2,
    }
    start, late, early, near = {"nova": (1, 6, 4, -0.4014 + 0.2732j), "magnet1": (0, 6, 2, 1.8558 - 0.4772j)}[name]
    with mpmath.workdps(480):

        def orbit_of(c, n):
            z = mpmath.mpc(start)
            for _ in range(n):
                z = steps[name](z, c)
            return z

        place = mpmath.findroot(
            lambda c: orbit_of(c, late) - orbit_of(c, early), (near, near + 1e-5, near + 1e-5j), solver="muller",
            maxsteps=200,
        )  # fmt: skip
        x, y = (mpmath.nstr(v, 460, min_fixed=-mpmath.inf, max_fixed=mpmath.inf) for v in (place.real, place.imag))
    job = job_at(name, {}, x, y, "1e-420", 32, 5000)
    out = job.first(np.arange(1024))
    pixels = np.random.default_rng(1).choice(1024, 25, replace=False)
    for pixel in pixels[out.trust[pixels] > 0].tolist():
        at = exact_place(job.view, pixel)
        if name == "nova":
            n, smooth = escape_oracle.nova(3, ("1", "0"), *at, 5000, 2400)
        else:
            n, _, smooth = escape_oracle.drawn(name, *at, 5000, 2400)
        assert out.iterations[pixel] == n and out.measure[pixel] == pytest.approx(smooth, abs=1e-6)
    assert job._wide and (out.trust > 0).mean() > 0.8 and len(np.unique(out.iterations)) > 8


@pytest.mark.parametrize("depth", ["1e-200", "1e-309", "1e-320"])
def test_a_fold_below_the_range_of_float64(own_cache, depth):
    """The celtic map folds Re z_1**2 = Re c**2, which is 1e-310 here: at 1e-309 the fold crosses the view."""
    with mpmath.workdps(400):
        y = mpmath.nstr(mpmath.mpf("0.5") - mpmath.mpf("1e-310"), 380, min_fixed=-mpmath.inf)
    job = job_at("celtic", {}, "0.5", y, depth, 4, 50)
    out = job.first(np.arange(16))
    assert np.all(out.trust == 1)
    for pixel in range(16):
        n, smooth = escape_oracle.iterate("celtic", {}, *exact_place(job.view, pixel), 50, 1400)
        assert out.iterations[pixel] == n and abs(out.measure[pixel] - smooth) < 1e-6


def test_near_its_critical_point_a_formula_is_expanded(own_cache):
    """The orbit returns to within 1e-14 of the critical point: without expansion float64 would settle no pixel."""
    place = get("nova-deep")
    out = job_at("nova", {}, place.x, place.y, "1e-20", 32, place.steps).first(np.arange(1024))
    assert (out.trust > 0).mean() > 0.5


NUCLEUS = (
    "1.929783813700152587792200657973657902774884269164039451509975493296790385441665392227852953018600541635071868839",
    "0.252535269745902828871654542071789316113359158858008510734710930420358401880766433263176693771795104349140272303",
)
"""Near a nucleus of magnet2 with period 475: its orbit comes within 1e-115 of a numerator's root."""


@pytest.mark.parametrize("depth", ["1e-30", "1e-60", "1e-95"])
def test_numerators_near_their_roots_are_kept_from_high_precision(own_cache, depth):
    """The orbit passes a critical point that depends on c."""
    job = job_at("magnet2", {}, *NUCLEUS, depth, 32, 2000)
    out = job.first(np.arange(1024))
    pixels = np.random.default_rng(3).choice(1024, 25, replace=False)
    settled = pixels[out.trust[pixels] > 0]
    for pixel in settled.tolist():
        n, attractor, _ = escape_oracle.drawn("magnet2", *exact_place(job.view, pixel), 2000, 1200)
        assert (out.iterations[pixel], out.attractor[pixel]) == (n, attractor)
    assert len(settled) > 8 and len(np.unique(out.iterations)) > 8


POLE = "-0.7937005259840997373758528196361541301957466639499265049041428809126082528121098339"


@pytest.mark.parametrize(
    ("x", "depth"),
    [("0", "1e-3"), ("0", "1e-20"), (POLE, "1e-20"), (POLE[:14], "1e-3"), (POLE[:32], "1e-10"), (POLE[:64], "1e-30")],
)
def test_centres_at_poles(own_cache, x, depth):
    """0 is a pole of Newton's method for z**3 - 1, and -(1/2)**(1/3) maps to it: the reference avoids the centre."""
    job = job_at("newton", {}, x, "0", depth, 32, 2000)
    out = job.first(np.arange(1024))
    assert (out.trust > 0).mean() > 0.9 and len(np.unique(out.iterations)) > 5
    pixels = np.random.default_rng(1).choice(1024, 40, replace=False)
    for pixel in pixels[out.trust[pixels] > 0].tolist():
        n, attractor, _ = escape_oracle.drawn("newton", *exact_place(job.view, pixel), 2000, 900)
        assert (out.iterations[pixel], out.attractor[pixel]) == (n, attractor)


def test_near_a_pole_that_is_not_0(own_cache):
    """p = z**3 - 2z + 2: z - p/p' has poles at +-sqrt(2/3). Near them high precision gives the denominator."""
    with mpmath.workdps(60):
        pole = mpmath.sqrt(mpmath.mpf(2) / 3)
        place = mpmath.findroot(lambda z: (z - pole) * (3 * z * z - 2) - (z**3 - 2 * z + 2), mpmath.mpc(-0.05, 0.37))
        x, y = (mpmath.nstr(v, 50, min_fixed=-mpmath.inf) for v in (place.real, place.imag))
    job = job_at("newton", {"polynomial": "1,0,-2,2"}, x, y, "1e-20", 16, 2000)
    pixels = np.arange(0, 256, 11)
    first, exact = job.first(pixels), job.retry(pixels, job.rungs.index("double-double") + 1)
    assert (exact.trust > 0).all() and len(np.unique(exact.iterations)) > 3
    settled = first.trust > 0
    assert np.array_equal(first.iterations[settled], exact.iterations[settled]) and settled.mean() > 0.9
