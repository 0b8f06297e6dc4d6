"""Columns of a matrix in the lanes of a group: a tuple with one value for each row, so that it stays in registers.

``lane_group.py`` says what a lane, a group and ``distances`` are.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from deepzoom.backends.kernels.arithmetic.simd_llvm import (
    CONTRACT,
    VectorType,
    constant,
    emit_magnitude,
    emit_splat,
    on_cpu,
)

from .lane_group import emit_joined, emit_lane, emit_larger, emit_sum, lanes_type

_f64, _i32, _i64 = ir.DoubleType(), ir.IntType(32), ir.IntType(64)


def element_pointer(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


def _each_lane(context: Any, builder: Any, result: Any, lane_of: Any, count: Any, use: Any) -> None:
    """Call ``use(lane)`` (an i64 number) for each lane below ``count``: one after the other, or for this thread."""
    if isinstance(result, VectorType):
        numbers = [ir.Constant(_i64, i) for i in range(result.width)]
    else:
        numbers = [builder.zext(lane_of, _i64)]
    for number in numbers:
        with builder.if_then(builder.icmp_signed("<", number, count)):
            use(number)


def emit_columns(typingctx: Any, context: Any, builder: Any, signature: Any, args: Any, rows: int, limbs: int) -> Any:
    """LLVM values of ``columns`` with elements that are expansions: limb after limb, row after row."""
    kind, distances = signature.args[0], signature.args[-1]
    array, start, row_step, lane_step, count = args[:5]
    lanes = lanes_type(typingctx, distances)
    zero = constant(0.0, context.get_value_type(lanes))
    places = [cgutils.alloca_once_value(builder, zero) for _ in range(rows * limbs)]

    def use(lane: Any) -> None:
        for i, place in enumerate(places):
            at = builder.add(start, builder.mul(row_step, ir.Constant(_i64, i // limbs)))
            at = builder.add(at, builder.mul(lane_step, lane))
            at = builder.add(builder.mul(at, ir.Constant(_i64, limbs)), ir.Constant(_i64, i % limbs))
            value = builder.load(element_pointer(context, builder, kind, array, at))
            if isinstance(lanes, VectorType):
                value = builder.insert_element(builder.load(place), value, builder.trunc(lane, _i32))
            builder.store(value, place)

    lane = None if on_cpu(typingctx) else emit_lane(builder, distances)
    _each_lane(context, builder, lanes, lane, count, use)
    return [builder.load(place) for place in places]


@intrinsic
def columns(typingctx, array, start, row_step, lane_step, count, kind, distances):  # type: ignore[no-untyped-def]
    """A tuple as long as ``kind``: element i of lane j is array[start + i row_step + j lane_step], or 0 if j >= count.

    The array is contiguous float64 and is read as if it were flat.
    """
    index = types.intp
    result = types.UniTuple(lanes_type(typingctx, distances), kind.count)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = emit_columns(typingctx, context, builder, signature, args, kind.count, 1)
        return context.make_tuple(builder, result, found)

    return result(array, index, index, index, index, kind, distances), codegen


@intrinsic
def put_columns(typingctx, array, start, row_step, lane_step, count, values, distances):  # type: ignore[no-untyped-def]
    """Write a tuple back to where ``columns`` reads it from."""
    lanes = lanes_type(typingctx, distances)
    index = types.intp

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array, start, row_step, lane_step, count, values, _ = args
        parts = cgutils.unpack_tuple(builder, values)

        def use(lane: Any) -> None:
            for i, value in enumerate(parts):
                at = builder.add(start, builder.mul(row_step, ir.Constant(_i64, i)))
                at = builder.add(at, builder.mul(lane_step, lane))
                if isinstance(lanes, VectorType):
                    value = builder.extract_element(value, builder.trunc(lane, _i32))
                builder.store(value, element_pointer(context, builder, signature.args[0], array, at))

        lane = None if on_cpu(typingctx) else emit_lane(builder, distances)
        _each_lane(context, builder, lanes, lane, count, use)
        return context.get_dummy_value()

    return types.void(array, index, index, index, index, values, distances), codegen


def _row(aligned: bool) -> Any:
    @intrinsic
    def row(typingctx, array, start, kind):  # type: ignore[no-untyped-def]
        result = types.UniTuple(types.float64, kind.count)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            pointer = element_pointer(context, builder, signature.args[0], args[0], args[1])
            found = []
            if aligned and not on_cpu(typingctx) and result.count % 2 == 0:
                pairs = builder.bitcast(pointer, ir.VectorType(_f64, 2).as_pointer())
                for i in range(result.count // 2):
                    pair = builder.load(builder.gep(pairs, [ir.Constant(_i64, i)]))
                    pair.align = 16
                    found += [builder.extract_element(pair, ir.Constant(_i32, j)) for j in (0, 1)]
            else:
                found = [builder.load(builder.gep(pointer, [ir.Constant(_i64, i)])) for i in range(result.count)]
            return context.make_tuple(builder, result, found)

        return result(array, types.intp, kind), codegen

    return row


shared_row = _row(aligned=True)
"""A tuple as long as ``kind``: the float64 numbers from ``start`` on, the same in all lanes.

