"""All reference orbits of a job as the arrays that its kernels read: one orbit after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom import cache
from deepzoom.mapped import Growing, release
from deepzoom.reference.orbit import Orbit
from deepzoom.systems.escape_time import Iteration

Floats = NDArray[np.float64]
Tiny = tuple[NDArray[np.bool_], NDArray[np.int64], Floats, NDArray[np.int64]]

AT_ONCE = 1 << 16


class JoinedOrbits:
    """The arrays of some orbits of a map, each as of ``Orbit``; those of long orbits are in files.

    start, length (orbits,): orbit r stands at start[r] .. start[r] + length[r]. excess: mantissas and exponents of
    |Z|**2 - radius**2; near_excess: the same in float64, where what is not 0 keeps its sign.
    """

    def __init__(self, found: Sequence[Orbit], iteration: Iteration) -> None:
        self.start = np.cumsum([0, *(len(o.x) for o in found[:-1])]).astype(np.int64)
        self.length = np.array([o.steps for o in found], dtype=np.int64)
        self.x, self.y = joined([o.x for o in found]), joined([o.y for o in found])
        self.kept = joined([o.kept for o in found])
        at = [o.tiny_at + s for o, s in zip(found, self.start, strict=True)]
        self.tiny: Tiny = (
            joined([o.tiny for o in found]), joined(at), joined([o.tiny_m for o in found]),
            joined([o.tiny_e for o in found]),
        )  # fmt: skip
        m, e, near = (Growing(cache.folder()) for _ in range(3))
        for orbit in found:
            for begin in range(0, len(orbit.x), AT_ONCE):
                part = orbit.excess(iteration, begin, min(begin + AT_ONCE, len(orbit.x)))
                size = ldexp(*part)
                m.extend(part[0])
                e.extend(part[1])
                release(orbit.x, orbit.y)
                near.extend(np.where((size == 0) & (part[0] != 0), np.copysign(5e-324, part[0]), size))
        self.excess, self.near_excess = (m.array(), e.array()), near.array()

    def release(self) -> None:
        """Give the memory of long orbits back to the system until they are read again."""
        release(self.x, self.y, self.kept, self.tiny[0], *self.excess, self.near_excess)


def joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The arrays one after the other; the array itself, not a copy, where there is only one."""
    if len(parts) == 1:
        return parts[0]
    whole = Growing(cache.folder())
    for part in parts:
        whole.extend(part)
        release(part)
    return whole.array()


def ldexp(m: Floats, e: NDArray[np.int64]) -> Floats:
    """m 2**e, with exponents of any size."""
    with np.errstate(over="ignore", under="ignore"):
        result: Floats = np.ldexp(m, np.clip(e, -3000, 3000).astype(np.int32))
    return result
