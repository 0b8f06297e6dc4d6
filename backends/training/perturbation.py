"""Perturbation for training systems: one exact reference run, and for every pixel the difference from it.

A pixel goes through four stages. It skips the first steps by the reference's Taylor polynomials. It takes delta steps
until its difference has grown to ``HAND_OFF`` of the weights. There, at the hand-off, its own weights are those of the
reference plus the difference. It runs on in float64.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.arithmetic.tangent import Fold, Series, monomials, substituted
from deepzoom.backends.base import Facts, Say
from deepzoom.backends.kernels.arithmetic.last_bit import OF_COORDINATES, OF_DIFFERENCES, OF_HAND_OFF
from deepzoom.backends.kernels.training import convergence_measure
from deepzoom.backends.kernels.training.delta_run import run_delta
from deepzoom.coordinates import log2
from deepzoom.reference.exact_tangents import EVERY
from deepzoom.reference.picture_coordinates import Frame
from deepzoom.reference.training import HAND_OFF, ORDER, Reference
from deepzoom.scene.shape import IDENTITY
from deepzoom.scene.view import View
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.training_run import Snapshot

from .batches import arrays_of, batch_size_of, layout_of
from .expansions import disturbed, signs
from .horizon import State
from .job import TrainingJob
from .network_expansions import NetworkExpansions

Floats = NDArray[np.float64]
Places = tuple[Floats, Floats, int]
"""Two coordinates of pixels times a power of two: differences of parameters, or what polynomials are in."""

_DROPPED = 2.0**-53
"""Largest share of a pixel's difference that a skip may drop: as much as rounding to float64 drops."""
_CONFIRMED = 1e-11
"""Largest relative difference between a skip and delta steps of probe pixels: rounding of some hundred steps."""
_RANGE, _SEEN = -900, -80
"""log2 of the smallest difference that float64 can carry, and of the largest that never shows."""
_FOLD_ROOM = 2.0  # log2 of the distance to a fold, in sizes of the view, from which a skip may pass it


def series_of(snapshot: Snapshot, data: Floats) -> Series:
    """Polynomials with a snapshot's coefficients: of its weights or of its sums."""
    return Series(data, snapshot.exponent, ORDER, Fold())


def _truncation(snapshot: Snapshot, layers: list[slice], view: View, framed: bool) -> float:
    """Estimated share of the difference that the polynomials drop in a view.

    The estimate uses the picture's own coordinates, in which a stretched view has the same size in all directions;
    framed: whether the polynomials are in these already. It extrapolates the first dropped degree by the largest ratio
    of one degree to the one before.
    """
    degrees = monomials(ORDER).sum(axis=1)
    log2_size = log2((1 if framed else view.depth) * view.half_size())
    size = 2.0 ** min(log2_size - snapshot.exponent, 200.0)  # far beyond where the polynomials hold
    weights = snapshot.weights
    if view.shape != IDENTITY and not framed:
        weights = substituted(weights, ORDER, view.shape.matrix)
    share = 0.0
    for layer in layers:
        terms = [
            float(np.abs(weights[degrees == k][:, layer]).sum(axis=0).max()) * size**k for k in range(1, ORDER + 1)
        ]
        if terms[0] == 0:
            continue
        ratios = [b / a for a, b in pairwise(terms) if a > 0]
        share = max(share, terms[-1] / terms[0] * max(ratios))
    return share