``start`` is a multiple of the tuple's length: a GPU reads an even number of them in pairs.
"""
unaligned_row = _row(aligned=False)
"""The same, from any ``start``."""


def _parts(context: Any, builder: Any, kind: Any, value: Any, count: int, lanes: Any) -> list[Any]:
    """``count`` LLVM values: a tuple's elements, or one value repeated; in all lanes where the result is vectors."""
    found = cgutils.unpack_tuple(builder, value) if isinstance(kind, types.BaseTuple) else [value] * count
    element = kind.dtype if isinstance(kind, types.BaseTuple) else kind
    if isinstance(lanes, VectorType) and not isinstance(element, VectorType):
        return [emit_splat(builder, v, context.get_value_type(lanes)) for v in found]
    return found


def _element(*kinds: Any) -> Any:
    """The element type of a result: a vector if one of the arguments, or of their elements, is a vector."""
    found = [k.dtype if isinstance(k, types.BaseTuple) else k for k in kinds]
    return next((k for k in found if isinstance(k, VectorType)), types.float64)


@intrinsic
def fma_each(typingctx, a, b, c):  # type: ignore[no-untyped-def]
    """``a * b + c`` of each element; a, b, c: tuples, or single values for all elements."""
    count = next(k.count for k in (a, b, c) if isinstance(k, types.BaseTuple))
    lanes = _element(a, b, c)
    result = types.UniTuple(lanes, count)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, y, z = (_parts(context, builder, k, v, count, lanes) for k, v in zip(signature.args, args))
        found = [builder.fadd(builder.fmul(p, q, flags=CONTRACT), r, flags=CONTRACT) for p, q, r in zip(x, y, z)]
        return context.make_tuple(builder, result, found)

    return result(a, b, c), codegen


@intrinsic
def times_each(typingctx, a, b):  # type: ignore[no-untyped-def]
    """``a * b`` of each element, as ``fma_each``."""
    count = next(k.count for k in (a, b) if isinstance(k, types.BaseTuple))
    lanes = _element(a, b)
    result = types.UniTuple(lanes, count)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, y = (_parts(context, builder, k, v, count, lanes) for k, v in zip(signature.args, args))
        return context.make_tuple(builder, result, [builder.fmul(p, q, flags=CONTRACT) for p, q in zip(x, y)])

    return result(a, b), codegen


@intrinsic
def dot(typingctx, a, b):  # type: ignore[no-untyped-def]
    """Sum of the products of two tuples' elements, added in two chains, so that additions wait half as long."""
    lanes = _element(a, b)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, y = (_parts(context, builder, k, v, a.count, lanes) for k, v in zip(signature.args, args))
        sums: list[Any] = []
        for i, (p, q) in enumerate(zip(x, y)):
            product = builder.fmul(p, q, flags=CONTRACT)
            if i < 2:
                sums.append(product)
            else:
                sums[i % 2] = builder.fadd(sums[i % 2], product, flags=CONTRACT)
        return sums[0] if len(sums) == 1 else builder.fadd(sums[0], sums[1])

    return lanes(a, b), codegen


@intrinsic
def sum_each(typingctx, values, distances):  # type: ignore[no-untyped-def]
    """Sum of each element over the lanes, the same in every lane to the last bit (each lane adds the same pairs)."""
    lanes = lanes_type(typingctx, distances)
    result = types.UniTuple(lanes, values.count)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        parts = cgutils.unpack_tuple(builder, args[0])
        found = [emit_joined(builder, lanes, range(distances.count), v, emit_sum) for v in parts]
        return context.make_tuple(builder, result, found)

    return result(values, distances), codegen


@intrinsic
def largest_of(typingctx, values):  # type: ignore[no-untyped-def]
    """Largest magnitude of a tuple's elements in each lane, where none is NaN."""
    lanes = values.dtype

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found: Any = None
        for value in cgutils.unpack_tuple(builder, args[0]):
            size = emit_magnitude(builder, value)
            found = size if found is None else emit_larger(builder, found, size)
        return found

    return lanes(values), codegen


@intrinsic
def only_below(typingctx, values, count, distances):  # type: ignore[no-untyped-def]
    """A tuple with 0 in the lanes from ``count`` on."""
    lanes = lanes_type(typingctx, distances)
    result = types.UniTuple(lanes, values.count)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        parts = cgutils.unpack_tuple(builder, args[0])
        found = emit_only_below(typingctx, builder, parts, args[1], distances)
        return context.make_tuple(builder, result, found)

    return result(values, types.int64, distances), codegen


def emit_only_below(typingctx: Any, builder: Any, values: Any, count: Any, distances: Any) -> Any:
    """LLVM values with 0 in the lanes from ``count`` on."""
    count = builder.trunc(count, _i32)
    if on_cpu(typingctx):
        lanes = 2**distances.count
        number = ir.Constant(ir.VectorType(_i32, lanes), list(range(lanes)))
        count = emit_splat(builder, count, number.type)
    else:
        number = emit_lane(builder, distances)
    there = builder.icmp_signed("<", number, count)
    return [builder.select(there, v, constant(0.0, v.type)) for v in values]
