"""Pixels drawn to a cycle end long before the limit, and only they do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from escape_jobs import exact_place, job_at

NUCLEUS = "-1.7548776662466927600495088963585286918946", "0"
"""Of period 3."""


def cycle_slope(c: complex, period: int) -> float:
    """abs of the slope of the cycle that draws the orbit of 0 in, by Newton's method; infinite where there is none."""
    z = 0j
    for _ in range(20_000):
        z = z * z + c
        if abs(z) > 2:
            return math.inf
    for times in range(1, 65):
        w = z
        for _ in range(20):
            at, slope = w, 1 + 0j
            for _ in range(times * period):
                at, slope = at * at + c, 2 * at * slope
            if not abs(at) < 4 or slope == 1:
                break
            w -= (at - w) / (slope - 1)
        if abs(at - w) < 1e-12 and abs(w - z) < 1e-3:
            return abs(slope)
    return math.inf


@pytest.mark.parametrize("depth", ["0.004", pytest.param("0.03", marks=pytest.mark.slow)])
def test_bounded_pixels_have_an_attracting_cycle(own_cache, depth):
    """A limit of 1e9 would take ten seconds a pixel: only a proof ends them before."""
    job = job_at("mandelbrot", {}, *NUCLEUS, depth, 24, 10**9)
    out = job.first(np.arange(576))
    assert job._orbits[0].steps == 3
    bounded = np.flatnonzero((out.fate == 0) & (out.trust > 0))
    assert len(bounded) > 100
    for pixel in bounded[::7].tolist():
        assert cycle_slope(complex(*map(float, exact_place(job.view, pixel))), 3) < 1
