"""Pixels as differences from reference orbits that lie below float64's range: each carries an exponent while it does.

A pixel begins far below, z = (x + iy) 2**e, its error in the same unit, and grows into float64's range, where
``perturbation.py`` takes over; a rebase, or a step close to a critical point, can bring it back. This file is compiled
as ``escape.py`` is.
"""

from __future__ import annotations

from math import inf

import numpy as np

from deepzoom.backends.kernels.arithmetic.exponent_bits import two_to
from deepzoom.backends.kernels.escape_time.distance_estimate import NO_SLOPE
from deepzoom.backends.kernels.escape_time.error_bound import ROUNDING, UNDERFLOW
from deepzoom.backends.kernels.escape_time.escape import UNKNOWN, in_doubt, reached
from deepzoom.backends.kernels.escape_time.floatexp_step import (
    longest_skip_floatexp,
    one_step_floatexp,
    outside_circle,
    rebased_floatexp,
    reference_trail,
    scaled,
    skipped_floatexp,
    tiny_row,
    with_noise,
)
from deepzoom.backends.kernels.escape_time.formula_placeholder import (
    LEAST_EXPONENT,
    STILL,
)
from deepzoom.backends.kernels.escape_time.perturbation import (
    BELOW,
    ENDED,
    PAUSED,
    iterate_near,
    no_past,
    read_out_near,
)
from deepzoom.backends.kernels.pixel_queue import taken
from deepzoom.compiling.jit import inner, kernel

LEAST = 2.0**LEAST_EXPONENT
"""A difference below it is left to this file by ``iterate_near``; one beyond ``_ENOUGH`` is handed back."""
_ENOUGH, _NEARLY = 2.0**4 * LEAST, LEAST_EXPONENT - 36
_MAY_REBASE = -440
"""Exponent below which a difference cannot move an iterate that is not tiny so far that it rebases."""
_TO_GO_ON = -3
_NEVER = np.int64(1) << 62


@inner
def _iterate_floatexp(pixel, state, trail, orbits, tiny, skips, ends, until, left):
    """Iterate a pixel, a step at least, until it ends, is in float64's range, or n is at least ``until``.

    Returns its state, how it ended, and its trail. Ends: 1 + the target's index, 0 where it is in range, -1 at the
    limit, -2 beyond the radius, -3 where it is to go on. left: whether it is beyond the radius already, and goes on
    until it is in range or its reference ends.
    """
    x, y, e, error, unsure, orbit, m, n = state
    _, _, zx, zy, _, _, start, length = orbits
    is_tiny, tiny_at, _, _, excess_m, excess_e, _, noise = tiny
    limit, radius, targets = ends
    first, last = start[orbit], length[orbit]
    stepped = False
    while True:
        here = first + m
        if not left:
            if STILL > 0.0 and m > 0:
                trail = reference_trail(zx, zy, here, m, trail)
            end = reached(zx[here], zy[here], trail, targets)
            unsure |= in_doubt(zx[here], zy[here], trail, 0.0, targets)
            excess = excess_m[here], excess_e[here]
            outside, doubt = outside_circle(excess, zx[here], zy[here], x, y, e, error, radius)
            unsure |= doubt
            if outside:
                end = -2
            if end != 0:
                break
        end = -2 if left else (-1 if n >= limit else _TO_GO_ON)
        if n >= until or (left and m == last):
            break
        j = tiny_row(is_tiny, tiny_at, here)
        rebases = False
        if j >= 0 or m == last or e > _MAY_REBASE:
            rebases, x, y, e, error = rebased_floatexp(x, y, e, error, j, here, m == last, orbits, tiny)
        if rebases:
            m, orbit = np.int64(0), start.size - 1
            first, last = start[orbit], length[orbit]
            here = first
            j = tiny_row(is_tiny, tiny_at, here)
        reach = abs(x) + abs(y) + error
        if stepped and e > _NEARLY and reach * two_to(e) > _ENOUGH:
            end = 0
            break
        stepped = True
        block, span = longest_skip_floatexp(m, n, orbit, e, reach, limit, skips)
        if block >= 0:
            x, y, e, error = skipped_floatexp(block, x, y, e, error, pixel[3], pixel[4], skips)
        else:
            x, y, e, error, lost = one_step_floatexp(pixel, x, y, e, error, j, here, orbits, tiny)
            unsure |= lost
        x, y, e, error = with_noise(x, y, e, error, noise)
        m, n = m + span, n + span
    return x, y, e, error, unsure, orbit, m, n, end, trail


@inner
def _begun_floatexp(p, dzx, dzy, dcx, dcy, exponent, reach_m, reach_e, noise):
    """Of a pixel without a step: pixel, state and exponent of ``_iterate_floatexp``, and pixel of ``iterate_near``."""
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
    """As ``run_perturbed``, z and c times 2**exponent; without distances.

    tiny: (bool) which iterates float64 does not serve, where they stand, their values and what is kept of them (tiny,
    2 + k) as mantissas and exponents; |Z|**2 - radius**2 of all iterates as wide numbers; c as two wide numbers; the
    exponent of what a step of the reference is off by. skips as ``build_skips`` leaves them, but rows
    of those that float64 serves, which have a radius in near_radii, are scaled for ``skip``. reach: as a wide number.
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
            pixel, state, e, place = _begun_floatexp(p, dzx, dzy, dcx, dcy, exponent, reach_m, reach_e, noise)
            x, y, error, unsure, orbit, m, n = state
            seen, left = (np.int64(0), np.int64(1), inf, inf, 0.0), np.bool_(False)
            how, within, past, trail = PAUSED, False, no_past(state), UNKNOWN
        until = _NEVER if left else min(limit, n + stride)
        if within:
            how, state, seen, past, beyond, hit, trail, _ = iterate_near(
                place, state, seen, past, trail, NO_SLOPE, orbits, near, ends, until, LEAST
            )
            x, y, error, unsure, orbit, m, n = state
            count = n
            if how == BELOW:
                within = False
                x, y, e, error = scaled(x, y, np.int64(0), error)
        else:
            x, y, e, error, unsure, orbit, m, n, end, trail = _iterate_floatexp(
                pixel, (x, y, e, error, unsure, orbit, m, n), trail, orbits, tiny, skips, ends, until, left
            )
            unit = two_to(e)
            state = x * unit, y * unit, error * unit + UNDERFLOW, unsure, orbit, m, n
            if left:
                how, beyond, hit = ENDED, 1.0, 0
            elif end == -2:
                left, count = np.bool_(True), n
            elif end == 0:
                within, past = True, no_past(state)
            elif end != _TO_GO_ON:
                how, beyond, hit, count = ENDED, -1.0, max(end, 0), n
        if how == ENDED:
            read_out_near(p, place, state, count, beyond, hit, trail, NO_SLOPE, orbits, radius, law, targets, out)
