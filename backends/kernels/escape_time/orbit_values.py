"""Values of a pixel's whole orbit, for colourings that need every iterate: averages and traps.

A pixel runs again by perturbation in float64, step by step, because skips would jump over iterates. The definitions are
in docs/colouring.md. This file is compiled as ``escape.py`` is.
"""

from __future__ import annotations

import math
from math import inf

import numpy as np

from deepzoom.backends.kernels.escape_time.centred import MOST_BEYOND, true_x, true_y, turn_before, turn_of
from deepzoom.backends.kernels.escape_time.escape import UNKNOWN
from deepzoom.backends.kernels.escape_time.formula_placeholder import value
from deepzoom.backends.kernels.escape_time.perturbation import ALL, PAUSED, begun_near, iterate_near
from deepzoom.compiling.jit import inner, kernel
from deepzoom.systems.escape_time import FAR

STRIPES = 5.0
"""How many stripes go round the origin."""
MOST_BLUR = 1e-5
"""The largest error of an iterate, as a share of it beyond 1, with which a pixel has values."""
NO_SUMS = 0.0, 0.0, 0.0, 0.0
NO_TRAPS = inf, inf, inf


@inner
def _triangle(x, y, a, b):
    """(|z| - m) / (M - m) for z = x + iy = g + c, where | |g| - |c| | = m <= |z| <= M = |g| + |c|.

    The difference of |z| and |g| is taken without cancellation; where both ends are the same, the result is 0.
    """
    size, fixed, g = math.hypot(x, y), math.hypot(a, b), math.hypot(x - a, y - b)
    wide = 2.0 * min(g, fixed)
    if not wide > 0.0:
        return 0.0
    if g >= fixed:
        return ((2.0 * (x * a + y * b) - fixed * fixed) / (size + g) + fixed) / wide
    return (size + g - fixed) / wide


@inner
def _summed(sums, x, y, a, b, n):
    """The sums of stripes and triangles up to z_n = x + iy, and their last terms. z_0 and z_1 make no triangle."""
    stripes, _, triangles, _ = sums
    stripe = 0.5 + 0.5 * math.sin(STRIPES * math.atan2(y, x))
    triangle = _triangle(x, y, a, b) if n > 1 else 0.0
    return stripes + stripe, stripe, triangles + triangle, triangle


@inner
def _trapped(traps, x, y):
    """The least distances so far from the origin, from the imaginary axis, and from the unit circle."""
    size = math.hypot(x, y)
    return min(traps[0], size), min(traps[1], abs(x)), min(traps[2], abs(size - 1.0))


@inner
def _mean(total, last, count, share):
    """``share`` of the mean of so many terms, and the rest of the mean without the last."""
    if count < 1:
        return 0.0
    whole = total / count
    return whole if count < 2 else share * whole + (1.0 - share) * (total - last) / (count - 1)


@kernel()
def follow_orbits(dzx, dzy, dcx, dcy, reach, least_error, orbits, skips, limit, radius, degrees, targets, found):
    """Fill found (P, 6): of each pixel that escapes n, both averages and the three traps.

    n is -1 for other pixels, and where the error of an iterate is above ``MOST_BLUR``. skips: none, in the form of
    ``run_perturbed``, as all other parameters are; degrees: of the cycle's steps.
    """
    ends = limit, radius, targets
    for p in range(dzx.size):
        place, state, seen, past, slope = begun_near(p, dzx, dzy, dcx, dcy, 0.0, False, reach, least_error)
        trail, how, beyond, sums, traps = UNKNOWN, PAUSED, -1.0, NO_SUMS, NO_TRAPS
        a, b = orbits[0] + place[0], orbits[1] + place[1]
        x, y, n, blur = 0.0, 0.0, np.int64(0), 0.0
        while how == PAUSED:
            how, state, seen, past, beyond, _, trail, slope = iterate_near(
                place, state, seen, past, trail, slope, orbits, skips, ends, state[6] + 1, 0.0, ALL
            )
            here = orbits[6][state[4]] + state[5]
            x, y = true_x(orbits[2][here] + state[0]), true_y(orbits[3][here] + state[1])
            if state[6] > n:
                n = state[6]
                blur = max(blur, state[2] / max(1.0, math.hypot(x, y)))
                sums, traps = _summed(sums, x, y, a, b, n), _trapped(traps, x, y)
        found[p, 0] = -1.0
        k, size = n, math.hypot(x, y)
        while beyond > 0.0 and size <= FAR and k < n + MOST_BEYOND:
            u, v = value(x - true_x(0.0), y - true_y(0.0), a, b, turn_of(k))
            blur *= degrees[turn_of(k)]
            x, y, k = true_x(u), true_y(v), k + 1
            size = math.hypot(x, y)
            sums = _summed(sums, x, y, a, b, k)
        if beyond > 0.0 and FAR < size < inf and blur < MOST_BLUR and not state[3]:
            degree = degrees[turn_before(k)]
            share = 1.0 - math.log(math.log(size) / math.log(FAR)) / math.log(degree)
            share = min(max(share, 0.0), 1.0)
            found[p, 0] = n
            found[p, 1] = _mean(sums[0], sums[1], k, share)
            found[p, 2] = _mean(sums[2], sums[3], k - 1, share)
            found[p, 3], found[p, 4], found[p, 5] = traps
