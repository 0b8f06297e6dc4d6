"""Which backend runs a view."""

from __future__ import annotations

import math
from importlib import import_module

import numpy as np

from deepzoom.coordinates import log2
from deepzoom.errors import InputError
from deepzoom.scene.view import View
from deepzoom.systems.base import System
from deepzoom.systems.escape_time import EscapeTimeSystem
from deepzoom.systems.lyapunov import LyapunovSystem

from .base import Backend
from .gpu import device

_HOMES = {
    "cpu-float64": ("cpu_float64", "CpuFloat64"),
    "gpu-float64": ("gpu_float64", "GpuFloat64"),
    "cpu-perturbation": ("cpu_perturbation", "CpuPerturbation"),
    "gpu-perturbation": ("gpu_perturbation", "GpuPerturbation"),
    "exact": ("exact", "ExactBackend"),
}
"""Each backend's module and class: one is imported when it is to run, with what it needs."""

PAYS_TRAINING, PAYS_ITERATIONS = 2e6, 2e9
"""Pixels times steps from which a GPU pays for its start of some seconds: about 20 s of two cores. Of iterations it is
the limit that counts, which few pixels reach."""


def names() -> list[str]:
    """What --backend takes."""
    return ["auto", *_HOMES]


def made(name: str) -> Backend:
    """The backend of that name, one of ``names()`` but auto."""
    module, kind = _HOMES[name]
    backend: Backend = getattr(import_module(f".{module}", __package__), kind)()
    return backend


def float64_steps_per_pixel(view: View) -> float:
    """log2 of the distance of neighbouring pixels over float64's spacing at the view's coordinates."""
    # what is computed of a coordinate, a power of ten or a sum with c, has the resolution of numbers near 1 at best
    largest = max(1.0, float(max(abs(view.x), abs(view.y)) + view.largest_difference()))
    return log2(2 * view.smallest_difference()) - math.log2(np.spacing(largest))


def select(name: str, view: View, system: System, steps: int = 0) -> tuple[Backend, str]:
    """(backend, why). steps: of a pixel, to tell whether a GPU pays.

    Raises InputError for an unknown name, or a backend that cannot run here.
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
    if _pays(view, system, steps):
        gpu = made(f"gpu-{kind}")
        obstacle = gpu.obstacle()
        if obstacle is None:
            return gpu, f"{reason}; {view.pixels:,} pixels of {steps:,} steps pay for a GPU's start"
        if device.expected():
            reason += f"; a GPU would pay, but {obstacle}"
    return made(f"cpu-{kind}"), reason


def _pays(view: View, system: System, steps: int) -> bool:
    iterates = isinstance(system, EscapeTimeSystem | LyapunovSystem)
    return view.pixels * steps >= (PAYS_ITERATIONS if iterates else PAYS_TRAINING)


def _count(bits: float) -> str:
    return f"{2**bits:,.0f}" if bits < 20 else f"1e{bits * math.log10(2):.0f}"
