"""Where tanh and exp are so near their limits that float64 cannot hold how near, differences must still cross over.

A pixel's argument ``A + a`` can have the other sign although ``tanh(A)`` is 1 to all digits. So such a reference is
taken to stand at ``A0 = +-LAST`` instead, and ``A - A0`` is added to the difference. That changes ``tanh(A + a) -
tanh(A)`` by ``1 - tanh(LAST)``, 1e-278, which is less than any difference that float64 carries here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .numpy_operations import floats
from .tanh_slope import tanh_slope

Floats = NDArray[np.float64]

LAST = 320.0
"""Largest argument of tanh at which a reference stands: float64 holds 1 - tanh of it, and exp of twice as much more."""
LAST_ROOM = 2.0 / (math.exp(2.0 * LAST) + 1.0)
"""1 - tanh(LAST)."""
SCALE = 2.0 / math.log(2.0)
LEAST = -690.0
"""Least argument of exp at which a reference stands."""


def tanh_side(z: Any, h: Any) -> Floats:
    """1 - |tanh(z)|, with all its digits; beyond ``LAST`` ``(LAST - |z|) 2 / ln 2``, which is negative.

    h: tanh(z), exact or float64.
    """
    with np.errstate(over="ignore"):
        beyond = np.abs(floats(z)) - LAST
        room = floats(tanh_slope(h)) / (1.0 + np.abs(floats(h)))
        return np.where(beyond > 0, -SCALE * beyond, room)


def exp_within(z: Any) -> Floats:
    """exp(z) in float64, of what is at least ``LEAST``."""
    with np.errstate(over="ignore"):
        return np.exp(np.maximum(floats(z), LEAST))


def exp_beyond(z: Any) -> Floats:
    """What z is below ``LEAST``: at most 0."""
    return np.minimum(floats(z) - LEAST, 0.0)
