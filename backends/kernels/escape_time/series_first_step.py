"""Skips of one step, of which all others are made, for complex-differentiable maps: from the formula's Taylor series.

This file is compiled together with the code of a formula, as ``escape.py`` is.
"""

from __future__ import annotations

import numpy as np

from deepzoom.backends.kernels.arithmetic.double_double import double_multiply
from deepzoom.backends.kernels.arithmetic.exponent_bits import two_to
from deepzoom.backends.kernels.arithmetic.floatexp import narrowed, wide_less, widened
from deepzoom.backends.kernels.escape_time.error_bound import ROUNDING
from deepzoom.backends.kernels.escape_time.formula_placeholder import IN_DOUBLE, TAYLOR_ROWS, double_step, lost, taylor
from deepzoom.backends.kernels.escape_time.power_series import COEFFICIENTS, TOP, at
from deepzoom.backends.kernels.escape_time.series_linear_terms import (
    IN_PAIRS,
    in_double,
    put_linear,
    refreshed,
    sums_of,
)
from deepzoom.backends.kernels.escape_time.series_skip_radius import made, magnitude
from deepzoom.backends.kernels.escape_time.skip_sizes import ORDER
from deepzoom.compiling.jit import inner

OF_A_COEFFICIENT = 2.0**-52
"""Rounding error of a step's coefficient where nothing cancels."""
_LEAST_SLOPE = 2.0**-500
_ROOM = 1.0 / 16.0
"""Share of |A / D|, the first two coefficients of a step, within which its series falls off fast."""
_MOST_SHARE = 2.0**-40
"""Largest such error of a step in a skip: beyond it the parts of a step cancel too much."""


@inner
def room():
    """Arrays in which ``one_step`` and ``followed`` compute."""
    return (
        np.zeros((TAYLOR_ROWS, COEFFICIENTS)),
        np.zeros((ORDER + 1, COEFFICIENTS), np.complex128),
        np.zeros((TOP + 1, COEFFICIENTS)),
        np.zeros(COEFFICIENTS, np.complex128),
        np.zeros(COEFFICIENTS),
        np.zeros(3),
    )


@inner
def _without_c(w, re, im):
    """Whether c occurs in a step's series only in products with z."""
    size = 0.0
    for d in range(1, TOP + 1):
        size += abs(w[re, at(d) + d]) + abs(w[im, at(d) + d])
    return size == 0.0


@inner
def _off(t, x, y, bend, mixed, by_z, by_c, rests, more):
    """Shares by which A and B of a step are off; more: what the parts of a step cancel, relative to A."""
    if not IN_DOUBLE:
        return OF_A_COEFFICIENT * (1.0 + more), OF_A_COEFFICIENT * (1.0 + more)
    a_off = IN_PAIRS * (1.0 + more) + 2.5 * bend * rests[2] / by_z
    return a_off, (IN_PAIRS * (1.0 + more * by_z / by_c) + mixed * rests[2] / by_c if by_c > 0.0 else 0.0)


@inner
def _errors(w, re, im, off, shift, space):
    """Fill in how far coefficients beyond the linear ones are off: by a share, and as they are those of Z as float64.

    shift: the rest of Z, in units of the radius.
    """
    coefficients, dropping, errors = space[3], space[4], space[5]
    sizes = space[2]
    more_z, more_both, more_c = 0.0, 0.0, 0.0
    for d in range(TOP + 1):
        for j in range(d + 1):
            n = at(d) + j
            size = dropping[n] if d == TOP else abs(coefficients[n])
            sizes[0, n] = size if 0 < d < TOP else 0.0
            if d > 2 and d - j > 0:
                more_c += size if j > 1 else 0.0
                more_both += size if j > 0 and d - j > 1 else 0.0
                more_z += size if d - j > 2 else 0.0
    c, _, powers, mixed, cubic = sums_of(sizes[0])
    shift *= 8.0
    errors[0], errors[1] = off * (powers + cubic) + shift * more_z, off * mixed + shift * more_both
    errors[2] = off * c + shift * more_c


@inner
def one_step(t, at_z, c, size, gap, kept, m, turn, tree, space):
    """Make the skip t: one step from the reference's x + iy; pixels within ``gap`` of the reference have not ended.

    at_z: x, y, and what float64 leaves of them (``orbit_rests.py``); c: its parts in double-double.
    """
    w, coefficients, dropping = space[0], space[3], space[4]
    x, y, rests = at_z
    cx, cy = c[0][0], c[1][0]
    re, im = taylor(x, y, cx, cy, w, turn)
    slope, bend = magnitude(w[re, 1], w[im, 1]), magnitude(w[re, 3], w[im, 3])
    radius = widened(min(1.0, _ROOM * slope / bend) if bend > 0.0 else 1.0)
    if wide_less(gap, radius):
        radius = gap
    more = lost(x, y, cx, cy, turn) / slope if slope > 0.0 else 0.0
    # where only higher powers of c move f, or f_z is nearly 0, float64 may lose what moves a pixel
    by_c = magnitude(w[re, 2], w[im, 2])
    served = slope > _LEAST_SLOPE and (by_c > _LEAST_SLOPE or _without_c(w, re, im))
    if not (served and OF_A_COEFFICIENT * (1.0 + more) < _MOST_SHARE and radius[1] > -900):
        tree[3][t] = 0.0
        return
    unit, whole, by_z = narrowed(size), narrowed(radius), two_to(-radius[1])
    for i in range(TOP + 1):
        factor = by_z
        for j in range(TOP + 1 - i):
            n = at(i + j) + j
            if i + j == TOP:
                dropping[n] = magnitude(w[re, n], w[im, n]) * factor
            else:
                coefficients[n] = complex(w[re, n] * factor, w[im, n] * factor)
            factor *= unit
        by_z *= whole
    _errors(w, re, im, 4.0 * OF_A_COEFFICIENT * (1.0 + more), ROUNDING * (abs(x) + abs(y)) / whole, space)
    a, b = ((w[re, 1], 0.0), (w[im, 1], 0.0)), ((w[re, 2], 0.0), (w[im, 2], 0.0))
    if IN_DOUBLE:
        _, _, p, q, u, v = double_step((x, rests[0]), (y, rests[1]), c[0], c[1], turn)
        a, b = (p, q), (u, v)
    a_off, b_off = _off(t, x, y, bend, magnitude(w[re, 4], w[im, 4]), slope, by_c, rests, more)
    made(t, radius, radius[1], tree, space)
    mantissa = size[0], 0.0
    scaled = in_double(double_multiply(b[0], mantissa), double_multiply(b[1], mantissa), size[1])
    put_linear(t, in_double(*a, np.int64(0)), scaled, a_off, b_off, tree)
    if tree[3][t] > 0.0:
        refreshed(t, tree)
