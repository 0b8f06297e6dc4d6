"""Pixels of an escape-time system: in float64, as differences from reference orbits, or exactly."""

from __future__ import annotations

import math
import time
from types import ModuleType

import gmpy2
import numpy as np
from numpy.typing import NDArray

from deepzoom import orbit as orbits
from deepzoom.coordinates import log2, scaled_float
from deepzoom.orbit import Orbit
from deepzoom.scene import View
from deepzoom.systems.escape_time import EscapeTimeSystem

from .base import Facts, Job, Progress, ReadOut, Say
from .kernels.generated import kernels

Floats = NDArray[np.float64]

_GUARD = 192  # bits of a reference beyond those of the pixels' distance
_WIDE_BELOW = -900
"""log2 of a pixel's distance from the centre below which differences carry exponents."""


class _EscapeTimeJob(Job):
    tile = 1024

    def __init__(self, system: EscapeTimeSystem, view: View, say: Say) -> None:
        self._system, self._view = system, view
        self._kernels: ModuleType = kernels(system.formula, f"{system.name}: {system.title}")
        self.facts = Facts()

    def _read(self, iterations: NDArray[np.int64], smooth: Floats) -> ReadOut:
        escaped = iterations >= 0
        return ReadOut(
            np.where(escaped, smooth, -1.0),
            np.where(escaped, 1, 0).astype(np.int8),
            np.zeros(len(smooth), dtype=np.int8),
            np.maximum(iterations, 0),
        )


class Float64Job(_EscapeTimeJob):
    """Every iterate in float64."""

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        system, count = self._system, len(pixels)
        x, y = self._view.points(pixels)
        zero = np.zeros(count)
        a, b = (x, y) if system.c is None else (zero + float(system.c[0]), zero + float(system.c[1]))
        start = (zero, zero, a, b) if system.c is None else (x, y, a, b)
        iterations, smooth = np.zeros(count, dtype=np.int64), np.zeros(count)
        self._kernels.run_float64(*start, system.steps, system.radius, system.degree, iterations, smooth)
        return self._read(iterations, smooth)


