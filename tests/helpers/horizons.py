"""Horizons of a chaotic network, by a GPU backend and the CPU one."""

from __future__ import annotations

import numpy as np
import pytest
from small_network import SmallNetwork

from deepzoom.backends.cpu_float64 import CpuFloat64
from deepzoom.backends.cpu_perturbation import CpuPerturbation
from deepzoom.backends.gpu_float64 import GpuFloat64
from deepzoom.backends.gpu_perturbation import GpuPerturbation

STEPS = 150


FLOAT64, DEEP = (GpuFloat64, CpuFloat64), (GpuPerturbation, CpuPerturbation)


def close(gpu, cpu):
    """Rounding differs from run to run, and so does when it has grown (docs/trust.md)."""
    assert gpu.dtype == np.int32
    assert np.mean((gpu < STEPS) == (cpu < STEPS)) > 0.95
    assert np.median(np.abs(gpu - cpu)) <= 2 and np.mean(np.abs(gpu - cpu) <= 0.2 * cpu) > 0.85


@pytest.fixture
def chaotic():
    return SmallNetwork(29, widths=(3, 4, 1), rows=8, steps=STEPS)
