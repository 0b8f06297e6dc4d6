"""Kernels that another process compiles: they are loaded, not compiled again, and a missing process changes nothing."""

import subprocess
import sys

import numpy as np
import pytest
from small_network import quiet

from deepzoom import systems
from deepzoom.backends.cpu_perturbation import CpuPerturbation
from deepzoom.backends.escape_time import compiled_formula
from deepzoom.backends.training import traced
from deepzoom.compiling import ahead, generated_module, jit, machine_code
from deepzoom.landmarks import get
from deepzoom.scene.view import View

TEXT = """\
from deepzoom.compiling.jit import kernel


@kernel()
def scale(values, factor):
    for i in range(values.size):
        values[i] *= factor
"""


@pytest.fixture
def scale(monkeypatch, tmp_path, request):
    """A kernel that is not cached yet, in a module of its own, and a cache that another process finds."""
    monkeypatch.setenv("DEEPZOOM_CACHE", str(tmp_path))
    monkeypatch.setattr(ahead, "_coming", {})
    monkeypatch.setattr(ahead, "_processors", lambda: 2)
    jit._writable.cache_clear()
    module = generated_module.imported("test", f"# {request.node.name}\n{TEXT}")
    yield module.scale
    for compilation in ahead._coming.values():
        compilation.end()
    del sys.modules[module.__name__]


def called(kernel):
    values = np.arange(3.0)
    kernel(values, 2.0)
    return values.tolist()


def test_another_process_compiles(scale):
    ahead.compile_ahead((scale, (np.zeros(1), 1.0)))
    assert called(scale) == [0, 2, 4]
    assert sum(scale.stats.cache_hits.values()) == 1 and not scale.stats.cache_misses
    ahead.compile_ahead((scale, (np.zeros(1), 1.0)))
    assert len(ahead._coming) == 1


def test_arguments_of_other_types(scale):
    """The other process compiled for other types: the call compiles its own."""
    ahead.compile_ahead((scale, (np.zeros(1, np.int64), 1)))
    assert called(scale) == [0, 2, 4] and sum(scale.stats.cache_misses.values()) == 1


def ended(process):
    process.kill()
    process.wait()
    return process


@pytest.mark.parametrize("how", ["cannot start", "ends at once", "is killed"])
def test_without_the_other_process(scale, monkeypatch, how):
    start = subprocess.Popen

    def popen(command, **options):
        if how == "cannot start":
            raise OSError
        if how == "ends at once":
            return start([sys.executable, "-c", "import sys; sys.stdin.read()"], **options)
        return ended(start([sys.executable, "-c", "import time; time.sleep(100)"], **options))

    monkeypatch.setattr(subprocess, "Popen", popen)
    ahead.compile_ahead((scale, (np.zeros(1), 1.0)))
    assert called(scale) == [0, 2, 4] and sum(scale.stats.cache_misses.values()) == 1


def test_no_process_without_need(scale, monkeypatch):
    """None where all is cached, and none on a single processor."""
    monkeypatch.setattr(subprocess, "Popen", None)
    monkeypatch.setattr(ahead, "_processors", lambda: 1)
    ahead.compile_ahead((scale, (np.zeros(1), 1.0)))
    monkeypatch.setattr(ahead, "_processors", lambda: 2)
    called(scale)
    ahead.compile_ahead((scale, (np.zeros(1), 1.0)))
    assert not ahead._coming


@pytest.mark.parametrize(
    ("name", "settings", "place", "depth", "kernels"),
    [
        pytest.param(
            "tanh", {}, "tanh-deep", "1e-20", {"run_delta", "run_plain", "run_expansions"}, marks=pytest.mark.slow
        ),
        pytest.param(
            "tanh",
            {"optimizer": "adam", "width": "2"},
            "tanh-deep",
            "1e-20",
            {"run_pixels", "run_delta"},
            marks=pytest.mark.slow,
        ),
        ("mandelbrot", {}, "mandelbrot-deep", "1e-20", {"run_lanes"}),
        pytest.param("mandelbrot", {}, "mandelbrot-e1000", "1e-330", {"run_far_lanes"}, marks=pytest.mark.slow),
    ],
)
def test_jobs_call_what_they_have_compiled_ahead(monkeypatch, own_cache, name, settings, place, depth, kernels):
    """Arguments have the types that are given before anything is computed; others would be compiled in vain."""
    sent = []

    def noted(*calls):
        for kernel, arguments in calls:
            sent.append((kernel, arguments))
            if isinstance(kernel, machine_code.Kernel):
                kernel._entries.clear()  # what an earlier test has loaded

    for module in (ahead, compiled_formula, traced):
        monkeypatch.setattr(module, "compile_ahead", noted)
    monkeypatch.setattr(jit, "ready", lambda what: False)
    monkeypatch.setattr(machine_code, "_loaded", lambda path: None)
    place = get(place)
    system = systems.create(name, settings, 8 if name == "tanh" else 600)
    view = View.parse(place.x, place.y, depth, (4, 4))
    job = CpuPerturbation().job(system, view, None, quiet, quiet)
    job.run(np.arange(4))
    if name == "tanh":
        job.shadow(np.arange(4))
    assert {kernel.py_func.__name__ for kernel, _ in sent} == kernels
    for kernel, arguments in sent:
        assert tuple(map(kernel.typeof_pyval, arguments)) in kernel.signatures
