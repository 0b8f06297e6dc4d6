"""References that end where they return to the critical point."""

from __future__ import annotations

import math
from dataclasses import replace

import escape_oracle
import mpmath
import numpy as np
import pytest
from escape_jobs import exact_place, job_at
from gmpy2 import mpq

from deepzoom import cache, landmarks, systems
from deepzoom.coordinates import scaled_float
from deepzoom.reference import orbit
from deepzoom.reference.returns import CLOSE
from deepzoom.scene.shape import Shape
from deepzoom.scene.view import View

PLACE = "-1.768667862837488812627419470", "0.001645580546820209430325900"
"""Beside a nucleus of period 2123 and size 4e-25."""


def test_returns_are_where_an_orbit_is_closest_and_tell_where_a_nucleus_is():
    """Compared with orbits and derivatives in mpmath, for z**2 + c and z**3 + c."""
    for name, settings, power in (("mandelbrot", {}, 2), ("mandelbrot", {"power": "3"}, 3)):
        c = mpq(1, 3) + mpq(1, 10**30), mpq(7, 12)
        found = orbit.made(systems.create(name, settings).iteration, (mpq(0), mpq(0)), c, 400, 60)
        with mpmath.workdps(60):
            at = mpmath.mpc(*(mpmath.mpf(int(v.numerator)) / int(v.denominator) for v in c))
            z, d, least, expected = mpmath.mpc(0), mpmath.mpc(0), mpmath.inf, []
            for n in range(1, found.steps + 1):
                z, d = z**power + at, power * z ** (power - 1) * d + 1
                if max(abs(z.real), abs(z.imag)) < least:
                    least = max(abs(z.real), abs(z.imag))
                    small = -mpmath.log(abs(d), 2) * power / (power - 1) - 4
                    expected.append((n, complex(-z / d), min(float(small), -890.0)))
        steps, x, y, e, small = found.returns.T
        assert steps.tolist() == [n for n, _, _ in expected] and len(expected) > 2
        assert np.allclose((x + 1j * y) * 2.0**e, [w for _, w, _ in expected], rtol=1e-9, atol=0)
        assert np.allclose(small, [s for _, _, s in expected], rtol=1e-9)


FOLDED = {
    "burning-ship": lambda z: mpmath.mpc(abs(z.real), abs(z.imag)) ** 2,
    "celtic": lambda z: mpmath.mpc(abs((z**2).real), (z**2).imag),
    "tricorn": lambda z: mpmath.conj(z) ** 2,
}


@pytest.mark.parametrize("name", FOLDED)
def test_returns_of_maps_that_fold(name):
    """D by differences of orbits in mpmath; a nucleus lies where Z_n + D_n d is 0."""
    c = mpq(-13, 10) + mpq(1, 10**30), mpq(-1, 17)
    found = orbit.made(systems.create(name).iteration, (mpq(0), mpq(0)), c, 400, 40)
    with mpmath.workdps(80):
        at, h = mpmath.mpc(*(mpmath.mpf(int(v.numerator)) / int(v.denominator) for v in c)), mpmath.mpf(10) ** -50
        orbits = []
        for moved in (at, at + h, at + 1j * h):
            orbits.append([mpmath.mpc(0)])
            for _ in range(found.steps):
                orbits[-1].append(FOLDED[name](orbits[-1][-1]) + moved)
        least, expected = mpmath.inf, []
        for n, (z, right, up) in enumerate(zip(*orbits, strict=True)):
            if n > 0 and max(abs(z.real), abs(z.imag)) < least:
                least = max(abs(z.real), abs(z.imag))
                p, q = (right - z) / h, (up - z) / h
                d = mpmath.matrix([[p.real, q.real], [p.imag, q.imag]])
                away = mpmath.lu_solve(d, mpmath.matrix([-z.real, -z.imag]))
                expected.append((n, complex(*away), min(float(-mpmath.log(abs(mpmath.det(d)), 2) - 4), -890.0)))
    steps, x, y, e, small = found.returns.T
    assert steps.tolist() == [n for n, _, _ in expected] and len(expected) > 2
    assert np.allclose((x + 1j * y) * 2.0**e, [w for _, w, _ in expected], rtol=1e-9, atol=0)
    assert np.allclose(small, [s for _, _, s in expected], rtol=1e-9)


@pytest.mark.parametrize("name", ["burning-ship-e100", pytest.param("buffalo-e100", marks=pytest.mark.slow)])
def test_settled_pixels_of_a_map_that_folds_are_right_along_a_short_reference(own_cache, name):
    place = landmarks.get(name)
    job = job_at(place.system, {}, place.x, place.y, "1e-60", 32, 3000)
    out = job.first(np.arange(1024))
    assert job._orbits[0].steps < 300 and (out.trust > 0).mean() > 0.8
    for pixel in np.random.default_rng(2).choice(1024, 40, replace=False).tolist():
        if out.trust[pixel] > 0:
            n, smooth = escape_oracle.iterate(place.system, {}, *exact_place(job.view, pixel), 3000, 500)
            assert out.iterations[pixel] == n and abs(out.measure[pixel] - (-1 if smooth is None else smooth)) < 2e-6


