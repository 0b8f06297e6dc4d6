"""Kernels that pause and take their pixels from one queue, as on a GPU: the same numbers as one after the other.

They run compiled for the CPU, on two threads (``stand_in.py``); what only a GPU can show is in ``tests/gpu``.
"""

from __future__ import annotations

import numpy as np
import pytest
from stand_in import StandIn

from deepzoom import systems
from deepzoom.backends import executor
from deepzoom.backends.devices import Devices
from deepzoom.backends.escape_time import Float64Job
from deepzoom.backends.escape_time_differences import PerturbationJob
from deepzoom.backends.executor import Gpus
from deepzoom.backends.lyapunov import LyapunovJob
from deepzoom.backends.refined import DOUBLE
from deepzoom.landmarks import all_landmarks
from deepzoom.scene import View


def quiet(*_):
    return None


PLACES = [
    next(m for m in all_landmarks() if m.system == name and not m.name.endswith("-home"))
    for name in systems.ESCAPE_TIME
]


def gpus(monkeypatch, stride, **options):
    """The executor of a stand-in, and the stand-in."""
    monkeypatch.setattr(executor, "_STRIDE", stride)
    there = StandIn(**options)
    return Gpus(Devices([there], quiet), quiet), there


def same(a, b):
    for name, values in vars(a).items():
        other = getattr(b, name)
        assert (values is None) == (other is None), name
        assert values is None or np.array_equal(values, other, equal_nan=True), name


@pytest.mark.parametrize("place", PLACES, ids=lambda m: m.name)
@pytest.mark.parametrize(("depth", "stride"), [("1e-3", 5), ("1e-20", 1), ("1e-60", 3)])
def test_paused_and_shared_pixels_are_the_same(own_cache, monkeypatch, place, depth, stride):
    """All read-outs of all pixels, settled or not, to the last bit."""
    view = View.parse(place.x, place.y, depth, "12x8")
    system = systems.create(place.system, place.settings, min(place.steps, 2000))
    there, device = gpus(monkeypatch, stride)
    pixels = np.random.default_rng(1).permutation(96)
    if depth == "1e-3":
        plain, shared = (Float64Job(system, view, quiet, executor=e) for e in (None, there))
    else:
        plain, shared = (PerturbationJob(system, view, None, quiet, quiet, executor=e) for e in (None, there))
    same(plain.first(pixels), there.run(pixels, shared.first))
    assert device.launches == 1
