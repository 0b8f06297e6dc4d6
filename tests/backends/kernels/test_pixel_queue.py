"""Kernels that pause and take their pixels from one queue, as on a GPU, give the same numbers as a plain loop.

They are compiled for the CPU and run on two threads (``stand_in.py``); ``tests/gpu`` has what only a GPU can show.
"""

from __future__ import annotations

import numpy as np
import pytest
from small_network import quiet
from stand_in import StandIn

from deepzoom import systems
from deepzoom.backends import executor
from deepzoom.backends.escape_time.float64 import Float64Job
from deepzoom.backends.escape_time.higher_precision import DOUBLE
from deepzoom.backends.escape_time.perturbation import PerturbationJob
from deepzoom.backends.executor import Gpus
from deepzoom.backends.gpu.devices import Devices
from deepzoom.backends.lyapunov import LyapunovJob
from deepzoom.landmarks import all_landmarks
from deepzoom.scene.view import View

EACH_TIME = ("mandelbrot", "burning-ship", "newton", "nova", "magnet1", "formula")
"""Maps of each kind, for every test run: without and with folds, with roots, with an attractor, and with quotients.

The queue is the same for all maps, but each has kernels of its own.
"""
PLACES = [
    pytest.param(
        next(m for m in all_landmarks() if m.system == name and not m.name.endswith("-home")),
        marks=[] if name in EACH_TIME else [pytest.mark.slow],
    )
    for name in systems.ESCAPE_TIME
]


def gpus(monkeypatch, stride, **options):
    """(an executor on a stand-in for a GPU, the stand-in)."""
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
    """All results of all pixels, settled or not, are equal to the last bit."""
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


@pytest.mark.parametrize("name", ["mandelbrot", "burning-ship"])
def test_below_float64(own_cache, monkeypatch, name):
    """Pixels start in floatexp and end in float64."""
    place = next(m for m in all_landmarks() if m.name == f"{name}-{'e1000' if name == 'mandelbrot' else 'e100'}")
    view = View.parse(place.x, place.y, "1e-400" if name == "mandelbrot" else "1e-330", "6x4")
    system = systems.create(name, place.settings, 40_000 if name == "mandelbrot" else 4000)
    there, _ = gpus(monkeypatch, 7)
    plain, shared = (PerturbationJob(system, view, None, quiet, quiet, executor=e) for e in (None, there))
    same(plain.first(np.arange(24)), there.run(np.arange(24), shared.first))


@pytest.mark.parametrize("name", ["mandelbrot-deep", "nova-deep"])
def test_double_double(own_cache, monkeypatch, name):
    place = next(m for m in all_landmarks() if m.name == name)
    view = View.parse(place.x, place.y, "1e-13", "6x4")
    system = systems.create(place.system, place.settings, min(place.steps, 2000))
    there, _ = gpus(monkeypatch, 3)
    plain, shared = (PerturbationJob(system, view, None, quiet, quiet, executor=e) for e in (None, there))
    assert shared.rungs[0] == DOUBLE
    same(plain.retry(np.arange(24), 0), shared.retry(np.arange(24), 0))


def test_distances(own_cache, monkeypatch):
    place = next(m for m in all_landmarks() if m.name == "mandelbrot-deep")
    view, system = View.parse(place.x, place.y, "1e-13", "6x4"), systems.create("mandelbrot", {}, 5000)
    there, _ = gpus(monkeypatch, 2)
    plain, shared = (PerturbationJob(system, view, None, quiet, quiet, True, executor=e) for e in (None, there))
    out = there.run(np.arange(24), shared.first)
    assert out.distance is not None and (out.distance > 0).any()
    same(plain.first(np.arange(24)), out)


@pytest.mark.parametrize("stride", [1, 50])
def test_exponents(monkeypatch, stride):
    system = systems.create("lyapunov", {"sequence": "AABAB"}, 80)
    view = View.parse("3.2", "3.1", "1.9", "16x12")
    there, _ = gpus(monkeypatch, stride)
    plain, shared = (LyapunovJob(system, view, None, False, quiet, executor=e) for e in (None, there))
    out = shared.run(np.arange(192))
    same(plain.run(np.arange(192)), out)
    assert len(np.unique(out.fate)) > 1


def test_arrays_go_to_a_gpu_once(own_cache, monkeypatch):
    """An orbit and its skips stay there as long as the job lives. A batch's own arrays stay as long as the batch."""
    view, system = View.parse("-0.75", "0.1", "1e-3", "12x8"), systems.create("mandelbrot", {}, 500)
    there, device = gpus(monkeypatch, 64)
    sent = []
    upload = device.upload
    device.upload = lambda array: sent.append(array.shape) or upload(array)
    job = PerturbationJob(system, view, None, quiet, quiet, executor=there)
    first = there.run(np.arange(50), job.first)
    once = len(sent)
    assert job._rows.shape in sent
    second = there.run(np.arange(50, 96), job.first)
    assert len(sent) - once == sent.count((46,)) == 4  # z and c
    plain = PerturbationJob(system, view, None, quiet, quiet).first(np.arange(96))
    assert np.array_equal(plain.iterations, np.concatenate([first.iterations, second.iterations]))
    del job
    there.run(np.arange(1), lambda pixels, launch: launch(Nothing, "it", (np.zeros(1), (np.zeros(1),))))
    assert len(there._resident[id(device)]._there) == 1


class Nothing:
    """Kernels that compute no pixels."""

    @staticmethod
    def share_it(queue, stride, given, out):
        return None


@pytest.mark.parametrize("options", [{"memory": 1000}, {"fails": 1}])
def test_the_cpu_goes_on(own_cache, monkeypatch, options):
    view, system = View.parse("-0.75", "0.1", "1e-3", "12x8"), systems.create("mandelbrot", {}, 500)
    said = []
    there = Gpus(Devices([StandIn(**options)], said.append), quiet)
    same(
        PerturbationJob(system, view, None, quiet, quiet).run(np.arange(96)),
        PerturbationJob(system, view, None, quiet, quiet, executor=there).run(np.arange(96)),
    )
    assert len(said) == 1 and said[0].startswith("Running on the CPU from here on: ")


@pytest.mark.parametrize(("depth", "name"), [("1e-3", "gpu-float64"), ("1e-20", "gpu-perturbation")])
@pytest.mark.parametrize("system", ["mandelbrot", "lyapunov"])
def test_pictures(own_cache, monkeypatch, depth, name, system):
    """Whole renders: --backend, batches and checking."""
    from deepzoom import Scene, render
    from deepzoom.backends.gpu import device

    monkeypatch.setattr(device, "obstacle", lambda: None)
    monkeypatch.setattr(device, "opened", lambda: [StandIn()])
    x, y = ("-0.75", "0.1") if system == "mandelbrot" else ("3.4", "3.3")
    view = View.parse(x, y, depth, "12x8")
    fields = [render(Scene(system, view, 200, backend=b)).field for b in (name, name.replace("gpu", "cpu"))]
    for channel in ("measure", "fate", "trust", "done", "iterations"):
        values = [getattr(f, channel) for f in fields]
        assert values[0] is values[1] is None or np.array_equal(*values)
