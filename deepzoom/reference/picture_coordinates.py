"""Taylor polynomials of a training run in a picture's own coordinates, for views that float64 cannot stretch.

The reference's polynomials are in the differences of the two parameters. In a view stretched r times their terms cancel
to one part in r, and what rounding made of the weak direction's derivative is r times too large. Here the variables are
the picture's (u, v), right and up in heights. Every few steps, exact first derivatives (``exact_tangents.py``) replace
the polynomials' own. Higher ones only ever meet derivatives that have cancelled already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from gmpy2 import mpq
from numpy.typing import NDArray

from deepzoom.arithmetic.delta import Delta
from deepzoom.arithmetic.tangent import Fold, Series, monomials
from deepzoom.coordinates import Rational, scaled_float
from deepzoom.scene.shape import Shape
from deepzoom.scene.view import View
from deepzoom.systems.convergence import Totals
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.training_run import Snapshot, TaylorRun
from deepzoom.systems.training_step import Constants, Step, rates_at, start

from . import exact_tangents as exact
from .exact_tangents import Tangents
from .training import ORDER, Reference, bits_for

Floats = NDArray[np.float64]

_TANGENTS, _PROBES = 0.7, 0.3  # shares of the time


@dataclass(frozen=True)
class Frame:
    """What pixels of a steep view start from.

    snapshots: polynomials in (u, v), as of ``Snapshot``. probes: flat numbers of the pixels whose exact runs confirm
    them; apart (probes, kept, n): those runs' weights less the centre's, before each ``exact_tangents.EVERY``-th step.
    """

    snapshots: tuple[Snapshot, ...]
    tangents: Tangents
    probes: NDArray[np.int64]
    apart: Floats


def obtain(
    system: TrainingSystem, view: View, reference: Reference, progress: Callable[[float], None] = lambda share: None
) -> Frame | None:
    """The frame of a view, None if it is not steep. progress: as of ``exact_tangents.obtain``; raises its errors."""
    if not view.shape.is_steep:
        return None
    last = reference.leaves(view.depth)
    found = exact.obtain(system, view, last, lambda share: progress(_TANGENTS * share))
    probes = np.array(sorted({0, view.width - 1}), dtype=np.int64)  # what lies opposite is as far
    apart = exact.beside(
        system, view, probes.tolist(), found, bits_for(system, view), last,
        lambda share: progress(_TANGENTS + _PROBES * share),
    )  # fmt: skip
    return Frame(tuple(snapshots(system, view, view.shape, reference, found, last)), found, probes, apart)


def snapshots(
    system: TrainingSystem, view: View, shape: Shape, reference: Reference, found: Tangents, last: int
) -> list[Snapshot]:
    """Polynomials in the coordinates of a view of some shape, before each ``EVERY``-th step up to ``last``."""
    run = _FramedRun(system, view, shape, reference, found)
    made = []
    while run.step + exact.EVERY <= last:
        for _ in range(exact.EVERY):
            run.advance()
        made.append(run.snapshot())
    return made


class _FramedRun(TaylorRun):
    """The polynomials beside a reference that is known; its numbers are float64 of each step's exact ones."""

    def __init__(
        self, system: TrainingSystem, view: View, shape: Shape, reference: Reference, found: Tangents
    ) -> None:  # what it stands for is made in exact arithmetic
        network = system.network
        self.network, self.step, self.order, self.fold = network, 0, ORDER, Fold()
        self._reference, self._tangents, self._view = reference, found, view
        self._columns = ((shape.xu, shape.yu), (shape.xv, shape.yv))
        # so that no coefficient of the largest one leaves float64's range
        self.exponent = -scaled_float(view.depth * max(map(abs, shape.entries)))[1]

        def lift(value: object) -> Floats:
            return np.asarray(value if isinstance(value, float | np.ndarray) else float(value), dtype=np.float64)  # type: ignore[arg-type]

        def variable(value: Rational, which: int) -> Delta:
            data = np.zeros(len(monomials(ORDER)))
            data[:2] = [float(self._scaled(view.depth * column[which])) for column in self._columns]
            return Delta(lift(value), Series(data, self.exponent, ORDER, self.fold))

        self.constants = Constants.of(network, lift)
        self._start_rates = rates_at(network, variable(view.x, 0), variable(view.y, 1), lift)
        self.weights = tuple(self._with_series(w) for w in start(network, self._start_rates, lift))
        self.totals = Totals(self._with_series(lift(0.0)))

    def _scaled(self, value: Rational) -> Rational:
        """A derivative by u or v in the polynomials' variables."""
        return value * mpq(2) ** self.exponent

    def advance(self) -> Step:
        step = super().advance()
        flat = self._reference.weights[self.step]
        firsts = self._first_derivatives() if self.step % exact.EVERY == 0 else None
        weights = []
        for w, layer in zip(self.weights, self.network.layers, strict=True):
            series = w.difference
            if firsts is not None:
                series.data[:2] = firsts[:, layer].reshape(2, *w.shape)
            weights.append(Delta(flat[layer].reshape(w.shape), series))
        self.weights = tuple(weights)
        return step

    def _first_derivatives(self) -> Floats:
        """Derivatives (2, n) of the weights by u and v, in the polynomials' variables."""
        depth = self._scaled(self._view.depth)
        return np.array([self._tangents.along(self.step, depth * x, depth * y).floats() for x, y in self._columns])
