"""Which backend runs a view."""

from __future__ import annotations

import math

import numpy as np

from deepzoom.coordinates import log2
from deepzoom.errors import InputError
from deepzoom.scene import View
from deepzoom.systems.base import System

from .base import Backend
from .cpu_float64 import CpuFloat64
from .cpu_perturbation import CpuPerturbation
from .exact import ExactBackend

BACKENDS: dict[str, type[Backend]] = {b.name: b for b in (CpuFloat64, CpuPerturbation, ExactBackend)}


def names() -> list[str]:
    """What --backend takes."""
    return ["auto", *BACKENDS]


def float64_steps_per_pixel(view: View) -> float:
    """log2 of the distance of neighbouring pixels over float64's spacing at the view's coordinates."""
    # what is computed of a coordinate, a power of ten or a sum with c, has the resolution of numbers near 1 at best
    largest = max(1.0, float(max(abs(view.x), abs(view.y)) + view.largest_difference()))
    return log2(2 * view.smallest_difference()) - math.log2(np.spacing(largest))


def select(name: str, view: View, system: System) -> tuple[Backend, str]:
    """(backend, why). Raises InputError for an unknown name, or one that cannot run here."""
    if name not in names():
        raise InputError(f"--backend: {name!r} is none of {', '.join(names())}.")
    if name != "auto":
        backend = BACKENDS[name]()
        obstacle = backend.obstacle()
        if obstacle:
            raise InputError(f"--backend: {name} cannot run here: {obstacle}.")
        return backend, "as asked for"
    bits = float64_steps_per_pixel(view)
    if bits >= math.log2(system.resolved):
        return CpuFloat64(), f"float64 has {_count(bits)} numbers between neighbouring pixels"
    if bits >= 0:
        return CpuPerturbation(), f"float64 has only {_count(bits)} numbers between neighbouring pixels"
    return CpuPerturbation(), f"{_count(-bits)} neighbouring pixels would share one float64 number"


def _count(bits: float) -> str:
    return f"{2**bits:,.0f}" if bits < 20 else f"1e{bits * math.log10(2):.0f}"