class PerturbationJob(_EscapeTimeJob):
    """Differences from one or two reference orbits."""

    def __init__(self, system: EscapeTimeSystem, view: View, bits: int | None, progress: Progress, say: Say) -> None:
        super().__init__(system, view, say)
        before = time.perf_counter()
        bits = bits or math.ceil(-log2(view.smallest_difference())) + _GUARD
        z, c = system.start(view.x, view.y)
        found = [orbits.obtain(system.key(), system.formula, z, c, bits, system.steps, system.radius, progress)]
        if system.c is not None:  # pixels begin at the centre's orbit, and rebase to that of the critical point
            zero = gmpy2.mpq(0), gmpy2.mpq(0)
            found.append(orbits.obtain(system.key(), system.formula, zero, c, bits, system.steps, system.radius))
        self._orbits = found
        self._c = float(c[0]), float(c[1])
        self._wide = log2(view.smallest_difference()) < _WIDE_BELOW
        self._join()
        self.facts = Facts(bits, None, max(o.steps for o in found), time.perf_counter() - before)

    def _join(self) -> None:
        """All orbits in one array, and the skips along each."""
        found = self._orbits
        self._start = np.cumsum([0, *(len(o.x) for o in found[:-1])]).astype(np.int64)
        self._length = np.array([o.steps for o in found], dtype=np.int64)
        self._x, self._y = (np.concatenate([getattr(o, n) for o in found]) for n in ("x", "y"))
        self._tiny = np.concatenate([o.tiny for o in found])
        self._tiny_at = np.concatenate([o.tiny_at + s for o, s in zip(found, self._start, strict=True)])
        self._tiny_m = np.concatenate([o.tiny_m for o in found])
        self._tiny_e = np.concatenate([o.tiny_e for o in found])
        self._excess = [np.concatenate([getattr(o, n) for o in found]) for n in ("excess_m", "excess_e")]
        if self._system.c is not None:
            size = 0.0, -(1 << 40)
        else:
            mantissa, exponent = scaled_float(self._view.largest_difference())
            size = 2 * mantissa, exponent  # of both parts together
        span = int(self._kernels.SPAN)
        parts, levels = [], []
        base = 0
        for first, length in zip(self._start, self._length, strict=True):
            counts = []
            count = max(0, (int(length) - 1) // span)
            while count:
                counts.append(count)
                count //= 2
            total = sum(counts)
            a, b = np.zeros((total, 4)), np.zeros((total, 4))
            ea, eb, re = (np.zeros(total, dtype=np.int64) for _ in range(3))
            rm = np.zeros(total)
            self._kernels.build_skips(
                self._x, self._y, self._tiny, first, length, *self._c, *size, a, ea, b, eb, rm, re
            )  # fmt: skip
            parts.append((a, ea, b, eb, rm, re))
            levels.append(base + np.cumsum([0, *counts]))
            base += total
        most = max(len(level) for level in levels)
        self._levels = np.array([np.pad(v, (0, most - len(v)), mode="edge") for v in levels], dtype=np.int64)
        joined = [np.concatenate([p[i] for p in parts]) for i in range(6)]
        if self._wide:
            self._skips = joined
        else:
            self._skips = list(_narrowed(*joined))
            m, e = self._excess
            self._excess = [np.ldexp(m, np.maximum(e, -3000).astype(np.int32))]

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        system, count = self._system, len(pixels)
        dx, dy, exponent = self._view.differences(pixels)
        if not self._wide:
            dx, dy, exponent = np.ldexp(dx, exponent), np.ldexp(dy, exponent), 0
        zero = np.zeros(count)
        start = (zero, zero, dx, dy) if system.c is None else (dx, dy, zero, zero)
        iterations, smooth = np.zeros(count, dtype=np.int64), np.zeros(count)
        limits = system.steps, system.radius, system.degree
        if self._wide:
            self._kernels.run_wide(
                *start, exponent, *self._c, self._x, self._y, self._tiny, self._tiny_at, self._tiny_m, self._tiny_e,
                *self._excess, self._start, self._length, self._levels, *self._skips, *limits, iterations, smooth,
            )  # fmt: skip
        else:
            self._kernels.run_perturbed(
                *start, *self._c, self._x, self._y, self._excess[0], self._start, self._length, self._levels,
                *self._skips, *limits, iterations, smooth,
            )  # fmt: skip
        return self._read(iterations, smooth)


def _narrowed(
    a: Floats, ea: NDArray[np.int64], b: Floats, eb: NDArray[np.int64], rm: Floats, re: NDArray[np.int64]
) -> tuple[Floats, Floats, Floats]:
    """Matrices and radii of skips in float64; those that do not fit it are never taken."""

    def scaled(m: Floats, e: NDArray[np.int64]) -> Floats:
        with np.errstate(over="ignore"):
            result: Floats = np.ldexp(m, np.clip(e, -3000, 3000).astype(np.int32))
        return result

    a, b, radius = scaled(a, ea[:, None]), scaled(b, eb[:, None]), scaled(rm, re)
    fits = np.asarray(np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1))
    return np.where(fits[:, None], a, 0.0), np.where(fits[:, None], b, 0.0), np.where(fits, radius, 0.0)


class ExactJob(_EscapeTimeJob):
    """Every pixel in arbitrary precision."""

    tile = 1

    def __init__(self, system: EscapeTimeSystem, view: View, bits: int | None, say: Say) -> None:
        super().__init__(system, view, say)
        self.facts = Facts(bits or math.ceil(-log2(view.smallest_difference())) + 2 * _GUARD)

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        system = self._system
        iterations, smooth = np.full(len(pixels), -1, dtype=np.int64), np.zeros(len(pixels))
        for i, pixel in enumerate(pixels.tolist()):
            row, column = divmod(pixel, self._view.width)
            z, c = system.start(self._view.x_at(column), self._view.y_at(row))
            orbit: Orbit = orbits.made(system.formula, z, c, self.facts.bits, system.steps, system.radius)
            if orbit.excess_m[-1] > 0:
                iterations[i] = orbit.steps
                point = [np.full(1, v) for v in (orbit.x[-1], orbit.y[-1], float(c[0]), float(c[1]))]
                here, beyond = np.zeros(1, dtype=np.int64), np.zeros(1)
                self._kernels.run_float64(*point, 0, 0.0, system.degree, here, beyond)
                smooth[i] = orbit.steps + beyond[0]
        return self._read(iterations, smooth)
