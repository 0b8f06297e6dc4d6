"""Pixels of an escape-time system in arbitrary precision: each runs at two, and is settled where both end alike."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import ReadOut
from deepzoom.reference.orbit_end import end
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import EscapeTimeSystem

from .compiled_formula import FormulaKernels

MORE = 96
"""How many bits more the second run has."""

_APART = 1e-6
"""How far apart two orbits may be at the limit that count as the same."""
MOST = 1 << 16
"""Highest precision in bits: while a pixel is not settled, its precision doubles up to here."""


def exact_pixels(
    kernels: FormulaKernels, system: EscapeTimeSystem, view: View, pixels: NDArray[np.int64], bits: int, most: int = 0
) -> ReadOut:
    """Run pixels, given by flat number, with ``bits`` bits; where they are not settled, with up to ``most``."""
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
    """A pixel's read-out with ``bits + MORE`` bits; settled where it is the same with ``bits``.

    Where no exit came within the limit, both orbits must also be at the same point there: two orbits that rounding has
    led apart may both miss an exit.
    """
    (one, here), (more, there) = (_one(kernels, system, view, pixel, b) for b in (bits, bits + MORE))
    assert one.iterations is not None and more.iterations is not None
    same = np.array_equal(one.iterations, more.iterations) and np.array_equal(one.fate, more.fate)
    same = same and bool(np.all(np.abs(one.measure - more.measure) <= 1e-9 * np.abs(more.measure) + 1e-9))
    same = same and (bool(more.fate[0] != 0) or math.dist(here, there) <= _APART)
    return replace(more, trust=np.full(1, 1 if same else -1, dtype=np.int8))


def _one(
    kernels: FormulaKernels, system: EscapeTimeSystem, view: View, pixel: int, bits: int
) -> tuple[ReadOut, tuple[float, float]]:
    """Run a pixel's orbit with ``bits`` bits, and read out in float64 from its last iterates how it ended.

    Returns the last iterate, too.
    """
    z, c = system.start(*view.point(pixel))
    found = end(system.iteration, z, c, bits, system.steps)
    back = len(found.last) - 1 if system.iteration.still else 0  # the read-out needs the lengths of the last steps
    first = found.k - back
    start = [np.full(1, float(v)) for v in (*found.last[-1 - back], *c)]
    none = 0.0, False
    # close to the radius, float64 cannot tell inside from outside
    radius = 0.0 if found.beyond else math.inf
    out = kernels.ran("float64", 1, *start, *none, first, back, radius=radius, before=found.k - back)
    return (replace(out, iterations=np.full(1, found.n)) if found.k > found.n else out), found.last[-1]
