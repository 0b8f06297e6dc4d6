"""One step of a pixel whose difference from the reference lies below float64's range, and what such numbers need.

A pixel is z = (x + iy) 2**e, its error in the same unit. The loops: ``floatexp_perturbation.py``. This file is compiled
as ``escape.py`` is.
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
from deepzoom.backends.kernels.escape_time.error_bound import OF_A_STEP, ROUNDING, steepest
from deepzoom.backends.kernels.escape_time.formula_placeholder import (
    CANCELS,
    RX,
    RY,
    bounds,
    curvature,
    difference,
    wide_step,
)
from deepzoom.backends.kernels.escape_time.series_skips import dropped, skip_wide
from deepzoom.compiling.jit import inner

SMALL = 2.0**-500
"""Of a step's result, or of a slope: products of numbers as small may have left float64's range."""
_UNSEEN = 80  # exponents: a difference that much smaller does not change |W|**2 - radius**2
_WITHIN = 2.0**-30, 2.0**30
_LEAST_NOISE, _MOST_NOISE = -120, 900  # exponents, the unit's less: below the first it is nothing beside rounding


@inner
def scaled(x, y, e, error):
    """x + iy times 2**e and its error, so that the largest of them is between 1/2 and 1 where it was far from it.

    What is below 2**NOTHING has become one with the reference: no number of steps brings it back.
    """
    largest = max(max(abs(x), abs(y)), error)
    if _WITHIN[0] <= largest <= _WITHIN[1]:
        return x, y, e, error
    unit, k = unit_of(largest)
    if largest == 0.0 or e + k < NOTHING:
        return 0.0, 0.0, NOTHING, 0.0
    return x * unit, y * unit, e + k, error * unit


@inner
def outside_circle(excess, zx, zy, x, y, e, error, radius):
    """(whether |Z + z| > radius, whether that is in doubt), Z less K and z = (x + iy) 2**e."""
    zx, zy = true_x(zx), true_y(zy)
    if e < excess[1] - _UNSEEN:
        return excess[0] > 0.0, False
    moved = wide_add(wide((zx + zx) * x + (zy + zy) * y, e), wide(x * x + y * y, e + e))
    total = wide_add(excess, moved)
    return total[0] > 0.0, wide_less(wide_abs(total), wide(4.0 * radius * error, e))


@inner
def reference_trail(zx, zy, here, m, trail):
    """The trail of a pixel that is not to be told from the reference at its step m > 0; trail: the one before."""
    length = math.hypot(zx[here] - zx[here - 1], zy[here] - zy[here - 1])
    before = math.hypot(zx[here - 1] - zx[here - 2], zy[here - 1] - zy[here - 2]) if m > 1 else trail[0]
    return length, before, 0.0, 0.0


@inner
def wide_reference(j, here, zx, zy, tiny_m, tiny_e):
    """An iterate of the reference as wide numbers: from its row j, or, where that is below 0, from float64."""
    if j >= 0:
        return (tiny_m[j, 0], tiny_e[j, 0]), (tiny_m[j, 1], tiny_e[j, 1])
    return widened(zx[here]), widened(zy[here])


@inner
def from_critical(ox, oy, vx, vy):
    """The pixel's iterate as a difference from where pixels rebase to, of the reference and the difference."""
    ux, uy = wide_add(ox, vx), wide_add(oy, vy)
    if RX != 0.0 or RY != 0.0:
        ux, uy = wide_add(ux, widened(-RX)), wide_add(uy, widened(-RY))
    return ux, uy


@inner
def wide_size(x, y):
    return wide_add(wide_abs(x), wide_abs(y))


@inner
def in_one_unit(x, y, error):
    """Wide numbers in a unit of their own: (x, y, the unit's exponent, error)."""
    e = max(max(x[1], y[1]), error[1])
    return x[0] * two_to(x[1] - e), y[0] * two_to(y[1] - e), e, error[0] * two_to(error[1] - e)


@inner
def _told(slope):
    """What float64 tells of a slope that is not negative: nothing of a very small one (``LEAST`` of ``source.py``)."""
    return widened(slope) if slope > SMALL else WIDE_ZERO


@inner
def wide_step_with_error(pixel, x, y, e, error, rounding, j, here, orbits, tiny):
    """A step of wide numbers: (x, y, exponent, error), and whether it is lost: the error hides the critical point.

    rounding: what rounding of the step is relative to, as far as float64 tells.
    """
    da, db, ec, _, _ = pixel
    cx, cy, zx, zy, kept, _, _, _ = orbits
    _, _, tiny_m, tiny_e, _, _, c, _ = tiny
    ox, oy = wide_reference(j, here, zx, zy, tiny_m, tiny_e)
    vx, vy = wide(x, e), wide(y, e)
    ux, uy, by_z, by_c = wide_step(
        ox, oy, c[0], c[1], vx, vy, wide(da, ec), wide(db, ec), kept, here, tiny_m, tiny_e, j
    )
    off, unit = wide(error, e), two_to(e)
    ax, ay = from_critical(ox, oy, vx, vy)
    lost = wide_less(wide_size(ax, ay), wide(64.0 * error, e))
    bend = curvature(zx[here] + x * unit, zy[here] + y * unit, cx, cy)[0]
    moved = wide_multiply(wide_add(by_z, wide_multiply(_told(bend), off)), off)
    rounded = wide_larger(wide_multiply(widened(CANCELS), by_z), _told(rounding))
    moved = wide_add(moved, wide_multiply(rounded, wide(OF_A_STEP * (abs(x) + abs(y)), e)))
    moved = wide_add(moved, wide_multiply(by_c, wide(ROUNDING * (abs(da) + abs(db)), ec)))
    x, y, e, error = in_one_unit(ux, uy, moved)
    return x, y, e, error, lost


