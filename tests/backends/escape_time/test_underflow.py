"""Values forced below float64's range: what is lost there must show in the error bound."""

from __future__ import annotations

import numpy as np
import pytest
from deep_views import Place, at_nucleus, view_at
from small_network import quiet

from deepzoom.backends.escape_time import perturbation as escape_time_differences
from deepzoom.backends.escape_time.perturbation import PerturbationJob

PIXELS = np.arange(0, 169, 7)


@pytest.fixture(scope="module")
def place() -> Place:
    return at_nucleus("mandelbrot-2", 3, 340)


def held(place, view, out):
    """Check that all settled pixels are right. Returns which pixels are right."""
    right = []
    for k, pixel in enumerate(PIXELS.tolist()):
        n, _, smooth = place.count(*view.at(pixel % view.width, pixel // view.width))
        right.append(out.iterations[k] == n and (out.fate[k] != 0) == (smooth is not None))
    assert np.all(np.array(right) | (out.trust < 0))
    return np.array(right)


def test_nothing_is_lost(own_cache, place):
    view = view_at(place, 30)
    out = PerturbationJob(place.system(), view, None, quiet, quiet).first(PIXELS)
    assert held(place, view, out).all() and np.all(out.trust == 1) and len(np.unique(out.iterations)) > 3


def test_differences_that_vanish(own_cache, monkeypatch, place):
    """Differences that are 0 or denormal as float64 settle nothing."""
    monkeypatch.setattr(escape_time_differences, "LEAST", -(10**6))
    monkeypatch.setattr(escape_time_differences, "least", lambda iteration: -(10**6))
    view = view_at(place, 30)
    job = PerturbationJob(place.system(), view, None, quiet, quiet)
    assert not job._wide
    for out in (job.first(PIXELS), job.retry(PIXELS, 0)):
        assert not held(place, view, out).all() and np.all(out.trust == -1)


def test_iterates_that_vanish(own_cache, place):
    """Nothing settles if the reference's iterates near the critical point, 0 included, pass for ordinary ones."""
    view = view_at(place, 30)
    job = PerturbationJob(place.system(), view, None, quiet, quiet)
    assert job._all.tiny[0].sum() > 1
    job._all.tiny[0][:] = False
    out = job.first(PIXELS)
    held(place, view, out)
    assert np.all(out.trust == -1)