def test_an_orbit_ends_at_the_first_return_that_serves():
    iteration, c = systems.create("mandelbrot").iteration, tuple(mpq(v) for v in PLACE)
    whole = orbit.made(iteration, (mpq(0), mpq(0)), c, 300, 5000)
    reach = math.log2(6e-22)
    short = orbit.made(iteration, (mpq(0), mpq(0)), c, 300, 5000, reach=reach)
    assert (whole.steps, short.steps) == (5000, 2123)
    assert np.array_equal(short.x, whole.x[:2124]) and short.tiny.shape == (2124,)
    assert whole.serving(reach, 5000, CLOSE).steps == 2123 and whole.serving(reach, 100, CLOSE).steps == 100
    assert short.serving(reach + 9, 5000, CLOSE).steps == 2123 and short.serving(reach - 99, 5000, CLOSE) is None


def test_an_orbit_from_the_cache_serves_other_views(own_cache, monkeypatch):
    """It is cut for wider views, taken for other limits where it has ended by itself, and else made anew."""
    made, limits = orbit.made, []
    monkeypatch.setattr(orbit, "made", lambda *a, **k: limits.append(a[4]) or made(*a, **k))
    job = job_at("mandelbrot", {}, *PLACE, "1.2e-21", 8, 9000)
    assert job._orbits[0].steps == 2123
    job_at("mandelbrot", {}, *PLACE, "1.2e-21", 8, 7000)
    assert limits == [9000]
    system = systems.create("mandelbrot", {}, 5000)
    z, c = system.start(*(mpq(v) for v in PLACE))
    bits = job.facts.bits
    assert orbit.obtain(system, z, c, bits, reach=-200.0).steps == 5000
    assert orbit.obtain(system, z, c, bits, reach=-20.0).steps == 101 and limits == [9000, 5000]
    assert orbit.obtain(systems.create("mandelbrot", {}, 6000), z, c, bits, reach=-200.0).steps == 6000
    cache.clear("references")


@pytest.mark.parametrize("depth", ["1.2e-21", pytest.param("1e-20", marks=pytest.mark.slow)])
def test_settled_pixels_are_right_along_a_reference_of_one_period(own_cache, depth):
    """Half of the pixels pass the end of the reference more than once; near the centre they lose some digits there."""
    job = job_at("mandelbrot", {}, *PLACE, depth, 32, 40_000)
    out = job.first(np.arange(1024))
    assert job._orbits[0].steps == 2123 and (out.trust > 0).mean() > 0.9
    centre = [row * 32 + column for row in range(14, 18) for column in range(14, 18)]
    for pixel in np.concatenate([np.random.default_rng(2).choice(1024, 20, replace=False), centre]).tolist():
        if out.trust[pixel] > 0:
            n, smooth = escape_oracle.iterate("mandelbrot", {}, *exact_place(job.view, pixel), 40_000, 400)
            assert out.iterations[pixel] == n and abs(out.measure[pixel] - (-1 if smooth is None else smooth)) < 2e-6


@pytest.mark.parametrize("shape", [{}, {"turned": True}])
def test_the_point_closest_to_a_place_beside_the_centre(shape):
    view = View.parse("0.1", "0.2", "1e-400", "40x30")
    if shape:
        view = replace(view, shape=Shape.stretched(3.0, 30.0), flip=True)
    for about in ((0, 0), (7, -11), (-25, 4)):
        x, y = (p - q for p, q in zip(view.beside(about), (view.x, view.y), strict=True))
        (mx, ex), (my, ey) = scaled_float(x), scaled_float(y)
        e = max(ex, ey)
        assert view.nearest(math.ldexp(mx, ex - e), math.ldexp(my, ey - e), e) == about


@pytest.mark.parametrize("limit", [40_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_a_nucleus_near_the_view_gives_the_reference(own_cache, limit):
    """A view of a small copy whose nucleus is beside the picture: all settled pixels are right."""
    job = job_at("mandelbrot", {}, *PLACE, "2e-23", 32, limit)
    assert job._about != (0, 0) and job._orbits[0].steps == 2123
    out = job.first(np.arange(1024))
    assert (out.trust > 0).mean() > 0.8 and 0.2 < (out.fate == 0).mean() < 0.99
    for pixel in np.random.default_rng(2).choice(1024, 20, replace=False).tolist():
        if out.trust[pixel] > 0:
            n, smooth = escape_oracle.iterate("mandelbrot", {}, *exact_place(job.view, pixel), limit, 400)
            assert out.iterations[pixel] == n and abs(out.measure[pixel] - (-1 if smooth is None else smooth)) < 2e-6


INSIDE = {
    "burning-ship": ("-1.7923294551917390285854495566888584", "-0.0270392945889251006146844428016849", "1.36e-26", 35),
    "mandelbrot": ("-0.15652016683375508", "1.0322471089228318", "8.48e-3", 4),
}
"""Nuclei, with sizes and periods."""


@pytest.mark.parametrize("name", INSIDE)
def test_a_view_inside_a_small_copy_needs_one_period(own_cache, name):
    """Its pixels end by the proof that they stay bounded, long before the limit."""
    x, y, size, period = INSIDE[name]
    job = job_at(name, {}, x, y, str(float(size) / 50), 16, 10**8)
    out = job.first(np.arange(256))
    assert job._orbits[0].steps == period and np.all(out.iterations == 0) and np.all(out.trust == 1)
