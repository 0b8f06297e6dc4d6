"""How many bits reference orbits of an escape-time system need.

Where c moves every iterate, as in z**2 + c, differences never stay smaller than those of c: the pixels' distance tells
the bits. In a Julia set c does not move them, and a step close to a critical point squares them. A difference that
grows again after that needs a reference with as many bits more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import gmpy2

from deepzoom.coordinates import format_decimal, log2
from deepzoom.errors import InputError
from deepzoom.formula import source
from deepzoom.formula.exact import FUNCTIONS
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import EscapeTimeSystem, Iteration

from .orbit import iterates, rational

GUARD = 192
"""Bits of a reference beyond those of the smallest differences."""
_SHOWN = -10.0  # log2 of a difference that is no longer small beside the plane
_TOLD = 64  # bits above the last one from which two orbits' difference is known
_MOST = 16  # times the bits that the pixels' distance needs
_MOST_FOUND = 256
_found: dict[tuple[str, int, View], int] = {}  # several jobs, and what they tell of themselves, ask for the same


def check_bits(view: View, bits: int | None) -> None:
    """Raise InputError where a reference of so many bits could not hold a float64's digits for this view."""
    fewest = math.ceil(-log2(view.smallest_difference())) + 53
    if bits is not None and bits < fewest:
        raise InputError(
            f"--bits: {bits} is too few for depth {format_decimal(view.depth)} at {view.height} rows; give at least"
            f" {fewest}, or leave it out."
        )


def usual_bits(view: View) -> int:
    """Bits of reference orbits, but where steps make differences much smaller before they grow."""
    return math.ceil(-log2(view.smallest_difference())) + GUARD


def reference_bits(system: EscapeTimeSystem, view: View) -> int:
    """Bits of reference orbits, where none are given."""
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
    """Bits that the centre's orbit and a neighbouring one show to be needed."""
    most, tried = _MOST * usual, usual
    while True:  # orbits of too few bits do not show all that is lost
        sizes, known = _sizes(system, view, tried)
        hidden = max(sizes[known:], default=-math.inf) > sizes[0] - _TOLD
        bits = 2 * tried if hidden else usual + _missing(sizes)
        if bits <= tried or tried == most:
            return min(bits, most)
        tried = min(bits, most)


def moves_steadily(iteration: Iteration) -> bool:
    """Whether pixels are c, and f_c is the same everywhere: differences are not smaller than those of c for long."""
    f = iteration.formula
    return iteration.c is None and all(p.derivative(v).is_constant() for p in (f.re, f.im) for v in ("cx", "cy"))


def _missing(sizes: list[float]) -> int:
    """Bits that differences of these sizes (log2) lose where they are smallest, if they grow again.

    With so many bits more, rounding of the reference stays as far below the differences as at the start.
    """
    first = sizes[0]
    later = list(accumulate(reversed(sizes), max))[::-1]
    return max(0, math.ceil(max(first - now - max(0.0, first - most) for now, most in zip(sizes, later))))


def _sizes(system: EscapeTimeSystem, view: View, bits: int) -> tuple[list[float], int]:
    """log2 of the difference between the centre's orbit and a neighbouring pixel's, step by step while it is small.

    And how many of them are known: from there on rounding hides the difference, and they are what the slopes along
    the centre's orbit make of the largest that it can be.
    """
    away = view.smallest_difference()
    iteration = system.iteration
    space = dict(FUNCTIONS)
    exec(source.tangent(iteration.centred.f), space)
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
                    slopes = space["tangent"](x, y, a, b)
                by_z, by_c = _mean(slopes[:4]), _mean(slopes[4:]) if iteration.c is None else -math.inf
    return sizes, int(min(known, len(sizes)))


def _mean(matrix: Sequence[Any]) -> float:
    """log2 of how much a real 2x2 matrix stretches in the mean, which is in all directions where it is a turn."""
    squares = sum(gmpy2.square(gmpy2.mpfr(v)) for v in matrix)
    return float(gmpy2.log2(squares)) / 2 - 0.5
