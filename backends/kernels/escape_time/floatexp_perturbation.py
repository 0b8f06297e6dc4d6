"""Perturbation in floatexp, for differences below float64's range.

The difference of a pixel is z = (x + iy) 2**e, and its error is in the same unit. It begins far below float64's range
and grows into it; there ``perturbation.py`` takes over. A rebase, or a step close to a critical point, can bring it
back. This file is compiled as ``escape.py`` is.
"""

from __future__ import annotations

from math import inf

import numpy as np

from deepzoom.backends.kernels.arithmetic.exponent_bits import two_to
from deepzoom.backends.kernels.arithmetic.floatexp import wide, wide_add, wide_less, wide_multiply, widened
from deepzoom.backends.kernels.escape_time.centred import turn_of
from deepzoom.backends.kernels.escape_time.distance_estimate import NO_SLOPE
from deepzoom.backends.kernels.escape_time.error_bound import OF_A_STEP, ROUNDING, UNDERFLOW, steepest
from deepzoom.backends.kernels.escape_time.escape import UNKNOWN, in_doubt, reached
from deepzoom.backends.kernels.escape_time.floatexp_step import (
    SMALL,
    from_critical,
    in_one_unit,
    outside_circle,
    reference_trail,
    scaled,
    wide_reference,
    wide_size,
    wide_step_with_error,
    with_noise,
)
from deepzoom.backends.kernels.escape_time.formula_placeholder import (
    LEAST_EXPONENT,
    RX,
    RY,
    STILL,
    TURN_COUNT,
    bounds,
    difference,
)
from deepzoom.backends.kernels.escape_time.perturbation import (
    ALL,
    BELOW,
    ENDED,
    PAUSED,
    iterate_near,
    no_past,
    read_out_near,
)
from deepzoom.backends.kernels.escape_time.series_skips import skip_wide
from deepzoom.backends.kernels.pixel_queue import taken
from deepzoom.compiling.jit import inner, kernel, within

LEAST = 2.0**LEAST_EXPONENT
"""``iterate_near`` leaves a difference below this to floatexp, which hands it back beyond ``ENOUGH``."""
ENOUGH, NEARLY = 2.0**4 * LEAST, LEAST_EXPONENT - 36
_MAY_REBASE = -440
"""Exponent below which a difference is too small for a rebase, unless the iterate is tiny."""
TO_GO_ON = -3
NEVER = np.int64(1) << 62


# long: one function of 97 lines: divided into its stages, it took 30% longer (e533, one core with AVX-512)
@within
def iterate_far(pixel, state, trail, orbits, tiny, skips, ends, until, left, stepped):
    """Iterate a pixel until it ends, has made a step and is in float64's range, or n is at least ``until``.

    Returns its state, how it ended, and its trail. How: 1 + the target's index; 0: in range; -1: at the limit; -2:
    beyond the radius; -3: to go on. left: whether it is beyond the radius already, and goes on until it is in range or
    its reference ends. stepped: whether it has made a step since it was last in float64's range.
    """
    da, db, ec, ga, gb = pixel
    x, y, e, error, unsure, orbit, m, n = state
    cx, cy, zx, zy, kept, _, start, length = orbits
    is_tiny, tiny_at, tiny_m, tiny_e, excess_m, excess_e, _, noise = tiny
    shortest, index, begin, rows, linear_c, exponents, radii = skips
    limit, radius, targets = ends
    critical = start.size - TURN_COUNT
    one = np.int64(1)
    below = (one << shortest) - one
    first, last = start[orbit], length[orbit]
    while True:
        here = first + m
        if not left:
            if STILL > 0.0 and m > 0:
                trail = reference_trail(zx, zy, here, m, trail)
            end = reached(zx[here], zy[here], trail, targets)
            unsure |= in_doubt(zx[here], zy[here], trail, 0.0, targets)
            outside, doubt = outside_circle(
                (excess_m[here], excess_e[here]), zx[here], zy[here], x, y, e, error, radius
            )
            unsure |= doubt
            if outside:
                end = -2
            if end != 0:
                break
        end = -2 if left else (-1 if n >= limit else TO_GO_ON)
        if n >= until or (left and m == last):
            break
        j = np.searchsorted(tiny_at, here) if is_tiny[here] else np.int64(-1)
        if j >= 0 or m == last or e > _MAY_REBASE:
            ox, oy = wide_reference(j, here, zx, zy, tiny_m, tiny_e)
            vx, vy = wide(x, e), wide(y, e)
            ux, uy = from_critical(ox, oy, vx, vy)
            if m == last or wide_less(wide_size(ux, uy), wide_size(vx, vy)):
                sizes = wide_add(wide_add(wide_size(ox, oy), wide_size(vx, vy)), widened(abs(RX) + abs(RY)))
                rounded = wide_multiply(widened(ROUNDING), sizes)
                x, y, e, error = in_one_unit(ux, uy, wide_add(wide(error, e), rounded))
                x, y, e, error = scaled(x, y, e, error)
                m, orbit = np.int64(0), critical + turn_of(n)
                first, last = start[orbit], length[orbit]
                here = first
                j = np.searchsorted(tiny_at, here) if is_tiny[here] else np.int64(-1)
        size = abs(x) + abs(y)
        if stepped and e > NEARLY and (size + error) * two_to(e) > ENOUGH:
            end = 0
            break
        stepped = True
        block, span = np.int64(-1), one
        if m > 0 and (m - 1) & below == 0:
            q = begin[orbit] + ((m - 1) >> shortest)
            at, steps, most = index[q], one << shortest, index[q + 1] - (n == 1)
            while at < most and radii[at] > 0.0 and n + steps <= limit:
                over = e - exponents[at, 0]
                if over > 40 or (size + error) * two_to(over) >= radii[at]:
                    break
                block, span = at, steps
                at += 1
                steps <<= 1
            span = min(span, last - m)
        if block >= 0:
            u, v, unit, slope, more = skip_wide(
                rows[block], linear_c[block], exponents[block, 2], radii[block], exponents[block, 0],
                exponents[block, 1], x, y, e, error, ga, gb,
            )  # fmt: skip
            error = slope * two_to(exponents[block, 3] + e - unit) * error + more
            x, y, e = u, v, unit
        else:
            unit, turn = max(e, ec), turn_of(n)
            p1, p2, scale = two_to(e - unit), two_to(ec - unit), two_to(unit)
            px, py, pa, pb, off = x * p1, y * p1, da * p2, db * p2, error * p1
            by_z, by_c, rounding = bounds(zx[here], zy[here], cx, cy, px, py, pa, pb, kept, here, scale, turn)
            served = j < 0
            if served:
                # float64 is too coarse for such an iterate, which should have been a tiny one
                unsure |= abs(zx[here]) + abs(zy[here]) < SMALL
                by_z = steepest(by_z, zx[here], zy[here], cx, cy, off * scale, turn)
                off = by_z * off + (rounding * (OF_A_STEP * p1 * size) + by_c * (ROUNDING * (abs(pa) + abs(pb))))
                u, v = difference(zx[here], zy[here], cx, cy, px, py, pa, pb, kept, here, scale, turn)
                served = abs(u) + abs(v) >= SMALL or (size == 0.0 and da == 0.0 and db == 0.0)
            if served:
                x, y, e, error = u, v, unit, off
            else:
                x, y, e, error, lost = wide_step_with_error(
                    pixel, x, y, e, error, rounding, j, here, turn, orbits, tiny
                )
                unsure |= lost
        x, y, e, error = with_noise(x, y, e, error, noise)
        m += span
        n += span
    return x, y, e, error, unsure, orbit, m, n, end, trail


