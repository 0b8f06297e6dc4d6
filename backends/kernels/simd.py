"""A SIMD vector as a Numba type: ``LANES`` float64 values, one pixel in each lane.

Numba vectorises a loop only where LLVM can prove that it may. A training step over eight pixels at once is
the same straight-line code in every lane, so it is written with an explicit vector value instead: ``+ - * /``
and the functions below act on all lanes. LLVM lowers the vector to what the machine has (AVX-512, AVX2, NEON).

Arithmetic carries the ``contract`` flag alone: a product and a sum may become one fused operation, and nothing
is reordered, so that the rounding tricks in ``elementary.py`` hold.
"""

from __future__ import annotations

import operator
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, overload, register_model

from deepzoom.compiled import inner


def _native_lanes() -> int:
    chosen = numba.config.CPU_FEATURES  # NUMBA_CPU_FEATURES, where code for another machine is asked for
    wide = llvmlite.binding.get_host_cpu_features().get("avx512f") if chosen is None else "+avx512f" in chosen
    return 8 if wide else 4


_WIDTH: int = _native_lanes()
LANES = np.int64(_WIDTH)
"""float64 values in one vector: 8 with AVX-512, else 4 (one AVX register, or two of NEON).

An int64 and no int: Numba would compile every routine anew for each literal number it is called with.
"""

_f64 = ir.DoubleType()
_i64 = ir.IntType(64)
_i32 = ir.IntType(32)
VECTOR = ir.VectorType(_f64, _WIDTH)
_BITS = ir.VectorType(_i64, _WIDTH)
CONTRACT = ("contract",)


class VectorType(types.Type):
    """Numba type of a vector of ``LANES`` float64 values."""

    def __init__(self) -> None:
        super().__init__(name=f"float64x{_WIDTH}")


vector = VectorType()


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, VECTOR)


def emit_splat(builder: Any, scalar: Any) -> Any:
    """LLVM code that copies a float64 into every lane."""
    undefined = ir.Constant(VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(_i32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_i32, _WIDTH), [0] * _WIDTH))


