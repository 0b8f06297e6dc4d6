"""An oracle for formulas that take turns, in fixed-point integers, written from their definition alone.

It shares nothing with the package. A cycle is a list of names of ``STEPS``, and may have a beginning before it: orbits
from 0 make the steps of the beginning, then those of the cycle again and again. A number is an integer over 2**bits.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from escape_oracle import Exact, Map, Point, fixed
from gmpy2 import mpz


def _times(u: mpz, v: mpz, x: mpz, y: mpz, bits: int) -> Point:
    return (u * x - v * y) >> bits, (u * y + v * x) >> bits


def _powered(x: mpz, y: mpz, power: int, bits: int) -> Point:
    u, v = x, y
    for _ in range(power - 1):
        u, v = _times(u, v, x, y, bits)
    return u, v


def _ship(x: mpz, y: mpz, a: mpz, b: mpz, bits: int) -> Point:
    u, v = _powered(abs(x), abs(y), 2, bits)
    return u + a, v + b


def _mandelbrot(x: mpz, y: mpz, a: mpz, b: mpz, bits: int) -> Point:
    u, v = _powered(x, y, 2, bits)
    return u + a, v + b


def _cubic(x: mpz, y: mpz, a: mpz, b: mpz, bits: int) -> Point:
    u, v = _powered(x, y, 3, bits)
    return u + a, v + b


def _quartic_buffalo(x: mpz, y: mpz, a: mpz, b: mpz, bits: int) -> Point:
    u, v = _powered(x, y, 4, bits)
    return abs(u) + a, abs(v) + b


def _cubic_tricorn(x: mpz, y: mpz, a: mpz, b: mpz, bits: int) -> Point:
    u, v = _powered(x, -y, 3, bits)
    return u + a, v + b


def _without_c(x: mpz, y: mpz, a: mpz, b: mpz, bits: int) -> Point:
    return _powered(x, y, 2, bits)


STEPS: dict[str, tuple[Map, int]] = {
    "z**2 + c": (_mandelbrot, 2),
    "z**3 + c": (_cubic, 3),
    "(abs(x)+1j*abs(y))**2+c": (_ship, 2),
    "fold(z**4) + c": (_quartic_buffalo, 4),
    "conj(z)**3 + c": (_cubic_tricorn, 3),
    "z**2": (_without_c, 2),
}
"""A step and its degree."""


def ended(
    cycle: Sequence[str], x: Exact, y: Exact, limit: int, bits: int, radius: int = 100, beginning: Sequence[str] = ()
) -> tuple[int, float | None]:
    """(n, smooth) of the pixel (x, y); (0, None) if it does not escape within ``limit`` iterations.

    n is the first iteration with |z_n| > radius. The orbit goes on to the first |z_k| > 1e10. Then smooth is k + 1 less
    log(log|z_k| / log 1e10) / log d, where d is the degree of the step to z_k, and less the number of steps of the
    cycle's mean degree from 2 to 1e10, log(log 1e10 / log 2) / mean log of the degrees.
    """
    steps = itertools.chain(beginning, itertools.cycle(cycle))
    a, b = fixed(x, bits), fixed(y, bits)
    u, v, k, n, step = mpz(0), mpz(0), 0, None, ""
    most, far = mpz(radius) ** 2 << 2 * bits, mpz(10) ** 20 << 2 * bits
    while u * u + v * v <= far:
        if n is None and u * u + v * v > most:
            n = k
        if n is None and k == limit:
            return 0, None
        step = next(steps)
        u, v = STEPS[step][0](u, v, a, b, bits)
        k += 1
    n = k if n is None else n
    log = (math.log(int((u * u + v * v) >> bits)) - bits * math.log(2)) / 2
    degree = STEPS[step][1]
    mean = sum(math.log(STEPS[s][1]) for s in cycle) / len(cycle)
    far_log = math.log(10**10)
    return n, k + 1 - math.log(log / far_log) / math.log(degree) - math.log(far_log / math.log(2)) / mean
