"""Reference orbits of escape-time maps: computed in arbitrary precision (gmpy2), stored in float64."""

from __future__ import annotations

import hashlib
import math
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import gmpy2
import numpy as np
from numpy.typing import NDArray

from deepzoom import cache
from deepzoom.compiling import jit
from deepzoom.coordinates import Rational
from deepzoom.errors import InputError
from deepzoom.formula import source
from deepzoom.formula.exact import exact_map
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import NEAR, EscapeTimeSystem, Iteration, Point

TINY = 2.0**-400
"""Smaller iterates are stored with exponents, because products of such numbers leave float64's range."""
WIDE_ZERO = 0.0, -(1 << 40)
"""0 as mantissa and exponent, in the form that kernels use."""
_MOST = 1e150  # its square is still a float64
_FAR_OUT = 1e4  # few orbits go this far out and come back
_CLOSE = 1e-3  # |Z|**2 this close to the radius squared is compared exactly
_REPORT_EVERY = 1000


@dataclass(frozen=True)
class Orbit:
    """The iterates Z_0 .. Z_M of a map, minus K (see ``Iteration``), up to the first that meets an exit or the limit.

    x, y (M + 1,): float64. kept (M + 1, k): values of parts of the formula that float64 would lose
    (``formula.source.kept``). excess_m, excess_e (M + 1,): |Z|**2 - radius**2 (of Z itself, not Z - K) as mantissa and
    exponent, because close to the radius float64 cannot tell it from |Z|.

    tiny (M + 1,) bool: iterates whose step needs exponents, because both parts are below ``TINY``, or a kept value is,
    or (if the formula folds) one part is. tiny_at (tiny,): their steps. tiny_m (tiny, 2 + k) float64 and tiny_e
    (tiny, 2 + k) int64: their two parts and kept values, as mantissas and exponents.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    tiny: NDArray[np.bool_]
    tiny_at: NDArray[np.int64]
    tiny_m: NDArray[np.float64]
    tiny_e: NDArray[np.int64]
    excess_m: NDArray[np.float64]
    excess_e: NDArray[np.int64]
    kept: NDArray[np.float64]

    @property
    def steps(self) -> int:
        return len(self.x) - 1


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
) -> Orbit:
    """The orbit of z with c, in so many bits, with at least ``least`` steps; progress gets the share of the limit."""
    f = iteration.centred.f
    kept_values, folds, count = exact_map(f, bits)[1], source.folds(f), len(source.kept(f))
    at: list[int] = []
    wide: list[tuple[float, int]] = []
    # lists would take four times as much memory
    xs, ys, excess_m, kept = (array("d") for _ in range(4))
    excess_e = array("q")
    with gmpy2.context(precision=bits):
        a, b = (gmpy2.mpfr(rational(v)) for v in c)
        values: tuple[Any, ...] = ()
        for n, (x, y, beyond) in enumerate(iterates(iteration, z, c, bits, limit, least)):
            fx, fy = float(x), float(y)
            xs.append(fx)
            ys.append(fy)
            is_tiny = abs(fx) < TINY and abs(fy) < TINY
            if folds:
                is_tiny = is_tiny or _is_tiny(x, fx) or _is_tiny(y, fy)
            if count:
                values = kept_values(x, y, a, b)
                for value in values:
                    kept.append(float(value))
                    is_tiny = is_tiny or _is_tiny(value, kept[-1])
            if is_tiny:
                at.append(n)
                wide.extend(map(_wide, (x, y, *values)))
            m, e = _wide(beyond) if abs(beyond) < _CLOSE else math.frexp(beyond)
            excess_m.append(m)
            excess_e.append(e)
            if n % _REPORT_EVERY == 0:
                progress(n / limit)
    tiny = np.zeros(len(xs), dtype=np.bool_)
    tiny[at] = True
    shape = len(at), 2 + count
    x, y = np.frombuffer(xs), np.frombuffer(ys)
    return Orbit(
        x, y, tiny, np.array(at, dtype=np.int64), np.array([m for m, _ in wide], dtype=np.float64).reshape(shape),
        np.array([e for _, e in wide], dtype=np.int64).reshape(shape), np.frombuffer(excess_m),
        np.frombuffer(excess_e, np.int64),
        np.frombuffer(kept).reshape(len(x), count) if count else np.zeros((len(x), 0)),
    )  # fmt: skip


def _is_tiny(value: Any, nearest: float) -> bool:
    """Whether a number is below ``TINY`` in size but not 0; nearest: its float64."""
    return abs(nearest) < TINY and value != 0


def iterates(
    iteration: Iteration, z: Point, c: Point, bits: int, limit: int, least: int
) -> Iterator[tuple[Any, Any, Any]]:
    """Yield x, y of Z - K and |Z|**2 - radius**2 for the iterates from z, up to the first exit or the limit.

    An orbit of the critical point also ends when it is exactly back at that point, because pixels rebase to it. No
    orbit ends before step ``least``. Call it in a gmpy2 context of so many bits.
    """
    step = exact_map(iteration.centred.f, bits)[0]
    exit_at = iteration.radius * iteration.radius
    kx, ky = iteration.centred.x, iteration.centred.y
    targets, still = shifted_targets(iteration), iteration.still
    before_x = before_y = math.inf
    x, y, a, b, *k = (gmpy2.mpfr(rational(v)) for v in (*less(z, iteration.k), *c, *iteration.k))
    begin_x, begin_y, begin = x, y, float(x) if z == iteration.critical else math.inf
    for n in range(limit + 1):
        fx, fy = float(x), float(y)
        beyond: Any = (fx + kx) * (fx + kx) + (fy + ky) * (fy + ky) - exit_at
        if abs(beyond) < _CLOSE:
            beyond = (x + k[0]) ** 2 + (y + k[1]) ** 2 - exit_at
        yield x, y, beyond
        over = not beyond <= 0 or (targets and any(math.hypot(fx - t, fy - u) < NEAR for t, u in targets))
        if still:
            over = over or gmpy2.hypot(x - before_x, y - before_y) < still
            before_x, before_y = x, y
        if fx == begin and n > 0:
            over = over or (x == begin_x and y == begin_y)
        if over and n >= least:
            return
        if n < limit:
            x, y = step(x, y, a, b)


def less(z: Point, k: Point) -> Point:
    """z - k, exactly."""
    return rational(z[0]) - rational(k[0]), rational(z[1]) - rational(k[1])


def shifted_targets(iteration: Iteration) -> list[tuple[float, float]]:
    """The targets minus K."""
    return [(t.real - iteration.centred.x, t.imag - iteration.centred.y) for t in iteration.targets]


@dataclass(frozen=True)
class End:
    """The end of an orbit. n: its last step. beyond: whether z_n is beyond the radius.

    k: n, or a later step if z_n is so close to the radius that float64 could not tell. last: the iterates minus K up to
    z_k, at most three.
    """

    n: int
    beyond: bool
    k: int
    last: list[tuple[float, float]]


def end(iteration: Iteration, z: Point, c: Point, bits: int, limit: int) -> End:
    """The end of an orbit."""
    last: deque[tuple[Any, Any]] = deque(maxlen=3)
    n, beyond = 0, 0.0
    step = exact_map(iteration.centred.f, bits)[0]
    with gmpy2.context(precision=bits):
        for n, (x, y, beyond) in enumerate(iterates(iteration, z, c, bits, limit, 0)):  # noqa: B007
            last.append((x, y))
        k, escaped = n, not beyond <= 0
        if escaped:
            a, b, p, q = (gmpy2.mpfr(rational(v)) for v in (*c, *iteration.k))
            while 0 < beyond < _CLOSE and k < n + bits:  # float64 would not see that it has escaped
                x, y = step(x, y, a, b)
                beyond, k = (x + p) ** 2 + (y + q) ** 2 - iteration.radius**2, k + 1
                last.append((x, y))
        return End(n, escaped, k, [(float(x), float(y)) for x, y in last])


def pair(value: Any) -> tuple[float, float]:
    """A number of any precision as a double-double: the nearest float64, and the remainder."""
    high = float(value)
    return (high, float(value - (gmpy2.mpq(high) if isinstance(value, gmpy2.mpq) else high)))


def made_double(iteration: Iteration, z: Point, c: Point, bits: int, limit: int) -> tuple[NDArray[np.float64], ...]:
    """x, y and |Z|**2 - radius**2 (M + 1, 2), and kept (M + 1, 2 k), of an ``Orbit`` in double-double."""
    parts = tuple(array("d") for _ in range(4))
    exit_at = iteration.radius * iteration.radius
    kept_values = exact_map(iteration.centred.f, bits)[1]
    with gmpy2.context(precision=bits):
        a, b, p, q = (gmpy2.mpfr(rational(v)) for v in (*c, *iteration.k))
        for x, y, _ in iterates(iteration, z, c, bits, limit, 1):
            excess = pair((x + p) ** 2 + (y + q) ** 2 - exit_at) if exit_at < math.inf else (-math.inf, 0.0)
            for part, two in zip(parts, (pair(x), pair(y), excess), strict=False):
                part.extend(two)
            for value in kept_values(x, y, a, b):
                parts[3].extend(pair(value))
    count = len(parts[0]) // 2
    return tuple(np.frombuffer(part).reshape(count, -1) if len(part) else np.zeros((count, 0)) for part in parts)


def rational(value: Rational) -> Any:
    """A rational number as gmpy2's mpq."""
    return gmpy2.mpq(int(value.numerator), int(value.denominator))


