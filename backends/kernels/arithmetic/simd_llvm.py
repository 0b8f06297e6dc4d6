"""A SIMD vector as a Numba type, and the LLVM code that the operations of ``simd.py`` are made of.

Functions named ``emit_...`` add instructions to a builder and return LLVM values: of a vector on the CPU, of a float64
on a GPU, where each lane is a thread.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
import numba
from llvmlite import ir
from numba import types
from numba.core.typing import Context
from numba.extending import models, register_model


def _native_lanes() -> int:
    chosen = numba.config.CPU_FEATURES  # NUMBA_CPU_FEATURES: set to compile for another machine
    wide = llvmlite.binding.get_host_cpu_features().get("avx512f") if chosen is None else "+avx512f" in chosen
    return 8 if wide else 4


WIDTH: int = _native_lanes()
"""float64 values in one vector."""

_f64 = ir.DoubleType()
_i64 = ir.IntType(64)
_i32 = ir.IntType(32)
VECTOR = ir.VectorType(_f64, WIDTH)
_BITS = ir.VectorType(_i64, WIDTH)
CONTRACT = ("contract",)
ALL_BUT_SIGN = 2**63 - 1


class VectorType(types.Type):
    """Numba type of a vector of float64 values."""

    def __init__(self, width: int = WIDTH) -> None:
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
    """LLVM code for the number (i32) of a GPU thread among ``width`` neighbours; width: a power of two."""
    name, kind = "llvm.nvvm.read.ptx.sreg.tid.x", ir.FunctionType(_i32, [])
    thread = builder.call(builder.module.globals.get(name) or ir.Function(builder.module, kind, name), [])
    return builder.and_(thread, ir.Constant(_i32, width - 1))


def emit_data(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    """LLVM pointer to the numbers of an array, without a copy of its header in memory."""
    return builder.extract_value(array, context.data_model_manager[array_type].get_field_position("data"))


def emit_pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any, kind: Any = VECTOR) -> Any:
    """LLVM pointer to the vector at element ``index`` of a contiguous float64 array, or to this thread's lane of it."""
    data = emit_data(context, builder, array_type, array)
    if kind == _f64:
        return builder.gep(data, [builder.add(index, builder.zext(emit_thread(builder, WIDTH), _i64))])
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


def integers(kind: Any) -> Any:
    """The integer type for the bits of a value."""
    return ir.VectorType(_i64, kind.count) if isinstance(kind, ir.VectorType) else _i64


def _result(*kinds: Any) -> Any:
    return next((kind for kind in kinds if isinstance(kind, VectorType)), types.float64)


def lifted(builder: Any, kind: Any, value: Any, target: Any) -> Any:
    """An argument as a value of the result's type."""
    return emit_splat(builder, value, target) if isinstance(target, ir.VectorType) and kind == types.float64 else value


def on_cpu(typingctx: Any) -> bool:
    """Whether the code is for the CPU; else it is for a GPU."""
    return isinstance(typingctx, Context)


def lanes_of(typingctx: Any) -> Any:
    """LLVM type of a value with ``LANES`` lanes; on a GPU, of one thread's part of it."""
    return VECTOR if on_cpu(typingctx) else _f64


def vector_or_scalar(typingctx: Any) -> Any:
    return vector if on_cpu(typingctx) else types.float64


def signature_of(*kinds: Any) -> Any:
    return _result(*kinds)(*(k if isinstance(k, VectorType) else types.float64 for k in kinds))


def emit_magnitude(builder: Any, x: Any) -> Any:
    kind = integers(x.type)
    return builder.bitcast(builder.and_(builder.bitcast(x, kind), constant(ALL_BUT_SIGN, kind)), x.type)


def emit_negated(builder: Any, x: Any) -> Any:
    return builder.fsub(constant(-0.0, x.type), x)  # NVVM knows no fneg


def emit_with_sign(builder: Any, x: Any, y: Any) -> Any:
    kind = integers(x.type)
    sign = builder.and_(builder.bitcast(y, kind), constant(-ALL_BUT_SIGN - 1, kind))
    rest = builder.and_(builder.bitcast(x, kind), constant(ALL_BUT_SIGN, kind))
    return builder.bitcast(builder.or_(rest, sign), x.type)


def emit_clamp(builder: Any, x: Any, low: Any, high: Any) -> Any:
    # a NaN in x comes through, because a comparison with NaN is false
    x = builder.select(builder.fcmp_ordered("<", x, low), low, x)
    return builder.select(builder.fcmp_ordered(">", x, high), high, x)


def emit_where_opposed(builder: Any, x: Any, y: Any, s: Any, t: Any) -> Any:
    kind = integers(x.type)
    signs = builder.xor(builder.bitcast(x, kind), builder.bitcast(y, kind))
    return builder.select(builder.icmp_signed("<", signs, constant(0, kind)), s, t)


def emit_power_of_two(builder: Any, rounded: Any) -> Any:
    kind = integers(rounded.type)
    bits = builder.shl(builder.bitcast(rounded, kind), constant(52, kind))
    return builder.bitcast(builder.add(bits, constant(1023 << 52, kind)), rounded.type)
