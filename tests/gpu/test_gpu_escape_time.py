"""Escape time and Lyapunov exponents on a real GPU, against the CPU and known counts."""

from __future__ import annotations

import numpy as np
import pytest
from known_places import LOCATIONS, ThreeByThree, counts
from small_network import quiet

from deepzoom import systems
from deepzoom.backends.cpu_float64 import CpuFloat64
from deepzoom.backends.cpu_perturbation import CpuPerturbation
from deepzoom.backends.gpu import device
from deepzoom.backends.gpu_float64 import GpuFloat64
from deepzoom.backends.gpu_perturbation import GpuPerturbation
from deepzoom.coordinates import parse_decimal
from deepzoom.landmarks import all_landmarks
from deepzoom.scene.view import View

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(device.obstacle() is not None, reason=str(device.obstacle()))]


class Said(list):
    """What a job said. It must not mention the CPU."""

    def __call__(self, text):
        assert not text.startswith("Running on the CPU"), text


def of_both(system, view, kinds, distance=False):
    """(the job on a GPU, the same job on the CPU)."""
    return [kind().job(system, view, None, quiet, Said(), distance) for kind in kinds]


@pytest.mark.parametrize("place", LOCATIONS, ids=lambda p: p["name"])
def test_known_places(own_cache, place):
    zoom, width = place["zoom_height4"], place["width"]
    depth = parse_decimal(width, "width") if width else 4 / parse_decimal(zoom, "zoom")
    view = ThreeByThree(parse_decimal(place["x"], "x"), parse_decimal(place["y"], "y"), depth, 3, 3)
    system = systems.create(place["system"], {}, place["limit"])
    out = GpuPerturbation().job(system, view, None, quiet, Said()).run(np.arange(9))
    assert np.array(counts(out), dtype=object).reshape(3, 3)[::-1].tolist() == place["counts"]


def agree(gpu, cpu):
    """Settled pixels have equal counts, fates and attractors, smooth counts to 1e-9. About as many are settled."""
    both = (gpu.trust == 1) & (cpu.trust == 1)
    assert both.sum() >= 0.99 * max((gpu.trust == 1).sum(), (cpu.trust == 1).sum())
    for name in ("fate", "iterations", "attractor"):
        if getattr(cpu, name) is not None:
            assert np.array_equal(getattr(gpu, name)[both], getattr(cpu, name)[both]), name
    assert np.allclose(gpu.measure[both], cpu.measure[both], rtol=1e-9, atol=1e-7)
    if cpu.distance is not None:
        assert np.allclose(gpu.distance[both], cpu.distance[both], rtol=1e-5)


@pytest.mark.parametrize("name", systems.ESCAPE_TIME)
@pytest.mark.parametrize("depth", ["1e-3", "1e-13", "1e-20", "1e-60"])
def test_views(own_cache, name, depth):
    place = next(m for m in all_landmarks() if m.system == name and not m.name.endswith("-home"))
    rng = np.random.default_rng(len(depth + name))
    x, y = (
        parse_decimal(v, "place") + parse_decimal(depth, "depth") * int(rng.integers(-9, 9)) / 7
        for v in (place.x, place.y)
    )
    view = View(x, y, parse_decimal(depth, "depth"), 96, 64)
    system = systems.create(name, place.settings, place.steps)
    kinds = (GpuFloat64, CpuFloat64) if depth == "1e-3" else (GpuPerturbation, CpuPerturbation)
    gpu, cpu = of_both(system, view, kinds, distance=depth == "1e-13")
    pixels = np.arange(96 * 64)
    agree(gpu.executor.run(pixels, gpu.first), cpu.first(pixels))
    if cpu.rungs[0] == "double-double":
        agree(gpu.retry(pixels[::31], 0), cpu.retry(pixels[::31], 0))


def test_many_more_pixels_than_threads(own_cache):
    """All of a million pixels whose counts differ widely."""
    system, view = systems.create("mandelbrot", {}, 20_000), View.parse("-0.7436", "0.1318", "1e-2", "1024x1024")
    gpu, cpu = of_both(system, view, (GpuFloat64, CpuFloat64))
    pixels = np.arange(1024 * 1024)
    out = gpu.executor.run(pixels, gpu.first)
    some = np.random.default_rng(0).choice(pixels, 20_000, replace=False)
    agree(type(out)(*(None if v is None else v[some] for v in vars(out).values())), cpu.first(some))


@pytest.mark.parametrize("sequence", ["AB", "BBBBBBAAAAAA"])
def test_exponents(own_cache, sequence):
    system, view = systems.create("lyapunov", {"sequence": sequence}, 2000), View.parse("3.2", "3.1", "1.9", "256x192")
    gpu, cpu = of_both(system, view, (GpuFloat64, CpuFloat64))
    pixels = np.random.default_rng(0).choice(256 * 192, 2000, replace=False)
    agree(gpu.run(pixels), cpu.run(pixels))
