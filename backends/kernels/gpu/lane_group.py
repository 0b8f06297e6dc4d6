"""A pixel's hidden units side by side: a *group* of lanes, each of which holds one unit.

On a GPU the lanes are neighbouring threads of a warp, and the value of a lane is a float64 of that thread. On the CPU
they are the lanes of one vector (``simd.py``), so that the same kernels run, and are tested, without a GPU. All lanes
of a group take the same branches. On a GPU a warp holds several groups, and all of them take part when values pass
between lanes.

``distances``, a tuple 1, 2, 4, ... of int64, tells the compiler how many lanes there are: two to the power of its
length. Tuples of values of lanes: ``lane_columns.py``.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from deepzoom.backends.kernels.arithmetic.simd_llvm import WIDTH, VectorType, emit_splat, emit_thread, on_cpu

GROUP = tuple([1] * (WIDTH.bit_length() - 1))
"""``distances`` of a group of ``LANES``: only the length matters."""

_i1, _i32, _i64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)
_ALL = -1  # all threads of a warp
_INDEX, BUTTERFLY = 0, 3  # modes of the shuffle instruction
_ANY = 1  # mode of the vote instruction


def lanes_type(typingctx: Any, distances: Any) -> Any:
    """The Numba type of a value with one float64 for each lane."""
    return VectorType(2**distances.count) if on_cpu(typingctx) else types.float64


def declared(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    kind = ir.FunctionType(result, arguments)
    return builder.module.globals.get(name) or ir.Function(builder.module, kind, name)


def emit_lane(builder: Any, distances: Any) -> Any:
    """LLVM code for the number of this thread in its group (i32)."""
    return emit_thread(builder, 2**distances.count)


def emit_shuffled(builder: Any, value: Any, mode: int, where: Any) -> Any:
    """LLVM code that fetches a value (i64 or double) from another thread of the warp."""
    pair = ir.LiteralStructType([_i32, _i1])
    shuffle = declared(builder, "llvm.nvvm.shfl.sync.i32", pair, [_i32] * 5)
    bits = value if value.type == _i64 else builder.bitcast(value, _i64)
    result = ir.Constant(_i64, 0)
    for shift in (0, 32):
        part = builder.trunc(builder.lshr(bits, ir.Constant(_i64, shift)), _i32)
        moved = builder.call(
            shuffle, [ir.Constant(_i32, _ALL), ir.Constant(_i32, mode), part, where, ir.Constant(_i32, 31)]
        )
        wide = builder.zext(builder.extract_value(moved, 0), _i64)
        result = builder.or_(result, builder.shl(wide, ir.Constant(_i64, shift)))
    return result if value.type == _i64 else builder.bitcast(result, value.type)


def emit_joined(builder: Any, lanes: Any, powers: range, value: Any, emit: Any) -> Any:
    """In each lane, values of all lanes that differ in the bits ``powers`` alone, joined by ``emit(builder, a, b)``."""
    for power in powers:
        if isinstance(lanes, VectorType):
            order = ir.Constant(ir.VectorType(_i32, lanes.width), [i ^ 2**power for i in range(lanes.width)])
            other = builder.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), order)
        else:
            other = emit_shuffled(builder, value, BUTTERFLY, ir.Constant(_i32, 2**power))
        value = emit(builder, value, other)
    return value


@intrinsic
def group_maximum(typingctx, value, distances):  # type: ignore[no-untyped-def]
    """The largest value of all lanes, in every lane; no value may be NaN."""
    lanes = lanes_type(typingctx, distances)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit_joined(builder, lanes, range(distances.count), args[0], emit_larger)

    return lanes(lanes, distances), codegen


def emit_sum(builder: Any, x: Any, y: Any) -> Any:
    return builder.fadd(x, y)


def emit_larger(builder: Any, x: Any, y: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", x, y), y, x)


@intrinsic
def first_of(typingctx, value):  # type: ignore[no-untyped-def]
    """A value that is the same in all lanes, as one float64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.extract_element(args[0], ir.Constant(_i32, 0)) if on_cpu(typingctx) else args[0]

    return types.float64(value), codegen


@intrinsic
def in_lanes(typingctx, x, distances):  # type: ignore[no-untyped-def]
    """The float64 x in every lane."""
    kind = lanes_type(typingctx, distances)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit_splat(builder, args[0], context.get_value_type(kind)) if on_cpu(typingctx) else args[0]

    return kind(types.float64, distances), codegen


@intrinsic
def any_group(typingctx, flag):  # type: ignore[no-untyped-def]
    """Whether the flag is true in any group of the warp."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if on_cpu(typingctx):
            return args[0]
        pair = ir.LiteralStructType([_i32, _i1])
        vote = declared(builder, "llvm.nvvm.vote.sync", pair, [_i32, _i32, _i1])
        found = builder.call(vote, [ir.Constant(_i32, _ALL), ir.Constant(_i32, _ANY), args[0]])
        return builder.extract_value(found, 1)

    return types.boolean(types.boolean), codegen


@intrinsic
def together(typingctx):  # type: ignore[no-untyped-def]
    """Wait until all threads of the warp are here, so that each sees what the others wrote; nothing on the CPU."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if not on_cpu(typingctx):
            void = ir.VoidType()
            builder.call(declared(builder, "llvm.nvvm.bar.warp.sync", void, [_i32]), [ir.Constant(_i32, _ALL)])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def next_pixel(typingctx, queue, wanted, pixel, distances):  # type: ignore[no-untyped-def]
    """The next number of a queue, an int64 array of one element, where ``wanted``; else ``pixel``.

    It is the same in all lanes of a group. The queue gives each number to one group.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        queue, wanted, pixel, _ = args
        data = context.make_array(signature.args[0])(context, builder, queue).data
        found = cgutils.alloca_once_value(builder, pixel)
        takes, lane = wanted, None
        if not on_cpu(typingctx):
            lane = emit_lane(builder, signature.args[3])
            takes = builder.and_(wanted, builder.icmp_signed("==", lane, ir.Constant(_i32, 0)))
        with builder.if_then(takes):
            builder.store(builder.atomic_rmw("add", data, ir.Constant(_i64, 1), "monotonic"), found)
        number = builder.load(found)
        if lane is None:
            return number
        thread = builder.call(declared(builder, "llvm.nvvm.read.ptx.sreg.tid.x", _i32, []), [])
        first = builder.and_(builder.sub(thread, lane), ir.Constant(_i32, 31))
        return emit_shuffled(builder, number, _INDEX, first)

    return types.int64(queue, types.boolean, types.int64, distances), codegen


@intrinsic
def own_slot(typingctx: Any, counter: Any, group: Any) -> Any:
    """The index of this thread's slot; on the CPU the next number of a counter. group: ``GROUP``."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if on_cpu(typingctx):
            data = context.make_array(signature.args[0])(context, builder, args[0]).data
            return builder.atomic_rmw("add", data, ir.Constant(_i64, 1), "monotonic")
        block, threads, own = (
            builder.call(declared(builder, f"llvm.nvvm.read.ptx.sreg.{name}", _i32, []), [])
            for name in ("ctaid.x", "ntid.x", "tid.x")
        )
        thread = builder.add(builder.mul(block, threads), own)
        return builder.zext(builder.udiv(thread, ir.Constant(_i32, 2**group.count)), _i64)

    return types.int64(counter, group), codegen
