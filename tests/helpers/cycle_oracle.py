"""Periods of attracting cycles, from a map's formula alone: by Newton's method on the p-th iterate, in gmpy2."""

from __future__ import annotations

from collections.abc import Callable

import gmpy2
from gmpy2 import mpfr

Point = tuple[mpfr, mpfr]
Step = Callable[[mpfr, mpfr], Point]
"""(x, y) -> the next (x, y), for one pixel."""


def _after(step: Step, z: Point, steps: int) -> Point:
    for _ in range(steps):
        z = step(*z)
    return z


def _apart(z: Point, w: Point) -> mpfr:
    return gmpy2.hypot(z[0] - w[0], z[1] - w[1])


def _fixed(step: Step, z: Point, period: int, h: mpfr) -> tuple[Point, mpfr]:
    """(a fixed point of so many steps near z, the spectral radius of their slope there).

    Slopes are divided differences. The radius is infinite where Newton's method does not converge.
    """
    radius = gmpy2.inf()
    for _ in range(40):
        w = _after(step, z, period)
        right, up = (_after(step, v, period) for v in ((z[0] + h, z[1]), (z[0], z[1] + h)))
        a, c = ((right[k] - w[k]) / h for k in (0, 1))
        b, d = ((up[k] - w[k]) / h for k in (0, 1))
        det = (a - 1) * (d - 1) - b * c
        if det == 0 or not gmpy2.is_finite(det):
            return z, gmpy2.inf()
        f = w[0] - z[0], w[1] - z[1]
        dx, dy = (b * f[1] - (d - 1) * f[0]) / det, (c * f[0] - (a - 1) * f[1]) / det
        half, product = (a + d) / 2, a * d - b * c
        root = half * half - product
        radius = abs(half) + gmpy2.sqrt(root) if root > 0 else gmpy2.sqrt(abs(product))
        z = z[0] + dx, z[1] + dy
        if gmpy2.hypot(dx, dy) < h:
            return z, radius
    return z, gmpy2.inf()


def period(step: Step, start: Point, steps: int, most: int, size: mpfr) -> int:
    """The period of the cycle that draws ``start`` in; 0 if none of at most ``most`` is found after ``steps`` steps.

    size: of the smallest features of the orbit, in z; to be called in a context of many more bits than that needs.
    """
    here = _after(step, start, steps)
    z, least, h = here, gmpy2.inf(), size * mpfr(2) ** (-gmpy2.get_context().precision // 6)
    for p in range(1, most + 1):
        z = step(*z)
        if not _apart(z, here) < least:
            continue
        least = _apart(z, here)
        w, radius = _fixed(step, here, p, h)
        if radius < 1 and _apart(_after(step, here, 8 * p), w) < 0.9999 * _apart(here, w) + size * mpfr(2) ** -40:
            for q in range(1, p):
                if p % q == 0 and _apart(_after(step, w, q), w) < size * mpfr(2) ** -30:
                    return q
            return p
    return 0
