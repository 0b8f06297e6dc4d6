"""Reference orbits in double-double, for pixels that run again in it."""

from __future__ import annotations

import math
from array import array
from typing import Any

import gmpy2
import numpy as np
from numpy.typing import NDArray

from deepzoom.systems.escape_time import Iteration, Point

from .cycle import exact_cycle, kept_count
from .iterates import iterates, rational
from .orbit import NOT_KEPT


def pair(value: Any) -> tuple[float, float]:
    """A number of any precision as a double-double: the nearest float64, and the remainder."""
    high = float(value)
    return (high, float(value - (gmpy2.mpq(high) if isinstance(value, gmpy2.mpq) else high)))


def made_double(
    iteration: Iteration, z: Point, c: Point, bits: int, limit: int, turn: int = 0
) -> tuple[NDArray[np.float64], ...]:
    """x, y and |Z|**2 - radius**2 (M + 1, 2), and kept (M + 1, 2 k), of an ``Orbit`` in double-double."""
    parts = tuple(array("d") for _ in range(4))
    exit_at = iteration.radius * iteration.radius
    maps, count = exact_cycle(iteration, bits), kept_count(iteration)
    with gmpy2.context(precision=bits):
        a, b, p, q = (gmpy2.mpfr(rational(v)) for v in (*c, *iteration.k))
        for n, (x, y, _) in enumerate(iterates(iteration, z, c, bits, limit, 1, turn)):
            excess = pair((x + p) ** 2 + (y + q) ** 2 - exit_at) if exit_at < math.inf else (-math.inf, 0.0)
            for part, two in zip(parts, (pair(x), pair(y), excess), strict=False):
                part.extend(two)
            values = maps[iteration.turn(turn + n)][1](x, y, a, b) if count else ()
            for value in (*values, *NOT_KEPT[: count - len(values)]):
                parts[3].extend(pair(value))
    length = len(parts[0]) // 2
    return tuple(np.frombuffer(part).reshape(length, -1) if len(part) else np.zeros((length, 0)) for part in parts)
