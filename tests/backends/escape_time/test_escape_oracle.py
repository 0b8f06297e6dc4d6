"""Counts and smooth counts of escape-time systems, deep down, against independent oracles."""

from __future__ import annotations

import json

import escape_oracle
import mpmath
import numpy as np
import pytest
from escape_jobs import exact_place, job_at, slow_if
from known_places import GOLDEN

from deepzoom import systems
from deepzoom.backends.escape_time import float64 as escape_time
from deepzoom.landmarks import all_landmarks
from deepzoom.scene.view import View

DEEP = [
    m
    for m in all_landmarks()
    if m.system in systems.ESCAPE_TIME
    and m.system != "formula"
    and m.name.endswith("-deep" if m.system in ("mandelbrot", "julia", "newton", "nova") else "-e100")
]
"""A place of each system with structure down to 1e-60 and deeper."""


ALIKE = ("buffalo", "perpendicular-burning-ship", "shark-fin", "tricorn", "magnet2")
"""Maps with folds, as the celtic map and the burning ship have them, and a map with quotients, as magnet1. Those three,
whose kernels for differences are compiled in every test run, stand for these."""


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
