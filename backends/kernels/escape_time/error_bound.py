"""The bound of what rounding has made of a pixel's iterate, which goes along with the pixel.

This file is compiled as ``escape.py`` is.
"""

from __future__ import annotations

from deepzoom.backends.kernels.escape_time.formula_placeholder import BEND, CONFORMAL, RX, RY, curvature, stretch
from deepzoom.compiling.jit import inner

ROUNDING = 2.0**-53
OF_A_STEP = 8.0 * ROUNDING
"""Share of |A z| that rounding changes in one step: of Z, of the products and of their sums."""
OF_THE_PARTS = 4.0 * ROUNDING
"""Share of the parts of f that rounding changes in one step."""
UNDERFLOW = 2.0**-1020
"""What a step loses below float64's range, counted with room for what it is multiplied with in the step."""
BENDING = 2.0**20
"""Where |f_z| is above this times the error, it changes within the error by a share of 2**-20 times what f bends."""


@inner
def steepest(by_z, x, y, a, b, error):
    """What an error at z - K = x + iy is multiplied with: |f_z|, by_z, and what f bends within the error.

    Of a quadratic map that is all. Of others, which bend less at their critical point than close to it, f_z grows from
    there to the far end of the error where it is within reach.
    """
    if BEND > 0.0:
        return by_z + BEND * error
    if by_z < BENDING * error:
        by_z += curvature(x, y, a, b)[0] * error
        near = abs(x - RX) + abs(y - RY)
        if near < 64.0 * error:
            far = near + error
            by_z = max(by_z, 2.0 * stretch(RX + far, RY, a, b)[0])
            if not CONFORMAL:  # slopes may vanish along one axis alone
                by_z = max(by_z, 2.0 * stretch(RX, RY + far, a, b)[0])
                by_z = max(by_z, 2.0 * stretch(RX + far, RY + far, a, b)[0])
                by_z = max(by_z, 2.0 * stretch(RX + far, RY - far, a, b)[0])
    return by_z


@inner
def repeated(error, kept_error):
    """(whether an orbit at the same number again goes on so for ever, its error), kept_error: that of the time before.

    It does where the error has not grown. Else it goes on with a larger one, which may not grow any more.
    """
    if error <= kept_error or error > 1.0:
        return True, error
    return False, 4.0 * error


@inner
def seen_before(x, y, error, seen):
    """After a rebase: (whether a pixel stays for ever, its error, what to remember of it).

    seen: how often it rebased, when to keep z for comparison, z then and its error. z: float64 or double-double.
    """
    rebased, keep, kept_x, kept_y, kept_error = seen
    if x == kept_x and y == kept_y:
        ever, error = repeated(error, kept_error)
        kept_error = error
        if ever:
            return True, error, (rebased, keep, kept_x, kept_y, kept_error)
    rebased += 1
    if rebased == keep:
        kept_x, kept_y, kept_error, keep = x, y, error, 2 * rebased
    return False, error, (rebased, keep, kept_x, kept_y, kept_error)
