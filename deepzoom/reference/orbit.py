"""Reference orbits of escape-time maps: computed in arbitrary precision (gmpy2), stored in float64."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import gmpy2
import numpy as np
from numpy.typing import NDArray

from deepzoom import cache
from deepzoom.compiling import jit
from deepzoom.formula import source
from deepzoom.mapped import Growing
from deepzoom.systems.escape_time import EscapeTimeSystem, Iteration, Point

from .cycle import exact_cycle, kept_count
from .iterates import REST_AT, Piece, beyond_radius, pieces, rational
from .returns import CLOSE, NEARBY, Returns, log2_size

TINY = 2.0**-400
"""Smaller iterates are stored with exponents, because products of such numbers leave float64's range."""
WIDE_ZERO = 0.0, -(1 << 40)
"""0 as mantissa and exponent, in the form that kernels use."""
NOT_KEPT = (0.0,) * 100
"""Stands for values that other steps of the cycle keep. No step keeps more."""


@dataclass(frozen=True)
class Orbit:
    """The iterates Z_0 .. Z_M of a map, minus K (see ``Iteration``), up to the first that meets an exit or the limit.

    x, y (M + 1,): float64. kept (M + 1, k): values of parts of the formula that float64 would lose
    (``formula.source.kept``).

    close_at (close,): the steps at which |Z|**2 - radius**2 (of Z itself, not Z - K) is below ``NEAR_CIRCLE``, where
    float64 cannot tell it from |Z|; close_m, close_e (close,): its mantissas and exponents.

    tiny (M + 1,) bool: iterates whose step needs exponents, because both parts are below ``TINY``, or a kept value is,
    or (if the formula folds) one part is. tiny_at (tiny,): their steps. tiny_m (tiny, 2 + k) float64 and tiny_e
    (tiny, 2 + k) int64: their two parts and kept values, as mantissas and exponents.

    rests (rests, 2): what float64 leaves of x and y, at each ``REST_AT``-th step. returns (R, 5): its returns, as
    ``Returns.found`` has them. Arrays of long orbits are in files (``mapped.Growing``).
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    tiny: NDArray[np.bool_]
    tiny_at: NDArray[np.int64]
    tiny_m: NDArray[np.float64]
    tiny_e: NDArray[np.int64]
    close_at: NDArray[np.int64]
    close_m: NDArray[np.float64]
    close_e: NDArray[np.int64]
    kept: NDArray[np.float64]
    rests: NDArray[np.float64]
    returns: NDArray[np.float64]

    @property
    def steps(self) -> int:
        return len(self.x) - 1

    def shortened(self, steps: int) -> Orbit:
        """The orbit up to one of its steps."""
        some = {name: getattr(self, name)[: steps + 1] for name in _BY_STEP}
        for at, names in _OF_SOME.items():
            rows = getattr(self, at) <= steps
            some |= {name: getattr(self, name)[rows] for name in names}
        some["rests"] = self.rests[: steps // REST_AT + 1]
        return replace(self, **some)

    def excess(self, iteration: Iteration, begin: int, end: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """|Z|**2 - radius**2 at some steps: mantissas and exponents (end - begin,). iteration: the orbit's."""
        with np.errstate(all="ignore"):
            m, e = np.frexp(beyond_radius(iteration, self.x[begin:end], self.y[begin:end]))
        e = e.astype(np.int64)
        first, last = np.searchsorted(self.close_at, (begin, end))
        at = self.close_at[first:last] - begin
        m[at], e[at] = self.close_m[first:last], self.close_e[first:last]
        return m, e

    def serving(self, reach: float, limit: int, close: float) -> Orbit | None:
        """The part of the orbit that pixels so far away need, up to a limit; None if it ends at a return before that.

        reach, close: as for ``made``.
        """
        end = self.first(reach, CLOSE)
        if end is None and self.steps < limit and self.steps in self.returns[:, 0]:
            return self if self.first(reach, close) == self.steps else None
        return self.shortened(min(self.steps, limit, end or self.steps))

    def first(self, reach: float, close: float) -> int | None:
        """The step of the first return that is so close."""
        for n, x, y, e, small in self.returns.tolist():
            if n <= self.steps and small <= reach and log2_size(x, y, int(e)) + close <= reach:
                return int(n)
        return None

    def nucleus(self, reach: float) -> tuple[float, float, int] | None:
        """Where the nucleus lies in the view of an orbit that ends at its return, and does not serve; else None.

        Relative to the orbit's c: two mantissas and an exponent.
        """
        last = self.returns[-1].tolist() if len(self.returns) else [-1]
        if self.first(reach, CLOSE) is not None or self.first(reach, NEARBY) != self.steps or last[0] != self.steps:
            return None
        return last[1], last[2], int(last[3])


_BY_STEP = "x", "y", "tiny", "kept"
_OF_SOME = {"tiny_at": ("tiny_at", "tiny_m", "tiny_e"), "close_at": ("close_at", "close_m", "close_e")}


def _wide(value: Any) -> tuple[float, int]:
    if value == 0:
        return WIDE_ZERO
    exponent, mantissa = gmpy2.frexp(value)
    return float(mantissa), int(exponent)


