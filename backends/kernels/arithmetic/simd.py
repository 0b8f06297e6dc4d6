"""A SIMD vector as a Numba type: ``LANES`` float64 values, one pixel in each lane.

Numba vectorises a loop only where LLVM can prove that it may. A training step over eight pixels at once is
the same straight-line code in every lane, so it is written with an explicit vector value instead: ``+ - * /``
and the functions below act on all lanes. LLVM lowers the vector to what the machine has (AVX-512, AVX2, NEON).

The functions below take vectors of any width, and plain float64 where no argument is a vector: on a GPU, where each
lane is a thread, there is nothing but float64. There ``load`` and ``store`` reach the thread's own lane, and loops over
lanes go from ``first_lane()`` to ``past_lane()``.

Arithmetic carries the ``contract`` flag alone: a product and a sum may become one fused operation, and nothing
is reordered, so that the rounding tricks in ``tanh.py`` hold.
"""

from __future__ import annotations

import operator
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.typing import Context
from numba.extending import intrinsic, models, overload, register_model

from deepzoom.compiling.jit import inner


def _native_lanes() -> int:
    chosen = numba.config.CPU_FEATURES  # NUMBA_CPU_FEATURES, where code for another machine is asked for
    wide = llvmlite.binding.get_host_cpu_features().get("avx512f") if chosen is None else "+avx512f" in chosen
    return 8 if wide else 4


_WIDTH: int = _native_lanes()
LANES = np.int64(_WIDTH)
"""float64 values in one vector: 8 with AVX-512, else 4 (one AVX register, or two of NEON).

An int64 and no int: Numba would compile every routine anew for each literal number it is called with.
"""

SIXTEEN_REGISTERS = _WIDTH == 4 and llvmlite.binding.get_process_triple().startswith("x86_64")
"""Whether there are but 16 registers, of 4 values each: x86 without AVX-512 (NEON has 32, of 2 values)."""

_f64 = ir.DoubleType()
_i64 = ir.IntType(64)
_i32 = ir.IntType(32)
VECTOR = ir.VectorType(_f64, _WIDTH)
_BITS = ir.VectorType(_i64, _WIDTH)
CONTRACT = ("contract",)
_ALL_BUT_SIGN = 2**63 - 1


class VectorType(types.Type):
    """Numba type of a vector of float64 values."""

    def __init__(self, width: int = _WIDTH) -> None:
        self.width = width
        super().__init__(name=f"float64x{width}")


vector = VectorType()


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, ir.VectorType(_f64, fe_type.width))


def emit_splat(builder: Any, scalar: Any, kind: Any = VECTOR) -> Any:
    """LLVM code that copies a float64 into every lane of a vector type; of a scalar, that float64."""
    if not isinstance(kind, ir.VectorType):
        return scalar
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(_i32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_i32, kind.count), [0] * kind.count))


def emit_thread(builder: Any, width: int) -> Any:
    """LLVM code for the number (i32) of a GPU's thread among ``width``, a power of two, that are neighbours."""
    name, kind = "llvm.nvvm.read.ptx.sreg.tid.x", ir.FunctionType(_i32, [])
    thread = builder.call(builder.module.globals.get(name) or ir.Function(builder.module, kind, name), [])
    return builder.and_(thread, ir.Constant(_i32, width - 1))


def emit_pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any, kind: Any = VECTOR) -> Any:
    """LLVM pointer to a vector that starts at element ``index`` of a contiguous float64 array, or to a lane of it."""
    data = context.make_array(array_type)(context, builder, array).data
    if kind == _f64:
        return builder.gep(data, [builder.add(index, builder.zext(emit_thread(builder, _WIDTH), _i64))])
    return builder.bitcast(builder.gep(data, [index]), VECTOR.as_pointer())


def emit_load(builder: Any, pointer: Any) -> Any:
    value = builder.load(pointer)
    value.align = 8
    return value


def emit_store(builder: Any, value: Any, pointer: Any) -> None:
    builder.store(value, pointer).align = 8


def constant(value: Any, kind: Any = VECTOR) -> Any:
    """The same number in every lane of an LLVM type, or as a scalar."""
    return ir.Constant(kind, [value] * kind.count if isinstance(kind, ir.VectorType) else value)


def _integers(kind: Any) -> Any:
    """The type of a value's bits."""
    return ir.VectorType(_i64, kind.count) if isinstance(kind, ir.VectorType) else _i64


def _result(*kinds: Any) -> Any:
    return next((kind for kind in kinds if isinstance(kind, VectorType)), types.float64)


def _lift(builder: Any, kind: Any, value: Any, target: Any) -> Any:
    """An argument as a value of the result's type."""
    return emit_splat(builder, value, target) if isinstance(target, ir.VectorType) and kind == types.float64 else value


def on_cpu(typingctx: Any) -> bool:
    """Whether code is made for the CPU; else it is for a GPU."""
    return isinstance(typingctx, Context)


