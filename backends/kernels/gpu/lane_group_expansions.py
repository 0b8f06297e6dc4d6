"""Expansions (``expansion.py``) in the lanes of a group (``lane_group.py``): a number of several limbs in each lane.

Here a *column* is a tuple of expansions, one for each row of a matrix; a *row* is a tuple of float64 numbers that all
lanes share. The length of ``kind``, a tuple of float64 numbers, tells the compiler how many limbs there are. The lanes
of a GPU and of a vector make the same operations, so that both have the same numbers to the last bit.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from deepzoom.backends.kernels.arithmetic.expansion import Levels, emit_negative, emit_plus, emit_times, expansion_type
from deepzoom.backends.kernels.arithmetic.simd_llvm import VectorType, constant, emit_splat
from deepzoom.compiling.jit import inner

from .lane_columns import columns, emit_columns, emit_only_below
from .lane_group import BUTTERFLY, emit_lane, emit_shuffled, lanes_type

_i32 = ir.IntType(32)


def _unpacked(builder: Any, kind: Any, value: Any) -> list[Any]:
    """The elements of an argument as lists of limbs; elements of a row have one limb."""
    found = cgutils.unpack_tuple(builder, value)
    nested = isinstance(kind.dtype, types.BaseTuple)
    return [cgutils.unpack_tuple(builder, v) if nested else [v] for v in found]


def _packed(context: Any, builder: Any, kind: Any, elements: list[Any]) -> Any:
    parts = [context.make_tuple(builder, kind.dtype, limbs) for limbs in elements]
    return context.make_tuple(builder, kind, parts)


def _in_lanes(builder: Any, elements: list[Any], like: Any) -> list[Any]:
    """The elements of a row spread over all lanes, as a column's are; a column's elements unchanged."""
    if not isinstance(like, ir.VectorType):
        return elements
    return [[v if isinstance(v.type, ir.VectorType) else emit_splat(builder, v, like) for v in e] for e in elements]


@intrinsic
def expansion_columns(typingctx, array, start, row_step, lane_step, count, rows, kind, distances):  # type: ignore[no-untyped-def]
    """A column as long as ``rows``, read as ``columns`` reads float64, from an array whose elements are expansions."""
    index = types.intp
    result = types.UniTuple(expansion_type(kind.count, lanes_type(typingctx, distances)), rows.count)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        flat = emit_columns(typingctx, context, builder, signature, args, rows.count, kind.count)
        elements = [flat[i : i + kind.count] for i in range(0, len(flat), kind.count)]
        return _packed(context, builder, result, elements)

    return result(array, index, index, index, index, rows, kind, distances), codegen


@inner
def expansion_at(array, number, kind, distances):
    """The expansion with this index in a contiguous array, in every lane."""
    return columns(array, number * len(kind), 1, 0, 1 << len(distances), kind, distances)


@intrinsic
def zeros_like(typingctx, column):  # type: ignore[no-untyped-def]
    """A column of zeros, as long as another one."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zero = constant(0.0, context.get_value_type(column.dtype.dtype))
        return _packed(context, builder, column, [[zero] * column.dtype.count] * column.count)

    return column(column), codegen


def _by_elements(emit: Any) -> Any:
    """Intrinsic on each element of a column and of a column or row; ``emit(builder, a, b, limbs)``."""

    @intrinsic
    def operation(typingctx, a, b):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            x, y = (_unpacked(builder, kind, value) for kind, value in zip(signature.args, args))
            y = _in_lanes(builder, y, x[0][0].type)
            return _packed(context, builder, a, [emit(builder, p, q, a.dtype.count) for p, q in zip(x, y)])

        return a(a, b), codegen

    return operation


minus_each = _by_elements(lambda b, x, y, n: emit_plus(b, x, emit_negative(b, y), n))
"""a - b of each element."""


def _with_one(emit: Any) -> Any:
    """Intrinsic on each element of a column and one expansion."""

    @intrinsic
    def operation(typingctx, a, b):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            one = cgutils.unpack_tuple(builder, args[1])
            found = [emit(builder, limbs, one, a.dtype.count) for limbs in _unpacked(builder, a, args[0])]
            return _packed(context, builder, a, found)

        return a(a, b), codegen

    return operation


