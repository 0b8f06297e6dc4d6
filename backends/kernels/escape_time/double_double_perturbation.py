"""Perturbation in double-double, for pixels that float64 leaves unsettled.

It is ``perturbation.py`` with 106 bits, but without skips, because a skip drops more than double-double's rounding.
This file is compiled as ``escape.py`` is.
"""

from __future__ import annotations

from math import inf

import numpy as np

from deepzoom.backends.kernels.arithmetic.double_double import double_add, double_multiply
from deepzoom.backends.kernels.escape_time.centred import turn_of
from deepzoom.backends.kernels.escape_time.distance_estimate import first_slope, slope_after_step
from deepzoom.backends.kernels.escape_time.error_bound import ROUNDING, UNDERFLOW, seen_before, steepest
from deepzoom.backends.kernels.escape_time.escape import UNKNOWN, in_doubt, is_close, reached, read_out, stepped
from deepzoom.backends.kernels.escape_time.formula_placeholder import (
    DISTANCE,
    KX,
    KX_LESS,
    KY,
    KY_LESS,
    RX,
    RX_LESS,
    RY,
    RY_LESS,
    TURN_COUNT,
    bounds,
    double_difference,
    slopes,
)
from deepzoom.backends.kernels.escape_time.perturbation import CLOSE
from deepzoom.backends.kernels.pixel_queue import taken
from deepzoom.compiling.jit import inner, kernel

_FINE = 2.0**-100
"""Share of a number that rounding changes in one step."""


@inner
def _excess(excess, zx, zy, x, y):
    """|Z + z|**2 - radius**2, Z less K, all in double-double."""
    if excess[0] == -inf:
        return -inf
    zx, zy = double_add(zx, (KX, KX_LESS)), double_add(zy, (KY, KY_LESS))
    px = double_multiply(double_add(double_add(zx, zx), x), x)
    py = double_multiply(double_add(double_add(zy, zy), y), y)
    return double_add(excess, double_add(px, py))[0]


@inner
def _double_at(values, i):
    """Element i of an array (.., 2), a double-double number."""
    return values[i, 0], values[i, 1]


@inner
def _begun_double(p, zx0, zy0, dcx, dcy, least_error):
    """(x, y, da, db, error of z, rounding of c) of a pixel before its first step; z = x + iy and c are differences."""
    x, y, da, db = _double_at(zx0, p), _double_at(zy0, p), _double_at(dcx, p), _double_at(dcy, p)
    error = _FINE * (abs(x[0]) + abs(y[0])) + least_error
    return x, y, da, db, error, _FINE * (abs(da[0]) + abs(db[0])) + least_error


@inner
def _double_step(x, y, error, wx, wy, slope, da, db, fixed, least_error, orbits, here, turn):
    """A pixel's z after a step, its error and its slope."""
    cx, cy, zx, zy, kept, high = orbits
    ox, oy = _double_at(zx, here), _double_at(zy, here)
    point = ox[0], oy[0], cx[0], cy[0], x[0], y[0], da[0], db[0], high, here, 1.0, turn
    if DISTANCE:
        slope = slope_after_step(slope, slopes(*point))
    by_z, by_c, rounding = bounds(*point)
    by_z = steepest(by_z, wx[0], wy[0], cx[0], cy[0], error, turn)
    error = by_z * error + rounding * (_FINE * (abs(x[0]) + abs(y[0]))) + by_c * fixed
    error += least_error + UNDERFLOW
    x, y = double_difference(ox, oy, (cx[0], cx[1]), (cy[0], cy[1]), x, y, da, db, kept, here, turn)
    return x, y, error, slope


@kernel()
def share_double_double(
    queue, stride, zx0, zy0, dcx, dcy, pixel, of_start, cx, cy, least_error, zx, zy, excess, kept, high, start, length,
    limit, radius, law, targets, out,
):  # fmt: skip
    """Iterate pixels in double-double: all arrays are (.., 2), the high and the low parts of numbers.

    queue, stride: ``pixel_queue.py``; z0, dc: differences from the reference's start and c; zx, zy, excess, kept
    (.., 2 k): orbits, and all else: as for ``run_perturbed``; high (.., k): the high parts of kept.
    """
    orbits = cx, cy, zx, zy, kept, high
    ended = True
    while True:
        if ended:
            p = taken(queue)
            if p >= zx0.shape[0]:
                break
            x, y, da, db, error, fixed = _begun_double(p, zx0, zy0, dcx, dcy, least_error)
            wx, wy = double_add(_double_at(zx, 0), x), double_add(_double_at(zy, 0), y)
            unsure, trail, before_error, slope = False, UNKNOWN, error, first_slope(of_start, pixel)
            orbit, m, n = np.int64(0), np.int64(0), np.int64(0)
            first, last = start[0], length[0]
            seen = np.int64(0), np.int64(1), (inf, 0.0), (inf, 0.0), np.int64(0), 0.0
            count, hit = np.int64(-1), 0  # n at the end of the pixel; close to the radius it goes on after that
        until, ended = n + stride, True
        while True:
            ox, oy = _double_at(zx, first + m), _double_at(zy, first + m)
            beyond = _excess(_double_at(excess, first + m), ox, oy, x, y)
            before_x, before_y = wx[0], wy[0]
            wx, wy = double_add(ox, x), double_add(oy, y)
            if n > 0:
                trail = stepped(trail, before_x, before_y, before_error, wx[0], wy[0])
            if count < 0:
                hit = reached(wx[0], wy[0], trail, targets)
                unsure |= in_doubt(wx[0], wy[0], trail, error, targets)
                if beyond <= 0.0 and hit == 0 and n < limit:
                    unsure |= beyond > -4.0 * radius * error
                else:
                    count = n
                    unsure |= beyond > 0.0 and is_close(beyond, wx[0], wy[0], radius, error)
            if count >= 0 and not (hit == 0 and 0.0 < beyond < CLOSE and m < last):
                break
            ux, uy = double_add(wx, (-RX, -RX_LESS)), double_add(wy, (-RY, -RY_LESS))
            if m == last or (count < 0 and abs(ux[0]) + abs(uy[0]) < abs(x[0]) + abs(y[0])):
                error += _FINE * (abs(ox[0]) + abs(oy[0]) + abs(RX) + abs(RY))
                x, y, m, orbit = ux, uy, np.int64(0), start.size - TURN_COUNT + turn_of(n)
                first, last = start[orbit], length[orbit]
                ever, error, seen = seen_before(x, y, turn_of(n), error, seen)
                if ever:
                    count = limit
                    break
            before_error = error
            x, y, error, slope = _double_step(
                x, y, error, wx, wy, slope, da, db, fixed, least_error, orbits, first + m, turn_of(n)
            )
            m, n = m + 1, n + 1
            ended = n != until
            if not ended:
                break
        if ended:
            error += ROUNDING * (abs(wx[0]) + abs(wy[0]))
            a, b = cx[0] + da[0], cy[0] + db[0]
            read_out(p, wx[0], wy[0], a, b, count, n, 0, hit, beyond, error, unsure, trail, slope, law, targets, out)
