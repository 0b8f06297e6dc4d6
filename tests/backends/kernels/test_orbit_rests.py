"""What float64 leaves of a reference orbit's iterates, against the orbit in mpmath."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from small_network import quiet

from deepzoom import systems
from deepzoom.backends.escape_time.perturbation import PerturbationJob
from deepzoom.landmarks import get
from deepzoom.scene.view import View


def step(name, z, c):
    if name == "mandelbrot":
        return z * z + c
    return ((z * z + c - 1) / (2 * z + c - 2)) ** 2


@pytest.mark.parametrize("name", ["mandelbrot", "magnet1"])
def test_rests_are_as_exact_as_they_claim(own_cache, name):
    place = get(f"{name}-deep")
    view = View.parse(place.x, place.y, "1e-20", (8, 8))
    job = PerturbationJob(systems.create(name, {}, 600), view, 1200, quiet, quiet)
    (orbit, *_), length = job._orbits, int(job._all.length[0])
    rests = job._rests(0, length, 0, orbit.rests)
    assert length > 100 and rests.shape == (length + 1, 3)
    with mpmath.workdps(360):
        z, c = mpmath.mpc(0), mpmath.mpc(*(mpmath.mpf(v.numerator) / v.denominator for v in (view.x, view.y)))
        for m in range(length + 1):
            found = mpmath.mpc(orbit.x[m], orbit.y[m]) + mpmath.mpc(rests[m, 0], rests[m, 1])
            assert abs(found - z) <= rests[m, 2], m
            z = step(name, z, c)
    sizes = np.abs(orbit.x) + np.abs(orbit.y)
    assert np.median(rests[1:, 2] / sizes[1:]) < 2.0**-65
