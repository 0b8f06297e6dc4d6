"""Expansions as NumPy arrays: a number of high precision is a sum of float64 limbs, the largest first."""

from __future__ import annotations

from typing import Any

import gmpy2
import numpy as np
from numpy.typing import NDArray

from deepzoom.arithmetic.exact import Exact
from deepzoom.backends.kernels.arithmetic.expansion_series import split
from deepzoom.coordinates import Rational

Floats = NDArray[np.float64]

_GUARD = 64  # extra bits of a function's working precision


def of_exact(value: Exact, limbs: int) -> Floats:
    """Exact numbers as expansions, float64 (*shape, limbs)."""
    parts = []
    for _ in range(limbs):
        parts.append(value.floats().copy())
        value = value - Exact.of(parts[-1], value.bits)
    return np.stack(parts, axis=-1)


def bits_before(values: Floats) -> int:
    """How many bits after the point stand before the first one of the smallest number, other than 0."""
    sizes = np.abs(values[(values != 0) & np.isfinite(values)])
    return max(0, -int(np.frexp(sizes)[1].min(initial=0)))


def power_of_ten(exponent: Rational, limbs: int) -> Floats:
    """10 to a rational power as an expansion, float64 (limbs,)."""
    with gmpy2.context(precision=53 * limbs + _GUARD):
        number = gmpy2.mpfr(gmpy2.mpq(int(exponent.numerator), int(exponent.denominator)))
        return np.array(split(gmpy2.mpfr(10) ** number, limbs))


def square_root(value: Rational, limbs: int) -> Any:
    """The square root of a rational number, in some more bits than the limbs hold."""
    with gmpy2.context(precision=53 * limbs + _GUARD):
        return gmpy2.sqrt(gmpy2.mpfr(gmpy2.mpq(int(value.numerator), int(value.denominator))))


def plus(numbers: Floats, term: Floats) -> Floats:
    """Expansions (*shape, limbs) plus float64 numbers (*more, *shape), rounded to as many limbs."""
    limbs = numbers.shape[-1]
    parts = [
        np.broadcast_to(numbers[..., i], np.broadcast_shapes(numbers.shape[:-1], term.shape)) for i in range(limbs)
    ]
    for i in range(limbs - 1):
        parts[i], term = _sum(parts[i], term)
    parts[-1] = parts[-1] + term
    for _ in range(2):
        for i in range(limbs - 2, -1, -1):
            parts[i], parts[i + 1] = _sum(parts[i], parts[i + 1])
    return np.stack(parts, axis=-1)


def _sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def signs(pixels: NDArray[np.int64], count: int, seed: int, wanted: int | None = None) -> Floats:
    """Random signs (pixels, count), or the first ``wanted`` of each row; they depend only on the pixel's own number."""
    z: Any
    with np.errstate(over="ignore"):
        z = pixels.astype(np.uint64)[:, None] * np.uint64(count) + np.arange(wanted or count, dtype=np.uint64)
        z = (z + np.uint64(seed + 1)) * np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    return np.where(z >> np.uint64(63), 1.0, -1.0)


def disturbed(values: Floats, direction: Floats) -> Floats:
    """Values moved by one unit in the last place, up or down by their signs; zero stays zero."""
    return np.where(values == 0.0, 0.0, np.nextafter(values, direction * np.inf))


def further(values: Floats, first: Floats, direction: Floats) -> Floats:
    """Values moved by one unit in the last place away from those of a first run; by their signs where both are equal.

    Moved by signs alone, values that are moved twice would often stand where they stood.
    """
    return disturbed(values, np.where(values == first, direction, np.sign(values - first)))