def emit_pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """LLVM pointer to a vector that starts at element ``index`` of a contiguous float64 array."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), VECTOR.as_pointer())


def emit_load(builder: Any, pointer: Any) -> Any:
    value = builder.load(pointer)
    value.align = 8
    return value


def emit_store(builder: Any, value: Any, pointer: Any) -> None:
    builder.store(value, pointer).align = 8


def _constant(value: float) -> Any:
    return ir.Constant(VECTOR, [value] * _WIDTH)


def _lift(builder: Any, kind: Any, value: Any) -> Any:
    return value if isinstance(kind, VectorType) else emit_splat(builder, value)


def _elementwise(arity: int, emit: Any) -> Any:
    """Intrinsic on ``arity`` vectors (float64 arguments are splatted); ``emit(builder, *values)`` makes its code."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit(builder, *(_lift(builder, kind, value) for kind, value in zip(signature.args, args)))

    if arity == 1:

        def one(typingctx: Any, a: Any) -> Any:
            return vector(a), codegen

        return intrinsic(one)
    if arity == 2:

        def two(typingctx: Any, a: Any, b: Any) -> Any:
            return vector(a, b), codegen

        return intrinsic(two)
    if arity == 3:

        def three(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
            return vector(a, b, c), codegen

        return intrinsic(three)

    def four(typingctx: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        return vector(a, b, c, d), codegen

    return intrinsic(four)


def _call(name: str) -> Any:
    def emit(builder: Any, *values: Any) -> Any:
        kind = ir.FunctionType(VECTOR, [VECTOR] * len(values))
        full = f"llvm.{name}.v{_WIDTH}f64"
        function = builder.module.globals.get(full) or ir.Function(builder.module, kind, full)
        return builder.call(function, values)

    return emit


def _emit_clamp(builder: Any, x: Any, low: Any, high: Any) -> Any:
    # written so that a NaN in x comes through: a comparison with NaN is false
    x = builder.select(builder.fcmp_ordered("<", x, low), low, x)
    return builder.select(builder.fcmp_ordered(">", x, high), high, x)


def _emit_power_of_two(builder: Any, rounded: Any) -> Any:
    bits = builder.shl(builder.bitcast(rounded, _BITS), ir.Constant(_BITS, [52] * _WIDTH))
    return builder.bitcast(builder.add(bits, ir.Constant(_BITS, [1023 << 52] * _WIDTH)), VECTOR)


_add = _elementwise(2, lambda b, x, y: b.fadd(x, y, flags=CONTRACT))
_subtract = _elementwise(2, lambda b, x, y: b.fsub(x, y, flags=CONTRACT))
_multiply = _elementwise(2, lambda b, x, y: b.fmul(x, y, flags=CONTRACT))
_divide = _elementwise(2, lambda b, x, y: b.fdiv(x, y, flags=CONTRACT))
_negate = _elementwise(1, lambda b, x: b.fsub(_constant(-0.0), x, flags=CONTRACT))

fma = _elementwise(3, lambda b, x, y, z: b.fadd(b.fmul(x, y, flags=CONTRACT), z, flags=CONTRACT))
"""``a * b + c`` (one rounding where the machine fuses)."""
magnitude = _elementwise(1, _call("fabs"))
"""|a| in each lane."""
with_sign = _elementwise(2, _call("copysign"))
"""|a| with the sign of b."""
clamp = _elementwise(3, _emit_clamp)
"""a between low and high; NaN stays NaN."""
power_of_two = _elementwise(1, _emit_power_of_two)
"""2**k, where k stands in the low mantissa bits of ``1.5 * 2**52 + k``."""
where_less = _elementwise(4, lambda b, x, y, s, t: b.select(b.fcmp_ordered("<", x, y), s, t))
"""s where x < y, else t."""
maximum = _elementwise(2, lambda b, x, y: b.select(b.fcmp_ordered("<", x, y), y, x))
"""The larger of the two; x where they cannot be compared."""


def _register(function: Any, implementation: Any) -> None:
    @overload(function)
    def binary(a, b):  # type: ignore[no-untyped-def]
        kinds = (a, b)
        if any(isinstance(k, VectorType) for k in kinds) and all(
            isinstance(k, (VectorType, types.Float)) for k in kinds
        ):
            return lambda a, b: implementation(a, b)
        return None


for _function, _implementation in (
    (operator.add, _add),
    (operator.sub, _subtract),
    (operator.mul, _multiply),
    (operator.truediv, _divide),
):
    _register(_function, _implementation)


@overload(operator.neg)
def _overload_neg(a):  # type: ignore[no-untyped-def]
    if isinstance(a, VectorType):
        return lambda a: _negate(a)
    return None


@intrinsic
def splat(typingctx: Any, x: Any) -> Any:
    """The float64 x in every lane."""
    return vector(types.float64), lambda context, builder, signature, args: emit_splat(builder, args[0])


@intrinsic
def load(typingctx: Any, array: Any, index: Any) -> Any:
    """The vector that starts at element ``index`` of a contiguous one-dimensional float64 array."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit_load(builder, emit_pointer(context, builder, signature.args[0], args[0], args[1]))

    return vector(array, types.intp), codegen


@intrinsic
def store(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Write a vector to ``LANES`` elements of the array, from ``index`` on."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit_store(builder, args[2], emit_pointer(context, builder, signature.args[0], args[0], args[1]))
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), codegen


@inner
def lane_array(count):  # type: ignore[no-untyped-def]
    """Uninitialised float64 array for ``count`` vectors, on a cache-line boundary (a vector then never spans two)."""
    line = 8
    raw = np.empty(count * LANES + line)
    skip = (-raw.ctypes.data // 8) % line
    return raw[skip : skip + count * LANES]
