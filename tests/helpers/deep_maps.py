"""The maps of escape-time systems in gmpy2's floating point, written from their formulas alone.

The package's own maps are not used: places that are found with these are places of the true maps.
"""

from __future__ import annotations

from collections.abc import Callable

import gmpy2
from escape_oracle import Count, Exact, drawn, iterate, nova
from gmpy2 import mpc, mpfr

Pair = tuple[mpfr, mpfr]
"""The parts of a complex number, or a vector."""
Step = Callable[[mpfr, mpfr, mpfr, mpfr], Pair]
"""(x, y, a, b) -> the next (x, y), with c = a + ib."""


def _power(power: int) -> Step:
    def step(x: mpfr, y: mpfr, a: mpfr, b: mpfr) -> Pair:
        z = gmpy2.mpc(x, y)
        w = z
        for _ in range(power - 1):
            w = w * z
        return w.real + a, w.imag + b

    return step


def _nova(x: mpfr, y: mpfr, a: mpfr, b: mpfr) -> Pair:
    z = gmpy2.mpc(x, y)
    w = z - (z * z * z - 1) / (3 * z * z)
    return w.real + a, w.imag + b


def _root1(z: mpc, c: mpc) -> mpc:
    return (z * z + c - 1) / (2 * z + c - 2)


def _root2(z: mpc, c: mpc) -> mpc:
    k = (c - 1) * (c - 2)
    return (z * z * z + 3 * (c - 1) * z + k) / (3 * z * z + 3 * (c - 2) * z + k + 1)


ROOTS: dict[str, Callable[[mpc, mpc], mpc]] = {"magnet1": _root1, "magnet2": _root2}
"""What a magnet squares in each step. Its critical points are the zeros of this. The step maps them to 0, the start."""


def _squared(root: Callable[[mpc, mpc], mpc]) -> Step:
    def step(x: mpfr, y: mpfr, a: mpfr, b: mpfr) -> Pair:
        q = root(gmpy2.mpc(x, y), gmpy2.mpc(a, b))
        q = q * q
        return q.real, q.imag

    return step


MAPS: dict[str, tuple[Step, int, int]] = {
    "mandelbrot-2": (_power(2), 0, 2),
    "mandelbrot-3": (_power(3), 0, 3),
    "mandelbrot-5": (_power(5), 0, 5),
    "burning-ship": (lambda x, y, a, b: (x * x - y * y + a, 2 * abs(x * y) + b), 0, 2),
    "perpendicular-burning-ship": (lambda x, y, a, b: (x * x - y * y + a, 2 * x * abs(y) + b), 0, 2),
    "celtic": (lambda x, y, a, b: (abs(x * x - y * y) + a, 2 * x * y + b), 0, 2),
    "buffalo": (lambda x, y, a, b: (abs(x * x - y * y) + a, 2 * abs(x * y) + b), 0, 2),
    "tricorn": (lambda x, y, a, b: (x * x - y * y + a, b - 2 * x * y), 0, 2),
    "shark-fin": (lambda x, y, a, b: (x * x - y * abs(y) + a, 2 * x * y + b), 0, 2),
    "nova": (_nova, 1, 2),
    "magnet1": (_squared(_root1), 0, 2),
    "magnet2": (_squared(_root2), 0, 2),
}
"""Of each map: its step in real numbers, the start of its orbits, and the degree of its critical point."""


def orbit(name: str, x: mpfr, y: mpfr, steps: int, begin: Pair | None = None) -> list[Pair]:
    """z_0 .. z_steps of the map at c = x + iy, or fewer if the orbit goes beyond 1000 or meets a pole. begin: z_0."""
    step, start, _ = MAPS[name]
    zx, zy = begin or (mpfr(start), mpfr(0))
    found = [(zx, zy)]
    for _ in range(steps):
        try:
            zx, zy = step(zx, zy, x, y)
        except ZeroDivisionError:
            break
        if not abs(zx) + abs(zy) < 1000:
            break
        found.append((zx, zy))
    return found


def count(name: str, x: Exact, y: Exact, limit: int, bits: int) -> Count:
    """(n, attractor, smooth) of the pixel x + iy by ``escape_oracle.py``."""
    if name == "nova":
        n, smooth = nova(3, ("1", "0"), x, y, limit, bits)
        return n, int(smooth is not None), smooth
    if name.startswith("magnet"):
        return drawn(name, x, y, limit, bits)
    system, settings = named(name)
    n, smooth = iterate(system, settings, x, y, limit, bits)
    return n, 0, smooth


def named(name: str) -> tuple[str, dict[str, str]]:
    """The package's name of the map's system, and its settings."""
    return ("mandelbrot", {"power": name[-1]}) if name.startswith("mandelbrot") else (name, {})
