"""Retries in higher precision, for pixels of an escape-time system that float64 leaves unsettled."""

from __future__ import annotations

import threading
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import ReadOut, Say
from deepzoom.backends.executor import Cpu, Executor, Launch
from deepzoom.reference.double_orbit import made_double, pair
from deepzoom.reference.iterates import rational
from deepzoom.reference.orbit import beginnings
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import EscapeTimeSystem

from .compiled_formula import FormulaKernels
from .exact import MOST, exact_pixels

DOUBLE = "double-double"
SMALL = 4096
"""A picture with at most so many pixels gets its retries without being asked."""
_MOST_STEPS, _MOST_WORK = 1e8, 1e10
"""The most work of that kind, some seconds: steps in double-double, and exact steps times bits, of all pixels."""


def pixel_of(system: EscapeTimeSystem, view: View) -> tuple[float, bool]:
    """A pixel's size, 0 below float64's range; and whether pixels are starting points z_0 rather than c."""
    return float(view.depth / view.height), system.iteration.c is not None


class HigherPrecision:
    """The precisions in which pixels of a view run again.

    bits: of the first exact run; about: where the reference is (``View.beside``); wide: whether differences between
    pixels are below float64's range.
    """

    def __init__(
        self, kernels: FormulaKernels, system: EscapeTimeSystem, view: View, bits: int,
        executor: Executor, say: Say, about: tuple[int, int] = (0, 0), wide: bool = False,
    ) -> None:  # fmt: skip
        self._about, self._executor, self._say = view.beside(about), executor, say
        self._kernels, self._system, self._view, self._bits = kernels, system, view, bits
        possible = hasattr(kernels.module, "share_double_double") and not wide
        self._exact = {}
        while bits <= max(MOST, 2 * self._bits):
            self._exact[f"exact, {bits:,} bits"] = bits
            bits *= 2
        self.rungs = (*((DOUBLE,) if possible else ()), *self._exact)
        self._lock, self._compiling, self._compiled = threading.Lock(), threading.Lock(), False
        self._orbits: tuple[NDArray[Any], ...] | None = None
        self.ends: list[int] = []  # the steps at which its orbits may end, where that is known

    def retry(self, pixels: NDArray[np.int64], rung: str) -> ReadOut:
        """Read-outs of flat pixel numbers."""
        if rung in self._exact:
            return exact_pixels(self._kernels, self._system, self._view, pixels, self._exact[rung])
        if isinstance(self._executor, Cpu):
            with self._compiling:
                if not self._compiled:
                    self._kernels.compile(self._compile, self._say, DOUBLE)
                    self._compiled = True
        return self._executor.run(pixels, self._in_double)

    def bits_after(self, count: int) -> int:
        """Bits of the first exact run after this many rungs; twice the bits of the last rung where none is left."""
        left = [self._exact[rung] for rung in self.rungs[count:] if rung in self._exact]
        return left[0] if left else 2 * self._exact[self.rungs[-1]]

    def _in_double(self, pixels: NDArray[np.int64], launch: Launch) -> ReadOut:
        steps = self._system.steps
        return self._kernels.ran("double_double", len(pixels), *self._arguments(pixels, steps), steps, launch=launch)

    def _compile(self) -> None:
        """Call the kernel with orbits of one step, to compile it."""
        self._kernels.ran("double_double", 1, *self._arguments(np.zeros(1, dtype=np.int64), 1), 0)
        self._orbits = None

    def unasked(self, out: ReadOut, pixels: NDArray[np.int64]) -> ReadOut:
        """Retry pixels that are not settled, if the picture has at most ``SMALL`` pixels and the work is little."""
        if self._view.pixels > SMALL:
            return out
        share = len(pixels) / self._view.pixels
        most, most_exact = _MOST_STEPS * share, _MOST_WORK * share
        for rung in self.rungs:
            unsettled = np.flatnonzero(out.trust < 0)
            assert out.iterations is not None
            ended = out.fate[unsettled] != 0
            work = float(np.where(ended, out.iterations[unsettled], self._system.steps).sum())
            if rung in self._exact:
                work *= self._exact[rung]
                if work > most_exact:
                    break
                most_exact -= work
            elif work > most:
                continue
            if not len(unsettled):
                break
            put(out, unsettled, self.retry(pixels[unsettled], rung))
        return out

    def _made(self, steps: int) -> tuple[NDArray[Any], ...]:
        """Orbits as ``share_double_double`` takes them: zx, zy, excess, kept, high parts of kept, start, length."""
        with self._lock:
            if self._orbits is None:
                system = self._system
                z, c = system.start(*self._about)
                begins = beginnings(system.iteration, z)
                ends = [min(steps, end) for end in self.ends or [steps] * len(begins)]
                found = [
                    made_double(system.iteration, b, c, self._bits, end, turn)
                    for (b, turn), end in zip(begins, ends, strict=True)
                ]
                lengths = np.array([len(part[0]) - 1 for part in found], dtype=np.int64)
                start = np.cumsum([0, *(lengths[:-1] + 1)]).astype(np.int64)
                joined = [np.concatenate(parts) for parts in zip(*found, strict=True)]
                self._orbits = (*joined, joined[-1][:, ::2].copy(), start, lengths)
            return self._orbits

    def _arguments(self, pixels: NDArray[np.int64], steps: int) -> tuple[Any, ...]:
        """The arguments of ``share_double_double`` up to the limit, for these pixels; ``steps``: of the orbits."""
        view = self._view
        points = [view.point(p) for p in pixels.tolist()]
        x = np.array([pair(x - self._about[0]) for x, _ in points]).reshape(-1, 2)
        y = np.array([pair(y - self._about[1]) for _, y in points]).reshape(-1, 2)
        none = np.zeros_like(x)
        differences = (none, none, x, y) if self._system.iteration.c is None else (x, y, none, none)
        c = self._system.start(*self._about)[1]
        centre = [np.array(pair(rational(v))) for v in c]
        least_error = 2.0 ** -min(self._bits - 4, 1000)
        return *differences, *pixel_of(self._system, view), *centre, least_error, *self._made(steps)


def put(out: ReadOut, at: NDArray[np.int64], found: ReadOut) -> None:
    """Replace read-outs of some pixels; their distances become -1 where the new ones, as exact ones, have none."""
    for part in fields(ReadOut):
        into, values = getattr(out, part.name), getattr(found, part.name)
        if into is not None:
            into[at] = -1.0 if values is None else values
