"""Small matrices that the 32 lanes of a warp hold, and their products by its tensor cores.

The instruction ``mma`` for float64 fixes which lane holds which element (PTX ISA, "Matrix Fragments for
mma.m16n8k16"; CUTLASS's traits of SM90_16x8x16_F64F64F64F64_TN say the same). With g = lane // 4 and q = lane % 4, and
u, b in {0, 1}, a lane holds

- of A (16 x 4 m): rows g + 8 u and columns q + 4 i, as element 2 i + u;
- of B (4 m x 8): rows q + 4 i of column g, as element i;
- of C = A B (16 x 8): rows g + 8 u and columns 2 q + b, as element 2 u + b.

A lane is a thread on a GPU and one lane of a vector on the CPU, as in ``lane_group.py``.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from deepzoom.backends.kernels.arithmetic.simd_llvm import CONTRACT, VectorType, on_cpu

from .lane_columns import element_pointer
from .lane_group import emit_joined, emit_lane, emit_sum, lanes_type

LANES = 32
_f64, _i32, _i64 = ir.DoubleType(), ir.IntType(32), ir.IntType(64)


def _emit_shuffled(builder: Any, value: Any, order: list[int]) -> Any:
    mask = ir.Constant(ir.VectorType(_i32, LANES), order)
    return builder.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), mask)


def _emit_on_cpu(builder: Any, a: list[Any], b: list[Any], c: list[Any]) -> list[Any]:
    found = []
    for i, total in enumerate(c):
        u, odd = divmod(i, 2)
        for j in range(len(b)):
            for k in range(4):
                left = _emit_shuffled(builder, a[2 * j + u], [lane // 4 * 4 + k for lane in range(LANES)])
                right = _emit_shuffled(builder, b[j], [4 * (lane % 4 * 2 + odd) + k for lane in range(LANES)])
                total = builder.fadd(builder.fmul(left, right, flags=CONTRACT), total, flags=CONTRACT)
        found.append(total)
    return found


def _emit_mma(builder: Any, shape: str, a: list[Any], b: list[Any], c: list[Any]) -> list[Any]:
    """The instruction for one size of matrices; a, b, c: what this thread holds."""
    sizes = [len(c), len(a), len(b), len(c)]
    numbers = iter(range(sum(sizes)))
    groups = ", ".join("{" + ", ".join(f"${next(numbers)}" for _ in range(size)) + "}" for size in sizes)
    given = [*a, *b, *c]
    kind = ir.FunctionType(ir.LiteralStructType([_f64] * len(c)), [_f64] * len(given))
    text = f"mma.sync.aligned.{shape}.row.col.f64.f64.f64.f64 {groups};"
    asm = ir.InlineAsm(kind, text, ",".join(["=d"] * len(c) + ["d"] * len(given)), side_effect=True)
    result = builder.call(asm, given, attrs=("convergent",))
    return [builder.extract_value(result, i) for i in range(len(c))]


def _emit_on_gpu(builder: Any, a: list[Any], b: list[Any], c: list[Any], rows: int) -> list[Any]:
    if rows == 16:
        return _emit_mma(builder, f"m16n8k{4 * len(b)}", a, b, c)
    halves = [c[:2], c[2:]]
    for j, part in enumerate(b):
        halves = [_emit_mma(builder, "m8n8k4", [a[2 * j + u]], [part], half) for u, half in enumerate(halves)]
    return halves[0] + halves[1]


@intrinsic
def multiply_add(typingctx, a, b, c, rows):  # type: ignore[no-untyped-def]
    """A B + C, given as tuples of the elements that a lane holds; all lanes of the warp take part.

    rows: a tuple of 16 elements where the GPU multiplies 16 rows at once, else of 8 (``device.py``). An argument,
    because one compiled routine serves all GPUs of a process.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, y, z = (cgutils.unpack_tuple(builder, v) for v in args[:3])
        found = _emit_on_cpu(builder, x, y, z) if on_cpu(typingctx) else _emit_on_gpu(builder, x, y, z, rows.count)
        return context.make_tuple(builder, c, found)

    return c(a, b, c, rows), codegen


def _each(context: Any, builder: Any, result: Any, lane: Any, make: Any) -> Any:
    """``make(lane)`` of this thread, or of all lanes of a vector."""
    if not isinstance(result, VectorType):
        return make(builder.zext(lane, _i64))
    found = ir.Constant(context.get_value_type(result), ir.Undefined)
    for i in range(result.width):
        found = builder.insert_element(found, make(ir.Constant(_i64, i)), ir.Constant(_i32, i))
    return found


