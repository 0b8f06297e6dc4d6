"""What raw data say of an orbit of the Mandelbrot set, by definition, in mpmath."""

from __future__ import annotations

from collections.abc import Callable

import mpmath

RADIUS = 10**10


def last_iterate(c: mpmath.mpc, radius: float = RADIUS, steps: int = 1000) -> tuple[int, mpmath.mpc] | None:
    """(k, z_k) of the first iterate beyond the radius, or None."""
    z = mpmath.mpc(0)
    for k in range(1, steps + 1):
        z = z * z + c
        if abs(z) > radius:
            return k, z
    return None


def expected(
    point: Callable[[mpmath.mpf, mpmath.mpf], mpmath.mpc], column: float, row: float, steps: int
) -> dict[str, float]:
    """N, NF, T, DEX and DEY of a pixel. point: the exact c at a column and a row, which may be fractions.

    Kalles Fraktaler: N is k + 1024, NF = 1 - log(log|z| / log R) / log 2, T = arg(z) / 2 pi, and
    DEX + i DEY = |z| log|z| / (g_x + i g_y) with g the gradient of |z| by column and row.
    """
    found = last_iterate(point(column, row), steps=steps + 20)
    if found is None:
        return {"N": 2**32 - 1, "NF": 0.0, "T": 0.0, "DEX": 0.0, "DEY": 0.0}
    k, z = found
    step = mpmath.mpf(2) ** -(mpmath.mp.prec // 3)

    def size(x: mpmath.mpf, y: mpmath.mpf) -> mpmath.mpf:
        z, c = mpmath.mpc(0), point(x, y)
        for _ in range(k):
            z = z * z + c
        return abs(z)

    across = (size(column + step, row) - size(column - step, row)) / (2 * step)
    down = (size(column, row + step) - size(column, row - step)) / (2 * step)
    vector = abs(z) * mpmath.log(abs(z)) / mpmath.mpc(across, down)
    turns = float(mpmath.arg(z) / (2 * mpmath.pi))
    return {
        "N": k + 1024,
        "NF": float(1 - mpmath.log(mpmath.log(abs(z)) / mpmath.log(RADIUS)) / mpmath.log(2)),
        "T": turns % 1,
        "DEX": float(vector.real),
        "DEY": float(vector.imag),
    }
