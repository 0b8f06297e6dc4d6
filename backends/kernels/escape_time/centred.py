"""From z - K, which the loops iterate, to z; K is mostly the critical point.

And whose turn it is, where several formulas take turns.

This file is compiled as ``escape.py`` is.
"""

from __future__ import annotations

from deepzoom.backends.kernels.escape_time.formula_placeholder import KX, KY, LOOP_TURN, RX, RY, TURN_COUNT
from deepzoom.compiling.jit import inner

MOST_BEYOND = 100
"""The most steps from the exit to ``FAR``."""


@inner
def turn_of(n):
    """The turn of the step after n others."""
    if LOOP_TURN == 0:
        return n % TURN_COUNT if TURN_COUNT > 1 else 0
    return n if n < TURN_COUNT else LOOP_TURN + (n - LOOP_TURN) % (TURN_COUNT - LOOP_TURN)


@inner
def turn_before(n):
    """The turn of the last of n steps; the last turn if there is none."""
    return turn_of(n - 1) if TURN_COUNT > 1 and n > 0 else TURN_COUNT - 1


@inner
def true_x(x):
    """The real part of z, from that of z - K."""
    return x + KX if KX != 0.0 else x


@inner
def true_y(y):
    """The imaginary part of z, from that of z - K."""
    return y + KY if KY != 0.0 else y


@inner
def rebased_x(x):
    """The real part, relative to the point that pixels rebase to."""
    return x - RX if RX != 0.0 else x


@inner
def rebased_y(y):
    """The imaginary part, relative to that point."""
    return y - RY if RY != 0.0 else y


@inner
def beyond_radius(excess, zx, zy, x, y):
    """|Z + z|**2 - radius**2 from |Z|**2 - radius**2; Z is given less K. It is exact however close to the radius."""
    zx, zy = true_x(zx), true_y(zy)
    return excess + ((zx + zx + x) * x + (zy + zy + y) * y)
