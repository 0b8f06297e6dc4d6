"""A chaotic network, and how far its horizons by a GPU backend may differ from those by the CPU backend.

A horizon is the step at which float64 loses a pixel (docs/trust.md). This is no oracle: both sides are the package's.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from small_network import SmallNetwork

from deepzoom.backends.cpu_float64 import CpuFloat64
from deepzoom.backends.cpu_perturbation import CpuPerturbation
from deepzoom.backends.gpu_float64 import GpuFloat64
from deepzoom.backends.gpu_perturbation import GpuPerturbation

STEPS = 150


FLOAT64, DEEP = (GpuFloat64, CpuFloat64), (GpuPerturbation, CpuPerturbation)


def close(gpu: NDArray[np.int32], cpu: NDArray[np.int32]) -> None:
    """Check that nearly all horizons agree.

    They need not be equal: the two backends round differently, so their errors become large at different steps.
    """
    assert gpu.dtype == np.int32
    assert np.mean((gpu < STEPS) == (cpu < STEPS)) > 0.95
    assert np.median(np.abs(gpu - cpu)) <= 2 and np.mean(np.abs(gpu - cpu) <= 0.2 * cpu) > 0.85


@pytest.fixture
def chaotic() -> SmallNetwork:
    """A network with one hidden layer whose training is chaotic at many learning rates."""
    return SmallNetwork(29, widths=(3, 4, 1), rows=8, steps=STEPS)
