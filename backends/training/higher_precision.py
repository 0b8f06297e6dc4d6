"""Second runs of training pixels: the shadow in float64; retries in expansions of 2, 4 and 8 limbs, then exact.

The shadow of a pixel starts one unit in the last place beside it. It takes steps in expansions of one limb: these are
float64, but they add in another order than the plain step, and their slopes do not vanish where tanh is saturated to
the last bit. There the plain step stands still for good, disturbed or not: a second run by plain steps would agree with
the first although both are wrong.

A retry begins at the latest step at which the pixel's difference from the reference is below the last limb. There a
float64 difference is all that the limbs can hold, and the reference's weights come from an exact run. A view without a
reference, in which float64 tells the pixels apart, begins at the first step. Each pixel runs twice, the second time
disturbed in its last limb, and is settled where the two runs agree.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import gmpy2
import numpy as np
from numpy.typing import NDArray

from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.tangent import Fold, Series
from deepzoom.backends.base import ReadOut, Say
from deepzoom.backends.kernels.arithmetic.expansion_series import split
from deepzoom.backends.kernels.training import convergence_measure
from deepzoom.backends.kernels.training.expansion_run import run_expansions
from deepzoom.backends.kernels.training.expansion_step import ExpansionConstants
from deepzoom.backends.kernels.training.plain_run import run_plain
from deepzoom.compiling import jit
from deepzoom.coordinates import log2
from deepzoom.reference.exact_tangents import DIGITS, joined
from deepzoom.reference.picture_coordinates import Frame
from deepzoom.reference.training import ORDER, Reference
from deepzoom.scene.view import View
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.training_run import ExactRun, Snapshot
from deepzoom.systems.training_step import Network

from . import expansions
from .batches import arrays_of, read_out
from .exact import LIMBS_OF_RUNGS, ExactTrainingJob
from .horizon import State, horizons

Floats = NDArray[np.float64]
Run = Callable[[ExpansionConstants, Floats, Floats, Floats, NDArray[np.int64], Floats], None]
"""Runs pixels to their end: constants with as many limbs as the pixels have, then the state as ``run_expansions``."""

LIMBS = dict(zip(("double-double", "quad-double", "octo-double"), LIMBS_OF_RUNGS[1:], strict=True))
BATCHES = {"double-double": 32, "quad-double": 8, "octo-double": 4, "exact arithmetic": 1}
"""Pixels of one call, some seconds of work. Each pixel takes two lanes, so that four pixels fill a vector of eight."""
_GUARD = 26  # bits that the reference has below the last limb
_MORE = 53 * 8  # extra bits of the first exact run, because eight limbs were not enough


@dataclass(frozen=True)
class _Start:
    """Where pixels leave the reference: the step, the weights there (n, limbs), and polynomials of the differences.

    exact: the weights (n,) that the limbs are of, where there are polynomials.
    """

    step: int
    weights: Floats
    snapshot: Snapshot | None = None
    exact: Exact | None = None


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


class HigherPrecision:
    """Second runs of a training job's pixels.

    reference, totals, skip, frame: the job's own, None where it has none.
    """

    rungs = tuple(BATCHES)

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
        self._system, self._view, self._say = system, view, say
        self._network, self._steps = system.network, system.steps
        self._reference, self._totals, self._skip, self._frame = reference, totals, skip, frame
        self._arrays = arrays_of(system.network)
        self._starts: dict[int, _Start] = {}
        self._lock = threading.Lock()

    def retry_batch_size(self, rung: int) -> int:
        """How many pixels to give to one call of ``retry``."""
        return BATCHES[self.rungs[rung]]

    def retry(self, pixels: NDArray[np.int64], rung: int, run: Run | None = None) -> ReadOut:
        """Read-outs as of ``Job.retry``. run: what runs pixels in expansions; None: this thread."""
        name = self.rungs[rung]
        if name not in LIMBS:
            return ExactTrainingJob(self._system, self._view, None, _MORE).run(pixels)
        count = LIMBS[name]
        start = self._started(count)
        weights, rates, offsets, sums = self._state(start, pixels, count)
        both = [self._disturbed(v, pixels, count, seed) for seed, v in enumerate((weights, rates, offsets))]
        rows = [np.concatenate([a, b]).reshape(2 * len(pixels), -1) for a, b in zip((weights, rates, offsets), both)]
        weights, rates, offsets = rows
        sums = np.concatenate([sums, sums])
        step = np.full(len(sums), start.step, dtype=np.int64)
        run = self._on_cpu if run is None else run
        run(constants_of(self._network, count), weights, rates, offsets, step, sums)
        one, two = read_out(sums[: len(pixels)]), read_out(sums[len(pixels) :])
        trust = np.where(one.agrees(two), 1, -1).astype(np.int8)
        return ReadOut(one.measure, one.fate, trust)

    def shadow(self, weights: Floats, rates: Floats, offsets: Floats, step: NDArray[np.int64], sums: Floats) -> ReadOut:
        """Run pixels from where they stand to their end in expansions of one limb; arguments as of ``finish``."""
        self._on_cpu(constants_of(self._network, 1), weights, rates, offsets, step, sums)
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
            lambda steps: run_expansions(self._arrays, constants, steps, *shadow, (0.0,)),
        )

    def _on_cpu(
        self,
        constants: ExpansionConstants,
        weights: Floats,
        rates: Floats,
        offsets: Floats,
        step: NDArray[np.int64],
        sums: Floats,
    ) -> None:
        count = constants.scales.shape[1]
        self._compiled(count)
        run_expansions(self._arrays, constants, self._steps, weights, rates, offsets, step, sums, (0.0,) * count)

    def _started(self, count: int) -> _Start:
        """Where pixels with ``count`` limbs start; made once."""
        with self._lock:
            if count not in self._starts:
                self._starts[count] = self._start(count)
            return self._starts[count]

    def _compiled(self, count: int) -> None:
        with self._lock:
            name = next((name for name, expansions in LIMBS.items() if expansions == count), "the shadow")
            if not jit.ready(f"limbs-{count}"):
                self._say(f"Compiling the kernels of {name} (once, some seconds) ...")
                tiny = Network(np.ones((1, 1)), np.ones((1, 1)), (np.ones((1, 1)), np.ones((1, 1))), "tanh", ("x", "y"))
                rows, one = np.ones((1, 2 * count)), np.ones((1, count))
                state = rows, rows.copy(), one, np.zeros(1, dtype=np.int64), np.zeros((1, 4))
                run_expansions(arrays_of(tiny), constants_of(tiny, count), 1, *state, (0.0,) * count)
                jit.mark_ready(f"limbs-{count}")

    def _start(self, count: int) -> _Start:
        snapshot = self._latest(count)
        if snapshot is None or self._reference is None:
            flat = np.concatenate([w.ravel() for w in self._network.weights])
            weights = np.zeros((len(flat), count))
            weights[:, 0] = flat
            return _Start(0, weights)
        bits = max(self._reference.bits, 53 * count) + _GUARD
        run = ExactRun(self._network, self._view.x, self._view.y, bits)
        for _ in range(snapshot.step):
            run.advance()
        exact = joined(run.weights)
        return _Start(snapshot.step, expansions.of_exact(exact, count), snapshot, exact)

    def _latest(self, count: int) -> Snapshot | None:
        """The latest snapshot at which what float64 holds of every pixel's difference is still below the last limb.

        That is the difference itself. With a frame, its first order has as many digits as the exact tangents, and
        float64 holds only the rest.
        """
        if self._reference is None or self._skip is None:
            return None
        if self._frame is None:
            snapshots = self._reference.snapshots
            sizes = np.maximum.accumulate(self._reference.reach)[[s.step for s in snapshots]]
            sizes += log2(self._view.largest_difference())
            enough = sizes <= -53 * (count - 1)
        else:
            snapshots = self._frame.snapshots
            first, second = np.maximum.accumulate([self._orders(s) for s in snapshots]).T
            enough = (first <= DIGITS - 53 * count) & (second <= -53 * (count - 1))
            enough &= first + ORDER * (second - first) <= -53 * count  # what the polynomials drop
        small = [s for s, one in zip(snapshots, enough, strict=True) if one and 0 < s.step <= self._skip.step]
        return small[-1] if small else None

    def _orders(self, snapshot: Snapshot) -> tuple[float, float]:
        """log2 of what a frame's terms of first and second degree are at most, in units of a layer's largest weight."""
        assert self._reference is not None
        size = 2.0 ** (log2(self._view.half_size()) - snapshot.exponent)
        reference = np.abs(self._reference.weights[snapshot.step])
        shares = [0.0, 0.0]
        for layer in self._network.layers:
            largest = float(reference[layer].max()) or np.inf
            for k, degree in enumerate((slice(2), slice(2, 5))):
                terms = np.abs(snapshot.weights[degree, layer]).sum(axis=0).max() * size ** (k + 1)
                shares[k] = max(shares[k], float(terms) / largest)
        first, second = (float(np.log2(max(s, 1e-300))) for s in shares)
        return first, second

    def _state(self, start: _Start, pixels: NDArray[np.int64], count: int) -> tuple[Floats, Floats, Floats, Floats]:
        """At the start: weights (pixels, n, limbs), rates (pixels, layers, limbs), offsets (pixels, 1, limbs), sums."""
        view, network = self._view, self._network
        points = [view.point(p) for p in pixels.tolist()]
        known = {v: expansions.power_of_ten(v, count) for v in {v for point in points for v in point}}
        powers = {name: np.array([known[point[k]] for point in points]) for k, name in enumerate("xy")}

        def value(name: str) -> Floats:
            if name in powers:
                return powers[name]
            return np.tile(expansions.power_of_ten(gmpy2.mpq(Fraction(name)), count), (len(pixels), 1))

        rates = np.stack([value(name) for name in network.rates], axis=1)
        offset = np.zeros((len(pixels), count)) if network.offset is None else value(network.offset)
        sums = np.zeros((len(pixels), convergence_measure.COLUMNS))
        if start.snapshot is None:
            weights = np.tile(start.weights, (len(pixels), 1, 1))
            if network.offset is not None and not network.offset_every_step:
                first = network.weights[0].size
                weights[:, :first] = expansions.plus(offset[:, None], start.weights[None, :first, 0])
        else:
            weights = self._beside(start, pixels, points, count)
            assert self._totals is not None
            sums[:] = self._totals[start.step]
            sums[:, : convergence_measure.EXCESS] += self._at(start.snapshot, start.snapshot.sums, pixels)
        return weights, rates, offset[:, None], sums

    def _beside(self, start: _Start, pixels: NDArray[np.int64], points: list[Any], count: int) -> Floats:
        """Weights (pixels, n, limbs) of pixels at exact points."""
        assert start.snapshot is not None and start.exact is not None
        terms = start.snapshot.weights
        if self._frame is None:
            return expansions.plus(start.weights, self._at(start.snapshot, terms, pixels))
        terms = np.concatenate([np.zeros_like(terms[:2]), terms[2:]])  # a float64 of the first ones would not do
        found = []
        for x, y in points:
            linear = self._frame.tangents.along(start.step, x - self._view.x, y - self._view.y)
            found.append(expansions.of_exact(start.exact + Exact.of(linear, start.exact.bits), count))
        return expansions.plus(np.array(found), self._at(start.snapshot, terms, pixels))

    def _at(self, snapshot: Snapshot, data: Floats, pixels: NDArray[np.int64]) -> Floats:
        """Polynomials at each pixel, one by one: a matrix product would add in an order that depends on the batch."""
        series = Series(data, snapshot.exponent, ORDER, Fold())
        found = []
        for p in pixels:
            one = np.array([p])
            at = self._view.differences(one) if self._frame is None else (*self._view.heights(one), 0)
            found.append(series.at(*at)[0])
        return np.array(found)

    def _disturbed(self, values: Floats, pixels: NDArray[np.int64], count: int, seed: int) -> Floats:
        """The expansions moved by a few units of their last limb."""
        size = values[..., 0] * 2.0 ** -(53 * count - 2)
        moved = values.copy()
        moved[..., -1] += size * expansions.signs(pixels, values.shape[1], seed)
        return moved
