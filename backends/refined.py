"""Pixels of an escape-time system that float64 leaves unsettled, once more in double-double."""

from __future__ import annotations

import threading
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom import orbit as orbits
from deepzoom.scene import View
from deepzoom.systems.escape_time import EscapeTimeSystem


class Refined:
    """Arguments of ``run_refined`` for pixels of a view; the orbits are computed when first asked for."""

    def __init__(self, kernels: ModuleType, system: EscapeTimeSystem, view: View, bits: int, steps: int) -> None:
        self.possible = hasattr(kernels, "run_refined")
        self._system, self._view, self._bits, self._steps = system, view, bits, steps
        self._lock = threading.Lock()
        self._orbits: tuple[NDArray[Any], ...] | None = None

    def _made(self) -> tuple[NDArray[Any], ...]:
        """zx, zy, excess, folds, start and length of the orbits pixels need."""
        with self._lock:
            if self._orbits is None:
                system, critical = self._system, self._system.iteration.critical
                z, c = system.start(self._view.x, self._view.y)
                begins = [z] if z == critical else [z, critical]
                found = [orbits.made_double(system.iteration, b, c, self._bits, self._steps) for b in begins]
                lengths = np.array([len(part[0]) - 1 for part in found], dtype=np.int64)
                start = np.cumsum([0, *(lengths[:-1] + 1)]).astype(np.int64)
                self._orbits = (*(np.concatenate(parts) for parts in zip(*found, strict=True)), start, lengths)
            return self._orbits

    def arguments(self, pixels: NDArray[np.int64]) -> tuple[Any, ...]:
        """z_0, c, the centre's c and what rounding makes of it, the orbits and the critical point; in double-double."""
        view, iteration = self._view, self._system.iteration
        rows, columns = np.divmod(pixels, view.width)
        x = np.array([orbits.pair(view.x_at(int(j)) - view.x) for j in columns]).reshape(-1, 2)
        y = np.array([orbits.pair(view.y_at(int(i)) - view.y) for i in rows]).reshape(-1, 2)
        none = np.zeros_like(x)
        differences = (none, none, x, y) if iteration.c is None else (x, y, none, none)
        c = self._system.start(view.x, view.y)[1]
        centre = [np.array(orbits.pair(orbits.rational(v))) for v in c]
        critical = np.array([orbits.pair(orbits.rational(v)) for v in iteration.critical])
        zx, zy, excess, folds, start, length = self._made()
        least_error = 2.0 ** -min(self._bits - 4, 1000)
        return *differences, *centre, least_error, zx, zy, excess, folds, critical, start, length
