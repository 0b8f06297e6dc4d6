"""Traced trainings: the GPU's kernels, compiled for the CPU, against the CPU's own; and compiled for a GPU."""

import re
from pathlib import Path

import numpy as np
import ptx
import pytest
from lane_runs import same
from small_network import quiet
from small_trainings import STEPS, small_training
from stand_in import StandIn

from deepzoom.backends.cpu_float64 import CpuFloat64
from deepzoom.backends.cpu_perturbation import CpuPerturbation
from deepzoom.backends.gpu import device, traced
from deepzoom.backends.gpu_float64 import GpuFloat64
from deepzoom.backends.gpu_perturbation import GpuPerturbation
from deepzoom.backends.kernels.traced.module import kernels_of
from deepzoom.backends.kernels.traced.vocabulary import FLOAT64
from deepzoom.backends.training.traced_runs import NONE, TracedRuns
from deepzoom.scene.view import View
from deepzoom.systems.traced_system import TracedSystem

NAMES = ["toy", *(pytest.param(name, marks=pytest.mark.slow) for name in ("adam", "every", "classes"))]
"""Those with Adam, and with every operation and rows drawn for each step; with folds."""
PIXELS = np.arange(48)


def system_of(name):
    return TracedSystem(name, small_training(name), {}, STEPS)


def jobs(gpu, cpu, name, depth, monkeypatch, one, said=quiet):
    """The same view's job by a GPU backend, on the stand-in, and by a CPU backend."""
    monkeypatch.setattr(device, "opened", lambda: [one])
    view = View.parse("-1.18033988749", "-0.314159265", depth, "8x6")
    return (b().job(system_of(name), view, None, quiet, said) for b in (gpu, cpu))


@pytest.mark.parametrize("name", NAMES)
def test_plain_steps(name):
    """More pixels than a slot holds, on two threads, some done already: exactly the CPU kernel's numbers."""
    runs, rng = TracedRuns(system_of(name), quiet), np.random.default_rng(1)
    parameters = runs.parameters(*rng.uniform(-1.5, 0.5, (2, 37)))
    step = rng.choice([0, 5, STEPS], 37)
    for moved in (False, True):
        state = runs.start(parameters), parameters, step, np.zeros((37, 4))
        mine, theirs = ([v.copy() for v in state] for _ in range(2))
        runs.ran(tuple(theirs), 0 if moved else NONE)
        one = StandIn()
        one.upload = lambda array: array
        traced.TracedPerThread(runs).run(one, tuple(mine), moved)
        for a, b in zip(mine, theirs, strict=True):
            assert np.array_equal(a, b, equal_nan=True)
        assert one.launches == 1 and (mine[2] == STEPS).all()


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_perturbation_jobs(monkeypatch, own_cache, name, wide):
    """In the wide view pixels are handed off at different steps, some at once; in the deep one none is."""
    depth = ("0.03" if name == "adam" else "0.3") if wide else "1e-20"
    gpu, cpu = jobs(GpuPerturbation, CpuPerturbation, name, depth, monkeypatch, one := StandIn())
    for moved in (False, True):
        state = gpu.standing(one, PIXELS, moved)
        for a, b in zip(state, cpu.begun(PIXELS, moved), strict=True):
            assert np.array_equal(a, b)
        assert len(set(state[2].tolist())) > int(wide)
    before = one.launches
    same(gpu.run(PIXELS), cpu.run(PIXELS), 0)
    same(gpu.shadow(PIXELS), cpu.shadow(PIXELS), 0)
    assert one.launches == before + 4
    assert np.array_equal(gpu.horizon(PIXELS), cpu.horizon(PIXELS))


@pytest.mark.parametrize("name", NAMES)
def test_float64_jobs(monkeypatch, name):
    gpu, cpu = jobs(GpuFloat64, CpuFloat64, name, "0.3", monkeypatch, one := StandIn())
    same(gpu.run(PIXELS), cpu.run(PIXELS), 0)
    same(gpu.shadow(PIXELS), cpu.shadow(PIXELS), 0)
    assert one.launches == 2
    assert np.array_equal(gpu.horizon(PIXELS), cpu.horizon(PIXELS))
    assert gpu.second_batch_size == gpu.batch_size == 2**14


def test_what_a_gpu_cannot_run(monkeypatch):
    """A GPU that fails, and a step that needs more room than threads can have: the CPU runs the pixels, said once."""
    said = []
    gpu, cpu = jobs(GpuFloat64, CpuFloat64, "toy", "0.3", monkeypatch, StandIn(fails=1), said.append)
    same(gpu.run(PIXELS), cpu.run(PIXELS), 0)
    same(gpu.shadow(PIXELS), cpu.shadow(PIXELS), 0)
    monkeypatch.setattr(traced, "WORKSPACE", 2**16)
    gpu, cpu = jobs(GpuFloat64, CpuFloat64, "toy", "0.3", monkeypatch, StandIn(fails=1), said.append)
    same(gpu.run(PIXELS), cpu.run(PIXELS), 0)
    assert gpu.batch_size == cpu.batch_size
    assert [line for line in said if "CPU" in line] == [
        "Running on the CPU from here on: the GPU failed (RuntimeError: it broke).",
        "Running on the CPU: a step of this training needs 0.0 MiB for each pixel, too much for a GPU's kernels.",
    ]


class Recorder(StandIn):
    """Keeps the kernel and the arguments of each launch."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def launch(self, kernel, arguments, threads, registers=None):
        self.seen.append((kernel, arguments))
        super().launch(kernel, arguments, threads, registers)


@pytest.mark.slow
@pytest.mark.skipif(ptx.missing() is not None, reason=str(ptx.missing()))
@pytest.mark.parametrize("name", ["adam", "every", "classes"])
def test_kernels_compile_for_a_gpu(monkeypatch, own_cache, tmp_path, name):
    """They spill nothing, and call no library: all that a step may compute is in them."""
    gpu, _ = jobs(GpuPerturbation, CpuPerturbation, name, "0.3", monkeypatch, one := Recorder())
    gpu.run(PIXELS)
    for kernel, arguments in one.seen:
        code = ptx.compiled(kernel, arguments)
        registers, spills, _ = ptx.figures(code, tmp_path)
        assert registers <= 255 and not spills
        assert "fma.rn.f64" in code and ".extern" not in code
    assert len(one.seen) == 2


def test_one_training_has_every_operation():
    """So that the test above compiles each."""
    steps = Path(kernels_of(small_training("every").traced({}, STEPS)).module.__file__).read_text()
    wanted = {word for code in FLOAT64.operations.values() for word in re.findall(r"(\w+)\(", code)}
    assert not [word for word in wanted if f" = {word}(" not in steps]
