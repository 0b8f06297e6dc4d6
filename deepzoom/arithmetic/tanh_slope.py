"""The slope of tanh, ``1 - h * h`` where h is its value.

In fixed point, that difference loses its digits where a unit is saturated, and becomes 0 below the last bit. But a
derivative of the loss can grow by as much, so that their product still moves a weight. Therefore exact values of tanh
come with their slope, ``4 exp(-2 |z|) / (1 + exp(-2 |z|))**2``, as a mantissa and a power of two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import fixed_point as kernels
from .delta import Delta
from .exact import Exact, products
from .numpy_operations import Arithmetic, rules_of

_TO_ZERO = 2048  # brings any mantissa below the smallest float64


class Scaled(Arithmetic):
    """Array of numbers ``mantissa * 2**-shift``, a shift (int64) each, so that small ones keep their leading bits.

    They can be multiplied with Exact numbers; the products are rounded to the last bit of those.
    """

    rank = 2
    rules = {}

    def __init__(self, mantissa: Exact, shift: NDArray[np.int64]) -> None:
        self.mantissa = mantissa
        self.shift = shift

    def floats(self) -> NDArray[np.float64]:
        return np.ldexp(self.mantissa.floats(), -np.minimum(self.shift, _TO_ZERO).astype(np.int32))


@rules_of(Scaled.rules)(np.multiply)
def _multiply(a: Any, b: Any) -> Exact:
    number, factor = (a, b) if isinstance(b, Scaled) else (b, a)
    shape = factor.mantissa.shape
    digits = products(number, factor.mantissa, shape)
    kernels.shift_down(digits, factor.shift.ravel())
    return Exact.balanced(digits, shape, number.point)


def tanh_slope(h: Any) -> Any:
    """1 - h * h, of values h of tanh; of exact ones with all its leading bits."""
    if isinstance(h, Delta):
        return Delta(tanh_slope(h.reference), (1.0 - h * h).difference)
    if isinstance(h, Exact) and h.slope is not None:
        return Scaled(*h.slope)
    return 1.0 - h * h