def obtain(
    system: EscapeTimeSystem, z: Point, c: Point, bits: int, progress: Callable[[float], None] = lambda share: None
) -> Orbit:
    """The orbit up to a system's limit: from the cache, or computed and cached."""
    source_digest = jit.source_digest("formula/*.py", "reference/orbit.py", "systems/escape_time.py")
    text = repr((system.key(), *map(str, (*z, *c)), bits, system.steps, source_digest))
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    cached = cache.load(name)
    if cached is not None:
        orbit = Orbit(**{part.name: cached[part.name] for part in fields(Orbit)})
    else:
        orbit = made(system.iteration, z, c, bits, system.steps, progress)
        cache.save(name, {part.name: getattr(orbit, part.name) for part in fields(Orbit)})
    return orbit


def farthest(orbit: Orbit) -> float:
    """The largest size of an iterate's real or imaginary part; infinite if the orbit runs into a pole."""
    size = max(float(np.abs(orbit.x).max()), float(np.abs(orbit.y).max()))
    return size if size < math.inf else math.inf  # NaN, too


def obtain_near(
    system: EscapeTimeSystem, view: View, bits: int, progress: Callable[[float], None] = lambda share: None
) -> tuple[tuple[int, int], Orbit]:
    """(where, orbit): the reference orbit of a view, and its point, in half pixels from the centre (``View.beside``).

    The point is the centre, unless its orbit passes close to a pole and comes back, which is possible for maps without
    an exit far out. There the pixels' orbits separate from it, and their differences from it lose all digits. Then the
    point is the one of nine, between pixels, whose orbit stays closest to the origin. Raises InputError if all nine run
    into poles.
    """
    found: list[tuple[float, tuple[int, int], Orbit]] = []
    for about in _places(view):
        orbit = obtain(system, *system.start(*view.beside(about)), bits, progress)
        if math.isfinite(system.iteration.radius) or farthest(orbit) <= _FAR_OUT:
            return about, orbit
        found.append((farthest(orbit), about, orbit))
    size, about, orbit = min(found, key=lambda one: one[0])
    if not size <= _MOST:
        raise InputError("--center: all orbits near it run into poles; give another centre, or --backend exact.")
    return about, orbit


def _places(view: View) -> Iterator[tuple[int, int]]:
    """Yield the centre, then corners of pixels around it, an odd number of half pixels from every pixel."""
    yield 0, 0
    reach = 0.6 * min(view.width, view.height)
    for k in range(8):
        x, y = (round(reach * f(0.7 + k * 2.399963)) for f in (math.cos, math.sin))  # the golden angle
        yield x + (x + view.width) % 2, y + (y + view.height) % 2
