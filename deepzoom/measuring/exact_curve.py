"""The exact run at one point: its losses to all digits of a float64, its fate, and how its parameters move its state.

Two runs go step by step, one with more bits than the other. Where their losses differ as float64, both start again with
twice the bits. The run with more bits also has the derivatives of its state by the two coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.numpy_operations import NotANumber
from deepzoom.coordinates import Rational
from deepzoom.systems.convergence import Totals, reference_of
from deepzoom.systems.trainable import Trainable
from deepzoom.systems.training_run import ExactRun, TaylorRun, flat_weights

Floats = NDArray[np.float64]
Progress = Callable[[int, int, int], None]
"""(bits, done steps, steps)"""

_MARGIN, _MORE_BITS = 64, 52
_MOST_FIRST_BITS = 1024
_MOST_DOUBLINGS = 6
_LEAST = 2.0**-1022  # of float64 with all its digits


@dataclass(frozen=True)
class ExactCurve:
    """An exact run, rounded to float64.

    bits: that were enough. losses (t,): before each step, up to the last that float64 can hold. weights (t + 1, n): the
    state before each step, and after the last. growth (t + 1, 2): natural logarithms of the singular values of the
    state's Jacobian by the two coordinates, the larger one first, at the same times; -inf where one is 0. measure, fate
    (-1 converged, +1 diverged): as published.
    """

    bits: int
    losses: Floats
    weights: Floats
    growth: Floats
    measure: float

    @property
    def fate(self) -> int:
        return -1 if self.measure < 0 else 1

    @property
    def exponents(self) -> Floats:
        """The finite-time Lyapunov exponents (t, 2) after each step: ``growth`` divided by the steps taken."""
        found: Floats = self.growth[1:] / np.arange(1, len(self.growth))[:, None]
        return found


def exact_curve(
    system: Trainable, x: Rational, y: Rational, bits: int | None = None, progress: Progress = lambda *_: None
) -> ExactCurve:
    """The exact run of a training at a point.

    bits: to begin with; None: what the coordinates need. progress may raise, which ends the run. Raises ArithmeticError
    if two runs never agree.
    """
    bits = first_bits(system, x, y) if bits is None else bits
    for _ in range(_MOST_DOUBLINGS + 1):
        found = _with_bits(system, x, y, bits, progress)
        if found is not None:
            return found
        bits *= 2
    raise ArithmeticError(f"two exact runs at this point still differ with {bits // 2} bits; give fewer --steps.")


def first_bits(system: Trainable, x: Rational, y: Rational) -> int:
    """The bits that the digits of the coordinates and the smallest parameter need, and some."""
    own = max(int(v.denominator).bit_length() for v in (x, y))
    return min(own + system.rate_bits(x, y) + _MARGIN, _MOST_FIRST_BITS)


def _with_bits(system: Trainable, x: Rational, y: Rational, bits: int, progress: Progress) -> ExactCurve | None:
    """The run with at least so many bits, or None if the losses of two runs differ."""
    main = system.taylor_run(x, y, bits + _MORE_BITS, 1)
    check = system.exact_run(x, y, bits)
    totals = Totals(Exact.of(0.0, bits + _MORE_BITS), system.last)
    tangent = _Tangent(main)
    losses: list[float] = []
    weights, growth = [flat_weights(main.weights)], [tangent.growth()]
    for step in range(system.steps):
        progress(bits, step, system.steps)
        loss, other = _loss(main), _loss(check)
        if not _same(loss, other):
            return None
        if loss is None:
            break
        losses.append(float(loss.floats()))
        totals.add(loss)
        tangent.straightened()
        weights.append(flat_weights(main.weights))
        growth.append(tangent.growth())
    return ExactCurve(bits, np.array(losses), np.array(weights), np.array(growth), totals.measure(system.steps))


def _loss(run: ExactRun) -> Exact | None:
    """The loss before the next step, which the run takes; None where float64 cannot hold it."""
    try:
        with np.errstate(all="ignore"):  # derivatives of a loss that leaves float64
            loss: Exact = reference_of(run.advance().loss)
    except NotANumber:
        return None
    return loss if math.isfinite(loss.floats()) else None


def _same(a: Exact | None, b: Exact | None) -> bool:
    if a is None or b is None:
        return a is b
    one, two = float(a.floats()), float(b.floats())
    return one == two or max(abs(one), abs(two)) < _LEAST


class _Tangent:
    """The singular values of a run's Jacobian by the two coordinates, to nearly all digits however unlike they are.

    Along the weak direction the derivatives by x and y cancel. So those by y lose their part along those by x after
    every step (the QR method of Benettin et al., Meccanica 15 (1980), doi 10.1007/BF02128236), and ``_share`` of the
    derivatives by x is what they have lost in all.
    """

    def __init__(self, run: TaylorRun) -> None:
        self._run = run
        self._share = 0.0

    def _columns(self) -> tuple[Floats, Floats]:
        parts: list[Any] = [w.difference.data[:2].reshape(2, -1) for w in self._run.weights]
        by_x, by_v = np.concatenate(parts, axis=1)
        return by_x, by_v

    def straightened(self) -> None:
        """Make the two columns orthogonal."""
        by_x, by_v = self._columns()
        square = float(by_x @ by_x)
        share = float(by_x @ by_v) / square if square > 0 else 0.0
        if share != 0 and math.isfinite(share):
            self._run.sheared(share)
            self._share += share

    def growth(self) -> Floats:
        """Natural logarithms of both singular values (2,), the larger one first."""
        by_x, by_v = self._columns()
        square = float(by_x @ by_x)
        across = by_v - (float(by_x @ by_v) / square if square > 0 else 0.0) * by_x
        one, two = math.sqrt(square), float(np.linalg.norm(across))
        whole = math.hypot(one, float(np.linalg.norm(by_v + self._share * by_x)))
        if not 0 < whole < math.inf:
            return np.full(2, math.nan if whole else -math.inf)
        area = one / whole * (two / whole) if by_x.size > 1 else 0.0  # that both columns span
        larger = math.sqrt((1 + math.sqrt(max(0.0, 1 - 4 * area**2))) / 2)
        with np.errstate(divide="ignore"):
            found: Floats = np.log([larger, area / larger]) + math.log(whole)
        return found - self._run.exponent * math.log(2.0)
