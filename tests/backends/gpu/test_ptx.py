"""Kernels compiled for a GPU: they compile, they spill nothing, and they fuse only the products that may be fused."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numba
import numpy as np
import ptx
import pytest
from small_network import quiet

from deepzoom import systems
from deepzoom.backends.escape_time.perturbation import PerturbationJob
from deepzoom.backends.kernels.arithmetic.double_double import double_multiply
from deepzoom.backends.kernels.pixel_queue import taken
from deepzoom.backends.lyapunov import LyapunovJob
from deepzoom.compiling import jit
from deepzoom.landmarks import all_landmarks
from deepzoom.scene.view import View

pytestmark = pytest.mark.skipif(ptx.missing() is not None, reason=str(ptx.missing()))


class Uncompiled:
    """An executor that compiles nothing beforehand."""

    batch_size = prepared = 64


@jit.kernel()
def products(queue, stride, a, b, out):
    """Double-double products of the numbers a and b."""
    while True:
        p = taken(queue)
        if p >= a.size:
            break
        out[p], _ = double_multiply((a[p], 0.0), (b[p], 0.0))


def test_double_double_is_not_fused():
    """A product is rounded alone (mul.rn, which ptxas may not fuse). One fused operation gives its error."""
    some = np.zeros(4)
    text = ptx.compiled(products, (np.zeros(1, np.int64), 1, some, some, some))
    product = re.search(r"mul\.rn\.f64\s+(%fd\d+), (%fd\d+), (%fd\d+);", text)
    assert product is not None
    negative = re.search(rf"neg\.f64\s+(%fd\d+), {product[1]};", text)
    assert negative is not None
    assert re.search(rf"fma\.rn\.f64\s+%fd\d+, {product[2]}, {product[3]}, {negative[1]};", text)


def test_compiled_kernels_are_kept(monkeypatch, tmp_path):
    """The next process loads the machine code. Another register limit makes another kernel."""
    from numba.cuda.cudadrv import devices

    there, images = SimpleNamespace(compute_capability=(9, 0), id=0), []

    def loaded(image, *_):
        images.append(image.code)
        function = SimpleNamespace(attrs=SimpleNamespace(regs=40), module=SimpleNamespace(initialized=True))
        return SimpleNamespace(get_function=lambda name: function)

    monkeypatch.setattr(devices, "get_context", lambda *_: SimpleNamespace(device=there, create_module_image=loaded))
    monkeypatch.setattr("numba.cuda.dispatcher.get_current_device", lambda: there)
    monkeypatch.setattr(jit, "folder", lambda: tmp_path)
    some, before = np.zeros(4), numba.config.CACHE_DIR
    for registers, known in ((None, 0), (None, 1), (64, 0)):
        dispatcher = jit.gpu_kernel(products, registers)
        given = np.zeros(1, np.int64), 1, some, some, some
        assert dispatcher.compile(tuple(map(dispatcher.typeof_pyval, given))).regs_per_thread == 40
        hits, misses = dispatcher.stats.cache_hits, dispatcher.stats.cache_misses
        assert (sum(hits.values()), sum(misses.values())) == (known, 1 - known)
    assert len(images[0]) > 1000 and images[0] == images[1]
    assert len(list(tmp_path.glob("gpu-*"))) == 2 and before == numba.config.CACHE_DIR


def jobs(system, view):
    """(kernel, arguments) of each launch of a job."""
    launched = []

    def launch(module, name, arguments):
        launched.append((getattr(module, f"share_{name}"), (np.zeros(1, np.int64), 64, *arguments)))

    if system.name == "lyapunov":
        LyapunovJob(system, view, None, False, quiet, Uncompiled())._in_float64(np.zeros(1), np.zeros(1), launch)
        return launched
    job = PerturbationJob(system, view, None, quiet, quiet, executor=Uncompiled())
    job.first(np.arange(2), launch)
    if job.rungs[0] == "double-double":
        job.higher_precision._in_double(np.arange(2), launch)
    return launched


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        ("lyapunov", "1e-3"),
        *(
            pytest.param(name, depth, marks=pytest.mark.slow)
            for name, depth in [(n, "1e-20") for n in systems.ESCAPE_TIME] + [("mandelbrot", "1e-400")]
        ),
    ],
)
def test_kernels_compile_and_spill_nothing(own_cache, tmp_path, name, depth):
    place = next(m for m in all_landmarks() if m.system == name)
    system = systems.create(name, place.settings, 200)
    for kernel, arguments in jobs(system, View.parse(place.x, place.y, depth, "12x8")):
        _, spilled, _ = ptx.figures(ptx.compiled(kernel, arguments), tmp_path)
        assert spilled == 0, kernel.__name__
