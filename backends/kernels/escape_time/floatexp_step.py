"""One step of a difference in floatexp, and what such differences need: scaling, exits, rebasing.

The difference of a pixel is z = (x + iy) 2**e, its error in the same unit. ``floatexp_perturbation.py`` has the loops.
This file is compiled as ``escape.py`` is.
"""

from __future__ import annotations

import math

import numpy as np

from deepzoom.backends.kernels.arithmetic.exponent_bits import two_to, unit_of
from deepzoom.backends.kernels.arithmetic.floatexp import (
    NOTHING,
    WIDE_ZERO,
    wide,
    wide_abs,
    wide_add,
    wide_larger,
    wide_less,
    wide_multiply,
    widened,
)
from deepzoom.backends.kernels.escape_time.centred import true_x, true_y
from deepzoom.backends.kernels.escape_time.error_bound import OF_A_STEP, ROUNDING
from deepzoom.backends.kernels.escape_time.formula_placeholder import (
    CANCELS,
    RX,
    RY,
    curvature,
    wide_step,
)
from deepzoom.compiling.jit import inner

SMALL = 2.0**-500
"""A step's result, or a slope, below this is not to be trusted: its products may be below float64's range."""
_UNSEEN = 80  # exponents: a difference smaller by this does not change |W|**2 - radius**2
WITHIN = 2.0**-30, 2.0**30
LEAST_NOISE, _MOST_NOISE = -120, 900  # exponents, relative to the unit's; noise below vanishes


@inner
def scaled(x, y, e, error):
    """(x + iy) 2**e and its error, rescaled so that the largest is between 1/2 and 1, if it was far from that.

    A difference below 2**NOTHING becomes 0: no number of steps brings it back.
    """
    largest = max(max(abs(x), abs(y)), error)
    if WITHIN[0] <= largest <= WITHIN[1]:
        return x, y, e, error
    unit, k = unit_of(largest)
    if largest == 0.0 or e + k < NOTHING:
        return 0.0, 0.0, NOTHING, 0.0
    return x * unit, y * unit, e + k, error * unit


@inner
def outside_circle(excess, zx, zy, x, y, e, error, radius):
    """(whether |Z + z| > radius, whether that is in doubt); Z is given less K, z = (x + iy) 2**e."""
    zx, zy = true_x(zx), true_y(zy)
    if e < excess[1] - _UNSEEN:
        return excess[0] > 0.0, False
    moved = wide_add(wide((zx + zx) * x + (zy + zy) * y, e), wide(x * x + y * y, e + e))
    total = wide_add(excess, moved)
    return total[0] > 0.0, wide_less(wide_abs(total), wide(4.0 * radius * error, e))


@inner
def reference_trail(zx, zy, here, m, trail):
    """The trail of a pixel that coincides with the reference at its step m > 0; trail: the one before."""
    length = math.hypot(zx[here] - zx[here - 1], zy[here] - zy[here - 1])
    before = math.hypot(zx[here - 1] - zx[here - 2], zy[here - 1] - zy[here - 2]) if m > 1 else trail[0]
    return length, before, 0.0, 0.0


@inner
def wide_reference(j, here, zx, zy, tiny_m, tiny_e):
    """An iterate of the reference in floatexp: from row j of the tiny ones, or from float64 if j < 0."""
    if j >= 0:
        return (tiny_m[j, 0], tiny_e[j, 0]), (tiny_m[j, 1], tiny_e[j, 1])
    return widened(zx[here]), widened(zy[here])


@inner
def from_critical(ox, oy, vx, vy):
    """The pixel's iterate, reference plus difference, relative to the point that pixels rebase to."""
    ux, uy = wide_add(ox, vx), wide_add(oy, vy)
    if RX != 0.0 or RY != 0.0:
        ux, uy = wide_add(ux, widened(-RX)), wide_add(uy, widened(-RY))
    return ux, uy


@inner
def wide_size(x, y):
    return wide_add(wide_abs(x), wide_abs(y))


@inner
def in_one_unit(x, y, error):
    """Floatexp numbers in one unit: (x, y, exponent of the unit, error)."""
    e = max(max(x[1], y[1]), error[1])
    return x[0] * two_to(x[1] - e), y[0] * two_to(y[1] - e), e, error[0] * two_to(error[1] - e)


@inner
def _told(slope):
    """A slope >= 0 in floatexp; 0 if it is so small that float64 may have lost it (``LEAST`` of ``source.py``)."""
    return widened(slope) if slope > SMALL else WIDE_ZERO


@inner
def wide_step_with_error(pixel, x, y, e, error, rounding, j, here, turn, orbits, tiny):
    """A step in floatexp: (x, y, exponent, error, whether the pixel is lost, as the error hides the critical point).

    rounding: what the step's rounding error is relative to, as far as float64 can tell.
    """
    da, db, ec, _, _ = pixel
    cx, cy, zx, zy, kept, _, _, _ = orbits
    _, _, tiny_m, tiny_e, _, _, c, _ = tiny
    ox, oy = wide_reference(j, here, zx, zy, tiny_m, tiny_e)
    vx, vy = wide(x, e), wide(y, e)
    ux, uy, by_z, by_c = wide_step(
        ox, oy, c[0], c[1], vx, vy, wide(da, ec), wide(db, ec), kept, here, tiny_m, tiny_e, j, turn
    )
    off, unit = wide(error, e), two_to(e)
    ax, ay = from_critical(ox, oy, vx, vy)
    lost = wide_less(wide_size(ax, ay), wide(64.0 * error, e))
    bend = curvature(zx[here] + x * unit, zy[here] + y * unit, cx, cy, turn)[0]
    moved = wide_multiply(wide_add(by_z, wide_multiply(_told(bend), off)), off)
    rounded = wide_larger(wide_multiply(widened(CANCELS), by_z), _told(rounding))
    moved = wide_add(moved, wide_multiply(rounded, wide(OF_A_STEP * (abs(x) + abs(y)), e)))
    moved = wide_add(moved, wide_multiply(by_c, wide(ROUNDING * (abs(da) + abs(db)), ec)))
    x, y, e, error = in_one_unit(ux, uy, moved)
    return x, y, e, error, lost


@inner
def with_noise(x, y, e, error, noise):
    """Add the reference's own error in a step, 2**noise, to the error."""
    if noise - e < LEAST_NOISE:
        return scaled(x, y, e, error)
    if noise - e > _MOST_NOISE:
        unit = two_to(e + _MOST_NOISE - noise)
        x, y, e, error = x * unit, y * unit, noise - np.int64(_MOST_NOISE), error * unit
    return scaled(x, y, e, error + two_to(noise - e))
