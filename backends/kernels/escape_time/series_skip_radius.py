"""The radius of a skip, for complex-differentiable maps: as large as what it drops allows.

Sources: docs/escape-time.md. ``series_skips.py`` says what a skip is.
"""

from __future__ import annotations

import math

from deepzoom.backends.kernels.arithmetic.exponent_bits import unit_of
from deepzoom.backends.kernels.arithmetic.floatexp import (
    wide_multiply,
    widened,
)
from deepzoom.backends.kernels.escape_time.power_series import TOP, at
from deepzoom.backends.kernels.escape_time.series_skips import DROPPED, SHARE
from deepzoom.compiling.jit import inner

_LEAST = 1e-30


@inner
def magnitude(x, y):
    """|x + iy|, whose square must be in range."""
    return math.sqrt(x * x + y * y)


@inner
def made(t, radius, eo, tree, space):
    """Make the skip t, but for its linear terms, from what is in ``space``, as large as it may be for what it drops.

    With a radius s times as large, the terms z**i c**j are s**i times as large. A skip may drop the share ``DROPPED``
    of A z and of B c. That holds everywhere if it holds at the corners of |zeta| <= s, |gamma| <= 1.
    """
    rows, _, exponents, radii, bounds = tree
    coefficients, dropping, errors = space[3], space[4], space[5]
    first = at(TOP)
    most = DROPPED * magnitude(coefficients[1].real, coefficients[1].imag)
    own = dropping[first + TOP]
    left = most - dropping[first + TOP - 1]
    exponents[t, 0] = exponents[t, 1] = 0
    radii[t] = 0.0
    if not (left > 0.0 and own <= DROPPED * magnitude(coefficients[2].real, coefficients[2].imag)):
        return
    s = 1.0
    for i in range(2, TOP + 1):
        over = (TOP - 1) * dropping[first + TOP - i]
        if over > left:
            s = min(s, math.exp(math.log(left / over) / (i - 1)))
    if s < _LEAST:
        return
    largest, unit = 0.0, 1.0
    for i in range(TOP + 1):
        for j in range(TOP + 1 - i):
            n = at(i + j) + j
            if i + j == TOP:
                bounds[t, j] = dropping[n] * unit
            elif n > 0:
                u, v = coefficients[n].real * unit, coefficients[n].imag * unit
                rows[t, 2 * n], rows[t, 2 * n + 1] = u, v
                largest = max(largest, max(abs(u), abs(v)))
        unit *= s
    unit, k = unit_of(largest)
    for n in range(2, SHARE):
        rows[t, n] *= unit
    for j in range(TOP + 1):
        bounds[t, j] *= unit
    bounds[t, TOP + 1] = errors[0] * s * s * unit
    bounds[t, TOP + 2] = errors[1] * s * unit
    bounds[t, TOP + 3] = errors[2] * unit
    radius = wide_multiply(radius, widened(s))
    radii[t] = radius[0]
    exponents[t, 0], exponents[t, 1] = radius[1], eo + k
