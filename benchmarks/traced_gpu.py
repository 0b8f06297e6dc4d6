"""A traced training on a GPU: whether its pixels are those of the CPU, and how long a step takes.

It is the published network with Adam; ``scripts/check_gpu.py`` prints the rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from deepzoom.backends.gpu.device import Arrays

STEPS, PIXELS, CALM, ROUNDS = 100, 2**15, 1e-4, 3
DEEP = "1e-20"


def rows(one: Arrays) -> Iterator[tuple[str, str]]:
    """(what was measured, figure)."""
    from deepzoom.backends.cpu_float64 import CpuFloat64
    from deepzoom.backends.cpu_perturbation import CpuPerturbation
    from deepzoom.backends.gpu_float64 import GpuFloat64
    from deepzoom.backends.gpu_perturbation import GpuPerturbation
    from deepzoom.scene.view import View
    from deepzoom.systems import create

    system = create("tanh", {"optimizer": "adam"}, STEPS)
    assert system.home is not None
    x, y, depth = system.home
    for kinds, height in (((GpuFloat64, CpuFloat64), depth), ((GpuPerturbation, CpuPerturbation), DEEP)):
        view, pixels = View.parse(x, y, height, "32x32"), np.arange(1024)
        gpu, cpu = (kind().job(system, view, None, lambda *_: None, print) for kind in kinds)
        begin = time.perf_counter()
        found = gpu.run(pixels)
        seconds, expected = time.perf_counter() - begin, cpu.run(pixels)
        settled = cpu.shadow(pixels).agrees(expected)
        wrong = int((found.fate != expected.fate)[settled].sum())
        off = float(np.median(np.abs(found.measure / expected.measure - 1.0)[settled]))
        yield (
            f"tanh with Adam at {height}, settled pixels that differ",
            f"{wrong} of {int(settled.sum())}, median {off:.1e}; {seconds:.0f} s with compiling",
        )
    for name, sloped in (("", False), ("second runs, ", True)):
        yield f"tanh with Adam, {name}a pixel's step", f"{_seconds(one, system, sloped) * 1e9:.1f} ns"


def _seconds(one: Arrays, system: object, sloped: bool) -> float:
    """Of one step of one pixel, the best of some rounds in which all pixels go on to the end."""
    from deepzoom.backends.gpu.traced import TracedPerThread
    from deepzoom.backends.training.traced_runs import TracedRuns
    from deepzoom.systems.traced_system import TracedSystem

    assert isinstance(system, TracedSystem)
    runs = TracedRuns(system, print)
    made, parameters = TracedPerThread(runs), np.full((PIXELS, 2), CALM)
    start, found = runs.start(parameters), []
    for _ in range(ROUNDS + 1):  # the first one compiles
        state = start, parameters, np.zeros(PIXELS, np.int64), np.zeros((PIXELS, 4))
        begin = time.perf_counter()
        made.run(one, state, sloped)
        found.append(time.perf_counter() - begin)
    return min(found[1:]) / (PIXELS * STEPS)
