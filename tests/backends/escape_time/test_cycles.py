"""Periods of attracting cycles, against Newton's method on whole orbits with many digits."""

from __future__ import annotations

from functools import partial

import deep_maps
import gmpy2
import numpy as np
import pytest
from cycle_oracle import period
from deep_views import at, view_at
from escape_jobs import job_at
from gmpy2 import mpfr, mpq
from small_network import quiet

from deepzoom.backends.escape_time.perturbation import PerturbationJob


def _newton(x, y, a, b):
    """A step of Newton's method for z^3 - 2z + 2, which has the cycle 0, 1."""
    z = gmpy2.mpc(x, y)
    w = z - (z * z * z - 2 * z + 2) / (3 * z * z - 2)
    return w.real, w.imag


def _cubic_pole(x, y, a, b):
    z = gmpy2.mpc(x, y)
    w = z * z * z + gmpy2.mpc(a, b) / z
    return w.real, w.imag


MAPS = {name: (step, start) for name, (step, start, _) in deep_maps.MAPS.items()}
CASES = {
    "home": ("mandelbrot", {}, MAPS["mandelbrot-2"], ("-0.6", "0", "2.6"), 20_000),
    "period 3": ("mandelbrot", {}, MAPS["mandelbrot-2"], ("-1.75487766624669276", "0", "0.03"), 20_000),
    "seahorse": ("mandelbrot", {}, MAPS["mandelbrot-2"], ("-0.745", "0.11", "0.02"), 20_000),
    "all inside": ("mandelbrot", {}, MAPS["mandelbrot-2"], ("-0.1", "0.1", "1e-20"), 20_000),
    "cubic": ("mandelbrot", {"power": "3"}, MAPS["mandelbrot-3"], ("0", "0", "2.6"), 5000),
    "julia": ("julia", {"cx": "-0.123", "cy": "0.745"}, MAPS["mandelbrot-2"], ("0", "0", "3"), 5000),
    "ship": ("burning-ship", {}, MAPS["burning-ship"], ("-0.5", "-0.5", "3.5"), 5000),
    "tricorn": ("tricorn", {}, MAPS["tricorn"], ("-0.3", "0", "3.5"), 5000),
    "magnet1": ("magnet1", {}, MAPS["magnet1"], ("1.2", "0", "4"), 1000),
    "newton": ("newton", {"polynomial": "1,0,-2,2"}, (_newton, 0), ("0", "0", "3"), 1000),
    "nova": ("nova", {}, MAPS["nova"], ("-0.3", "0.1", "0.6"), 1000),
    "formula": ("formula", {"formula": "z**3 + c/z", "z0x": "0.5"}, (_cubic_pole, 0.5), ("0", "0", "2"), 1000),
}


def _step(step, a, b, x, y):
    return step(x, y, a, b)


def compared(job, step, start, pixels, found, burn, most, size, bits, c=None):
    """How many periods were compared with the oracle; fails where one differs."""
    with gmpy2.context(precision=bits):
        for pixel, own in zip(pixels.tolist(), found.tolist()):
            x, y = (mpfr(mpq(v)) for v in job.view.at(pixel % job.view.width, pixel // job.view.width))
            (a, b), begin = ((x, y), (mpfr(start), mpfr(0))) if c is None else (c, (x, y))
            assert period(partial(_step, step, a, b), begin, burn, most, mpfr(size)) == own, (pixel, own)
    return len(pixels)


@pytest.mark.parametrize("name", [n if n == "home" else pytest.param(n, marks=pytest.mark.slow) for n in CASES])
def test_periods(name):
    """One pixel of each period that a view shows, and some at random. Pixels that end have none."""
    system, settings, (step, start), (x, y, depth), limit = CASES[name]
    job = job_at(system, settings, x, y, depth, 24, limit)
    every = np.arange(576)
    ended, found = job.first(every).fate != 0, job.periods(every)
    assert not found[ended].any()
    known = np.flatnonzero(found > 0)
    assert len(known) >= 0.5 * np.count_nonzero(~ended) > 0
    some = np.random.default_rng(1).choice(known, min(6, len(known)), replace=False)
    pixels = np.unique([*np.unique(found, return_index=True)[1][1 if found.min() == 0 else 0 :], *some])
    pixels = pixels[found[pixels] > 0]
    c = None
    if system in ("julia", "newton"):
        c = mpfr(settings.get("cx", "0"), 300), mpfr(settings.get("cy", "0"), 300)
    assert compared(job, step, start, pixels, found[pixels], 20_000, 400, "1e-10", 300, c) > 3


@pytest.mark.slow
@pytest.mark.parametrize("digits", [50, 400])
def test_deep_minibrots(digits):
    """Inside a minibrot in and below float64's range; the cycle is a multiple of its period."""
    place = at("mandelbrot-2", digits)
    own = int(place.what.split("period ")[1].split(",")[0])
    job = PerturbationJob(place.system(), view_at(place, 2, size=24), None, quiet, quiet)
    inside = np.flatnonzero(job.first(np.arange(576)).fate == 0)
    found = job.periods(inside)
    known = found > 0
    assert known.mean() > 0.15 and not (found % own).any() and set((found // own).tolist()) >= {1, 2}
    chosen = [np.flatnonzero(found == k * own)[0] for k in (1, 2)]
    bits = place.bits + int(3.33 * digits)
    args = inside[chosen], found[chosen], 40 * own, 3 * own, f"1e-{digits}", bits
    assert compared(job, deep_maps.MAPS["mandelbrot-2"][0], 0, *args) == 2
