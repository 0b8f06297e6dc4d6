"""The Burning Ship and its relatives: z**2 + c with some parts replaced by their absolute values; z = x + iy, y upward.

The docstrings of the functions are the titles of these systems.
"""

from __future__ import annotations

from collections.abc import Callable

from deepzoom.formula.expression import Complex, absolute, conj, fold, im, re

from .escape_time import C, EscapeTimeMap, Iteration, Z

_I = Complex.constant(0, 1)


def burning_ship(z: Complex, c: Complex) -> Complex:
    """(|x| + i|y|)**2 + c."""
    return fold(z) ** 2 + c


def perpendicular_burning_ship(z: Complex, c: Complex) -> Complex:
    """(x + i|y|)**2 + c."""
    return (re(z) + _I * absolute(im(z))) ** 2 + c


def celtic(z: Complex, c: Complex) -> Complex:
    """|Re z**2| + i Im z**2 + c."""
    square = z**2
    return absolute(re(square)) + _I * im(square) + c


def buffalo(z: Complex, c: Complex) -> Complex:
    """|Re z**2| + i |Im z**2| + c."""
    return fold(z**2) + c


def tricorn(z: Complex, c: Complex) -> Complex:
    """conj(z)**2 + c."""
    return conj(z) ** 2 + c


def shark_fin(z: Complex, c: Complex) -> Complex:
    """x**2 - y|y| + 2ixy + c."""
    x, y = re(z), im(z)
    return x**2 - y * absolute(y) + _I * (2 * (x * y)) + c


def _map(step: Callable[[Complex, Complex], Complex]) -> EscapeTimeMap:
    name, title = step.__name__.replace("_", "-"), str(step.__doc__).rstrip(".")
    return EscapeTimeMap(name, title, lambda settings: Iteration(step(Z, C)), {})


BURNING_SHIPS = tuple(map(_map, (burning_ship, perpendicular_burning_ship, celtic, buffalo, tricorn, shark_fin)))
