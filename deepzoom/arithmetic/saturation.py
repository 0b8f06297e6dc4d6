"""Where float64 cannot hold how near tanh, exp or softplus are to their limits, differences still cross over.

A pixel's argument ``A + a`` can have the other sign although ``tanh(A)`` is 1 to all digits. So such a reference is
taken to stand at ``A0 = +-LAST`` instead, and ``A - A0`` is added to the difference. That changes ``tanh(A + a) -
tanh(A)`` by ``1 - tanh(LAST)``, 1e-278, which is less than any difference that float64 carries here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .numpy_operations import Arithmetic, floats
from .scaled import reference_slope

Floats = NDArray[np.float64]

LAST = 320.0
"""Largest argument of tanh at which a reference stands: float64 holds 1 - tanh of it, and exp of twice as much more."""
LAST_ROOM = 2.0 / (math.exp(2.0 * LAST) + 1.0)
"""1 - tanh(LAST)."""
SCALE = 2.0 / math.log(2.0)
LEAST = -690.0
"""Of a reference's argument below this, exp counts as 0 beside that of a pixel, which is computed as it is."""


def tanh_side(z: Any, h: Any) -> Floats:
    """1 - |tanh(z)|, with all its digits; beyond ``LAST`` ``(LAST - |z|) 2 / ln 2``, which is negative.

    h: tanh(z), exact or float64.
    """
    with np.errstate(over="ignore"):
        size = np.abs(floats(z))
        exact = isinstance(h, Arithmetic)
        room = floats(reference_slope(h)) / (1.0 + np.abs(floats(h))) if exact else 2.0 / (np.exp(2.0 * size) + 1.0)
        return np.where(size > LAST, -SCALE * (size - LAST), room)


def rounded_exp(z: Any) -> Floats:
    """exp of z rounded to float64, which also holds what is below the last bit of an exact number."""
    with np.errstate(over="ignore"):
        return np.exp(floats(z))
