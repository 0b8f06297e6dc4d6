"""The end of an orbit in arbitrary precision, without the iterates before it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import gmpy2

from deepzoom.systems.escape_time import Iteration, Point

from .cycle import exact_cycle
from .iterates import NEAR_CIRCLE, iterates, rational


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
    steps = [step for step, _ in exact_cycle(iteration, bits)]
    with gmpy2.context(precision=bits):
        for n, (x, y, beyond) in enumerate(iterates(iteration, z, c, bits, limit, 0)):  # noqa: B007
            last.append((x, y))
        k, escaped = n, not beyond <= 0
        if escaped:
            a, b, p, q = (gmpy2.mpfr(rational(v)) for v in (*c, *iteration.k))
            while 0 < beyond < NEAR_CIRCLE and k < n + bits:  # float64 would not see that it has escaped
                x, y = steps[iteration.turn(k)](x, y, a, b)
                beyond, k = (x + p) ** 2 + (y + q) ** 2 - iteration.radius**2, k + 1
                last.append((x, y))
        return End(n, escaped, k, [(float(x), float(y)) for x, y in last])
