"""Pixels of an escape-time system in arbitrary precision, each at two precisions: settled where both end alike."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deepzoom import orbit as orbits
from deepzoom.scene import View
from deepzoom.systems.escape_time import EscapeTimeSystem

from .base import ReadOut
from .formula_kernels import FormulaKernels

MORE = 96
"""Bits that the second run has more."""


def exact_pixels(
    kernels: FormulaKernels, system: EscapeTimeSystem, view: View, pixels: NDArray[np.int64], bits: int
) -> ReadOut:
    """Read-outs of flat pixel numbers."""
    parts = []
    for pixel in pixels.tolist():
        one, more = (_one(kernels, system, view, pixel, b) for b in (bits, bits + MORE))
        assert one.iterations is not None and more.iterations is not None
        same = np.array_equal(one.iterations, more.iterations) and np.array_equal(one.fate, more.fate)
        same = same and bool(np.all(np.abs(one.measure - more.measure) <= 1e-9 * np.abs(more.measure) + 1e-9))
        parts.append(replace(more, trust=np.full(1, 1 if same else -1, dtype=np.int8)))
    return ReadOut.joined(parts)


def _one(kernels: FormulaKernels, system: EscapeTimeSystem, view: View, pixel: int, bits: int) -> ReadOut:
    """A pixel's orbit at so many bits; its last iterates, read out in float64, tell how it ended."""
    row, column = divmod(pixel, view.width)
    z, c = system.start(*view.at(column, row))
    n, last, escaped = orbits.end(system.iteration, z, c, bits, system.steps)
    back = len(last) - 1 if system.iteration.still else 0  # the last steps' lengths are part of how it ended
    start = [np.full(1, float(v)) for v in (*last[-1 - back], *c)]
    none = 0.0, False
    # close to the radius float64 does not tell
    radius = 0.0 if escaped else math.inf
    return kernels.ran("float64", 1, *start, *none, back, radius=radius, before=n - back)
