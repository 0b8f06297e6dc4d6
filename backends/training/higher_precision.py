"""Retries of training pixels in expansions of 2, 4 and 8 limbs, then in exact arithmetic.

A retry begins at the latest step at which the pixel's difference from the reference is below the last limb. There a
float64 difference is all that the limbs can hold, and the reference's weights come from an exact run. A view without a
reference, in which float64 tells the pixels apart, begins at the first step. Each pixel runs twice, the second time
disturbed in its last limb, and is settled where the two runs agree.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.tangent import Fold, Series
from deepzoom.backends.base import ReadOut, Say
from deepzoom.backends.kernels.training import convergence_measure
from deepzoom.compiling import jit
from deepzoom.coordinates import log2
from deepzoom.reference.exact_tangents import DIGITS, joined
from deepzoom.reference.picture_coordinates import Frame
from deepzoom.reference.training import ORDER, Reference
from deepzoom.scene.view import View
from deepzoom.systems.trainable import Trainable
from deepzoom.systems.training_run import Snapshot

from . import expansions
from .batches import read_out
from .exact import LIMBS_OF_RUNGS, ExactTrainingJob

Floats = NDArray[np.float64]
Points = list[Any]
"""Exact coordinates (x, y) of pixels."""
Run = Callable[[int, Floats, tuple[Floats, ...], NDArray[np.int64], Floats], None]
"""Runs pixels to their end, in place: how many limbs, state (P, n * limbs), parameters (P, k * limbs), step, sums."""

LIMBS = dict(zip(("double-double", "quad-double", "octo-double"), LIMBS_OF_RUNGS[1:], strict=True))
BATCHES = {"double-double": 32, "quad-double": 8, "octo-double": 4, "exact arithmetic": 1}
"""Pixels of one call, some seconds of work. Each pixel takes two lanes, so that four pixels fill a vector of eight."""
_GUARD = 26  # bits that the reference has below the last limb
_SMALL = 2.0**-16  # a weight below this share of its layer's largest may grow apart from it
_MORE = 53 * 8  # extra bits of the first exact run, because eight limbs were not enough


def _largest_share(terms: Floats, sizes: Floats) -> float:
    """The largest of some terms, as a share of a size; nothing is 0 of nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.where(terms == 0, 0.0, terms / sizes).max())


@dataclass(frozen=True)
class _Start:
    """Where pixels leave the reference: the step, polynomials of their differences there, and the reference's state.

    state: (n, limbs); exact: (n,), of which the limbs are. At step 0 there is no more than the step.
    """

    step: int
    snapshot: Snapshot | None = None
    state: Floats | None = None
    exact: Exact | None = None


