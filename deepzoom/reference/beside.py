"""The point of a view whose orbit is its reference: the centre, or a better one beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from deepzoom.coordinates import log2
from deepzoom.errors import InputError
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import EscapeTimeSystem, Iteration

from .orbit import Orbit, obtain
from .returns import CLOSE, NEARBY

_MOST = 1e150  # its square is still a float64
_FAR_OUT = 1e4  # few orbits go this far out and come back
_FEWEST = 32
"""Pixels on a side from which a reference is put beside a nucleus: half a pixel is then close to it."""


def farthest(orbit: Orbit) -> float:
    """The largest size of an iterate's real or imaginary part; infinite if the orbit runs into a pole."""
    size = max(float(np.abs(orbit.x).max()), float(np.abs(orbit.y).max()))
    return size if size < math.inf else math.inf  # NaN, too


def obtain_near(
    system: EscapeTimeSystem,
    view: View,
    bits: int,
    progress: Callable[[float], None] = lambda share: None,
    moves: bool = False,
) -> tuple[tuple[int, int], Orbit]:
    """(where, orbit): the reference orbit of a view, and its point, in half pixels from the centre (``View.beside``).

    The point is the centre. If it ``moves``, and a nucleus is near the view, it is the one closest to that: its orbit
    ends after a period. Views that share a reference, as in a film, do not move it.

    If the orbit passes close to a pole and comes back, which is possible for maps without an exit far out, the pixels'
    orbits separate from it there, and their differences from it lose all digits. Then the point is the one of nine,
    between pixels, whose orbit stays closest to the origin. Raises InputError if all nine run into poles. If the orbit
    of the centre escapes in its first step, as just outside of -2, and the point moves, it is one whose orbit does not.
    """
    found: list[tuple[float, tuple[int, int], Orbit]] = []
    reach = log2(view.spans()[1]) - 1.0 if system.iteration.c is None else -math.inf
    close = NEARBY if moves and min(view.width, view.height) >= _FEWEST else CLOSE
    for about in _places(view):
        point = system.start(*view.beside(about))
        orbit = obtain(system, *point, bits, progress, reach, close)
        nucleus = orbit.nucleus(reach)
        if nucleus is not None:
            beside = view.nearest(*nucleus)
            own = obtain(system, *system.start(*view.beside(beside)), bits, progress, reach, limit=orbit.steps)
            if own.first(reach, CLOSE) == orbit.steps:
                return beside, own
            orbit = obtain(system, *point, bits, progress, reach)
        if math.isfinite(system.iteration.radius):
            if orbit.steps > 1 or not moves or system.iteration.c is not None or not _escaped(system.iteration, orbit):
                return about, orbit
            found.append((0.0, about, orbit))
        elif farthest(orbit) <= _FAR_OUT:
            return about, orbit
        else:
            found.append((farthest(orbit), about, orbit))
    size, about, orbit = min(found, key=lambda one: one[0])
    if not size <= _MOST:
        raise InputError("--center: all orbits near it run into poles; give another centre, or --backend exact.")
    return about, orbit


def _escaped(iteration: Iteration, orbit: Orbit) -> bool:
    return bool(orbit.excess(iteration, orbit.steps, orbit.steps + 1)[0][0] > 0)


def _places(view: View) -> Iterator[tuple[int, int]]:
    """Yield the centre, then corners of pixels around it, an odd number of half pixels from every pixel."""
    yield 0, 0
    reach = 0.6 * min(view.width, view.height)
    for k in range(8):
        x, y = (round(reach * f(0.7 + k * 2.399963)) for f in (math.cos, math.sin))  # the golden angle
        yield x + (x + view.width) % 2, y + (y + view.height) % 2
