"""Functions of ``scaled_functions.py`` for eight pixels in the lanes of vectors."""

from __future__ import annotations

from deepzoom.backends.kernels.arithmetic.lanes import normal_power_of_two, spread, where
from deepzoom.compiling.jit import inner


@inner
def lane_sign(x):
    """``sign``."""
    return where(x > 0.0, spread(1.0), where(x < 0.0, spread(-1.0), spread(0.0)))


@inner
def lane_folded(A, a, s):
    """``folded``."""
    there = A + s * a
    across = a + 2.0 * A / s
    above = where(there >= 0.0, a, -across)
    below = where(there <= 0.0, -a, across)
    return where(A > 0.0, above, where(A < 0.0, below, abs(a)))


@inner
def lane_two_to(e):
    """``two_to``."""
    low, lost = e < -1022, e < -1074
    power = normal_power_of_two(where(lost, 0, where(low, e + 64, where(e < 1020, e, 1020))))
    return where(lost, 0.0, where(low, power * 2.0**-64, power))
