"""A map's compiled kernels, called with room for their results."""

from __future__ import annotations

from typing import Any

import numpy as np

from deepzoom import compiled
from deepzoom.orbit import shifted_targets
from deepzoom.systems.escape_time import EscapeTimeSystem

from .base import ReadOut, Say
from .executor import Cpu, Executor
from .kernels.generated import kernels


class FormulaKernels:
    """The kernels of a system's map; ``mark`` names what is compiled of them; distance: whether they tell it.

    executor: where those over pixels run.
    """

    def __init__(
        self, system: EscapeTimeSystem, kind: str, say: Say, distance: bool = False, executor: Executor | None = None
    ) -> None:
        self.iteration, self._distance, self._executor = system.iteration, distance, executor or Cpu()
        self.module = kernels(system.iteration, f"{system.name}: {system.title}", distance)
        self.targets = np.array(shifted_targets(system.iteration)).reshape(-1, 2)
        self.mark = f"{self.module.__name__}-{kind}"
        if not compiled.ready(self.mark):
            say("Compiling this formula's kernels (once, some seconds) ...")

    def ran(self, kernel: str, count: int, *arguments: Any, radius: float | None = None) -> ReadOut:
        """Call a kernel for so many pixels; radius: another one than the map's."""
        i = self.iteration
        out = (
            np.zeros(count, dtype=np.int64), np.zeros(count), np.zeros(count, dtype=np.int16),
            np.zeros(count, dtype=np.int8), np.zeros(count if self._distance else 0),
        )  # fmt: skip
        law = float(i.degree), i.gain, i.order
        given = (*arguments, i.radius if radius is None else radius, law, self.targets, out)
        self._executor.run(getattr(self.module, kernel), given)
        iterations, smooth, attractor, trust, distance = out
        fate = np.where(attractor > 0, -1, np.where(iterations >= 0, 1, 0)).astype(np.int8)
        measure = np.where(iterations >= 0, smooth, -1.0)
        return ReadOut(measure, fate, trust, np.maximum(iterations, 0), attractor, distance if self._distance else None)
