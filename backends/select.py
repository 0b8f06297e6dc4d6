"""Choice of the backend that runs a view."""

from __future__ import annotations

import math
from importlib import import_module

import numpy as np

from deepzoom.coordinates import log2
from deepzoom.errors import InputError
from deepzoom.scene.view import View
from deepzoom.systems.base import Kind, System

from .base import Backend
from .gpu import device

_HOMES = {
    "cpu-float64": ("cpu_float64", "CpuFloat64"),
    "gpu-float64": ("gpu_float64", "GpuFloat64"),
    "cpu-perturbation": ("cpu_perturbation", "CpuPerturbation"),
    "gpu-perturbation": ("gpu_perturbation", "GpuPerturbation"),
    "exact": ("exact", "ExactBackend"),
}
"""Module and class of each backend: a backend and what it needs are imported when it is chosen."""

PAYS: dict[Kind, float] = {"escape-time": 2e9, "lyapunov": 2e9, "network": 2e6}
"""Pixels times steps from which a GPU is faster, although it takes seconds to start: about 20 s of two cores.

Steps are the iteration limit, which few pixels reach, or those of training. Kernels of traced trainings have not run on
a GPU yet, so they run there only if asked for.
"""


def names() -> list[str]:
    """The values of --backend."""
    return ["auto", *_HOMES]


def made(name: str) -> Backend:
    """The backend with that name: one of ``names()``, but not auto."""
    module, kind = _HOMES[name]
    backend: Backend = getattr(import_module(f".{module}", __package__), kind)()
    return backend


def float64_steps_per_pixel(view: View) -> float:
    """log2 of the distance between neighbouring pixels, in units of float64's spacing at the view's coordinates."""
    # a power of ten of a coordinate, or its sum with c, has at best the resolution of numbers near 1
    largest = max(1.0, float(max(abs(view.x), abs(view.y)) + view.largest_difference()))
    return log2(2 * view.smallest_difference()) - math.log2(np.spacing(largest))


def select(name: str, view: View, system: System, steps: int = 0) -> tuple[Backend, str]:
    """The backend for a view, and the reason for the choice.

    name: of ``names()``; steps: of each pixel, from which it follows whether a GPU is worth its start.
    Raises InputError where the name is unknown or the backend cannot run on this machine.
    """
    if name not in names():
        raise InputError(f"--backend: {name!r} is none of {', '.join(names())}.")
    if name != "auto":
        backend = made(name)
        obstacle = backend.obstacle()
        if obstacle:
            raise InputError(f"--backend: {name} cannot run here: {obstacle}.")
        return backend, "as asked for"
    bits = float64_steps_per_pixel(view)
    shallow = bits >= math.log2(system.resolved)
    if bits < 0:
        reason = f"{_count(-bits)} neighbouring pixels would share one float64 number"
    else:
        reason = f"float64 has {'' if shallow else 'only '}{_count(bits)} numbers between neighbouring pixels"
    kind = "float64" if shallow else "perturbation"
    if view.pixels * steps >= PAYS.get(system.kind, math.inf):
        obstacle = device.obstacle()  # before the GPU's backend is imported, which takes as long as Numba
        if obstacle is None:
            return made(f"gpu-{kind}"), f"{reason}; {view.pixels:,} pixels of {steps:,} steps pay for a GPU's start"
        if device.expected():
            reason += f"; a GPU would pay, but {obstacle}"
    return made(f"cpu-{kind}"), reason


def _count(bits: float) -> str:
    return f"{2**bits:,.0f}" if bits < 20 else f"1e{bits * math.log10(2):.0f}"
