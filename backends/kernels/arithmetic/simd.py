"""A SIMD vector as a Numba type: ``LANES`` float64 values, one pixel in each lane.

Numba vectorises a loop only where LLVM can prove that this is safe. A training step of eight pixels is the same
straight-line code in every lane, so it uses an explicit vector instead: ``+ - * /`` and the functions below act on all
lanes. LLVM turns the vector into what the machine has (AVX-512, AVX2, NEON).

The functions take vectors of any width, or float64 numbers where no argument is a vector. On a GPU each lane is a
thread and all values are float64: ``load`` and ``store`` reach the thread's own lane, and loops over lanes go from
``first_lane()`` to ``past_lane()``.

Arithmetic has the ``contract`` flag only: a product and a sum may be fused, but nothing is reordered, so that the
rounding tricks in ``tanh.py`` hold. ``simd_llvm.py`` has the LLVM code.
"""

from __future__ import annotations

import operator
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from deepzoom.compiling.jit import inner

from .simd_llvm import (
    ALL_BUT_SIGN,
    CONTRACT,
    WIDTH,
    VectorType,
    constant,
    emit_clamp,
    emit_data,
    emit_load,
    emit_magnitude,
    emit_negated,
    emit_pointer,
    emit_power_of_two,
    emit_splat,
    emit_store,
    emit_thread,
    emit_where_opposed,
    emit_with_sign,
    lanes_of,
    lifted,
    on_cpu,
    signature_of,
    vector_or_scalar,
)

_f64, _i32, _i64 = ir.DoubleType(), ir.IntType(32), ir.IntType(64)

LANES = np.int64(WIDTH)
"""float64 values in one vector: 8 with AVX-512, else 4 (one AVX register, or two of NEON).

It is an int64, not an int: Numba would compile every routine anew for each literal int in its calls.
"""

SIXTEEN_REGISTERS = WIDTH == 4 and llvmlite.binding.get_process_triple().startswith("x86_64")
"""Whether there are only 16 registers of 4 values each: x86 without AVX-512 (NEON has 32 of 2 values)."""


def elementwise(arity: int, emit: Any) -> Any:
    """An intrinsic on ``arity`` values; ``emit(builder, *values)`` makes its code.

    Where one argument is a vector, float64 arguments are copied into all lanes.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        result = signature.return_type
        if isinstance(result, VectorType):
            kind = context.get_value_type(result)
            args = [lifted(builder, k, value, kind) for k, value in zip(signature.args, args)]
        return emit(builder, *args)

    if arity == 1:

        def one(typingctx: Any, a: Any) -> Any:
            return signature_of(a), codegen

        return intrinsic(one)
    if arity == 2:

        def two(typingctx: Any, a: Any, b: Any) -> Any:
            return signature_of(a, b), codegen

        return intrinsic(two)
    if arity == 3:

        def three(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
            return signature_of(a, b, c), codegen

        return intrinsic(three)

    def four(typingctx: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        return signature_of(a, b, c, d), codegen

    return intrinsic(four)


_add = elementwise(2, lambda b, x, y: b.fadd(x, y, flags=CONTRACT))
_subtract = elementwise(2, lambda b, x, y: b.fsub(x, y, flags=CONTRACT))
_multiply = elementwise(2, lambda b, x, y: b.fmul(x, y, flags=CONTRACT))
_divide = elementwise(2, lambda b, x, y: b.fdiv(x, y, flags=CONTRACT))
_negate = elementwise(1, lambda b, x: b.fsub(constant(-0.0, x.type), x, flags=CONTRACT))

fma = elementwise(3, lambda b, x, y, z: b.fadd(b.fmul(x, y, flags=CONTRACT), z, flags=CONTRACT))
"""``a * b + c`` (one rounding where the machine fuses)."""
magnitude = elementwise(1, emit_magnitude)
"""|a| in each lane."""
with_sign = elementwise(2, emit_with_sign)
"""|a| with the sign of b."""
clamp = elementwise(3, emit_clamp)
"""a between low and high; NaN stays NaN."""
power_of_two = elementwise(1, emit_power_of_two)
"""2**k, where k stands in the low mantissa bits of ``1.5 * 2**52 + k``."""
where_less = elementwise(4, lambda b, x, y, s, t: b.select(b.fcmp_ordered("<", x, y), s, t))
"""s where x < y, else t."""
where_opposed = elementwise(4, emit_where_opposed)
"""s where a and b have different signs, else t; 0 and NaN have the sign that their bits have."""
maximum = elementwise(2, lambda b, x, y: b.select(b.fcmp_ordered("<", x, y), y, x))
"""The larger of x and y; x where one is NaN."""
like = elementwise(2, lambda b, x, y: x)
"""The float64 a in every lane that b has."""


@intrinsic
def within(typingctx: Any, a: Any, most: Any) -> Any:
    """a, limited to -most .. most; the lower 32 bits of ``most`` are 0; NaN stays NaN.

    A GPU compares the upper halves as integers, which keeps its float64 units free.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, limit = args
        if on_cpu(typingctx):
            limit = lifted(builder, signature.args[1], limit, x.type)
            return emit_clamp(builder, x, emit_negated(builder, limit), limit)
        bits, most = builder.bitcast(x, _i64), builder.bitcast(limit, _i64)

        def upper(value: Any) -> Any:
            return builder.trunc(builder.lshr(value, ir.Constant(_i64, 32)), _i32)

        size = builder.and_(upper(bits), ir.Constant(_i32, 0x7FFFFFFF))
        room = builder.sub(ir.Constant(_i32, 0x7FF00001), upper(most))  # infinity is beyond the limit, NaN is not
        beyond = builder.icmp_unsigned("<", builder.sub(size, upper(most)), room)
        sign = builder.and_(bits, ir.Constant(_i64, -ALL_BUT_SIGN - 1))
        return builder.select(beyond, builder.bitcast(builder.or_(sign, most), _f64), x)

    return signature_of(a, most), codegen


