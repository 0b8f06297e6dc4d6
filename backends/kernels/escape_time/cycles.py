"""The period of the attracting cycle that a pixel's orbit is drawn to, with a proof.

A disc B around an iterate goes along as the pixel's error bound. If it lies within B after N steps, these steps shrink
all distances in B. So B holds one point that comes back after N steps, all orbits in B are drawn to its cycle, and the
period divides N. Derivation: docs/escape-time.md.

Pixels run in float64 and in floatexp, as those of ``share_floatexp`` do. This file is compiled as ``escape.py`` is.
"""

from __future__ import annotations

from math import inf

import numpy as np

from deepzoom.backends.kernels.arithmetic.exponent_bits import two_to
from deepzoom.backends.kernels.arithmetic.floatexp import (
    NOTHING,
    wide,
    wide_add,
    wide_less,
    wide_multiply,
    wide_negative,
    widened,
)
from deepzoom.backends.kernels.arithmetic.lane_memory import borrowed
from deepzoom.backends.kernels.escape_time.centred import rebased_x, rebased_y
from deepzoom.backends.kernels.escape_time.distance_estimate import NO_SLOPE
from deepzoom.backends.kernels.escape_time.error_bound import UNDERFLOW
from deepzoom.backends.kernels.escape_time.escape import UNKNOWN
from deepzoom.backends.kernels.escape_time.floatexp_perturbation import LEAST, TO_GO_ON, begun_far, iterate_far
from deepzoom.backends.kernels.escape_time.floatexp_step import (
    from_critical,
    in_one_unit,
    scaled,
    wide_reference,
    wide_size,
)
from deepzoom.backends.kernels.escape_time.perturbation import ALL, BELOW, iterate_near, no_past
from deepzoom.compiling.jit import inner, kernel, within

_FIRST_LOOK, _NEXT_LOOK = 64, 4
"""After so many steps a pixel's cycle is looked for, then each time after as many times the steps."""
_DISC, _OWN = 64.0, 128.0
"""The disc's radius, in units of the shortest way back and of the iterate's error: a cycle whose slope is up to 63 / 64
draws such a disc in."""
_OF_THE_DISC = 1.0 - 2.0**-10
"""The share of B that the disc may fill in the end. The rest is for curvature that ``steepest`` leaves out."""
_OF_A_WAY = 2.0**-50
"""Rounding error of the way between two iterates, as a share of all that it is a sum of."""
_LOOKS = 1 << 15
"""The most iterates to look at in a row: those after steps, skips and rebases."""
_WIDE_FAR = 0.5, np.int64(100)
_TO_BASE, _WAY_BACK, _DISC_RUN, _DIVISORS = 0, 1, 2, 3
"""The runs of ``_period``."""
_OUT_OF_RANGE, _BELOW_RANGE, _IN_RANGE = 0, 1, 2
_NOT_SEEN = np.int64(0), np.int64(0), inf, inf, np.int64(0), 0.0
"""``seen`` of ``iterate_near`` with which it never compares an iterate with an earlier one."""


@within
def _gone_on(given, at, until, limit):
    """Go on until n is at least ``until``: (at, whether the orbit has not ended). It never passes ``limit``.

    at: x, y, exponent, error, whether an iterate was within its error of the exit, orbit, m, n, where it stands
    (``_IN_RANGE`` of float64, ``_BELOW_RANGE``, or ``_OUT_OF_RANGE``, without a step below it), trail. x, y and the
    error are in the unit 2**exponent.
    """
    pixel, place, orbits, tiny, skips, near, radius, targets, below = given
    x, y, e, error, unsure, orbit, m, n, where, trail = at
    ends = limit, radius, targets
    ended = False
    while n < until and not ended:
        if where == _IN_RANGE:
            state = x, y, error, unsure, orbit, m, n
            how, state, _, _, beyond, hit, trail, _ = iterate_near(
                place, state, _NOT_SEEN, no_past(state), trail, NO_SLOPE, orbits, near, ends, until, below, ALL
            )
            x, y, error, unsure, orbit, m, n = state
            ended = not beyond <= 0.0 or hit > 0  # also if it is NaN, as beside a pole
            if how == BELOW:
                where = _OUT_OF_RANGE
                x, y, e, error = scaled(x, y, np.int64(0), error)
        else:
            x, y, e, error, unsure, orbit, m, n, end, trail = iterate_far(
                pixel, (x, y, e, error, unsure, orbit, m, n), trail, orbits, tiny, skips, ends, until, False,
                where == _BELOW_RANGE,
            )  # fmt: skip
            where = _BELOW_RANGE
            if end == 0:
                unit = two_to(e)
                x, y, e, error, where = x * unit, y * unit, np.int64(0), error * unit + UNDERFLOW, _IN_RANGE
            ended = end > 0 or (end < -1 and end != TO_GO_ON)
    return (x, y, e, error, unsure, orbit, m, n, where, trail), not ended


