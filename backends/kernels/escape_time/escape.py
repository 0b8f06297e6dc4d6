"""The loop that iterates a formula in float64 until it escapes, and the read-out of how a pixel ended.

This file and the others in the list of ``generated.py`` are compiled together with the generated code of one formula.
That code replaces the functions of ``formula_placeholder.py``. It takes real parts: z - K = x + iy, where K is the
critical point, mostly 0.
"""

from __future__ import annotations

import math
from math import inf

import numpy as np

from deepzoom.backends.kernels.escape_time.centred import MOST_BEYOND, true_x, true_y, turn_before, turn_of
from deepzoom.backends.kernels.escape_time.distance_estimate import (
    NO_DISTANCE,
    attractor_distance,
    escape_distance,
    first_slope,
    slope_after_step,
)
from deepzoom.backends.kernels.escape_time.error_bound import OF_THE_PARTS, ROUNDING, UNDERFLOW, repeated, steepest
from deepzoom.backends.kernels.escape_time.formula_placeholder import (
    DISTANCE,
    KX,
    KY,
    LOOP_TURN,
    STILL,
    TARGETS,
    TURN_COUNT,
    parts,
    stretch,
    tangent,
    value,
)
from deepzoom.backends.kernels.pixel_queue import taken
from deepzoom.compiling.jit import inner, kernel
from deepzoom.systems.escape_time import FAR, NEAR

MOST_MOVED = 1e-6
"""Largest error of a smooth count that is settled."""
UNKNOWN = inf, inf, inf, inf
"""The trail of a pixel whose last steps are not known, or that has not made any."""


@inner
def stepped(trail, x, y, error, new_x, new_y):
    """The trail after a step: lengths of this step and the one before, and the errors of the iterates they began at.

    Only maps that end an orbit at a short step (``STILL``) need it.
    """
    if STILL > 0.0:
        return math.hypot(new_x - x, new_y - y), trail[0], error, trail[2]
    return trail


@inner
def reached(x, y, trail, targets):
    """1 + the index of the target (targets, 2) close to x + iy; 0 where there is none.

    For a map that ends where it stands still: 1 where it does.
    """
    if STILL > 0.0:
        return 1 if trail[0] < STILL else 0
    if not TARGETS:
        return 0
    for i in range(targets.shape[0]):
        dx, dy = x - targets[i, 0], y - targets[i, 1]
        if dx * dx + dy * dy < NEAR * NEAR:
            return i + 1
    return 0


@inner
def in_doubt(x, y, trail, error, targets):
    """Whether ``reached`` could differ within the error of x + iy; trail: after the step to x + iy."""
    doubt = False
    if not TARGETS and STILL == 0.0:
        return doubt
    error += 4.0 * ROUNDING * (abs(x) + abs(y))
    if STILL > 0.0:
        return abs(trail[0] - STILL) < error + trail[2]
    for i in range(targets.shape[0]):
        dx, dy = x - targets[i, 0], y - targets[i, 1]
        doubt |= abs(dx * dx + dy * dy - NEAR * NEAR) < error * (4.0 * NEAR + error)
    return doubt


@inner
def is_close(beyond, x, y, radius, error):
    """Whether an iterate z - K = x + iy, beyond the radius by |z|**2 - radius**2, is within its error of it."""
    return beyond < 4.0 * error * (radius + abs(true_x(x)) + abs(true_y(y)))


@inner
def _within_turn(log, degree, gain, degrees):
    """What to take from k + 1 for a smooth count, where formulas take turns.

    log: log|z_k| + log(gain) / (degree - 1), with the degree and gain of the step to z_k. So that counts have no jump,
    it is 0 for |z_k| = ``FAR`` and 1 for |z_(k-1)| = ``FAR``, plus the steps of mean degree that take 2 to ``FAR``.
    """
    mean = 0.0
    for i in range(LOOP_TURN, TURN_COUNT):
        mean += math.log(degrees[i]) / (TURN_COUNT - LOOP_TURN)
    away = math.log(log / (math.log(FAR) + math.log(gain) / (degree - 1.0))) / math.log(degree)
    return away + math.log(math.log(FAR) / math.log(2.0)) / mean


