"""Taylor polynomials of formulas against mpmath's, and skips against the orbits that they replace."""

from __future__ import annotations

import math

import mpmath
import numba
import numpy as np
import pytest

from deepzoom import systems
from deepzoom.backends.escape_time.perturbation import PerturbationJob
from deepzoom.backends.kernels.escape_time.generated import kernels
from deepzoom.backends.kernels.escape_time.power_series import COEFFICIENTS, TOP
from deepzoom.formula.expression import parse
from deepzoom.landmarks import get
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import Iteration

FORMULAS = [
    "z**2 + c",
    "z**3 + c/z",
    "c*sin(z)",
    "exp(z) + c*z",
    "cos(z*c) - 1/(z + c + 3)",
    "(z**2 + c - 1)/(2*z + c - 5)",
]
FUNCTIONS = {"sin": mpmath.sin, "cos": mpmath.cos, "exp": mpmath.exp}


@pytest.mark.parametrize("text", FORMULAS)
def test_coefficients_against_mpmath(own_cache, text):
    """Coefficients of all degrees against mpmath's derivatives, at random points."""
    module = kernels(Iteration(parse(text)))
    taylor, rows = module.taylor, module.TAYLOR_ROWS

    @numba.njit
    def series(zx, zy, cx, cy, w):
        return taylor(zx, zy, cx, cy, w, 0)

    rng = np.random.default_rng(len(text))
    for _ in range(3):
        zx, zy, cx, cy = rng.uniform(0.3, 1.2, 4)
        w = np.zeros((rows, COEFFICIENTS))
        re, im = series(zx, zy, cx, cy, w)
        with mpmath.workdps(60):

            def f(z, c):
                return eval(text, {"z": z, "c": c, **FUNCTIONS})

            for i in range(TOP + 1):
                for j in range(TOP + 1 - i):
                    point, scale = (mpmath.mpc(zx, zy), mpmath.mpc(cx, cy)), math.factorial(i) * math.factorial(j)
                    true = mpmath.diff(f, point, (i, j)) / scale if i + j else f(*point)
                    n = (i + j) * (i + j + 1) // 2 + j
                    assert abs(mpmath.mpc(w[re, n], w[im, n]) - true) <= 1e-11 * (1 + abs(true)), (i, j)


@pytest.mark.parametrize("name", ["mandelbrot", "magnet1", "burning-ship"])
@pytest.mark.parametrize("depth", ["1e-20", "1e-40"])
def test_skips_against_orbits_in_mpmath(own_cache, name, depth):
    """Near its radius, a skip ends where the orbits end, and stretches as they do, to within its own bounds."""
    place = get({"burning-ship": "burning-ship-e100"}.get(name, f"{name}-deep"))
    system = systems.create(name, {}, 600)
    view = View.parse(place.x, place.y, depth, (8, 8))
    job = PerturbationJob(system, view, 1200, lambda *a: None, lambda *a: None)
    module, used = job.kernels.module, 0
    skip, skip_wide = module.skip, module.skip_wide

    @numba.njit
    def ended(row, x, y, error, ga, gb):
        return skip(row, x, y, error, ga, gb)

    @numba.njit
    def ended_far(row, b, exponents, radius, x, y, error, ga, gb):
        re, eo, eb, more = exponents
        u, v, e, slope, off = skip_wide(row, b, eb, radius, re, eo, x, y, 0, error, ga, gb)
        return u * 2.0**e, v * 2.0**e, slope * 2.0**more, off * 2.0**e

    def step(z, c):
        if name == "mandelbrot":
            return z * z + c
        if name == "magnet1":
            return ((z * z + c - 1) / (2 * z + c - 2)) ** 2
        folded = mpmath.mpc(abs(z.real), abs(z.imag))
        return folded * folded + c

    reach = mpmath.ldexp(job._reach[0], int(job._reach[1]))
    rng = np.random.default_rng(1)
    with mpmath.workdps(360):
        centre = mpmath.mpc(*(mpmath.mpf(v.numerator) / v.denominator for v in (view.x, view.y)))
        orbit = [mpmath.mpc(0)]
        for _ in range(job._all.length[0]):
            orbit.append(step(orbit[-1], centre))
        for place_of in range(min(20, len(job._index) - 2)):
            first, last = job._index[place_of], job._index[place_of + 1]
            for level, t in enumerate(range(first, last)):
                radius = job._near_radii[t]
                if radius == 0.0:
                    continue
                used += 1
                m, steps = 1 + place_of * 8, 8 << level
                angle, size, other = rng.uniform(0, 2 * math.pi, 3)
                x, y = 0.7 * radius * math.cos(angle), 0.7 * radius * math.sin(angle)
                ga, gb = 0.5 * math.cos(size), 0.5 * math.sin(other)
                away = 1e-3 * radius * complex(math.cos(other), math.sin(other))
                u, v, slope, bound = ended(job._rows[t], x, y, abs(away), ga, gb)
                z, c = orbit[m] + mpmath.mpc(x, y), centre + reach * mpmath.mpc(ga, gb)
                beside = z + away
                for _ in range(steps):
                    z, beside = step(z, c), step(beside, c)
                given = job._rows[t], job._by_c[t], job._exponents[t], job._radii[t]
                assert np.allclose(ended_far(*given, x, y, abs(away), ga, gb), (u, v, slope, bound), 1e-9, 0.0)
                assert abs(mpmath.mpc(u, v) - (z - orbit[m + steps])) <= bound, (m, steps)
                assert bound <= 2.0**-44 * abs(mpmath.mpc(u, v)), (m, steps)
                assert 0.99 * slope <= abs(beside - z) / abs(away) * (2 if name == "burning-ship" else 1), (m, steps)
                assert abs(beside - z) <= slope * abs(away), (m, steps)
    assert used > 10