@inner
def with_noise(x, y, e, error, noise):
    """With what the reference itself is off by in a step, 2**noise, added to the error."""
    if noise - e < _LEAST_NOISE:
        return scaled(x, y, e, error)
    if noise - e > _MOST_NOISE:
        unit = two_to(e + _MOST_NOISE - noise)
        x, y, e, error = x * unit, y * unit, noise - np.int64(_MOST_NOISE), error * unit
    return scaled(x, y, e, error + two_to(noise - e))


@inner
def tiny_row(is_tiny, tiny_at, here):
    """Which of the tiny iterates the reference's row ``here`` is; -1 where float64 serves it."""
    return np.searchsorted(tiny_at, here) if is_tiny[here] else np.int64(-1)


@inner
def rebased_floatexp(x, y, e, error, j, here, at_end, orbits, tiny):
    """Whether a pixel rebases at the reference's row ``here``, and its z, exponent and error then.

    j: as of ``tiny_row``; at_end: whether the reference ends there.
    """
    ox, oy = wide_reference(j, here, orbits[2], orbits[3], tiny[2], tiny[3])
    vx, vy = wide(x, e), wide(y, e)
    ux, uy = from_critical(ox, oy, vx, vy)
    if not (at_end or wide_less(wide_size(ux, uy), wide_size(vx, vy))):
        return False, x, y, e, error
    sizes = wide_add(wide_add(wide_size(ox, oy), wide_size(vx, vy)), widened(abs(RX) + abs(RY)))
    rounded = wide_multiply(widened(ROUNDING), sizes)
    x, y, e, error = in_one_unit(ux, uy, wide_add(wide(error, e), rounded))
    x, y, e, error = scaled(x, y, e, error)
    return True, x, y, e, error


@inner
def longest_skip_floatexp(m, n, orbit, e, reach, limit, skips):
    """The longest skip that holds at the reference's step m, and its steps; -1 and 1 where none does.

    reach: |z| and its error, times 2**e.
    """
    shortest, index, begin, _, _, exponents, radii = skips
    one = np.int64(1)
    block, span = np.int64(-1), one
    if m > 0 and (m - 1) & ((one << shortest) - one) == 0:
        q = begin[orbit] + ((m - 1) >> shortest)
        at, steps = index[q], one << shortest
        while at < index[q + 1] and radii[at] > 0.0 and n + steps <= limit:
            over = e - exponents[at, 0]
            if over > 40 or reach * two_to(over) >= radii[at]:
                break
            block, span = at, steps
            at += 1
            steps <<= 1
    return block, span


@inner
def skipped_floatexp(block, x, y, e, error, ga, gb, skips):
    """A pixel's z after a skip, its exponent and error."""
    _, _, _, rows, linear_c, exponents, radii = skips
    u, v, unit, drop = skip_wide(
        rows[block], linear_c[block], exponents[block, 2], radii[block], exponents[block, 0],
        exponents[block, 1], x, y, e, ga, gb,
    )  # fmt: skip
    share = OF_A_STEP + dropped(rows[block])
    size = abs(x) + abs(y)
    error = rows[block, 1] * two_to(exponents[block, 3] + e - unit) * (error + share * size) + share * drop
    return u, v, unit, error


@inner
def one_step_floatexp(pixel, x, y, e, error, j, here, orbits, tiny):
    """A pixel's z after a step, its exponent and error, and whether the error hides where it is.

    The step is made in float64, all numbers in one unit, where that serves; else in wide numbers.
    """
    da, db, ec, _, _ = pixel
    cx, cy, zx, zy, kept, _, _, _ = orbits
    unit, doubt = max(e, ec), False
    p1, p2, scale = two_to(e - unit), two_to(ec - unit), two_to(unit)
    px, py, pa, pb, off = x * p1, y * p1, da * p2, db * p2, error * p1
    by_z, by_c, rounding = bounds(zx[here], zy[here], cx, cy, px, py, pa, pb, kept, here, scale)
    if j < 0:
        # float64 does not tell such an iterate: it should have been among the tiny ones
        doubt = abs(zx[here]) + abs(zy[here]) < SMALL
        size = abs(x) + abs(y)
        by_z = steepest(by_z, zx[here], zy[here], cx, cy, off * scale)
        off = by_z * off + (rounding * (OF_A_STEP * p1 * size) + by_c * (ROUNDING * (abs(pa) + abs(pb))))
        u, v = difference(zx[here], zy[here], cx, cy, px, py, pa, pb, kept, here, scale)
        if abs(u) + abs(v) >= SMALL or (size == 0.0 and da == 0.0 and db == 0.0):
            return u, v, unit, off, doubt
    x, y, e, error, lost = wide_step_with_error(pixel, x, y, e, error, rounding, j, here, orbits, tiny)
    return x, y, e, error, doubt or lost