@inner
def smooth_count(x, y, a, b, n, k, first, error, degrees, gains):
    """(smooth count, its error) of a pixel that escaped at z_n, from z_k - K = x + iy, k >= n, and its error.

    It is k + 1 - log((log|z_k| + log(gain) / (degree - 1)) / log 2) / log(degree) at the first k with z_k beyond
    ``FAR``; n where no iterate soon after is. Where formulas take turns, it is as ``_within_turn`` says. first: the
    turn of the step after z_0.
    """
    fixed, most = ROUNDING * math.hypot(a, b), k + MOST_BEYOND
    size = math.hypot(true_x(x), true_y(y))
    while size <= FAR and k < most:
        turn = turn_of(first + k)
        u, v = value(x, y, a, b, turn)
        grown = math.hypot(true_x(u), true_y(v))
        if not grown < inf:
            break
        by_z, by_c = stretch(x, y, a, b, turn)
        by_z = steepest(by_z, x, y, a, b, error, turn)
        error = by_z * error + by_c * fixed + OF_THE_PARTS * parts(x, y, a, b, turn)
        x, y, size = u, v, grown
        k += 1
    last = turn_before(first + k)
    degree, gain = degrees[last], gains[last]
    log = math.log(max(size, 2.0))
    found = float(n)
    if size > FAR and size < inf:
        log += math.log(gain) / (degree - 1.0)
        if TURN_COUNT > 1:
            found = k + 1 - _within_turn(log, degree, gain, degrees)
        else:
            found = k + 1 - math.log(log / math.log(2.0)) / math.log(degree)
    return found, error / (max(size, 1.0) * log * math.log(degree))


@inner
def read_out(p, x, y, a, b, n, k, first, hit, beyond, error, unsure, trail, slope, law, targets, out):
    """Write down how a pixel ended at z_n, from z_k = K + x + iy, which is off by about ``error``.

    k is n, or a later step where the exit was close to the radius. first: the turn of the step after z_0. law: degrees
    and gains of the cycle's steps, and the order of the map (``Iteration``). unsure: whether an iterate was within its
    error of an exit. out: iterations (n, or -1 without an exit), smooth count, attractor (1 + the target's index, or
    0), trust (1 where the error changes neither the count nor the smooth count by more than ``MOST_MOVED``, else -1),
    and (P, 3) what ``distance_estimate.py`` finds out from the derivative slope: the distance to the border in pixels,
    the direction, and the last iterate's angle, or -1.
    """
    degrees, gains, order = law
    iterations, smooth, attractor, trust, apart = out
    attractor[p] = hit
    if DISTANCE:
        found = NO_DISTANCE
        if hit > 0 and STILL == 0.0 and order > 1.0:
            found = attractor_distance(slope, x - targets[hit - 1, 0], y - targets[hit - 1, 1])
        elif hit == 0 and beyond > 0.0:
            found = escape_distance(slope, x, y, a, b, first + k)
        apart[p, 0], apart[p, 1], apart[p, 2] = found
    if hit > 0 and STILL > 0.0:
        iterations[p] = n
        short = max(trail[0], 1e-300)
        rate = math.log(short / trail[1])  # -inf after the first step, as the trail before it is infinite
        smooth[p] = n - math.log(short / STILL) / rate
        moved = 4.0 * (error + trail[2] + (trail[3] if trail[3] < inf else 0.0)) / (short * -rate)
    elif hit > 0:
        distance = max(math.hypot(x - targets[hit - 1, 0], y - targets[hit - 1, 1]), 1e-300)
        iterations[p] = n
        if order > 1.0:
            smooth[p] = n - math.log(math.log(distance) / math.log(NEAR)) / math.log(order)
            moved = error / (distance * -math.log(distance))
        else:
            smooth[p] = n - math.log(distance / NEAR) / math.log(order)
            moved = error / (distance * -math.log(order))
        moved = max(moved, error / NEAR)
    elif beyond <= 0.0:
        iterations[p] = -1
        moved = error * 1e-3  # inside: only an error as large as the plane could change that
    else:
        iterations[p] = n
        smooth[p], moved = smooth_count(x, y, a, b, n, k, first, error, degrees, gains)
    trust[p] = 1 if moved <= MOST_MOVED and not unsure and beyond == beyond else -1  # false for NaN


