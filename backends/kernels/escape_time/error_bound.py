"""The error bound that goes along with a pixel: how far rounding may have moved its iterate.

This file is compiled as ``escape.py`` is.
"""

from __future__ import annotations

from deepzoom.backends.kernels.escape_time.formula_placeholder import BEND, CONFORMAL, RX, RY, curvature, stretch
from deepzoom.compiling.jit import inner

ROUNDING = 2.0**-53
OF_A_STEP = 8.0 * ROUNDING
"""Rounding error of one step as a share of |A z|: of Z, of the products and of their sums."""
OF_THE_PARTS = 4.0 * ROUNDING
"""Rounding error of one step as a share of the parts of f."""
UNDERFLOW = 2.0**-1020
"""What a step may lose below float64's range, with room for the factors of that step."""
BENDING = 2.0**20
"""Where |f_z| is above this times the error, f_z changes within the error by 2**-20 of the curvature at most."""


@inner
def steepest(by_z, x, y, a, b, error, turn):
    """The factor of an error at z - K = x + iy in a step: |f_z|, which is by_z, plus the curvature within the error.

    For a quadratic map this is exact. Other maps curve less at their critical point than close to it: where that point
    is within reach of the error, f_z at the far end of the error counts, too. turn: the step's.
    """
    if BEND > 0.0:
        return by_z + BEND * error
    if by_z < BENDING * error:
        by_z += curvature(x, y, a, b, turn)[0] * error
        near = abs(x - RX) + abs(y - RY)
        if near < 64.0 * error:
            far = near + error
            by_z = max(by_z, 2.0 * stretch(RX + far, RY, a, b, turn)[0])
            if not CONFORMAL:  # slopes may vanish along one axis alone
                by_z = max(by_z, 2.0 * stretch(RX, RY + far, a, b, turn)[0])
                by_z = max(by_z, 2.0 * stretch(RX + far, RY + far, a, b, turn)[0])
                by_z = max(by_z, 2.0 * stretch(RX + far, RY - far, a, b, turn)[0])
    return by_z


@inner
def repeated(error, kept_error):
    """Of an orbit that comes back to the same number: (whether it does so for ever, its error).

    kept_error: its error the time before. It repeats for ever if the error has not grown; else it goes on with a larger
    error, which may then grow no more.
    """
    if error <= kept_error or error > 1.0:
        return True, error
    return False, 4.0 * error


@inner
def seen_before(x, y, turn, error, seen):
    """After a rebase: (whether the pixel's orbit repeats for ever, its error, the new ``seen``).

    turn: the next step's. seen: how often it rebased, when to keep z for comparison, z then, its
    turn and its error. z: float64 or double-double.
    """
    rebased, keep, kept_x, kept_y, kept_turn, kept_error = seen
    if x == kept_x and y == kept_y and turn == kept_turn:
        ever, error = repeated(error, kept_error)
        kept_error = error
        if ever:
            return True, error, (rebased, keep, kept_x, kept_y, kept_turn, kept_error)
    rebased += 1
    if rebased == keep:
        kept_x, kept_y, kept_turn, kept_error, keep = x, y, turn, error, 2 * rebased
    return False, error, (rebased, keep, kept_x, kept_y, kept_turn, kept_error)