def lanes_of(typingctx: Any) -> Any:
    """LLVM type of a value with ``LANES`` lanes: on a GPU that of its thread's."""
    return VECTOR if on_cpu(typingctx) else _f64


def _lanes_type(typingctx: Any) -> Any:
    return vector if on_cpu(typingctx) else types.float64


def _signature(*kinds: Any) -> Any:
    return _result(*kinds)(*(k if isinstance(k, VectorType) else types.float64 for k in kinds))


def _elementwise(arity: int, emit: Any) -> Any:
    """Intrinsic on ``arity`` values (float64 arguments are splatted where one is a vector); ``emit(builder, *values)``
    makes its code.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        result = signature.return_type
        if isinstance(result, VectorType):
            kind = context.get_value_type(result)
            args = [_lift(builder, k, value, kind) for k, value in zip(signature.args, args)]
        return emit(builder, *args)

    if arity == 1:

        def one(typingctx: Any, a: Any) -> Any:
            return _signature(a), codegen

        return intrinsic(one)
    if arity == 2:

        def two(typingctx: Any, a: Any, b: Any) -> Any:
            return _signature(a, b), codegen

        return intrinsic(two)
    if arity == 3:

        def three(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
            return _signature(a, b, c), codegen

        return intrinsic(three)

    def four(typingctx: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        return _signature(a, b, c, d), codegen

    return intrinsic(four)


def emit_magnitude(builder: Any, x: Any) -> Any:
    kind = _integers(x.type)
    return builder.bitcast(builder.and_(builder.bitcast(x, kind), constant(_ALL_BUT_SIGN, kind)), x.type)


def emit_negated(builder: Any, x: Any) -> Any:
    return builder.fsub(constant(-0.0, x.type), x)  # NVVM knows no fneg


def _emit_with_sign(builder: Any, x: Any, y: Any) -> Any:
    kind = _integers(x.type)
    sign = builder.and_(builder.bitcast(y, kind), constant(-_ALL_BUT_SIGN - 1, kind))
    rest = builder.and_(builder.bitcast(x, kind), constant(_ALL_BUT_SIGN, kind))
    return builder.bitcast(builder.or_(rest, sign), x.type)


def _emit_clamp(builder: Any, x: Any, low: Any, high: Any) -> Any:
    # written so that a NaN in x comes through: a comparison with NaN is false
    x = builder.select(builder.fcmp_ordered("<", x, low), low, x)
    return builder.select(builder.fcmp_ordered(">", x, high), high, x)


def _emit_where_opposed(builder: Any, x: Any, y: Any, s: Any, t: Any) -> Any:
    kind = _integers(x.type)
    signs = builder.xor(builder.bitcast(x, kind), builder.bitcast(y, kind))
    return builder.select(builder.icmp_signed("<", signs, constant(0, kind)), s, t)


def emit_power_of_two(builder: Any, rounded: Any) -> Any:
    kind = _integers(rounded.type)
    bits = builder.shl(builder.bitcast(rounded, kind), constant(52, kind))
    return builder.bitcast(builder.add(bits, constant(1023 << 52, kind)), rounded.type)


_add = _elementwise(2, lambda b, x, y: b.fadd(x, y, flags=CONTRACT))
_subtract = _elementwise(2, lambda b, x, y: b.fsub(x, y, flags=CONTRACT))
_multiply = _elementwise(2, lambda b, x, y: b.fmul(x, y, flags=CONTRACT))
_divide = _elementwise(2, lambda b, x, y: b.fdiv(x, y, flags=CONTRACT))
_negate = _elementwise(1, lambda b, x: b.fsub(constant(-0.0, x.type), x, flags=CONTRACT))

fma = _elementwise(3, lambda b, x, y, z: b.fadd(b.fmul(x, y, flags=CONTRACT), z, flags=CONTRACT))
"""``a * b + c`` (one rounding where the machine fuses)."""
magnitude = _elementwise(1, emit_magnitude)
"""|a| in each lane."""
with_sign = _elementwise(2, _emit_with_sign)
"""|a| with the sign of b."""
clamp = _elementwise(3, _emit_clamp)
"""a between low and high; NaN stays NaN."""
power_of_two = _elementwise(1, emit_power_of_two)
"""2**k, where k stands in the low mantissa bits of ``1.5 * 2**52 + k``."""
where_less = _elementwise(4, lambda b, x, y, s, t: b.select(b.fcmp_ordered("<", x, y), s, t))
"""s where x < y, else t."""
where_opposed = _elementwise(4, _emit_where_opposed)
"""s where a and b have different signs, else t; 0 and NaN have the sign that their bits have."""
maximum = _elementwise(2, lambda b, x, y: b.select(b.fcmp_ordered("<", x, y), y, x))
"""The larger of the two; x where they cannot be compared."""
like = _elementwise(2, lambda b, x, y: x)
"""The float64 a in every lane that b has."""


@intrinsic
def within(typingctx: Any, a: Any, most: Any) -> Any:
    """a, but no farther from zero than ``most``, whose lower 32 bits are 0; NaN stays NaN.

    A GPU compares the upper halves as integers, which leaves its float64 units alone.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, limit = args
        if on_cpu(typingctx):
            limit = _lift(builder, signature.args[1], limit, x.type)
            return _emit_clamp(builder, x, emit_negated(builder, limit), limit)
        bits, most = builder.bitcast(x, _i64), builder.bitcast(limit, _i64)

        def upper(value: Any) -> Any:
            return builder.trunc(builder.lshr(value, ir.Constant(_i64, 32)), _i32)

        size = builder.and_(upper(bits), ir.Constant(_i32, 0x7FFFFFFF))
        room = builder.sub(ir.Constant(_i32, 0x7FF00001), upper(most))  # infinity is beyond, NaN is not
        beyond = builder.icmp_unsigned("<", builder.sub(size, upper(most)), room)
        sign = builder.and_(bits, ir.Constant(_i64, -_ALL_BUT_SIGN - 1))
        return builder.select(beyond, builder.bitcast(builder.or_(sign, most), _f64), x)

    return _signature(a, most), codegen


