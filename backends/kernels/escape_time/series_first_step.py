"""Skips of one step, of which all others are made, for complex-differentiable maps: from the formula's Taylor series.

This file is compiled together with the code of a formula, as ``escape.py`` is.
"""

from __future__ import annotations

import numpy as np

from deepzoom.backends.kernels.arithmetic.exponent_bits import two_to
from deepzoom.backends.kernels.arithmetic.floatexp import narrowed, wide_less, widened
from deepzoom.backends.kernels.escape_time.formula_placeholder import TAYLOR_ROWS, lost, taylor
from deepzoom.backends.kernels.escape_time.power_series import COEFFICIENTS, TOP, at
from deepzoom.backends.kernels.escape_time.series_composition import mantissa_of
from deepzoom.backends.kernels.escape_time.series_skip_radius import made, magnitude
from deepzoom.backends.kernels.escape_time.series_skips import SHARE
from deepzoom.backends.kernels.escape_time.skip_sizes import ORDER
from deepzoom.compiling.jit import inner

OF_COEFFICIENTS = 2.0**-52
"""``SHARE`` of one step where nothing cancels."""
_LEAST_SLOPE = 2.0**-500
_ROOM = 1.0 / 16.0
"""Share of |A / D|, the first two coefficients of a step, within which its series falls off fast."""
_MOST_SHARE = 2.0**-40
"""Largest ``SHARE`` of a step in a skip: beyond it the parts of a step cancel too much."""


@inner
def room():
    """Arrays in which ``one_step`` and ``followed`` compute."""
    return (
        np.zeros((TAYLOR_ROWS, COEFFICIENTS)),
        np.zeros((ORDER + 1, COEFFICIENTS), np.complex128),
        np.zeros((TOP + 1, COEFFICIENTS)),
        np.zeros(COEFFICIENTS, np.complex128),
        np.zeros(COEFFICIENTS),
    )


@inner
def _without_c(w, re, im):
    """Whether c occurs in a step's series only in products with z."""
    size = 0.0
    for d in range(1, TOP + 1):
        size += abs(w[re, at(d) + d]) + abs(w[im, at(d) + d])
    return size == 0.0


@inner
def one_step(t, x, y, cx, cy, size, gap, kept, m, turn, tree, space):
    """Make the skip t: one step from the reference's x + iy; pixels within ``gap`` of the reference have not ended."""
    w, coefficients, dropping = space[0], space[3], space[4]
    re, im = taylor(x, y, cx, cy, w, turn)
    slope, bend = magnitude(w[re, 1], w[im, 1]), magnitude(w[re, 3], w[im, 3])
    radius = widened(min(1.0, _ROOM * slope / bend) if bend > 0.0 else 1.0)
    if wide_less(gap, radius):
        radius = gap
    share = OF_COEFFICIENTS * (1.0 + lost(x, y, cx, cy, turn) / slope) if slope > 0.0 else 1.0
    tree[0][t, SHARE] = share
    # where only higher powers of c move f, or f_z is nearly 0, float64 may lose what moves a pixel
    served = slope > _LEAST_SLOPE and (magnitude(w[re, 2], w[im, 2]) > _LEAST_SLOPE or _without_c(w, re, im))
    if not (served and share < _MOST_SHARE and radius[1] > -900):
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
    b, eb = mantissa_of(complex(w[re, 2], w[im, 2]) * size[0], size[1])
    made(t, radius, radius[1], b, eb, tree, space)
