"""What float64 leaves of a reference orbit's iterates, from that of some of them.

Let z be an iterate Z as float64 and r = Z - z its rest. Then f(z) + f_z r is the next z plus its rest, but for r**2. So
the rest follows from the next one, and from f(z) in double-double less the next z. Its error grows where f shrinks, so
the rests of some iterates are stored. This file is compiled as ``escape.py`` is.
"""

from __future__ import annotations

import math

from deepzoom.backends.kernels.arithmetic.double_double import double_add
from deepzoom.backends.kernels.escape_time.centred import turn_of
from deepzoom.backends.kernels.escape_time.error_bound import ROUNDING, UNDERFLOW
from deepzoom.backends.kernels.escape_time.formula_placeholder import IN_DOUBLE, curvature, double_step, parts
from deepzoom.compiling.jit import inner, kernel

_OF_THE_PARTS = 2.0**-100
"""Rounding error of f in double-double, as a share of its parts."""


@inner
def _before(x, y, next_x, next_y, rest, c, turn):
    """The rest of x + iy and a bound of its error, from the next iterate and its rest."""
    u, v, p, q, _, _ = double_step((x, 0.0), (y, 0.0), c[0], c[1], turn)
    off_x, off_y = double_add(u, (-next_x, 0.0))[0], double_add(v, (-next_y, 0.0))[0]
    re, im = rest[0] - off_x, rest[1] - off_y
    slope = math.sqrt(p[0] * p[0] + q[0] * q[0])
    off = ROUNDING * (abs(x) + abs(y))
    known = rest[2] + 2.0**-50 * (abs(rest[0]) + abs(rest[1]) + abs(off_x) + abs(off_y))
    known += _OF_THE_PARTS * parts(x, y, c[0][0], c[1][0], turn)
    known += curvature(x, y, c[0][0], c[1][0], turn)[0] * off * off
    if not slope > 2.0**-500:
        return 0.0, 0.0, off + UNDERFLOW
    p, q = p[0] / slope, q[0] / slope
    re, im = (re * p + im * q) / slope, (im * p - re * q) / slope
    known = 1.25 * known / slope + 2.0**-48 * (abs(re) + abs(im))
    return (re, im, known) if known < off else (0.0, 0.0, off + UNDERFLOW)


@kernel()
def find_rests(zx, zy, first, length, turn, c, noise, apart, rests):
    """Fill rests (length + 1, 3) of an orbit that begins at ``first``: both parts, and a bound of their error.

    Both parts are known at each step that is a multiple of ``apart``. turn: of its first step; c: its parts in
    double-double; noise: the reference's own rounding error in a step.
    """
    last = first + length
    x, y, known = 0.0, 0.0, ROUNDING * (abs(zx[last]) + abs(zy[last])) + UNDERFLOW
    for back in range(length + 1):
        m = length - back
        here = first + m
        if IN_DOUBLE and m % apart == 0:
            x, y = rests[m, 0], rests[m, 1]
            known = ROUNDING * (abs(x) + abs(y)) + UNDERFLOW
        elif IN_DOUBLE and m < length:
            x, y, known = _before(
                zx[here], zy[here], zx[here + 1], zy[here + 1], (x, y, known + noise), c, turn_of(turn + m)
            )
        rests[m, 0], rests[m, 1], rests[m, 2] = x, y, known
