"""Magnet I and II, from the renormalisation of a magnet's spin lattice: the orbit of 0 escapes or converges to 1."""

from __future__ import annotations

from deepzoom.formula.expression import Complex

from .escape_time import C, EscapeTimeMap, Iteration, Z

_FAR = 100.0  # beyond this |z| grows to infinity (as |z|**2 / 4 and / 9), for |c| of a few units


def magnet1(z: Complex, c: Complex) -> Complex:
    return ((z**2 + c - 1) / (2 * z + c - 2)) ** 2


def magnet2(z: Complex, c: Complex) -> Complex:
    product = (c - 1) * (c - 2)
    return ((z**3 + 3 * (c - 1) * z + product) / (3 * z**2 + 3 * (c - 2) * z + product + 1)) ** 2


MAGNETS = (
    EscapeTimeMap(
        "magnet1",
        "((z**2 + c - 1)/(2z + c - 2))**2",
        lambda settings: Iteration(magnet1(Z, C), gain=1 / 4, radius=_FAR, targets=(1 + 0j,)),
        {},
        1000,
    ),
    EscapeTimeMap(
        "magnet2",
        "((z**3 + 3(c-1)z + (c-1)(c-2))/(3z**2 + 3(c-2)z + (c-1)(c-2) + 1))**2",
        lambda settings: Iteration(magnet2(Z, C), gain=1 / 9, radius=_FAR, targets=(1 + 0j,), order=3.0),
        {},
        1000,
    ),
)
