"""How many bits the reference orbits of an escape-time system need.

If c enters every step, as in z**2 + c, differences never stay smaller than those of c, and the distance of the pixels
gives the bits. In a Julia set all pixels have the same c, and a step close to a critical point squares the
differences. If they grow again after that, the reference needs as many more bits as they have shrunk.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import gmpy2

from deepzoom.coordinates import format_decimal, log2
from deepzoom.errors import InputError
from deepzoom.formula.exact import FUNCTIONS
from deepzoom.formula.expression import Complex
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import EscapeTimeSystem, Iteration

from .cycle import tangents
from .iterates import iterates, rational

GUARD = 192
"""Bits of a reference beyond those of the smallest differences."""
_SHOWN = -10.0  # log2 of a difference that is no longer small in the plane
_TOLD = 64  # two orbits' difference is known if it is so many bits above the last one
_MOST = 16  # at most so many times the bits that the pixels' distance needs
_MOST_FOUND = 256
_found: dict[tuple[str, int, View], int] = {}  # several jobs and their reports ask for the same


def check_bits(view: View, bits: int | None) -> None:
    """Raise InputError if a reference with so many bits cannot give this view's differences all digits of a float64."""
    fewest = math.ceil(-log2(view.smallest_difference())) + 53
    if bits is not None and bits < fewest:
        raise InputError(
            f"--bits: {bits} is too few for depth {format_decimal(view.depth)} at {view.height} rows; give at least"
            f" {fewest}, or leave the option out."
        )


def usual_bits(view: View) -> int:
    """Bits of reference orbits, except for maps whose steps shrink differences a lot before they grow."""
    return math.ceil(-log2(view.smallest_difference())) + GUARD


def reference_bits(system: EscapeTimeSystem, view: View) -> int:
    """Bits of reference orbits if the user gives none."""
    bits = usual_bits(view)
    if moves_steadily(system.iteration):
        return bits
    key = system.key(), system.steps, view
    if key not in _found:
        if len(_found) >= _MOST_FOUND:
            _found.clear()
        _found[key] = _needed(system, view, bits)
    return _found[key]


def _needed(system: EscapeTimeSystem, view: View, usual: int) -> int:
    """The bits needed, judged from the centre's orbit and a neighbouring one."""
    most, tried = _MOST * usual, usual
    while True:  # orbits with too few bits do not show everything that is lost
        sizes, known = _sizes(system, view, tried)
        hidden = max(sizes[known:], default=-math.inf) > sizes[0] - _TOLD
        bits = 2 * tried if hidden else usual + _missing(sizes)
        if bits <= tried or tried == most:
            return min(bits, most)
        tried = min(bits, most)


def moves_steadily(iteration: Iteration) -> bool:
    """Whether pixels are c, and df/dc is constant: then differences are not smaller than those of c for long.

    Where formulas take turns, it must not be 0 in any of them.
    """
    return iteration.c is None and all(_adds_c(step.formula, bool(iteration.further)) for step in iteration.turns)


def _adds_c(f: Complex, always: bool) -> bool:
    """Whether df/dc is constant; always: and not 0."""
    slopes = [p.derivative(v) for p in (f.re, f.im) for v in ("cx", "cy")]
    return all(s.is_constant() for s in slopes) and not (always and all(s.is_constant(0) for s in slopes))


def _missing(sizes: list[float]) -> int:
    """The bits that differences of these sizes (log2) lose where they are smallest, if they grow again.

    With so many more bits, the rounding of the reference stays as far below the differences as at the start.
    """
    first = sizes[0]
    later = list(accumulate(reversed(sizes), max))[::-1]
    return max(0, math.ceil(max(first - now - max(0.0, first - most) for now, most in zip(sizes, later))))


def _sizes(system: EscapeTimeSystem, view: View, bits: int) -> tuple[list[float], int]:
    """(sizes, known): log2 of the difference between the centre's orbit and a neighbouring one, while it is small.

    known: how many sizes come from the orbits themselves. From there on rounding hides the difference, and the sizes
    are upper bounds, carried on by the slopes along the centre's orbit.
    """
    away = view.smallest_difference()
    iteration = system.iteration
    slopes_of = tangents([centre.f for centre in iteration.centred], FUNCTIONS)
    orbits = [
        iterates(iteration, *system.start(x, y), bits, system.steps, 1)
        for x, y in ((view.x, view.y), (view.x + away, view.y + away))
    ]
    sizes, known, least = [log2(away)], math.inf, float(_TOLD - bits)
    with gmpy2.context(precision=bits):
        c = system.start(view.x, view.y)[1]
        a, b = (gmpy2.mpfr(rational(v)) for v in c)
        by_z = by_c = -math.inf
        for n, ((x, y, _), (u, v, _)) in enumerate(zip(*orbits)):
            if known < math.inf:
                sizes.append(max(sizes[-1] + by_z, 2 * sizes[-1] + 1, sizes[0] + by_c))
            elif n > 0 or iteration.c is not None:
                apart = gmpy2.hypot(x - u, y - v)
                if gmpy2.is_nan(apart):
                    break
                sizes.append(max(least, float(gmpy2.log2(apart))))
                if sizes[-1] == least:
                    known = len(sizes)
            if sizes[-1] > _SHOWN:
                break
            if known < math.inf:
                with gmpy2.context(precision=53):
                    slopes = slopes_of[iteration.turn(n)](x, y, a, b)
                by_z, by_c = _mean(slopes[:4]), _mean(slopes[4:]) if iteration.c is None else -math.inf
    return sizes, int(min(known, len(sizes)))


def _mean(matrix: Sequence[Any]) -> float:
    """log2 of the mean stretch of a real 2x2 matrix; if the matrix is a turn with a scale, this is the scale."""
    squares = sum(gmpy2.square(gmpy2.mpfr(v)) for v in matrix)
    return float(gmpy2.log2(squares)) / 2 - 0.5
