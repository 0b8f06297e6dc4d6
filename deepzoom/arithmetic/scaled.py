"""Exact numbers that keep their leading bits however small they are: a mantissa and a power of two each.

The slope of tanh, ``1 - h * h`` where h is its value, needs them. In fixed point, that difference loses its digits
where a unit is saturated, and becomes 0 below the last bit. But a derivative of the loss can grow by as much, so that
their product still moves a weight. Therefore exact values of tanh come with their slope, ``4 exp(-2 |z|) / (1 + exp(-2
|z|))**2``, as a mantissa and a power of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import fixed_point as kernels
from .arrays import moved
from .exact import Exact, lifted, products
from .numpy_operations import Arithmetic, Move, rules_of

_TO_ZERO = 2048  # brings any mantissa below the smallest float64


class Scaled(Arithmetic):
    """Array of numbers ``mantissa * 2**-shift``, a shift (int64) each, so that small ones keep their leading bits.

    Their product with Exact numbers is rounded to the last bit of those. What has no rule here takes them as Exact.
    """

    rank = 2
    rules = {}

    def __init__(self, mantissa: Exact, shift: NDArray[np.int64]) -> None:
        self.mantissa = mantissa
        self.shift = shift

    @classmethod
    def of(cls, value: Any, bits: int) -> Scaled:
        """Any number as one of these."""
        if isinstance(value, Scaled):
            return value
        exact = lifted(value, bits)
        return cls(exact, np.zeros(exact.shape, np.int64))

    @property
    def bits(self) -> int:
        return self.mantissa.bits

    @property
    def shape(self) -> tuple[int, ...]:
        return self.mantissa.shape

    def exact(self) -> Exact:
        """Rounded to the last bit of the mantissa."""
        digits = self.mantissa.flat().astype(np.int64)
        kernels.shift_down(digits, self.shift.ravel())
        return Exact.balanced(digits, self.shape, self.mantissa.point)

    def floats(self, exponent: int = 0) -> NDArray[np.float64]:
        shift = np.clip(self.shift + exponent, -_TO_ZERO, _TO_ZERO).astype(np.int32)
        return np.ldexp(self.mantissa.floats(), -shift)

    def moved(self, move: Move) -> Scaled:
        return Scaled(self.mantissa.moved(move), moved(self.shift, move))

    def sum(self, axis: tuple[int, ...] | None = None) -> Exact:
        """The sum over some axes, or all."""
        return self.exact().sum(axis)

    def joined(self, arrays: Sequence[Any], axis: int) -> Scaled:
        numbers = [Scaled.of(p, self.bits) for p in arrays]
        return Scaled(
            numbers[0].mantissa.joined([n.mantissa for n in numbers], axis),
            np.concatenate([n.shift for n in numbers], axis=axis),
        )


def _register_as_exact(ufunc: np.ufunc) -> None:
    def apply(*inputs: Any) -> Any:
        return ufunc(*(x.exact() if isinstance(x, Scaled) else x for x in inputs))

    rules_of(Scaled.rules)(ufunc)(apply)


for _ufunc in Exact.rules:
    _register_as_exact(_ufunc)


@rules_of(Scaled.rules)(np.multiply)
def _multiply(a: Any, b: Any) -> Exact | Scaled:
    number, factor = (a, b) if isinstance(b, Scaled) else (b, a)
    if isinstance(number, Scaled):
        return Scaled(number.mantissa * factor.mantissa, number.shift + factor.shift)
    number = lifted(number, factor.bits)
    shape = np.broadcast_shapes(number.shape, factor.shape)
    digits = products(number, factor.mantissa, shape)
    kernels.shift_down(digits, np.broadcast_to(factor.shift, shape).ravel())
    return Exact.balanced(digits, shape, number.point)


def reference_slope(h: Any) -> Any:
    """1 - h * h, of values h of tanh that are no differences; of exact ones with all its leading bits."""
    return Scaled(*h.slope) if isinstance(h, Exact) and h.slope is not None else 1.0 - h * h