times_one = _with_one(emit_times)
"""Each element times an expansion."""
plus_one = _with_one(emit_plus)
"""Each element plus an expansion."""


@intrinsic
def dot_expansions(typingctx, a, column):  # type: ignore[no-untyped-def]
    """The sum of the products of the elements of a column or row and a column."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, y = (_unpacked(builder, kind, value) for kind, value in zip(signature.args, args))
        levels = Levels(builder, column.dtype.count)
        for p, q in zip(_in_lanes(builder, x, y[0][0].type), y):
            levels.put_product(p, q)
        return context.make_tuple(builder, column.dtype, levels.expansion())

    return column.dtype(a, column), codegen


@intrinsic
def add_products(typingctx, a, b, sums):  # type: ignore[no-untyped-def]
    """``sums`` with each element of a column or row ``a`` times the expansion b.

    sums: a column of levels (``expansion.Levels``). They begin as zeros; ``expansions`` turns them into numbers.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, z = _unpacked(builder, a, args[0]), _unpacked(builder, sums, args[2])
        one = cgutils.unpack_tuple(builder, args[1])
        found = []
        for p, start in zip(_in_lanes(builder, x, one[0].type), z):
            levels = Levels(builder, sums.dtype.count, start)
            levels.put_product(p, one)
            found.append(levels.values)
        return _packed(context, builder, sums, found)

    return sums(a, b, sums), codegen


@intrinsic
def expansions(typingctx, sums):  # type: ignore[no-untyped-def]
    """A column of levels as a column of expansions."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        elements = _unpacked(builder, sums, args[0])
        return _packed(
            context, builder, sums, [Levels(builder, sums.dtype.count, start).expansion() for start in elements]
        )

    return sums(sums), codegen


@intrinsic
def sum_over_lanes(typingctx, column, distances):  # type: ignore[no-untyped-def]
    """Sum of each element over the lanes, the same in every lane.

    A sum of expansions depends on the order, so both lanes of a pair take the lower lane's value as the first term.
    """
    vectors = isinstance(column.dtype.dtype, VectorType)

    def halves(builder: Any, value: Any, power: int) -> tuple[Any, Any]:
        if vectors:
            lanes, nothing = range(value.type.count), ir.Constant(value.type, ir.Undefined)
            kind = ir.VectorType(_i32, value.type.count)
            orders = [i & ~(1 << power) for i in lanes], [i | 1 << power for i in lanes]
            lower, upper = (builder.shuffle_vector(value, nothing, ir.Constant(kind, order)) for order in orders)
            return lower, upper
        other = emit_shuffled(builder, value, BUTTERFLY, ir.Constant(_i32, 1 << power))
        bit = builder.and_(emit_lane(builder, distances), ir.Constant(_i32, 1 << power))
        above = builder.icmp_signed("!=", bit, ir.Constant(_i32, 0))
        return builder.select(above, other, value), builder.select(above, value, other)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = []
        for limbs in _unpacked(builder, column, args[0]):
            for power in range(distances.count):
                lower, upper = zip(*(halves(builder, v, power) for v in limbs))
                limbs = emit_plus(builder, list(lower), list(upper), len(limbs))
            found.append(limbs)
        return _packed(context, builder, column, found)

    return column(column, distances), codegen


@intrinsic
def expansions_only_below(typingctx, column, count, distances):  # type: ignore[no-untyped-def]
    """A column with 0 in the lanes from ``count`` on."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        elements = _unpacked(builder, column, args[0])
        found = [emit_only_below(typingctx, builder, limbs, args[1], distances) for limbs in elements]
        return _packed(context, builder, column, found)

    return column(column, types.int64, distances), codegen


@intrinsic
def leading_row(typingctx, column):  # type: ignore[no-untyped-def]
    """The nearest float64 of each element, a tuple."""
    result = types.UniTuple(column.dtype.dtype, column.count)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = [limbs[0] for limbs in _unpacked(builder, column, args[0])]
        return context.make_tuple(builder, result, found)

    return result(column), codegen