@inner
def begun_far(p, dzx, dzy, dcx, dcy, exponent, reach_m, reach_e, noise):
    """Of a pixel without a step: pixel, state and exponent of ``iterate_far``, and pixel of ``iterate_near``."""
    x, y, e, _ = scaled(dzx[p], dzy[p], exponent, 0.0)
    da, db, ec, _ = scaled(dcx[p], dcy[p], exponent, 0.0)
    share = two_to(ec - reach_e) / reach_m if reach_m > 0.0 else 0.0
    ga, gb = da * share, db * share
    error, none = ROUNDING * (abs(x) + abs(y)), np.int64(0)
    if error > 0.0:
        x, y, e, error = with_noise(x, y, e, error, noise)
    unit = two_to(ec)
    state = x, y, error, np.bool_(False), none, none, none
    return (da, db, ec, ga, gb), state, e, (da * unit, db * unit, ga, gb, two_to(noise), 0.0)


@kernel()
def share_floatexp(
    queue, stride, dzx, dzy, dcx, dcy, exponent, reach_m, reach_e, orbits, tiny, skips, near_radii, limit, radius, law,
    targets, out,
):  # fmt: skip
    """``share_perturbed`` with z and c times 2**exponent, and without distances.

    tiny: which iterates are too small for float64 (bool), where they stand, their values and what is kept of them
    (tiny, 2 + k) as mantissas and exponents; |Z|**2 - radius**2 of all iterates as floatexp numbers; c as two floatexp
    numbers; the exponent of the reference's error in a step. skips: as ``build_skips`` makes them, but rows of skips
    that fit float64, which have a radius in near_radii, are scaled for ``skip``. reach: a floatexp number.
    """
    shortest, index, begin, rows, _, _, _ = skips
    near = shortest, index, begin, rows, near_radii
    ends = limit, radius, targets
    noise = np.int64(tiny[7])
    how, within = ENDED, False
    while True:
        if how == ENDED:
            p = taken(queue)
            if p >= dzx.size:
                break
            pixel, state, e, place = begun_far(p, dzx, dzy, dcx, dcy, exponent, reach_m, reach_e, noise)
            x, y, error, unsure, orbit, m, n = state
            seen, left = (np.int64(0), np.int64(1), inf, inf, np.int64(0), 0.0), np.bool_(False)
            how, within, past, trail = PAUSED, False, no_past(state), UNKNOWN
        until = NEVER if left else min(limit, n + stride)
        if within:
            how, state, seen, past, beyond, hit, trail, _ = iterate_near(
                place, state, seen, past, trail, NO_SLOPE, orbits, near, ends, until, LEAST, ALL
            )
            x, y, error, unsure, orbit, m, n = state
            count = n
            if how == BELOW:
                within = False
                x, y, e, error = scaled(x, y, np.int64(0), error)
        else:
            x, y, e, error, unsure, orbit, m, n, end, trail = iterate_far(
                pixel, (x, y, e, error, unsure, orbit, m, n), trail, orbits, tiny, skips, ends, until, left, False
            )
            unit = two_to(e)
            state = x * unit, y * unit, error * unit + UNDERFLOW, unsure, orbit, m, n
            if left:
                how, beyond, hit = ENDED, 1.0, 0
            elif end == -2:
                left, count = np.bool_(True), n
            elif end == 0:
                within, past = True, no_past(state)
            elif end != TO_GO_ON:
                how, beyond, hit, count = ENDED, -1.0, max(end, 0), n
        if how == ENDED:
            read_out_near(p, place, state, count, beyond, hit, trail, NO_SLOPE, orbits, radius, law, targets, out)