def made(
    iteration: Iteration,
    z: Point,
    c: Point,
    bits: int,
    limit: int,
    progress: Callable[[float], None] = lambda share: None,
    least: int = 1,
    reach: float = -math.inf,
    close: float = CLOSE,
    turn: int = 0,
) -> Orbit:
    """The orbit of z with c, in so many bits, with at least ``least`` steps; progress gets the share of the limit.

    reach: log2 of the largest |c| of a pixel; close: ``CLOSE`` or ``NEARBY``. The orbit of the critical point ends at
    its first return that is so close (``returns.py``). turn: of its first step.
    """
    maps, count = exact_cycle(iteration, bits), kept_count(iteration)
    folds = any(source.folds(centre.f) for centre in iteration.centred)
    returns, end = _returns(iteration, z, c), None
    columns = [Growing(cache.folder()) for _ in range(_STORED)]
    with gmpy2.context(precision=bits):
        a, b = (gmpy2.mpfr(rational(v)) for v in c)
        for piece in pieces(iteration, z, c, bits, limit, least, turn):
            if returns is not None:
                returns.look(piece)
                end = returns.first(reach, least, close)
            some = piece if end is None else piece.shortened(end + 1 - piece.start)
            values = []
            if count:
                for n, (x, y) in enumerate(zip(some.x, some.y, strict=True), turn + some.start):
                    own = maps[iteration.turn(n)][1](x, y, a, b)
                    values.append((*own, *NOT_KEPT[: count - len(own)]))
            for column, part in zip(columns, _stored(some, values, folds), strict=True):
                column.extend(part)
            progress((piece.start + len(piece.x)) / limit)
            if end is not None:
                break
    found = np.array([] if returns is None else returns.found, dtype=np.float64).reshape(-1, 5)
    arrays = *(column.array() for column in columns), found
    return Orbit(**{part.name: values for part, values in zip(fields(Orbit), arrays, strict=True)})


def _returns(iteration: Iteration, z: Point, c: Point) -> Returns | None:
    """What looks for returns of the orbit of z; None where none would serve."""
    if iteration.further or not z == iteration.critical == iteration.k:
        return None
    proves = not (iteration.targets or iteration.still)
    return Returns(iteration.centred[0].f, (float(c[0]), float(c[1])), proves)


def _stored(piece: Piece, values: list[tuple[Any, ...]], folds: bool) -> tuple[NDArray[Any], ...]:
    """The arrays of an ``Orbit`` for some of its iterates, up to ``rests``; values: what is kept of each."""
    x, y, count = piece.near_x, piece.near_y, len(piece.x)
    kept = np.array([[float(v) for v in row] for row in values]).reshape(count, -1 if values else 0)
    small_x, small_y = np.abs(x) < TINY, np.abs(y) < TINY
    tiny = small_x & small_y
    for i in np.flatnonzero(small_x | small_y).tolist() if folds else []:
        tiny[i] |= bool((small_x[i] and piece.x[i] != 0) or (small_y[i] and piece.y[i] != 0))
    for i, k in np.argwhere(np.abs(kept) < TINY).tolist():
        tiny[i] |= values[i][k] != 0
    at = np.flatnonzero(tiny)
    wide = [[_wide(v) for v in (piece.x[i], piece.y[i], *(values[i] if values else ()))] for i in at.tolist()]
    pairs = np.array(wide, dtype=object).reshape(len(at), 2 + kept.shape[1], 2)
    close = [(i + piece.start, *_wide(value)) for i, value in sorted(piece.exact.items())]
    close_at, close_m, close_e = zip(*close, strict=True) if close else ((), (), ())
    return (
        x, y, tiny, at + piece.start, pairs[..., 0].astype(np.float64), pairs[..., 1].astype(np.int64),
        np.array(close_at, dtype=np.int64), np.array(close_m, dtype=np.float64), np.array(close_e, dtype=np.int64),
        kept, piece.rests(),
    )  # fmt: skip


_STORED = len(fields(Orbit)) - 1  # all but the returns


def beginnings(iteration: Iteration, z: Point) -> list[tuple[Point, int]]:
    """Where the reference orbits of a view begin, each with the turn of its first step.

    Pixels begin along the first orbit, that of z, and rebase to those of the critical point: the last ones, one for
    each step of the cycle. The first is among them if z is that point.
    """
    critical = [(iteration.critical, turn) for turn in range(len(iteration.turns))]
    return critical if z == iteration.critical else [(z, 0), *critical]


def obtain(
    system: EscapeTimeSystem,
    z: Point,
    c: Point,
    bits: int,
    progress: Callable[[float], None] = lambda share: None,
    reach: float = -math.inf,
    close: float = CLOSE,
    limit: int | None = None,
    turn: int = 0,
) -> Orbit:
    """The orbit up to a limit, a system's own by default, from the cache, or made and cached.

    reach, close, turn: as of ``made``.
    """
    limit = limit or system.steps
    source_digest = jit.source_digest("formula/*.py", "reference/*.py", "systems/escape_time.py")
    text = repr((system.key(), *map(str, (*z, *c)), bits, turn, source_digest))
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    cached, orbit = cache.load(name), None
    if cached is not None:
        orbit = Orbit(**{part.name: cached[part.name] for part in fields(Orbit)})
        before = int(cached["limit"])  # an orbit that reached it may be too short
        orbit = orbit.serving(reach, limit, close) if orbit.steps < before or limit <= before else None
    if orbit is None:
        orbit = made(system.iteration, z, c, bits, limit, progress, reach=reach, close=close, turn=turn)
        arrays = {part.name: getattr(orbit, part.name) for part in fields(Orbit)}
        cache.save(name, {**arrays, "limit": np.array(limit)})
    return orbit
