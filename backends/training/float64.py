"""Training runs in float64: every step of every pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import Facts, Say
from deepzoom.backends.kernels.arithmetic.last_bit import OF_WEIGHTS
from deepzoom.scene.view import View
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.training_step import rates_at

from .batches import arrays_of, batch_size_of, start_weights
from .expansions import disturbed, signs
from .horizon import State
from .job import TrainingJob
from .network_expansions import NetworkExpansions


class Float64Job(TrainingJob):
    """Runs training pixels in float64 from their first step."""

    def __init__(self, system: TrainingSystem, view: View, say: Say) -> None:
        self._network, self._view, self._steps = system.network, view, system.steps
        self._arrays = arrays_of(system.network)
        self._higher_precision = NetworkExpansions(system, view, say)
        self.batch_size = batch_size_of(system.network, system.steps)
        self.facts = Facts()

    def handed_off(self, pixels: NDArray[np.int64], moved: bool, shared: bool = False) -> State:
        """moved: changes coordinates, rates and weights by one unit in the last place each.

        shared: leaves the weights unchanged, and returns one row of them where all pixels begin with the same.
        """
        x, y = self._view.points(pixels)
        if moved:
            x, y = disturbed(np.stack([x, y], axis=1), signs(pixels, 2, 0)).T
        rates = rates_at(self._network, x, y, lambda fixed: np.full(len(x), float(fixed)))
        learning = np.stack(rates.learning, axis=1)
        offsets = np.zeros((len(x), 1)) if rates.offset is None else rates.offset[:, None].copy()
        same = shared and (rates.offset is None or self._network.offset_every_step)
        weights = start_weights(self._network, offsets[:1] if same else offsets)
        if moved:
            learning = disturbed(learning, signs(pixels, learning.shape[1], 1))
            if not shared:
                weights = disturbed(weights, signs(pixels, weights.shape[1], OF_WEIGHTS))
        return weights, learning, offsets, np.zeros(len(x), dtype=np.int64), np.zeros((len(x), 4))
