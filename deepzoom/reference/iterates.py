"""Iterates of escape-time maps in arbitrary precision (gmpy2), up to the first that meets an exit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gmpy2
import numpy as np
from numpy.typing import NDArray

from deepzoom.coordinates import Rational
from deepzoom.systems.escape_time import NEAR, Iteration, Point

from .cycle import exact_cycle_run

NEAR_CIRCLE = 1e-3
"""|Z|**2 this close to the radius squared is compared exactly."""
REST_AT = 64
"""Between steps so far apart, rests are found from the iterates (``kernels/escape_time/orbit_rests.py``)."""
_FEWEST, _MOST = 64, 4096
"""Steps between two looks at where an orbit is: a quarter of those made so far, from the fewest to the most."""

_MOST_BITS = 1 << 27
"""Bits of all iterates between two looks, so that they stay in the processor's cache, or at least in memory."""


@dataclass(frozen=True)
class Piece:
    """Iterates Z - K in a row. start: the step of the first; x, y: mpfr numbers; near_x, near_y (n,): in float64.

    beyond (n,): |Z|**2 - radius**2, in float64; exact: the same in mpfr, by place, where it is below ``NEAR_CIRCLE``.
    """

    start: int
    x: list[Any]
    y: list[Any]
    near_x: NDArray[np.float64]
    near_y: NDArray[np.float64]
    beyond: NDArray[np.float64]
    exact: dict[int, Any]

    def rests(self) -> NDArray[np.float64]:
        """What float64 leaves of x and y, at each step that is a multiple of ``REST_AT`` (rests, 2)."""
        some = range(-self.start % REST_AT, len(self.x), REST_AT)
        parts = (self.x, self.near_x), (self.y, self.near_y)
        return np.array([[float(v[i] - near[i]) for v, near in parts] for i in some]).reshape(-1, 2)

    def shortened(self, count: int) -> Piece:
        """Its first iterates."""
        exact = {i: v for i, v in self.exact.items() if i < count}
        return Piece(
            self.start, self.x[:count], self.y[:count], self.near_x[:count], self.near_y[:count], self.beyond[:count],
            exact,
        )  # fmt: skip


def pieces(
    iteration: Iteration, z: Point, c: Point, bits: int, limit: int, least: int, turn: int = 0
) -> Iterator[Piece]:
    """Yield the iterates from z, in pieces, up to the first exit or the limit.

    An orbit of the critical point also ends when it is exactly back at that point, because pixels rebase to it. No
    orbit ends before step ``least``. turn: of its first step. Call it in a gmpy2 context of so
    many bits.
    """
    run, looks, centre = exact_cycle_run(iteration, bits, turn), _Looks(iteration, z), iteration.centred[0]
    most = (iteration.radius + math.hypot(centre.x, centre.y)) ** 2
    x, y, a, b = (gmpy2.mpfr(rational(v)) for v in (*less(z, iteration.k), *c))
    xs, ys, start = [x], [y], 0
    while True:
        piece, over = looks.at(start, xs, ys)
        ends = np.flatnonzero(over)
        ends = ends[ends >= least - start]
        if len(ends):
            yield piece.shortened(int(ends[0]) + 1)
            return
        yield piece
        start += len(xs)
        if start > limit:
            return
        x, y, xs, ys = xs[-1], ys[-1], [], []
        count = min(limit + 1 - start, _MOST, max(_FEWEST, start // 4), max(_FEWEST, _MOST_BITS // bits))
        run(x, y, a, b, count, most, xs.append, ys.append)


class _Looks:
    """Looks at iterates: where they are, and whether an orbit that begins at z ends there."""

    def __init__(self, iteration: Iteration, z: Point) -> None:
        self._iteration, self._still = iteration, iteration.still
        self._exit_at = iteration.radius * iteration.radius
        self._k = [gmpy2.mpfr(rational(v)) for v in iteration.k]
        self._targets = shifted_targets(iteration)
        self._begin = [gmpy2.mpfr(rational(v)) for v in less(z, iteration.k)] if z == iteration.critical else None
        self._before: tuple[Any, Any] = math.inf, math.inf

    def at(self, start: int, xs: list[Any], ys: list[Any]) -> tuple[Piece, NDArray[np.bool_]]:
        """The piece of these iterates, and at which of them the orbit ends (n,)."""
        x, y = (np.fromiter(map(float, v), np.float64, len(v)) for v in (xs, ys))
        with np.errstate(all="ignore"):
            excess = beyond_radius(self._iteration, x, y)
            exact = {i: self._excess(xs[i], ys[i]) for i in np.flatnonzero(np.abs(excess) < NEAR_CIRCLE).tolist()}
            for i, v in exact.items():
                excess[i] = float(v) or math.copysign(5e-324, v) * (v != 0)
            over = ~(excess <= 0)
            for t, u in self._targets:
                over |= np.hypot(x - t, y - u) < NEAR
        if self._still:
            over |= self._stands_still(xs, ys)
        if self._begin is not None:
            for i in np.flatnonzero(x == float(self._begin[0])).tolist():
                over[i] |= start + i > 0 and xs[i] == self._begin[0] and ys[i] == self._begin[1]
        return Piece(start, xs, ys, x, y, excess, exact), over

    def _excess(self, x: Any, y: Any) -> Any:
        return (x + self._k[0]) ** 2 + (y + self._k[1]) ** 2 - self._exit_at

    def _stands_still(self, xs: list[Any], ys: list[Any]) -> list[bool]:
        found = []
        for x, y in zip(xs, ys, strict=True):
            found.append(bool(gmpy2.hypot(x - self._before[0], y - self._before[1]) < self._still))
            self._before = x, y
        return found


def beyond_radius(iteration: Iteration, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """|Z|**2 - radius**2 of iterates Z - K (n,), in float64."""
    centre = iteration.centred[0]
    found: NDArray[np.float64] = (x + centre.x) ** 2 + (y + centre.y) ** 2 - iteration.radius * iteration.radius
    return found


def iterates(
    iteration: Iteration, z: Point, c: Point, bits: int, limit: int, least: int, turn: int = 0
) -> Iterator[tuple[Any, Any, Any]]:
    """Yield x, y of Z - K and |Z|**2 - radius**2 for the iterates of ``pieces``."""
    for piece in pieces(iteration, z, c, bits, limit, least, turn):
        for i, (x, y, beyond) in enumerate(zip(piece.x, piece.y, piece.beyond.tolist(), strict=True)):
            yield x, y, piece.exact.get(i, beyond)


def less(z: Point, k: Point) -> Point:
    """z - k, exactly."""
    return rational(z[0]) - rational(k[0]), rational(z[1]) - rational(k[1])


def shifted_targets(iteration: Iteration) -> list[tuple[float, float]]:
    """The targets minus K."""
    centre = iteration.centred[0]
    return [(t.real - centre.x, t.imag - centre.y) for t in iteration.targets]


def rational(value: Rational) -> Any:
    """A rational number as gmpy2's mpq."""
    return gmpy2.mpq(int(value.numerator), int(value.denominator))
