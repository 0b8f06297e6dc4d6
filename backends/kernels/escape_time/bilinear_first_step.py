"""Skips of one step, of which all others are made, for maps that fold: from the formula's derivatives.

This file is compiled together with the code of a formula, as ``escape.py`` is.
"""

from __future__ import annotations

from math import inf

import numpy as np

from deepzoom.backends.kernels.arithmetic.floatexp import WIDE_ZERO, narrowed, wide_less, widened
from deepzoom.backends.kernels.escape_time.bilinear_skips import SHARE, normal, singular_values
from deepzoom.backends.kernels.escape_time.formula_placeholder import curvature, fold_distance, lost, tangent
from deepzoom.compiling.jit import inner

EPSILON = 2.0**-53
"""Share of |A z| that one step of a skip may drop."""
_MOST_SHARE = 2.0**-40
_LEAST_SLOPE = 2.0**-500


@inner
def room():
    """An array in which ``followed`` computes."""
    return np.zeros(4)


@inner
def one_step(t, at_z, c, size, gap, kept, m, turn, tree, space):
    """Make the skip t: one step from the reference's x + iy; pixels within ``gap`` of the reference have not ended.

    at_z, c: as for the skips of complex-differentiable maps, whose rests are not used.
    """
    x, y, _ = at_z
    cx, cy = c[0][0], c[1][0]
    rows, bs, exponents, radii, _ = tree
    narrow = narrowed(size)
    a, b = rows[t, 2:6], bs[t]
    a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3] = tangent(x, y, cx, cy, turn)
    by_z, mixed, by_c = curvature(x, y, cx, cy, turn)
    _, least = singular_values(a[0], a[1], a[2], a[3])
    _, least_c = singular_values(b[0], b[1], b[2], b[3])
    share = EPSILON * (1.0 + lost(x, y, cx, cy, turn) / least) if least > 0.0 else 1.0
    rows[t, SHARE] = share
    left = EPSILON * least - mixed * narrow
    radius = 0.0
    # where only the square of c moves f, or f_z is nearly singular, float64 may lose what moves a pixel
    served = least > _LEAST_SLOPE and (least_c > _LEAST_SLOPE or by_c == 0.0)
    if served and left > 0.0 and by_c * narrow <= EPSILON * least_c and share < _MOST_SHARE:
        radius = left / by_z if by_z > 0.0 else inf
        radius = min(radius, fold_distance(x, y, cx, cy, narrow, kept, m, turn))
    wide_radius = widened(min(radius, 1.0)) if radius > 0.0 else WIDE_ZERO
    if wide_less(gap, wide_radius):
        wide_radius = gap
    for i in range(4):
        b[i] *= size[0]
    radii[t] = wide_radius[0]
    exponents[t, 0], exponents[t, 1], exponents[t, 2] = wide_radius[1], normal(a, np.int64(0)), normal(b, size[1])