@inner
def _iterate(x, y, a, b, n, first, seen, error, unsure, trail, slope, ends, until):
    """Iterate a pixel until it ends or n is at least ``until``.

    first: the turn of the step after n = 0. seen: n at which to keep an iterate for comparison, which is twice the n of
    the one kept, the iterate kept and its error. Returns all that changes, then
    |z|**2 - radius**2 and the target; called again with these values, it goes on.
    """
    keep, kept_x, kept_y, kept_error = seen
    limit, radius, targets = ends
    fixed = ROUNDING * math.hypot(a, b)
    beyond = true_x(x) * true_x(x) + true_y(y) * true_y(y) - radius * radius
    hit = reached(x, y, trail, targets)
    while beyond <= 0.0 and hit == 0 and n < until:
        unsure |= beyond > -4.0 * radius * error or in_doubt(x, y, trail, error, targets)
        turn = turn_of(first + n)
        by_z, by_c = stretch(x, y, a, b, turn)
        if DISTANCE:
            slope = slope_after_step(slope, tangent(x, y, a, b, turn))
        by_z = steepest(by_z, x, y, a, b, error, turn)
        u, v = value(x, y, a, b, turn)
        trail = stepped(trail, x, y, error, u, v)
        error = by_z * error + by_c * fixed
        error += OF_THE_PARTS * parts(x, y, a, b, turn) + UNDERFLOW
        x, y = u, v
        n += 1
        if x == kept_x and y == kept_y and turn_of(first + n) == turn_of(first + (keep >> 1)):
            ever, error = repeated(error, kept_error)
            n, kept_error = (limit if ever else n), error
        if n == keep:
            kept_x, kept_y, kept_error, keep = x, y, error, 2 * n
        beyond = true_x(x) * true_x(x) + true_y(y) * true_y(y) - radius * radius
        hit = reached(x, y, trail, targets)
    unsure |= beyond > 0.0 and is_close(beyond, x, y, radius, error)
    unsure |= hit > 0 and in_doubt(x, y, trail, error, targets)
    return x, y, n, (keep, kept_x, kept_y, kept_error), error, unsure, trail, slope, beyond, hit


@inner
def _begun(p, zx, zy, cx, cy, pixel, of_start):
    """The arguments of ``_iterate`` for a pixel before its first step."""
    x, y = zx[p], zy[p]
    error = ROUNDING * (math.hypot(x, y) + abs(KX) + abs(KY))
    return (
        x, y, cx[p], cy[p], np.int64(0), (np.int64(64), inf, inf, 0.0), error, np.bool_(False), UNKNOWN,
        first_slope(of_start, pixel),
    )  # fmt: skip


@kernel()
def run_float64(zx, zy, cx, cy, pixel, of_start, first, limit, radius, law, targets, out):
    """Iterate pixels from z - K (P,) with c (P,), and write the results of ``read_out``.

    pixel: a pixel's size; of_start: whether pixels are starting points z_0, else c; first: the turn of the first step.
    """
    ends = limit, radius, targets
    for p in range(zx.size):
        x, y, a, b, n, seen, error, unsure, trail, slope = _begun(p, zx, zy, cx, cy, pixel, of_start)
        x, y, n, seen, error, unsure, trail, slope, beyond, hit = _iterate(
            x, y, a, b, n, first, seen, error, unsure, trail, slope, ends, limit
        )
        read_out(p, x, y, a, b, n, n, first, hit, beyond, error, unsure, trail, slope, law, targets, out)


@kernel()
def share_float64(queue, stride, zx, zy, cx, cy, pixel, of_start, first, limit, radius, law, targets, out):
    """``run_float64`` for threads that share a queue (``pixel_queue.py``)."""
    ends = limit, radius, targets
    ended = True
    while True:
        if ended:
            p = taken(queue)
            if p >= zx.size:
                break
            x, y, a, b, n, seen, error, unsure, trail, slope = _begun(p, zx, zy, cx, cy, pixel, of_start)
        x, y, n, seen, error, unsure, trail, slope, beyond, hit = _iterate(
            x, y, a, b, n, first, seen, error, unsure, trail, slope, ends, min(limit, n + stride)
        )
        ended = not (beyond <= 0.0 and hit == 0 and n < limit)
        if ended:
            read_out(p, x, y, a, b, n, n, first, hit, beyond, error, unsure, trail, slope, law, targets, out)
