"""Pixels of an escape-time system in arbitrary precision, each at two precisions: settled where both end alike."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import ReadOut
from deepzoom.reference import orbit as orbits
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import EscapeTimeSystem

from .compiled_formula import FormulaKernels

MORE = 96
"""Bits that the second run has more."""


MOST = 1 << 16
"""Bits up to which pixels that are not settled may run with twice as many again, and again."""


def exact_pixels(
    kernels: FormulaKernels, system: EscapeTimeSystem, view: View, pixels: NDArray[np.int64], bits: int, most: int = 0
) -> ReadOut:
    """Read-outs of flat pixel numbers at so many bits, and of those that are not settled at up to ``most``."""
    parts = []
    for pixel in pixels.tolist():
        precision = bits
        found = _twice(kernels, system, view, pixel, precision)
        while found.trust[0] < 0 and 2 * precision <= most:
            precision *= 2
            found = _twice(kernels, system, view, pixel, precision)
        parts.append(found)
    return ReadOut.joined(parts)


def _twice(kernels: FormulaKernels, system: EscapeTimeSystem, view: View, pixel: int, bits: int) -> ReadOut:
    """A pixel's read-out at ``MORE`` bits more than these; settled where at these it is the same."""
    one, more = (_one(kernels, system, view, pixel, b) for b in (bits, bits + MORE))
    assert one.iterations is not None and more.iterations is not None
    same = np.array_equal(one.iterations, more.iterations) and np.array_equal(one.fate, more.fate)
    same = same and bool(np.all(np.abs(one.measure - more.measure) <= 1e-9 * np.abs(more.measure) + 1e-9))
    return replace(more, trust=np.full(1, 1 if same else -1, dtype=np.int8))


def _one(kernels: FormulaKernels, system: EscapeTimeSystem, view: View, pixel: int, bits: int) -> ReadOut:
    """A pixel's orbit at so many bits; its last iterates, read out in float64, tell how it ended."""
    z, c = system.start(*view.point(pixel))
    end = orbits.end(system.iteration, z, c, bits, system.steps)
    back = len(end.last) - 1 if system.iteration.still else 0  # the last steps' lengths are part of how it ended
    start = [np.full(1, float(v)) for v in (*end.last[-1 - back], *c)]
    none = 0.0, False
    # close to the radius float64 does not tell
    radius = 0.0 if end.beyond else math.inf
    out = kernels.ran("float64", 1, *start, *none, back, radius=radius, before=end.k - back)
    return replace(out, iterations=np.full(1, end.n)) if end.k > end.n else out