@inner
def _position(given, at):
    """Reference and difference of an iterate, in floatexp."""
    _, _, orbits, tiny, _, _, _, _, _ = given
    here = orbits[6][at[5]] + at[6]
    j = np.searchsorted(tiny[1], here) if tiny[0][here] else np.int64(-1)
    ox, oy = wide_reference(j, here, orbits[2], orbits[3], tiny[2], tiny[3])
    return ox, oy, wide(at[0], at[2]), wide(at[1], at[2])


@inner
def _from_critical(given, at):
    """How far an iterate is from the point that pixels rebase to."""
    here = given[2][6][at[5]] + at[6]
    if at[8] == _IN_RANGE and not given[3][0][here]:
        return widened(abs(rebased_x(given[2][2][here] + at[0])) + abs(rebased_y(given[2][3][here] + at[1])))
    ox, oy, vx, vy = _position(given, at)
    ux, uy = from_critical(ox, oy, vx, vy)
    return wide_size(ux, uy)


@inner
def _way_between(given, at, base):
    """(how far two iterates are apart, the rounding error of that)."""
    _, _, orbits, tiny, _, _, _, _, _ = given
    here, there = orbits[6][at[5]] + at[6], orbits[6][base[5]] + base[6]
    if at[8] == _IN_RANGE and base[8] == _IN_RANGE and not (tiny[0][here] or tiny[0][there]):
        zx, zy, px, py = orbits[2][here], orbits[3][here], orbits[2][there], orbits[3][there]
        total = abs(zx) + abs(zy) + abs(px) + abs(py) + abs(at[0]) + abs(at[1]) + abs(base[0]) + abs(base[1])
        away = abs((zx - px) + (at[0] - base[0])) + abs((zy - py) + (at[1] - base[1]))
        return widened(away), widened(_OF_A_WAY * total)
    ox, oy, vx, vy = _position(given, at)
    px, py, ux, uy = _position(given, base)
    dx = wide_add(wide_add(ox, wide_negative(px)), wide_add(vx, wide_negative(ux)))
    dy = wide_add(wide_add(oy, wide_negative(py)), wide_add(vy, wide_negative(uy)))
    total = wide_add(wide_add(wide_size(ox, oy), wide_size(vx, vy)), wide_add(wide_size(px, py), wide_size(ux, uy)))
    return wide_size(dx, dy), wide_multiply(widened(_OF_A_WAY), total)


@inner
def _begun_again(at, error):
    """An iterate as the first of a run. error: of it, in floatexp."""
    x, y, e, _, unsure, orbit, m, _, where, trail = at
    if where == _IN_RANGE:
        return x, y, e, error[0] * two_to(error[1]), unsure, orbit, m, np.int64(0), where, trail
    # the error may be so large that the difference vanishes in its unit
    x, y, e, off = in_one_unit(wide(x, e), wide(y, e), error)
    return x, y, e, off, unsure, orbit, m, np.int64(0), _BELOW_RANGE, trail


@inner
def _next_divisor(steps, q):
    """The least divisor of ``steps`` above q."""
    q += 1
    while q <= steps // 2 and steps % q != 0:
        q += 1
    return q if q <= steps // 2 else steps