@intrinsic
def quotient(typingctx: Any, a: Any, b: Any) -> Any:
    """a / b, b between 1e-302 and 1e302; on a GPU within a unit in the last place, in 7 operations."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if on_cpu(typingctx):
            kind = context.get_value_type(signature.return_type)
            x, y = (_lift(builder, k, v, kind) for k, v in zip(signature.args, args))
            return builder.fdiv(x, y, flags=CONTRACT)
        x, y = args
        kind = ir.FunctionType(_f64, [_f64])
        name = "llvm.nvvm.rcp.approx.ftz.d"
        near = builder.call(builder.module.globals.get(name) or ir.Function(builder.module, kind, name), [y])
        one = ir.Constant(_f64, 1.0)
        minus = builder.fsub(ir.Constant(_f64, -0.0), y)

        def fused(p: Any, q: Any, r: Any) -> Any:
            return builder.fadd(builder.fmul(p, q, flags=CONTRACT), r, flags=CONTRACT)

        lacks = fused(minus, near, one)  # about 2**-20: what is left of it is its third power
        inverse = fused(near, fused(lacks, lacks, lacks), near)
        rounded = builder.fmul(x, inverse)
        return fused(fused(minus, rounded, x), inverse, rounded)

    return _signature(a, b), codegen


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

    return _lanes_type(typingctx)(types.float64), codegen


@intrinsic
def load(typingctx: Any, array: Any, index: Any) -> Any:
    """The vector that starts at element ``index`` of a contiguous one-dimensional float64 array."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = lanes_of(typingctx)
        return emit_load(builder, emit_pointer(context, builder, signature.args[0], args[0], args[1], kind))

    return _lanes_type(typingctx)(array, types.intp), codegen


@intrinsic
def spread(typingctx: Any, array: Any, index: Any) -> Any:
    """Element ``index`` (not negative) of a contiguous one-dimensional float64 array, in every lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return emit_splat(builder, builder.load(builder.gep(data, [args[1]])), lanes_of(typingctx))

    return _lanes_type(typingctx)(array, types.intp), codegen


@intrinsic
def store(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Write a vector to ``LANES`` elements of the array, from ``index`` on."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = lanes_of(typingctx)
        emit_store(builder, args[2], emit_pointer(context, builder, signature.args[0], args[0], args[1], kind))
        return context.get_dummy_value()

    return types.void(array, types.intp, _lanes_type(typingctx)), codegen


def _bound(of_cpu: int, further: int) -> Any:
    @intrinsic
    def bound(typingctx):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            if on_cpu(typingctx):
                return ir.Constant(_i64, of_cpu)
            return builder.add(builder.zext(emit_thread(builder, _WIDTH), _i64), ir.Constant(_i64, further))

        return types.int64(), codegen

    return bound


first_lane = _bound(0, 0)
"""The first lane that is this thread's: 0, and on a GPU its own."""
past_lane = _bound(_WIDTH, 1)
"""One more than the last."""


@intrinsic
def vectors(typingctx: Any) -> Any:
    """Whether lanes are those of a vector: on the CPU; known to the compiler."""
    truth = ir.Constant(ir.IntType(1), on_cpu(typingctx))
    return types.boolean(), lambda context, builder, signature, args: truth


@inner
def lane_array(count):  # type: ignore[no-untyped-def]
    """Uninitialised float64 array for ``count`` vectors, on a cache-line boundary (a vector then never spans two)."""
    line = 8
    raw = np.empty(count * LANES + line)
    skip = (-raw.ctypes.data // 8) % line
    return raw[skip : skip + count * LANES]
