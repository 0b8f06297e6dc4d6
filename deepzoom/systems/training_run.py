"""A high-precision run of a training system, with the Taylor polynomials of its weights in the two parameters.

Each step gives what pixels need of the reference: the values that delta steps use, rounded to float64. Every few steps
it also gives the polynomials, from which a pixel can start (the skip).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.arithmetic.delta import Delta
from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.numpy_operations import floats
from deepzoom.arithmetic.saturation import tanh_side
from deepzoom.arithmetic.tangent import Fold, Series, monomials, substituted
from deepzoom.coordinates import Rational

from .convergence import Totals, reference_of
from .training_step import Constants, Network, Rates, Step, rates_at, start, train_step

Lift = Callable[[Any], Any]
"""Makes numbers of an arithmetic from a rational number or a float64 array."""


def variables(x: Rational, y: Rational, bits: int, order: int) -> tuple[Delta, Delta, Lift]:
    """What ``TaylorRun`` takes: coordinates in high precision, for polynomials in the differences from them."""
    fold = Fold()

    def lift(value: Any) -> Exact:
        return Exact.of(value, bits)

    a, b = (Delta(lift(v), Series.variable(which, order, fold)) for which, v in enumerate((x, y)))
    return a, b, lift


class ExactRun:
    """A training run in high precision (``Exact`` numbers) alone."""

    def __init__(self, network: Network, x: Fraction, y: Fraction, bits: int) -> None:
        def lift(value: Any) -> Exact:
            return Exact.of(value, bits)

        self.network = network
        self.step = 0
        self.constants = Constants.of(network, lift)
        self.rates = rates_at(network, lift(x), lift(y), lift)
        self.weights: tuple[Any, ...] = start(network, self.rates, lift)

    def advance(self) -> Step:
        """Take one step and return it."""
        step = train_step(self.network, self.constants, self.rates, self.weights, self.network.rows_at(self.step))
        self.weights = step.weights
        self.step += 1
        return step


@dataclass(frozen=True)
class Snapshot:
    """The Taylor polynomials before a step, in (dx, dy) * 2**-exponent, with monomials ordered by degree.

    weights (monomials, n). sums (monomials, 3): the first loss, the sum of the losses over it, and the sum of the
    inverses of these ratios. The polynomials are valid for parameter differences below ``2**fold``.
    """

    step: int
    exponent: int
    fold: float
    weights: NDArray[np.float64]
    sums: NDArray[np.float64]


_SUMS = ("first", "sum", "inverse")


class TaylorRun(ExactRun):
    """A training run with its Taylor polynomials up to some order.

    x, y: the coordinates, as a number with a ``Series`` that says in which variables the polynomials are. lift: makes
    numbers of the same arithmetic.
    """

    def __init__(self, network: Network, x: Delta, y: Delta, lift: Lift) -> None:
        self.network = network
        self.constants = Constants.of(network, lift)
        self._start_rates = rates_at(network, x, y, lift)
        self._begin_series(x, start(network, self._start_rates, lift), Totals, lift)

    def _begin_series(self, x: Delta, weights: Sequence[Any], totals: Callable[[Any], Totals], lift: Lift) -> None:
        variable: Series = x.difference  # type: ignore[assignment]
        self.step, self.order, self.exponent, self.fold = 0, variable.order, variable.exponent, variable.fold
        self.weights = tuple(self._with_series(w) for w in weights)
        self.totals = totals(self._with_series(lift(0.0)))
        self.last_loss = math.nan

    @property
    def learning(self) -> NDArray[np.float64]:
        """The learning rate of each layer."""
        return np.array([float(floats(reference_of(r))) for r in self._start_rates.learning])

    @property
    def offset(self) -> float:
        """The offset of the first layer's weights, or 0."""
        offset = self._start_rates.offset
        return 0.0 if offset is None else float(floats(reference_of(offset)))

    def _with_series(self, value: Any) -> Delta:
        if isinstance(value, Delta):
            return value
        zeros = np.zeros((len(monomials(self.order)), *value.shape))
        return Delta(value, Series(zeros, self.exponent, self.order, self.fold))

    def _rescaled(self, value: Any) -> Any:
        if not isinstance(value, Delta):
            return value
        return Delta(value.reference, value.difference.rescaled(self.exponent))  # type: ignore[attr-defined]

    def advance(self) -> Step:
        base = self._start_rates
        self.rates = Rates(tuple(self._rescaled(r) for r in base.learning), self._rescaled(base.offset))
        step = super().advance()
        self.last_loss = float(floats(reference_of(step.loss)))
        self.totals.add(self._with_series(step.loss))
        self._follow_growth()
        return step

    def _follow_growth(self) -> None:
        """Keep the first-order coefficients near 1 by moving the shared exponent."""
        largest = max(float(np.abs(w.difference.data[:2]).max()) for w in self.weights)
        if largest > 0:
            self.exponent -= math.frexp(largest)[1]
        self.weights = tuple(self._rescaled(w) for w in self.weights)
        for name in _SUMS:
            setattr(self.totals, name, self._rescaled(getattr(self.totals, name)))

    def sheared(self, share: float) -> None:
        """Go on with polynomials in other variables (u, v), where dx = u - share * v and dy = v.

        The derivatives by v are those by dy less ``share`` times those by dx.
        """
        matrix = np.array([[1.0, -share], [0.0, 1.0]])

        def changed(value: Any) -> Any:
            if not isinstance(value, Delta):
                return value
            series: Any = value.difference
            data = substituted(series.data.reshape(series.lead, -1), self.order, matrix)
            return Delta(value.reference, series.like(data.reshape(series.data.shape)))

        self._change_parameters(changed)
        self.weights = tuple(changed(w) for w in self.weights)
        for name in _SUMS:
            setattr(self.totals, name, changed(getattr(self.totals, name)))

    def _change_parameters(self, changed: Callable[[Any], Any]) -> None:
        rates = self._start_rates
        self._start_rates = Rates(tuple(changed(r) for r in rates.learning), changed(rates.offset))

    def reach(self) -> float:
        """log2 of the share of a layer's largest weight that a parameter difference of 1 would move, to first order."""
        shares = [0.0]
        for w in self.weights:
            largest = float(np.abs(floats(w.reference)).max())
            if largest > 0:  # weights that start at zero have not moved yet
                shares.append(float(np.abs(w.difference.data[:2]).max()) / largest)
        return math.log2(max(shares)) - self.exponent if max(shares) > 0 else -math.inf

    def snapshot(self) -> Snapshot:
        """The polynomials as they stand, before the next step."""
        count = len(monomials(self.order))
        return Snapshot(
            self.step,
            self.exponent,
            self.fold.log2,
            np.concatenate([w.difference.data.reshape(count, -1) for w in self.weights], axis=1),
            np.stack([getattr(self.totals, name).difference.data for name in _SUMS], axis=1),
        )