def _emit_place(builder: Any, start: Any, steps: Any, i: int, lane: Any) -> Any:
    """Where element i of a lane stands; steps: for g, for q, for the lowest bit of i and for the rest of i."""
    parts = (
        builder.lshr(lane, ir.Constant(_i64, 2)), builder.and_(lane, ir.Constant(_i64, 3)),
        ir.Constant(_i64, i % 2), ir.Constant(_i64, i // 2),
    )  # fmt: skip
    for part, step in zip(parts, cgutils.unpack_tuple(builder, steps), strict=True):
        start = builder.add(start, builder.mul(part, step))
    return start


@intrinsic
def fragment(typingctx, array, start, steps, kind, distances):  # type: ignore[no-untyped-def]
    """A tuple as long as ``kind``: a lane's elements of a matrix that begins at ``start`` of a flat array.

    steps: the distances in the array for neighbouring g, for neighbouring q, for the lowest bit of an element's index
    in the tuple, and for the rest of that index.
    """
    lanes = lanes_type(typingctx, distances)
    result = types.UniTuple(lanes, kind.count)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lane = None if on_cpu(typingctx) else emit_lane(builder, distances)

        def read(i: int) -> Any:
            def make(number: Any) -> Any:
                place = _emit_place(builder, args[1], args[2], i, number)
                return builder.load(element_pointer(context, builder, array, args[0], place))

            return _each(context, builder, lanes, lane, make)

        return context.make_tuple(builder, result, [read(i) for i in range(kind.count)])

    return result(array, types.intp, types.UniTuple(types.intp, 4), kind, distances), codegen


@intrinsic
def put_fragment(typingctx, array, start, steps, values, distances):  # type: ignore[no-untyped-def]
    """Write a tuple back to where ``fragment`` reads it from."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        for i, value in enumerate(cgutils.unpack_tuple(builder, args[3])):
            lanes = range(LANES) if on_cpu(typingctx) else [None]
            for lane in lanes:
                number = builder.zext(emit_lane(builder, distances), _i64) if lane is None else ir.Constant(_i64, lane)
                one = value if lane is None else builder.extract_element(value, ir.Constant(_i32, lane))
                place = _emit_place(builder, args[1], args[2], i, number)
                builder.store(one, element_pointer(context, builder, array, args[0], place))
        return context.get_dummy_value()

    return types.void(array, types.intp, types.UniTuple(types.intp, 4), values, distances), codegen


@intrinsic
def packed(typingctx, array, start, kind, distances):  # type: ignore[no-untyped-def]
    """A tuple as long as ``kind``, of even length: the array holds elements 2 i and 2 i + 1 of all lanes together.

    start: even. A thread reads two numbers at a time, next to those of its neighbours.
    """
    lanes = lanes_type(typingctx, distances)
    result = types.UniTuple(lanes, kind.count)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = element_pointer(context, builder, array, args[0], args[1])
        found: list[Any] = []
        for i in range(kind.count // 2):
            if isinstance(lanes, VectorType):
                for odd in (0, 1):

                    def make(number: Any, at: int = 2 * LANES * i + odd) -> Any:
                        place = builder.add(builder.shl(number, ir.Constant(_i64, 1)), ir.Constant(_i64, at))
                        return builder.load(builder.gep(pointer, [place]))

                    found.append(_each(context, builder, lanes, None, make))
            else:
                pairs = builder.bitcast(pointer, ir.VectorType(_f64, 2).as_pointer())
                lane = builder.zext(emit_lane(builder, distances), _i64)
                pair = builder.load(builder.gep(pairs, [builder.add(lane, ir.Constant(_i64, LANES * i))]))
                pair.align = 16
                found += [builder.extract_element(pair, ir.Constant(_i32, odd)) for odd in (0, 1)]
        return context.make_tuple(builder, result, found)

    return result(array, types.intp, kind, distances), codegen


def _sum_over(powers: range) -> Any:
    @intrinsic
    def sums(typingctx, values):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            parts = cgutils.unpack_tuple(builder, args[0])
            return context.make_tuple(
                builder, values, [emit_joined(builder, values.dtype, powers, v, emit_sum) for v in parts]
            )

        return values(values), codegen

    return sums


sum_rows = _sum_over(range(2, 5))
"""The sum of each element of a tuple over the lanes with the same q: over rows of A and C, and columns of B."""
sum_columns = _sum_over(range(2))
"""The sum over the lanes with the same g."""