class TrainingPerturbationJob(TrainingJob):
    """Runs training pixels as differences from a reference run."""

    _counting: Any = False
    """Which numbers of the state only count, so that second runs do not move them."""

    def __init__(
        self,
        system: TrainingSystem,
        view: View,
        reference: Reference,
        seconds: float,
        say: Say,
        frame: Frame | None = None,
    ) -> None:
        network = system.network
        self._network, self._view, self._steps, self._deciding = network, view, system.steps, system.last
        self._reference, self._frame = reference, frame
        self._arrays = arrays_of(network)
        self._layout = layout_of(network)
        self._drawn = self._layout if network.batches is None else layout_of(network, network.batches.shape[1])
        self._layers = network.layers
        self.batch_size = batch_size_of(network, system.steps)
        self._totals = self._reference_totals()
        self._skip: Snapshot | None = None
        self._skip = self._confirmed_skip()
        self.holds_differences = self._hold_differences()
        self._higher_precision = NetworkExpansions(system, view, say, reference, self._totals, self._skip, frame)
        self.facts = Facts(
            reference.bits, reference.digits, reference.steps, seconds, 0 if self._skip is None else self._skip.step
        )

    @property
    def _every(self) -> bool:
        """Whether all losses decide the fate: then the sum of the ratios does."""
        return self._deciding >= self._steps

    def _reference_totals(self) -> Floats:
        """Sums of the reference before each step, (steps + 1, 4); the sum that decides its fate at the end is exact."""
        ref = self._reference
        ratios = np.minimum(ref.ratios[: self._steps], convergence_measure.CEILING)
        totals = np.zeros((len(ratios) + 1, convergence_measure.COLUMNS))
        totals[:, convergence_measure.FIRST] = ref.losses[0] if len(ratios) else 0.0
        totals[1:, convergence_measure.SUM] = np.cumsum(ratios)
        totals[1:, convergence_measure.INVERSE] = np.cumsum(1.0 / ratios)
        late = np.arange(len(ratios)) >= self._steps - self._deciding
        totals[1:, convergence_measure.EXCESS] = np.cumsum(np.where(late, ratios - 1.0, 0.0))
        if len(ratios) == self._steps:
            totals[-1, convergence_measure.EXCESS] = ref.windows[self._steps - 1]
        return totals

    def _differences(self, pixels: NDArray[np.int64], moved: bool = False) -> tuple[Places, Places]:
        """(by, at) of pixels: their parameter differences, and their coordinates in the skip's polynomials.

        moved: changes them by as much as rounding may have. The coefficients' rounding errors add up over the steps
        that are skipped. Along the long direction of a stretched view the polynomials' terms in x and y cancel, and the
        stretch enlarges these errors. In a frame they do not cancel, and after its skip rounding errors of parameters
        no longer grow.
        """

        def placed(places: Places, steps: int) -> Places:
            if not moved:
                return places
            right, up = 1 + 2.0**-52 * math.sqrt(steps) * signs(pixels, 2, OF_COORDINATES).T
            return places[0] * right, places[1] * up, places[2]

        by = self._view.differences(pixels)
        if self._frame is None or self._skip is None:
            by = placed(by, 1 if self._skip is None else self._skip.step)
        return by, by if self._frame is None else placed((*self._view.heights(pixels), 0), EVERY)

    def _parameters(self, by: Places) -> tuple[Floats, Floats]:
        """Differences of learning rates (pixels, layers) and offsets (pixels, 1): R expm1(v ln 10)."""
        dx, dy, exponent = by
        grown = {name: np.expm1(np.ldexp(v, exponent) * math.log(10.0)) for name, v in (("x", dx), ("y", dy))}
        zero = np.zeros(len(dx))
        rates = [grown.get(name, zero) for name in self._network.rates]
        offset = zero if self._network.offset is None else grown[self._network.offset]
        return self._reference.learning * np.stack(rates, axis=1), self._reference.offset * offset[:, None]

    def _start(
        self, skip: Snapshot | None, by: Places, at: Places, moved: Floats | None = None
    ) -> tuple[int, Floats, Floats, Floats, Floats]:
        """(step, differences of weights, of rates, of offsets, of sums) after the skip; moved: as ``_to_hand_off``."""
        first, rates, offsets, sums = self._beside_weights(skip, by, at)
        if skip is None:
            differences = self._begun_differences(by)
        else:
            differences = np.ascontiguousarray(series_of(skip, skip.weights).at(*at))
        if moved is not None:
            differences = disturbed(differences, moved)
            rates = disturbed(rates, moved[:, : rates.shape[1]])
        return first, differences, rates, offsets, sums

    def _begun_differences(self, by: Places) -> Floats:
        """Differences (pixels, n) of the weights before the first step."""
        differences = np.zeros((len(by[0]), self._layers[-1].stop))
        if self._network.offset is not None and not self._network.offset_every_step:
            differences[:, self._layers[0]] += self._parameters(by)[1]
        return differences

    def _beside_weights(self, skip: Snapshot | None, by: Places, at: Places) -> tuple[int, Floats, Floats, Floats]:
        """(step, differences of rates, of offsets, of sums) after the skip."""
        sums = np.zeros((len(by[0]), convergence_measure.COLUMNS))
        if skip is not None:
            sums[:, : convergence_measure.EXCESS] = series_of(skip, skip.sums).at(*at)
            if self._every:
                sums[:, convergence_measure.EXCESS] = sums[:, convergence_measure.SUM]
        return 0 if skip is None else skip.step, *self._parameters(by), sums

    def _to_hand_off(
        self,
        skip: Snapshot | None,
        last: int,
        threshold: float,
        by: Places,
        at: Places,
        moved: Floats | None = None,
    ) -> tuple[NDArray[np.int64], Floats, Floats]:
        """(step, differences of the weights, sums) at the hand-off.

        moved: signs (pixels, n) by which differences are changed in the last place after the skip; None: unchanged.
        """
        first, differences, rates, offsets, sums = self._start(skip, by, at, moved)
        return self._stepped(first, last, threshold, differences, rates, offsets, sums), differences, sums

    def _stepped(
        self, first: int, last: int, threshold: float, differences: Floats, rates: Floats, offsets: Floats, sums: Floats
    ) -> NDArray[np.int64]:
        """Take steps of differences from step ``first``, in place; the step of each pixel's hand-off."""
        ref = self._reference
        return run_delta(
            self._arrays, self._steps, first, last, threshold, ref.record, self._layout, self._drawn, ref.weights,
            ref.learning, ref.ratios, self._totals, differences, rates, offsets, sums,
        )  # fmt: skip

    def handed_off(self, pixels: NDArray[np.int64], moved: bool) -> State:
        """moved: changes differences after the skip, rates and weights at the hand-off, by a unit in the last place.

        It changes coordinates too, as ``_differences`` does.
        """
        by, at = self._differences(pixels, moved)
        ref = self._reference
        size = self._layers[-1].stop
        step, differences, sums = self._to_hand_off(
            self._skip,
            min(ref.steps, self._steps),
            HAND_OFF,
            by,
            at,
            signs(pixels, size, OF_DIFFERENCES) if moved else None,
        )
        rates, offsets = self._parameters(by)
        weights, learning = ref.weights[np.minimum(step, ref.steps)] + differences, ref.learning + rates
        if moved:
            weights = np.where(self._counting, weights, disturbed(weights, signs(pixels, size, OF_HAND_OFF)))
            learning = disturbed(learning, signs(pixels, learning.shape[1], 2))
        return weights, learning, ref.offset + offsets, step, sums

    def _hold_differences(self) -> bool:
        """Whether float64 can hold differences after the skip, or they stay so small that they never show."""
        size, first = log2(self._view.largest_difference()), 0 if self._skip is None else self._skip.step
        reach = self._reference.reach
        begun = 0.0 if self._skip is None else float(reach[first])
        return begun + size > _RANGE or float(np.max(reach[first:])) + size < _SEEN

    def _confirmed_skip(self) -> Snapshot | None:
        """The latest snapshot whose polynomials hold in the whole view, by their terms and by probe pixels."""
        frame = self._frame
        size = log2(self._view.half_size() if frame else self._view.largest_difference())
        last_start = self._steps - (0 if self._every else self._deciding)  # the read-out needs these losses one by one
        fits = [
            s
            for s in (frame or self._reference).snapshots
            if 0 < s.step <= min(last_start, self._reference.steps - 1)
            and s.fold >= size + _FOLD_ROOM
            and np.isfinite(s.sums).all()
            and _truncation(s, self._layers, self._view, frame is not None) <= _DROPPED
        ]
        return self._confirmed_by_exact_runs(fits, frame) if frame else self._confirmed_by_delta_steps(fits, size)

    def _confirmed_by_exact_runs(self, fits: list[Snapshot], frame: Frame) -> Snapshot | None:
        """The latest that agrees with a frame's probes: steps from differences of the parameters would lose digits."""
        _, at = self._differences(frame.probes)
        for s in reversed(fits):
            if self._agree(frame.apart[:, s.step // EVERY], series_of(s, s.weights).at(*at)):
                return s
        return None

    def _confirmed_by_delta_steps(self, fits: list[Snapshot], size: float) -> Snapshot | None:
        """The latest that agrees with probe pixels that take steps all the way."""
        corners = self._corners()
        exponent = corners[0][2]
        # float64 can carry the differences of probe pixels only where these are well above 1e-308
        start = None
        if exponent < _RANGE:
            early = [s for s in fits if self._reference.reach[s.step] + size > _RANGE]
            start = early[0] if early else (fits[-1] if fits else None)
        while fits:
            _, probed, _ = self._to_hand_off(start, fits[-1].step, math.inf, *corners)
            with np.errstate(over="ignore", invalid="ignore"):
                skipped = series_of(fits[-1], fits[-1].weights).at(*corners[1])
            if start is fits[-1] or self._agree(probed, skipped):
                return fits[-1]
            fits.pop()
        return None

    def _corners(self) -> tuple[Places, Places]:
        """``_differences`` of the view's corners, the middles of its edges, and its centre."""
        w, h = self._view.width, self._view.height
        pixels = [i * w + j for i in {0, h // 2, h - 1} for j in {0, w // 2, w - 1}]
        return self._differences(np.array(sorted(pixels), dtype=np.int64))

    def _agree(self, probed: Floats, skipped: Floats) -> bool:
        for layer in self._layers:
            size = np.abs(probed[:, layer]).max(axis=1)
            with np.errstate(invalid="ignore"):
                apart = np.abs(probed[:, layer] - skipped[:, layer]).max(axis=1)
            if not (apart <= _CONFIRMED * size).all():  # nor if one is not a number
                return False
        return True
