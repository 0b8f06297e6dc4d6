"""Eight pixels at a time: lanes compute what numbers do, and pixels in lanes end with the same bits as one by one."""

from __future__ import annotations

import math

import mpmath
import numba
import numpy as np
import pytest

from deepzoom import systems
from deepzoom.backends.escape_time.perturbation import PerturbationJob
from deepzoom.backends.kernels.arithmetic.lane_memory import address, columns, four, gathered, load, put_four, store
from deepzoom.backends.kernels.arithmetic.lanes import bits, ones, spread, where, zeros_above, zeros_below
from deepzoom.landmarks import get
from deepzoom.scene.view import View


def test_lanes_against_numpy():
    @numba.njit(error_model="numpy")
    def run(a, places, table, out, counts):
        x, at = load(address(a), 0), load(address(places), 0)
        there = address(out)
        store(there, 0, abs(x) * math.sqrt(x * x + 1.0) - x / 3.0)
        store(there, 8, where((x > 0.0) & ~(x == 1.0), max(x, 0.5), -2.0))
        store(there, 16, gathered(address(table), at * 4))
        first, second, third, fourth = four(address(table), at, 3)
        store(there, 24, first + 10.0 * second + 100.0 * third + 1000.0 * fourth)
        put_four(there, at * 4, 32, second, fourth, x, spread(7.0))
        store(there, 80, columns(there, 8)[1])
        store(address(counts), 0, where(at >= 3, at >> 1, 5 - at))
        return bits(x > 0.5), ones(13), zeros_below(40), zeros_above(1)

    a, places = np.array([-2.0, -1.0, -0.0, 0.0, 0.25, 1.0, 1.5, 2.0]), np.array([5, 0, 4, 1, 7, 2, 6, 3])
    table, out, counts = np.arange(64.0), np.zeros(88), np.zeros(8, np.int64)
    assert run(a, places, table, out, counts) == (0b11100000, 3, 3, 63)
    assert np.array_equal(out[:8], np.abs(a) * np.sqrt(a * a + 1) - a / 3)
    assert np.array_equal(out[8:16], np.where((a > 0) & (a != 1), np.maximum(a, 0.5), -2))
    assert np.array_equal(out[16:24], table[4 * places])
    rows = table[places[:, None] + np.arange(3, 7)]
    assert np.array_equal(out[24:32], rows @ [1, 10, 100, 1000])
    assert np.array_equal(out[32:64].reshape(8, 4)[places], np.stack([rows[:, 1], rows[:, 3], a, 7 + 0 * a], axis=1))
    assert np.array_equal(counts, np.where(places >= 3, places >> 1, 5 - places))


VIEWS = {
    "mandelbrot": ("mandelbrot", {}, "mandelbrot-deep", "1e-30", 20_000),
    "interior": ("mandelbrot", {}, "mandelbrot-deep", "1e-3", 3_000),
    "cubic": ("mandelbrot", {"power": "3"}, "preperiodic", "1e-20", 2_000),
    "julia": ("julia", {}, "repelling", "1e-20", 2_000),
    "burning-ship": ("burning-ship", {}, "burning-ship-e100", "1e-40", 5_000),
    "mandelbrot below float64": ("mandelbrot", {}, "mandelbrot-e1000", "1e-1000", 40_000),
    "cubic below float64": ("mandelbrot", {"power": "3"}, "preperiodic", "1e-400", 4_000),
    "julia below float64": ("julia", {}, "repelling", "1e-350", 4_000),
}


def centre(place):
    """A place by name; a c at which the cubic map's orbit ends in a fixed point; a fixed point of the Julia set."""
    with mpmath.workdps(460):
        if place == "preperiodic":
            z = mpmath.sqrt(mpmath.expjpi(mpmath.mpf(2) / 3) - 1)
        elif place == "repelling":
            z = (1 + mpmath.sqrt(1 - 4 * mpmath.mpc("-0.8", "0.156"))) / 2
        else:
            return get(place).x, get(place).y
        return mpmath.nstr(z.real, 440), mpmath.nstr(z.imag, 440)


@pytest.mark.slow
@pytest.mark.parametrize("name", VIEWS)
def test_pixels_in_lanes_end_as_one_by_one(own_cache, name):
    system, choice, place, depth, steps = VIEWS[name]
    system = systems.create(system, choice, steps)
    view = View.parse(*centre(place), depth, (37, 29))
    job = PerturbationJob(system, view, None, lambda *a: None, lambda *a: None)

    def one_by_one(module, kernel, given):
        if kernel == "floatexp":
            module.share_floatexp(np.zeros(1, np.int64), 1 << 62, *given)
        else:
            getattr(module, f"run_{kernel}")(*given)

    pixels = np.arange(37 * 29)
    found, expected = job.first(pixels), job.first(pixels, one_by_one)
    for field in ("measure", "fate", "trust", "iterations", "attractor"):
        assert np.array_equal(getattr(found, field), getattr(expected, field)), field
    assert len(np.unique(found.iterations)) > 10
    few = job.first(pixels[100:103])  # fewer than a vector holds
    assert np.array_equal(few.measure, found.measure[100:103])