def record(network: Network, step: Step) -> NDArray[np.float64]:
    """The float64 values of one step that delta steps use, flat, in the order of ``record_parts``."""
    parts: list[Any] = []
    for z, h, p in zip(step.inner, step.hidden, step.back):
        value = reference_of(h)
        parts.append(floats(value))
        if network.activation == "tanh":
            parts.append(tanh_side(reference_of(z), value))
        elif network.activation == "relu":
            parts.append(floats(reference_of(z)))
        parts.append(floats(reference_of(p)))
    parts.append(floats(reference_of(step.residual)))
    parts.extend(floats(reference_of(g)) for g in step.gradients)
    return np.concatenate([p.ravel() for p in parts])


def record_parts(network: Network, batch: int | None = None) -> list[tuple[str, int]]:
    """(name, size) of each part of a record: hidden, side and back for each hidden layer, then residual and gradient.

    batch: give the sizes for the rows of a minibatch only.
    """
    rows = len(network.x) if batch is None else batch
    drawn = rows if network.batches is None else network.batches.shape[1]
    parts = []
    for width in network.widths[1:-1]:
        parts.append(("hidden", rows * width))
        parts.append(("side", 0 if network.activation == "identity" else rows * width))
        parts.append(("back", drawn * width))
    parts.append(("residual", rows * network.widths[-1]))
    parts.append(("gradient", sum(w.size for w in network.weights)))
    return parts


def flat_weights(weights: tuple[Any, ...]) -> NDArray[np.float64]:
    """All weights as one float64 array, layer by layer."""
    return np.concatenate([floats(reference_of(w)).ravel() for w in weights])


def pack(run: ExactRun) -> dict[str, NDArray[Any]]:
    """The state of a run as arrays, for ``unpack``."""
    arrays: dict[str, NDArray[Any]] = {"step": np.array(run.step)}
    values = list(run.weights)
    if isinstance(run, TaylorRun):
        arrays["scale"] = np.array([run.exponent, run.fold.log2])
        values += [getattr(run.totals, name) for name in _SUMS] + list(run.totals.recent)
    for i, value in enumerate(values):
        arrays[f"digits{i}"] = reference_of(value).digits
        if isinstance(value, Delta):
            arrays[f"series{i}"] = value.difference.data
    return arrays


def unpack(run: ExactRun, arrays: dict[str, NDArray[Any]]) -> None:
    """Bring a new run (of the same network, point and bits) to the state that was packed."""
    run.step = int(arrays["step"])
    if isinstance(run, TaylorRun):
        run.exponent = int(arrays["scale"][0])
        run.fold.log2 = float(arrays["scale"][1])
    point = reference_of(run.weights[0]).point

    def value(i: int) -> Any:
        exact = Exact(arrays[f"digits{i}"], point)
        if f"series{i}" not in arrays or not isinstance(run, TaylorRun):
            return exact
        return Delta(exact, Series(arrays[f"series{i}"], run.exponent, run.order, run.fold))

    count = len(run.weights)
    run.weights = tuple(value(i) for i in range(count))
    if isinstance(run, TaylorRun):
        for name in _SUMS:
            setattr(run.totals, name, value(count))
            count += 1
        run.totals.count = run.step
        while f"digits{count}" in arrays:
            run.totals.recent.append(value(count))
            count += 1
