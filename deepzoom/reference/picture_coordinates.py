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
from deepzoom.systems.trainable import Trainable
from deepzoom.systems.training_run import Snapshot

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
    system: Trainable, view: View, reference: Reference, progress: Callable[[float], None] = lambda share: None
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
    system: Trainable, view: View, shape: Shape, reference: Reference, found: Tangents, last: int
) -> list[Snapshot]:
    """Polynomials in the coordinates of a view of some shape, before each ``EVERY``-th step up to ``last``."""
    framed = _FramedRun(system, view, shape, reference, found)
    made = []
    while framed.run.step + exact.EVERY <= last:
        for _ in range(exact.EVERY):
            framed.advance()
        made.append(framed.run.snapshot())
    return made


class _FramedRun:
    """The polynomials beside a reference that is known; its numbers are float64 of each step's exact ones."""

    def __init__(self, system: Trainable, view: View, shape: Shape, reference: Reference, found: Tangents) -> None:
        self._layers, self._reference, self._tangents, self._view = system.layers, reference, found, view
        self._columns = ((shape.xu, shape.yu), (shape.xv, shape.yv))
        # so that no coefficient of the largest one leaves float64's range
        exponent, fold = -scaled_float(view.depth * max(map(abs, shape.entries)))[1], Fold()

        def lift(value: object) -> Floats:
            return np.asarray(value if isinstance(value, float | np.ndarray) else float(value), dtype=np.float64)  # type: ignore[arg-type]

        def variable(value: Rational, which: int) -> Delta:
            data = np.zeros(len(monomials(ORDER)))
            data[:2] = [float(_scaled(view.depth * column[which], exponent)) for column in self._columns]
            return Delta(lift(value), Series(data, exponent, ORDER, fold))

        self.run = system.series_run(variable(view.x, 0), variable(view.y, 1), lift, False)

    def advance(self) -> None:
        run = self.run
        run.advance()
        flat = self._reference.weights[run.step]
        firsts = self._first_derivatives() if run.step % exact.EVERY == 0 else None
        weights = []
        for w, layer in zip(run.weights, self._layers, strict=True):
            series = w.difference
            if firsts is not None:
                series.data[:2] = firsts[:, layer].reshape(2, *w.shape)
            weights.append(Delta(flat[layer].reshape(w.shape), series))
        run.weights = tuple(weights)

    def _first_derivatives(self) -> Floats:
        """Derivatives (2, n) of the weights by u and v, in the polynomials' variables."""
        depth = _scaled(self._view.depth, self.run.exponent)
        along = self._tangents.along
        return np.array([along(self.run.step, depth * x, depth * y).floats() for x, y in self._columns])


def _scaled(value: Rational, exponent: int) -> Rational:
    """A derivative by u or v in the polynomials' variables."""
    return value * mpq(2) ** exponent
