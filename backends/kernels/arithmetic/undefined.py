"""Operations that do not hide what float64 has lost: their result is NaN where the true one may be any number.

A quotient swallows an overflow: ``g / sqrt(g * g)`` would be 0 for g beyond 1e154. A comparison with NaN is false, so
``maximum`` and ``where`` would go on as if nothing had happened. NaN instead reaches the loss and leaves the pixel
unsettled; exact runs do the same (``tracing/undefined.py``).
"""

from __future__ import annotations

import math

from deepzoom.compiling.jit import inner

from .simd import magnitude, where_less


@inner
def divided(a, b):
    """a / b in each lane; NaN where b is infinite and a is not 0."""
    found = a / b
    lost = where_less(0.0, magnitude(a), math.nan, found)
    return where_less(magnitude(b), math.inf, found, lost)


@inner
def positive(x):
    """1 where x is above 0, else 0; NaN of NaN."""
    return where_less(0.0, x, 1.0, where_less(x, 5e-324, 0.0, math.nan))


@inner
def select(condition, a, b):
    """a where the condition is 1, b where it is 0; NaN where it is NaN."""
    return where_less(0.5, condition, a, where_less(condition, 0.5, b, math.nan))
