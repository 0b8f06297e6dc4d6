"""Orbits near roots, folds and poles, below the range of float64 and above it."""

from __future__ import annotations

import escape_oracle
import mpmath
import numpy as np
import pytest
from escape_jobs import exact_place, job_at

from deepzoom.landmarks import get


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


@pytest.mark.slow
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
