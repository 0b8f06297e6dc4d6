"""The compiled kernels of a map, and a call that returns their results as a read-out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import ReadOut, Say
from deepzoom.backends.executor import Launch, on_cpu
from deepzoom.backends.kernels.escape_time.generated import kernels
from deepzoom.compiling import jit
from deepzoom.compiling.ahead import compile_ahead
from deepzoom.errors import InputError
from deepzoom.reference.iterates import shifted_targets
from deepzoom.systems.escape_time import EscapeTimeSystem


class FormulaKernels:
    """The kernels of a system's map. kind: names those of one job; distance: whether they estimate distances."""

    def __init__(self, system: EscapeTimeSystem, kind: str, distance: bool = False) -> None:
        self.iteration, self._distance = system.iteration, distance
        try:
            self.module = kernels(system.iteration, distance)
        except OverflowError:
            raise InputError(f"--set: numbers in the slopes of {system.name}'s formula are beyond 1e308.") from None
        self._law = (
            np.array([float(step.degree) for step in system.iteration.turns]),
            np.array([step.gain for step in system.iteration.turns]),
            system.iteration.order,
        )
        self.targets = np.array(shifted_targets(system.iteration)).reshape(-1, 2)
        self._mark = f"{self.module.__name__}-{kind}"

    def compile(self, once: Callable[[], object], say: Say, part: str = "") -> None:
        """Compile what ``once`` calls and keep it on disk, unless that is done; part: its name, where it is not all."""
        mark = f"{self._mark}-{part}" if part else self._mark
        if not jit.ready(mark):
            say(f"Compiling this formula's {f'{part} ' if part else ''}kernels (once, some seconds) ...")
            once()
            jit.mark_ready(mark)

    def ahead(self, module: Any, kernel: str, arguments: tuple[Any, ...]) -> None:
        """A ``Launch`` that lets another process compile the kernel, unless this job's are compiled."""
        if not jit.ready(self._mark):
            compile_ahead((getattr(module, f"run_{kernel}"), arguments))

    @property
    def degrees(self) -> NDArray[np.float64]:
        """The degrees of the cycle's steps."""
        return self._law[0]

    def ran(
        self,
        kernel: str,
        count: int,
        *arguments: Any,
        radius: float | None = None,
        before: int = 0,
        launch: Launch = on_cpu,
    ) -> ReadOut:
        """Call a kernel for ``count`` pixels. radius: to replace the map's; before: iterations made already."""
        i = self.iteration
        out = (
            np.zeros(count, dtype=np.int64), np.zeros(count), np.zeros(count, dtype=np.int16),
            np.zeros(count, dtype=np.int8), np.zeros((count if self._distance else 0, 3)),
        )  # fmt: skip
        given = (*arguments, i.radius if radius is None else radius, self._law, self.targets, out)
        launch(self.module, kernel, given)
        iterations, smooth, attractor, trust, apart = out
        fate = np.where(attractor > 0, -1, np.where(iterations >= 0, 1, 0)).astype(np.int8)
        if i.order <= 1.0:  # much nearer to a root than where it begins to attract
            smooth = np.maximum(smooth, -before)
        measure = np.where(iterations >= 0, smooth, -1.0)
        found = ReadOut(measure, fate, trust, np.maximum(iterations, 0), attractor)
        if self._distance:
            distance, direction, phase = apart.T
            found = replace(found, distance=distance, direction=direction, phase=phase)
        return found.after(before) if before else found
