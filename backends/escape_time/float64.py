"""Jobs of escape-time systems: what all of them share, those in float64, and exact ones."""

from __future__ import annotations

import os
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import Facts, Job, ReadOut, Say
from deepzoom.backends.executor import Cpu, Executor, Launch, on_cpu
from deepzoom.reference.iterates import less
from deepzoom.reference.precision import GUARD, reference_bits, usual_bits
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import ORIGIN, EscapeTimeSystem, Point

from .compiled_formula import FormulaKernels
from .exact import MOST, exact_pixels
from .higher_precision import DOUBLE, HigherPrecision, pixel_of

Floats = NDArray[np.float64]
_LARGE_BATCH, _BATCHES = 4096, 32
"""Pixels in lanes end one by one, so the last of a batch run with empty lanes beside them. A batch is as large as this,
unless a core then had fewer batches than that."""


def exact_bits(system: EscapeTimeSystem, view: View) -> int:
    """Precision of exact pixels in bits: more than a reference has, as rounding errors may grow further in them."""
    return reference_bits(system, view) + GUARD


class EscapeTimeJob(Job):
    """The base of all jobs of escape-time systems."""

    batch_size = 1024
    kind: ClassVar[str]
    higher_precision: HigherPrecision

    def __init__(
        self, system: EscapeTimeSystem, view: View, say: Say, distance: bool = False, executor: Executor | None = None
    ) -> None:
        self.system, self.view, self._say = system, view, say
        self.iteration = system.iteration
        self.executor = executor or Cpu()
        large = min(_LARGE_BATCH, view.pixels // (_BATCHES * (os.cpu_count() or 1)))
        self.batch_size = max(self.batch_size, self.executor.batch_size, large)
        self.kernels = FormulaKernels(system, self.kind, distance)
        self.facts = Facts()

    def compile(self, say: Say) -> None:
        """Compile the kernels that a first run on the CPU needs. A GPU's are compiled when launched."""
        self.rungs = self.higher_precision.rungs
        if isinstance(self.executor, Cpu):
            self.kernels.compile(lambda: self.first(np.zeros(1, dtype=np.int64), on_cpu), say)

    def first(self, pixels: NDArray[np.int64], launch: Launch = on_cpu) -> ReadOut:
        """Read-outs of pixels, given by flat number, without retries in higher precision."""
        raise NotImplementedError

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        return self.higher_precision.unasked(self.executor.run(pixels, self.first), pixels)

    def retry(self, pixels: NDArray[np.int64], rung: int) -> ReadOut:
        return self.higher_precision.retry(pixels, self.rungs[rung])

    def retry_batch_size(self, rung: int) -> int:
        return max(64, self.executor.prepared) if self.rungs[rung] == DOUBLE else 1

    def remedy(self, rungs: int) -> str:
        return f"--bits {self.higher_precision.bits_after(rungs)}"

    def starts(self, x: Floats, y: Floats, zero: Point, fixed: Point) -> tuple[Floats, Floats, Floats, Floats]:
        """z_0 and c (x, y, x, y) of pixels at x, y: one of the two is the pixel, the other is the same for all."""
        other = zero if self.iteration.c is None else fixed
        a, b = np.full(len(x), float(other[0])), np.full(len(x), float(other[1]))
        return (a, b, x, y) if self.iteration.c is None else (x, y, a, b)


class Float64Job(EscapeTimeJob):
    """Iterates every pixel in float64."""

    kind = "float64"

    def __init__(
        self, system: EscapeTimeSystem, view: View, say: Say, distance: bool = False, executor: Executor | None = None,
        bits: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(system, view, say, distance, executor)
        self.higher_precision = HigherPrecision(
            self.kernels, system, view, bits or usual_bits(view), self.executor, say
        )
        self.compile(say)

    def first(self, pixels: NDArray[np.int64], launch: Launch = on_cpu) -> ReadOut:
        i, centre = self.iteration, self.iteration.centred[0]
        x, y = self.view.points(pixels)
        if i.c is not None:
            x, y = x - centre.x, y - centre.y
        start = self.starts(x, y, less(i.start, i.k), i.c or ORIGIN)
        return self.kernels.ran(
            "float64", len(pixels), *start, *pixel_of(self.system, self.view), 0, self.system.steps, launch=launch
        )


class ExactJob(EscapeTimeJob):
    """Iterates every pixel in arbitrary precision: with the bits that the user gives, or until it is settled."""

    batch_size, kind = 1, "exact"

    def __init__(self, system: EscapeTimeSystem, view: View, bits: int | None, say: Say) -> None:
        super().__init__(system, view, say)
        self._given, bits = bits, bits or exact_bits(system, view)
        self.facts = Facts(bits)
        none = (np.zeros(1) for _ in range(4))
        self.kernels.compile(lambda: self.kernels.ran("float64", 1, *none, *pixel_of(system, view), 0, 0), say)

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        most = 0 if self._given else max(MOST, 2 * self.facts.bits)
        return exact_pixels(self.kernels, self.system, self.view, pixels, self.facts.bits, most)
