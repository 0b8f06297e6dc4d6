"""Distance estimates: the derivative of a pixel's iterates by its position tells where the set's border is.

D = dW/dp is a real matrix, row by row, with p in pixels; beside it stands how much c changes from pixel to pixel. D
starts at a pixel's size and grows as differences do, so that it stays in range. A step turns D into f_z D + f_c (per
pixel), a skip does the same with its own slopes, and a rebase leaves D unchanged.

This file is compiled together with the code of a formula, as ``escape.py`` is; where no distances are asked for, D
stays 0 and costs nothing.
"""

from __future__ import annotations

import math
from math import inf

from deepzoom.backends.kernels.escape_time.centred import MOST_BEYOND, true_x, true_y, turn_of
from deepzoom.backends.kernels.escape_time.formula_placeholder import DISTANCE, tangent, value
from deepzoom.backends.kernels.escape_time.series_skips import skip_slopes
from deepzoom.compiling.jit import inner
from deepzoom.systems.escape_time import FAR

NO_SLOPE = 0.0, 0.0, 0.0, 0.0, 0.0
NO_DISTANCE = -1.0, -1.0, -1.0


@inner
def first_slope(of_start, pixel):
    """D at the start. of_start: whether pixels are starting points z_0; pixel: a pixel's size."""
    if DISTANCE and of_start:
        return pixel, 0.0, 0.0, pixel, 0.0
    return 0.0, 0.0, 0.0, 0.0, pixel


@inner
def _applied(a, b, c, d, slope):
    """A matrix times D."""
    p, q, r, s, _ = slope
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s


@inner
def slope_after_step(slope, t):
    """D after a step with these slopes, as ``tangent`` gives them."""
    if DISTANCE:
        pixel = slope[4]
        p, q, r, s = _applied(t[0], t[1], t[2], t[3], slope)
        return p + t[4] * pixel, q + t[5] * pixel, r + t[6] * pixel, s + t[7] * pixel, pixel
    return slope


@inner
def slope_after_skip(slope, row, x, y, ga, gb, pixel):
    """D after a skip at z = x + iy and gamma = ga + i gb; pixel: what a pixel adds to gamma."""
    if DISTANCE:
        by_z, by_c = skip_slopes(row, x, y, ga, gb)
        p, q, r, s = _applied(by_z[0], by_z[1], by_z[2], by_z[3], slope)
        return p + by_c[0] * pixel, q + by_c[1] * pixel, r + by_c[2] * pixel, s + by_c[3] * pixel, slope[4]
    return slope


@inner
def escape_distance(slope, x, y, a, b, n):
    """|z| log|z| / grad |z| at the first iterate from z_n - K = x + iy on that is beyond ``FAR``."""
    k = 0
    while math.hypot(true_x(x), true_y(y)) <= FAR and k < MOST_BEYOND:
        slope = slope_after_step(slope, tangent(x, y, a, b, turn_of(n + k)))
        x, y = value(x, y, a, b, turn_of(n + k))
        k += 1
    return _over_gradient(slope, true_x(x), true_y(y))


@inner
def attractor_distance(slope, x, y):
    """r log r / grad r of x + iy at r < 1 from an attractor that squares, or raises, the distance."""
    return _over_gradient(slope, x, y)


@inner
def _over_gradient(slope, x, y):
    """(distance in pixels, direction away from the border, angle of x + iy), the latter in turns; -1 if not known."""
    p, q, r, s, _ = slope
    size = math.hypot(x, y)
    if not (size > 0.0 and size < inf):
        return NO_DISTANCE
    along_x, along_y, log = (p * x + r * y) / size, (q * x + s * y) / size, math.log(size)
    gradient = math.hypot(along_x, along_y)
    found = size * abs(log) / gradient if gradient > 0.0 else inf
    if not found < inf:
        return NO_DISTANCE
    sign = 1.0 if log > 0.0 else -1.0
    return found, in_turns(sign * along_x, sign * along_y), in_turns(x, y)


@inner
def in_turns(x, y):
    """The angle of x + iy in turns, from 0 to below 1."""
    return (math.atan2(y, x) / (2.0 * math.pi)) % 1.0 % 1.0  # the first remainder can round to 1