class HigherPrecision(ABC):
    """Runs of a training job's pixels in higher precision.

    reference, totals, skip, frame: the job's own, None where it has none.
    """

    rungs: tuple[str, ...] = tuple(BATCHES)
    _counting: Any = False
    """Which numbers of the state only count, so that second runs do not move them."""

    def __init__(
        self,
        system: Trainable,
        view: View,
        say: Say,
        reference: Reference | None = None,
        totals: Floats | None = None,
        skip: Snapshot | None = None,
        frame: Frame | None = None,
    ) -> None:
        self._system, self._view, self._say, self._steps = system, view, say, system.steps
        self._reference, self._totals, self._skip, self._frame = reference, totals, skip, frame
        self._starts: dict[int, _Start] = {}
        self._lock = threading.Lock()

    @abstractmethod
    def _first_states(self, points: Points, count: int) -> Floats:
        """States (pixels, n, limbs) before the first step."""

    @abstractmethod
    def _parameters(self, points: Points, count: int) -> tuple[Floats, ...]:
        """What else a step of a pixel needs, each (pixels, k, limbs)."""

    @abstractmethod
    def _on_cpu(
        self, count: int, state: Floats, parameters: tuple[Floats, ...], step: NDArray[np.int64], sums: Floats
    ) -> None:
        """Run pixels to their end in ``count`` limbs, in place; arguments as of ``Run``."""

    @abstractmethod
    def _mark(self, count: int) -> str:
        """The name under which the cache knows that the kernels of ``count`` limbs are compiled."""

    @abstractmethod
    def _compile(self, count: int) -> None:
        """Compile the kernels of ``count`` limbs."""

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
        points = [self._view.point(p) for p in pixels.tolist()]
        state = (
            self._first_states(points, count) if start.snapshot is None else self._beside(start, pixels, points, count)
        )
        arrays = (state, *self._parameters(points, count))
        both = [self._disturbed(v, pixels, count, seed) for seed, v in enumerate(arrays)]
        rows = [np.concatenate([a, b]).reshape(2 * len(pixels), -1) for a, b in zip(arrays, both, strict=True)]
        sums = np.zeros((len(pixels), convergence_measure.COLUMNS))
        if start.snapshot is not None:
            assert self._totals is not None
            sums[:] = self._totals[start.step]
            sums[:, : convergence_measure.EXCESS] += self._at(start.snapshot, start.snapshot.sums, pixels)
        sums = np.concatenate([sums, sums])
        step = np.full(len(sums), start.step, dtype=np.int64)
        if run is None:
            self._compiled(count)
            run = self._on_cpu
        run(count, rows[0], tuple(rows[1:]), step, sums)
        half = len(pixels)
        one, two = (self._read_out(count, rows[0][part], sums[part]) for part in (slice(half), slice(half, None)))
        return replace(one, trust=np.where(one.agrees(two), 1, -1).astype(np.int8))

    def _read_out(self, count: int, state: Floats, sums: Floats) -> ReadOut:
        """Read-outs of pixels from their final state (P, n * limbs) and sums."""
        return read_out(sums)

    def _compiled(self, count: int) -> None:
        with self._lock:
            name = next((name for name, limbs in LIMBS.items() if limbs == count), "shadow runs")
            if not jit.ready(self._mark(count)):
                self._say(f"Compiling the kernels of {name} (once, some seconds) ...")
                self._compile(count)
                jit.mark_ready(self._mark(count))

    def _started(self, count: int) -> _Start:
        """Where pixels with ``count`` limbs start; made once."""
        with self._lock:
            if count not in self._starts:
                self._starts[count] = self._start(count)
            return self._starts[count]

    def _start(self, count: int) -> _Start:
        snapshot = self._latest(count)
        if snapshot is None or self._reference is None:
            return _Start(0)
        before = expansions.bits_before(self._reference.weights[snapshot.step])
        bits = max(self._reference.bits, 53 * count + before) + _GUARD
        run = self._system.exact_run(self._view.x, self._view.y, bits)
        for _ in range(snapshot.step):
            run.advance()
        exact = joined(run.weights)
        return _Start(snapshot.step, snapshot, expansions.of_exact(exact, count), exact)

    def _latest(self, count: int) -> Snapshot | None:
        """The latest snapshot at which what float64 holds of every pixel's difference is still below the last limb.

        That is the difference itself. With a frame, its first order has as many digits as the exact tangents, and
        float64 holds only the rest.
        """
        if self._reference is None or self._skip is None:
            return None
        if self._frame is None:
            snapshots = self._reference.snapshots
            sizes = np.maximum.accumulate([self._first_order(s) for s in snapshots])
            enough = sizes <= -53 * (count - 1)
        else:
            snapshots = self._frame.snapshots
            first, second = np.maximum.accumulate([self._orders(s) for s in snapshots]).T
            enough = (first <= DIGITS - 53 * count) & (second <= -53 * (count - 1))
            enough &= first + ORDER * (second - first) <= -53 * count  # what the polynomials drop
        small = [s for s, one in zip(snapshots, enough, strict=True) if one and 0 < s.step <= self._skip.step]
        return small[-1] if small else None

    def _first_order(self, snapshot: Snapshot) -> float:
        """log2 of what the terms of first degree are at most in the view, as shares of ``_sizes``."""
        terms = np.abs(snapshot.weights[:2]).sum(axis=0)
        with np.errstate(divide="ignore"):
            share = np.log2(_largest_share(terms, self._sizes(snapshot.step)))
        return float(share) + log2(self._view.largest_difference()) - snapshot.exponent

    def _orders(self, snapshot: Snapshot) -> tuple[float, float]:
        """log2 of what a frame's terms of first and second degree are at most, as shares of ``_sizes``."""
        size = 2.0 ** (log2(self._view.half_size()) - snapshot.exponent)
        shares = [
            _largest_share(np.abs(snapshot.weights[degree]).sum(axis=0) * size ** (k + 1), self._sizes(snapshot.step))
            for k, degree in enumerate((slice(2), slice(2, 5)))
        ]
        first, second = (float(np.log2(min(max(s, 1e-300), 1e300))) for s in shares)
        return first, second

    def _sizes(self, step: int) -> Floats:
        """Sizes (n,) of the reference's weights before a step: of each layer's largest, or if much smaller its own.

        A weight that is 0 in the reference is all difference, of which float64 has too few digits for any limbs.
        """
        assert self._reference is not None
        sizes = np.abs(self._reference.weights[step])
        for layer in self._system.layers:
            largest = sizes[layer].max()
            sizes[layer] = np.where(sizes[layer] > _SMALL * largest, largest, sizes[layer])
        return sizes

    def _beside(self, start: _Start, pixels: NDArray[np.int64], points: Points, count: int) -> Floats:
        """States (pixels, n, limbs) of pixels at exact points."""
        assert start.snapshot is not None and start.state is not None and start.exact is not None
        terms = start.snapshot.weights
        if self._frame is None:
            return expansions.plus(start.state, self._at(start.snapshot, terms, pixels))
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
        if seed == 0:
            size = np.where(self._counting, 0.0, size)
        moved = values.copy()
        moved[..., -1] += size * expansions.signs(pixels, values.shape[1], seed)
        return moved
