"""Second runs and retries of the published experiments' pixels, whose steps are written by hand.

The shadow of a pixel starts one unit in the last place beside it. It takes steps in expansions of one limb: these are
float64, but they add in another order than the plain step, and their slopes do not vanish where tanh is saturated to
the last bit. There the plain step stands still for good, disturbed or not: a second run by plain steps would agree with
the first although both are wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import gmpy2
import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import ReadOut, Say
from deepzoom.backends.kernels.arithmetic.expansion_series import split
from deepzoom.backends.kernels.training.expansion_run import run_expansions
from deepzoom.backends.kernels.training.expansion_step import ExpansionConstants
from deepzoom.backends.kernels.training.plain_run import run_plain
from deepzoom.reference.picture_coordinates import Frame
from deepzoom.reference.training import Reference
from deepzoom.scene.view import View
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.training_run import Snapshot
from deepzoom.systems.training_step import Network

from . import expansions
from .batches import arrays_of, read_out
from .higher_precision import Floats, HigherPrecision, Points
from .horizon import State, horizons

ByConstants = Callable[[ExpansionConstants, Floats, Floats, Floats, NDArray[np.int64], Floats], None]
"""Runs pixels to their end: constants with as many limbs as the pixels have, then the state as ``run_expansions``."""


def constants_of(network: Network, count: int) -> ExpansionConstants:
    """The network's constants as expansions of ``count`` limbs."""
    roots = [expansions.square_root(s, count) for s in network.squared_scales()]
    argument: Any = gmpy2.mpfr(1)
    if network.activation == "tanh":
        with gmpy2.context(precision=53 * count + 64):
            argument = 2 / gmpy2.log(gmpy2.mpfr(2))
            factors = [*(r * argument for r in roots[:-1]), roots[-1]]
    else:
        factors = roots
    return ExpansionConstants(*(np.array([split(v, count) for v in values]) for values in (roots, factors, [argument])))


class NetworkExpansions(HigherPrecision):
    """Runs of pixels in expansions. reference, totals, skip, frame: the job's own, None where it has none."""

    def __init__(
        self,
        system: TrainingSystem,
        view: View,
        say: Say,
        reference: Reference | None = None,
        totals: Floats | None = None,
        skip: Snapshot | None = None,
        frame: Frame | None = None,
    ) -> None:
        super().__init__(system, view, say, reference, totals, skip, frame)
        self._network = system.network
        self._arrays = arrays_of(system.network)

    def retry_by(self, run: ByConstants, pixels: NDArray[np.int64], rung: int) -> ReadOut:
        """``retry`` where something else than this thread runs the pixels."""

        def with_constants(count: int, state: Floats, others: Any, step: NDArray[np.int64], sums: Floats) -> None:
            rates, offsets = others
            run(constants_of(self._network, count), state, rates, offsets, step, sums)

        return self.retry(pixels, rung, with_constants)

    def shadow(self, weights: Floats, rates: Floats, offsets: Floats, step: NDArray[np.int64], sums: Floats) -> ReadOut:
        """Run pixels from where they stand to their end in expansions of one limb; arguments as of ``finish``."""
        self._compiled(1)
        self._on_cpu(1, weights, (rates, offsets), step, sums)
        return read_out(sums)

    def horizon(self, plain: State, shadow: State) -> NDArray[np.int32]:
        """The step from which each pixel's plain run and its shadow differ, as ``Job.horizon``."""
        self._compiled(1)
        constants = constants_of(self._network, 1)
        return horizons(
            self._steps,
            plain[3:],
            shadow[3:],
            lambda steps: run_plain(self._arrays, steps, *plain),
            lambda steps: run_expansions(self._arrays, constants, steps, *shadow, 0, (0.0,)),
        )

    def _on_cpu(
        self, count: int, state: Floats, parameters: tuple[Floats, ...], step: NDArray[np.int64], sums: Floats
    ) -> None:
        constants = constants_of(self._network, count)
        second = 0 if count == 1 else len(step) // 2
        run_expansions(self._arrays, constants, self._steps, state, *parameters, step, sums, second, (0.0,) * count)

    def _mark(self, count: int) -> str:
        return f"limbs-{count}"

    def _compile(self, count: int) -> None:
        tiny = Network(np.ones((1, 1)), np.ones((1, 1)), (np.ones((1, 1)), np.ones((1, 1))), "tanh", ("x", "y"))
        rows, one = np.ones((1, 2 * count)), np.ones((1, count))
        state = rows, rows.copy(), one, np.zeros(1, dtype=np.int64), np.zeros((1, 4))
        run_expansions(arrays_of(tiny), constants_of(tiny, count), 1, *state, 0, (0.0,) * count)

    def _first_states(self, points: Points, count: int) -> Floats:
        network = self._network
        flat = np.concatenate([w.ravel() for w in network.weights])
        weights = np.zeros((len(points), len(flat), count))
        weights[:, :, 0] = flat
        if network.offset is not None and not network.offset_every_step:
            first = network.weights[0].size
            weights[:, :first] = expansions.plus(self._values(network.offset, points, count)[:, None], flat[:first])
        return weights

    def _parameters(self, points: Points, count: int) -> tuple[Floats, ...]:
        """Rates (pixels, layers, limbs) and offsets (pixels, 1, limbs)."""
        network = self._network
        rates = np.stack([self._values(name, points, count) for name in network.rates], axis=1)
        none = np.zeros((len(points), count))
        return rates, (none if network.offset is None else self._values(network.offset, points, count))[:, None]

    def _values(self, name: str, points: Points, count: int) -> Floats:
        """10 to the power of a coordinate, x or y, or of a number: (pixels, limbs)."""
        if name not in ("x", "y"):
            return np.tile(expansions.power_of_ten(gmpy2.mpq(Fraction(name)), count), (len(points), 1))
        return np.array([expansions.power_of_ten(point["xy".index(name)], count) for point in points])
