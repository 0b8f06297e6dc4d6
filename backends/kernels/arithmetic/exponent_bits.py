"""Mantissa and exponent of a float64, and powers of two, by their bits: many times as fast as with libm."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from deepzoom.compiling.jit import inner

_BIAS, _SPECIAL = 1023, 0x7FF  # values of the 11 exponent bits: for 2**0; for infinities and NaN


@intrinsic
def bits_of(typingctx: Any, x: Any) -> Any:
    """The bits of a float64 as an int64."""
    kind = ir.IntType(64)
    return types.int64(types.float64), lambda context, builder, signature, args: builder.bitcast(args[0], kind)


@intrinsic
def float_of(typingctx: Any, bits: Any) -> Any:
    """The float64 of these bits."""
    kind = ir.DoubleType()
    return types.float64(types.int64), lambda context, builder, signature, args: builder.bitcast(args[0], kind)


@inner
def normal_split(x):
    """(m, e) with x = m 2**e and 1/2 <= |m| < 1, or (x, 0) for 0, infinities and NaN. x may not be denormal."""
    bits = bits_of(x)
    e = (bits >> 52) & _SPECIAL
    other = e == 0 or e == _SPECIAL
    m = float_of(bits + ((_BIAS - 1 - e) << 52))
    return (x if other else m), (np.int64(0) if other else e - (_BIAS - 1))


@inner
def split(x):
    """The same, for denormal numbers too."""
    if 0.0 < abs(x) < 2.0**-1022:
        m, e = normal_split(x * 2.0**64)
        return m, e - 64
    return normal_split(x)


@inner
def power_of_two(e):
    """2**e as a float64, e from -1022 to 1023."""
    return float_of((e + _BIAS) << 52)


@inner
def two_to(e):
    """2**e as a float64; 0 for e below -1074, 2**1020 for e above 1020."""
    if e >= -1022:
        return power_of_two(min(e, np.int64(1020)))
    return 0.0 if e < -1074 else power_of_two(e + 64) * 2.0**-64


@inner
def unit_of(largest):
    """(2**-e, e): 2**-e scales numbers so that the largest of them is between 1/2 and 1. e is -1000 at least."""
    _, e = split(largest)
    e = max(e, np.int64(-1000))
    return two_to(-e), e