# long: one loop, in which pixels go on at one place: that is long code, and calling it takes longer than a step
@within
def _period(given, at, limit):
    """The period of a pixel's cycle, from the pixel's start; 0 if it is not known.

    After more and more steps, there are four runs. The first finds B's middle: the iterate closest to the critical
    point, as ways between iterates are most exact there. The next, from there, finds the shortest way back, from which
    B's radius follows. The third takes B along until it lies within B. The cycle's point in B then lies in a small disc
    about B's middle, too. The fourth takes that disc to all divisors of the steps. If it lies within B after q steps,
    the period is q, as B has no other point of the cycle; if it has no point in common with where it began, q is none.
    """
    phase, after, looks, steps = _TO_BASE, np.int64(_FIRST_LOOK), 0, np.int64(0)
    until, most = after, ALL
    base, later, least, rho, small = at, at, _WIDE_FAR, _WIDE_FAR, _WIDE_FAR
    while True:
        at, on = _gone_on(given, at, until, most)
        looks += 1
        last, failed = at[7] >= 2 * after or looks >= _LOOKS, False
        if not on:
            return np.int64(0)
        until = at[7] + 1
        if phase == _TO_BASE:
            size = _from_critical(given, at)
            if wide_less(size, least):
                base, least = at, size
            if last and at[4]:
                return np.int64(0)
            if last:
                phase, later, least, looks = _WAY_BACK, at, _WIDE_FAR, 0
                at, until = _begun_again(base, wide(base[3], base[2])), np.int64(1)
        elif phase == _WAY_BACK:
            away, inexact = _way_between(given, at, base)
            away = wide_add(away, inexact)
            if wide_less(away, least):
                least = away
            if last:
                own = wide(base[3], base[2])
                rho = wide_add(wide_multiply(widened(_DISC), least), wide_multiply(widened(_OWN), own))
                failed = rho[1] <= NOTHING or not wide_less(rho, widened(given[6]))
                phase, at, until, looks = _DISC_RUN, _begun_again(base, rho), np.int64(1), 0
        else:
            away, inexact = _way_between(given, at, base)
            disc = wide_add(wide(at[3], at[2]), inexact)
            reach = wide_add(away, disc)
            inside = not at[4] and wide_less(reach, wide_multiply(widened(_OF_THE_DISC), rho))
            if phase == _DIVISORS:
                if inside:
                    return at[7]
                # sizes are sums of parts, at most sqrt(2) times the distance
                failed = at[4] or not wide_less(wide_multiply(widened(1.5), wide_add(disc, small)), away)
                until = most = _next_divisor(steps, at[7])
            elif inside:
                phase, small, steps = _DIVISORS, reach, at[7]
                at, until = _begun_again(base, small), _next_divisor(steps, np.int64(0))
                most = until
            else:
                failed = last or at[4]
            if phase == _DIVISORS and until == steps and not failed:
                return steps
        if failed:
            if after >= limit:
                return np.int64(0)
            after = min(limit, _NEXT_LOOK * after)
            phase, at, until, most, looks, least = _TO_BASE, later, after, ALL, 0, _WIDE_FAR


@kernel()
def find_periods(
    dzx,
    dzy,
    dcx,
    dcy,
    exponent,
    reach_m,
    reach_e,
    within,
    orbits,
    tiny,
    skips,
    near_radii,
    limit,
    radius,
    targets,
    found,
):
    """Fill found (P,) with the periods of the pixels' attracting cycles; 0 where none is proven.

    within: whether differences between pixels are in float64's range. The other parameters are those of
    ``share_floatexp``.
    """
    orbits, tiny, skips, near_radii, targets = borrowed((orbits, tiny, skips, near_radii, targets))
    shortest, index, begin, rows, _, _, _ = skips
    near, noise = (shortest, index, begin, rows, near_radii), np.int64(tiny[7])
    for p in range(dzx.size):
        pixel, state, e, place = begun_far(p, dzx, dzy, dcx, dcy, exponent, reach_m, reach_e, noise)
        x, y, error, unsure, orbit, m, n = state
        below, where = LEAST, _OUT_OF_RANGE
        if within:  # and it stays there
            unit, below, where = two_to(e), 0.0, _IN_RANGE
            x, y, e, error = x * unit, y * unit, np.int64(0), error * unit + place[4]
        given = pixel, place, orbits, tiny, skips, near, radius, targets, below
        found[p] = _period(given, (x, y, e, error, unsure, orbit, m, n, where, UNKNOWN), limit)