@intrinsic
def quotient(typingctx: Any, a: Any, b: Any) -> Any:
    """a / b for b between 1e-302 and 1e302; on a GPU by 7 operations, to a unit in the last place."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if on_cpu(typingctx):
            kind = context.get_value_type(signature.return_type)
            x, y = (lifted(builder, k, v, kind) for k, v in zip(signature.args, args))
            return builder.fdiv(x, y, flags=CONTRACT)
        x, y = args
        kind = ir.FunctionType(_f64, [_f64])
        name = "llvm.nvvm.rcp.approx.ftz.d"
        near = builder.call(builder.module.globals.get(name) or ir.Function(builder.module, kind, name), [y])
        one = ir.Constant(_f64, 1.0)
        minus = builder.fsub(ir.Constant(_f64, -0.0), y)

        def fused(p: Any, q: Any, r: Any) -> Any:
            return builder.fadd(builder.fmul(p, q, flags=CONTRACT), r, flags=CONTRACT)

        lacks = fused(minus, near, one)  # about 2**-20; the next line leaves its third power
        inverse = fused(near, fused(lacks, lacks, lacks), near)
        rounded = builder.fmul(x, inverse)
        return fused(fused(minus, rounded, x), inverse, rounded)

    return signature_of(a, b), codegen


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

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit_splat(builder, args[0], lanes_of(typingctx))

    return vector_or_scalar(typingctx)(types.float64), codegen


@intrinsic
def load(typingctx: Any, array: Any, index: Any) -> Any:
    """The vector that starts at element ``index`` of a contiguous one-dimensional float64 array."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = lanes_of(typingctx)
        return emit_load(builder, emit_pointer(context, builder, signature.args[0], args[0], args[1], kind))

    return vector_or_scalar(typingctx)(array, types.intp), codegen


@intrinsic
def spread(typingctx: Any, array: Any, index: Any) -> Any:
    """Element ``index`` (not negative) of a contiguous one-dimensional float64 array, in every lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = emit_data(context, builder, signature.args[0], args[0])
        return emit_splat(builder, builder.load(builder.gep(data, [args[1]])), lanes_of(typingctx))

    return vector_or_scalar(typingctx)(array, types.intp), codegen


@intrinsic
def store(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Write a vector to ``LANES`` elements of the array, from ``index`` on."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = lanes_of(typingctx)
        emit_store(builder, args[2], emit_pointer(context, builder, signature.args[0], args[0], args[1], kind))
        return context.get_dummy_value()

    return types.void(array, types.intp, vector_or_scalar(typingctx)), codegen


def _bound(of_cpu: int, further: int) -> Any:
    @intrinsic
    def bound(typingctx):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            if on_cpu(typingctx):
                return ir.Constant(_i64, of_cpu)
            return builder.add(builder.zext(emit_thread(builder, WIDTH), _i64), ir.Constant(_i64, further))

        return types.int64(), codegen

    return bound


first_lane = _bound(0, 0)
"""The first lane that this thread works on: 0 on the CPU; on a GPU, its own lane."""
past_lane = _bound(WIDTH, 1)
"""One more than the last lane."""


@intrinsic
def vectors(typingctx: Any) -> Any:
    """Whether lanes are those of a vector, as on the CPU; a constant to the compiler."""
    truth = ir.Constant(ir.IntType(1), on_cpu(typingctx))
    return types.boolean(), lambda context, builder, signature, args: truth


@inner
def lane_array(count):  # type: ignore[no-untyped-def]
    """Uninitialised float64 array for ``count`` vectors, aligned to cache lines, so that no vector spans two."""
    line = 8
    raw = np.empty(count * LANES + line)
    skip = (-raw.ctypes.data // 8) % line
    return raw[skip : skip + count * LANES]
