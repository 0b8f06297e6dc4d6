"""Pixels drawn to an attracting cycle: a proof that their orbits stay bounded.

Let B be a disc around a pixel's iterate W, with a radius rho that is at least the error of W. The disc goes along with
the pixel as the error bound does, for some steps, and becomes a disc of another radius around the iterate W' then. If
that lies within B, the steps take B into itself. So an orbit that is in B never leaves the discs on the way, none of
which reaches the exit. Derivation: docs/escape-time.md.

This file is compiled as ``escape.py`` is.
"""

from __future__ import annotations

from math import inf

import numpy as np

from deepzoom.backends.kernels.escape_time.centred import beyond_radius, rebased_x, rebased_y
from deepzoom.backends.kernels.escape_time.error_bound import OF_A_STEP, ROUNDING, UNDERFLOW, steepest
from deepzoom.backends.kernels.escape_time.escape import UNKNOWN
from deepzoom.backends.kernels.escape_time.formula_placeholder import RX, RY, bounds, difference
from deepzoom.backends.kernels.escape_time.perturbation import (
    ENDED,
    FEW,
    PAUSED,
    begun_near,
    iterate_near,
    read_out_near,
)
from deepzoom.backends.kernels.escape_time.series_skips import skip
from deepzoom.compiling.jit import inner, kernel

_WIDER = 64.0
"""The disc's radius, in units of the shortest way back: a cycle whose slope is up to 63 / 64 draws such a disc in."""
_FILLED = 1.0 - 2.0**-10
"""The share of B that the disc may fill in the end. The rest is for curvature that ``steepest`` leaves out."""
_LONGEST = 1 << 20
"""The most steps and skips of a run."""


@inner
def _is_attracted(pixel, state, orbits, skips, radius, rebases):
    """Whether a pixel's orbit is proven to stay bounded, from its state in ``iterate_near`` right after a rebase.

    A first run, of so many rebases, finds the one after which the pixel is closest to where it began. A second one
    takes a disc there.
    """
    da, db, ga, gb, least_error, _ = pixel
    cx, cy, zx, zy, kept, excess, start, length = orbits
    shortest, index, begin, rows, radii = skips
    below, one = (np.int64(1) << shortest) - 1, np.int64(1)
    fixed, least_error = ROUNDING * (abs(da) + abs(db)) + least_error, least_error + UNDERFLOW
    critical = start.size - 1
    first, last = start[critical], length[critical]
    from_x, from_y, own = state[0], state[1], state[2]
    x, y, disc, rho, nearest = from_x, from_y, own, 0.0, inf
    m, count, end = np.int64(0), 0, 0
    for _ in range(_LONGEST):
        wx, wy = zx[first + m] + x, zy[first + m] + y
        beyond = beyond_radius(excess[first + m], zx[first + m], zy[first + m], x, y)
        if not beyond < -4.0 * radius * disc:
            return False
        size = abs(x) + abs(y)
        if m == last or (m > 0 and abs(rebased_x(wx)) + abs(rebased_y(wy)) < size):
            disc += ROUNDING * (abs(zx[first + m]) + abs(zy[first + m]) + abs(RX) + abs(RY))
            x, y, m = rebased_x(wx), rebased_y(wy), np.int64(0)
            size = abs(x) + abs(y)
            count += 1
            away = abs(x - from_x) + abs(y - from_y)
            if rho > 0.0 and count == end:
                return away + disc <= _FILLED * rho
            if rho == 0.0 and away < nearest:
                nearest, end = away, count
            if rho == 0.0 and count == rebases:
                rho = _WIDER * (nearest + 2.0 * own)
                if not 0.0 < rho < radius:
                    return False
                x, y, disc, count = from_x, from_y, rho, 0
                wx, wy, size = zx[first] + x, zy[first] + y, abs(x) + abs(y)
        block, span = -one, one
        if m > 0 and (m - 1) & below == 0:
            q = begin[critical] + ((m - 1) >> shortest)
            here, steps = index[q], one << shortest
            while here < index[q + 1] and size + disc < radii[here]:
                block, span = here, steps
                here += 1
                steps <<= 1
            span = min(span, last - m)
        if block >= 0:
            x, y, slope, more = skip(rows[block], x, y, disc, ga, gb)
            disc = slope * disc + (more + least_error)
        else:
            here = first + m
            by_z, by_c, rounding = bounds(zx[here], zy[here], cx, cy, x, y, da, db, kept, here, 1.0, 0)
            disc *= steepest(by_z, wx, wy, cx, cy, disc, 0)
            disc += rounding * (OF_A_STEP * size) + (by_c * fixed + least_error)
            x, y = difference(zx[here], zy[here], cx, cy, x, y, da, db, kept, here, 1.0, 0)
        m += span
    return False


@kernel()
def run_drawn(
    dzx, dzy, dcx, dcy, pixel, of_start, reach, least_error, orbits, skips, limit, radius, law, targets,
    out,
):  # fmt: skip
    """``run_perturbed`` for pixels that it leaves unfinished: they end, too, where they are proven to stay bounded."""
    ends = limit, radius, targets
    for p in range(dzx.size):
        place, state, seen, past, slope = begun_near(p, dzx, dzy, dcx, dcy, pixel, of_start, reach, least_error)
        how, trail, pause = PAUSED, UNKNOWN, FEW
        while how == PAUSED:
            how, state, seen, past, beyond, hit, trail, slope = iterate_near(
                place, state, seen, past, trail, slope, orbits, skips, ends, limit, 0.0, pause
            )
            if how == PAUSED and _is_attracted(place, state, orbits, skips, radius, pause >> 1):
                how = ENDED
            pause <<= 1
        read_out_near(p, place, state, state[6], beyond, hit, trail, slope, orbits, radius, law, targets, out)
