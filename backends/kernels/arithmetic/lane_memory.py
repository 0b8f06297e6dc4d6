"""Lanes (``lanes.py``) to and from memory: side by side, as columns of rows of four, or one by one.

Memory is reached by addresses (``address``): passing an array to a routine counts its users, which costs more than a
step of eight pixels.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

from .lanes import COUNT, ELEMENTS, floats, ints, kind_of, shuffled

_i32, _i64 = ir.IntType(32), ir.IntType(64)


class Columns(types.Type):
    """Numba type of an address at which lanes stand one after the other: item i is the i-th of them."""

    def __init__(self) -> None:
        super().__init__(name="Columns")


_columns = Columns()


@register_model(Columns)
class _ColumnsModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, ir.DoubleType().as_pointer())


@intrinsic
def address(typingctx: Any, array: Any) -> Any:
    """Where the items of a contiguous array stand. The array must outlive it."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return context.make_array(sig.args[0])(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), codegen


def _without_owner(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.BaseTuple):
        parts = (builder.extract_value(value, k) for k in range(len(kind)))
        return context.make_tuple(
            builder, kind, [_without_owner(context, builder, k, v) for k, v in zip(kind, parts, strict=True)]
        )
    if not isinstance(kind, types.Array):
        return value
    array = context.make_array(kind)(context, builder, value)
    array.meminfo = ir.Constant(array.meminfo.type, None)
    return array._getvalue()


@intrinsic
def borrowed(typingctx: Any, x: Any) -> Any:
    """An array, or a tuple of arrays and numbers, whose users are not counted. The arrays must outlive it."""
    return x(x), lambda context, builder, sig, args: _without_owner(context, builder, x, args[0])


def _lanes_at(pointer: Any) -> Any:
    return floats if pointer.dtype == types.float64 else ints


def _vector_at(builder: Any, pointer: Any, index: Any, kind: Any) -> Any:
    return builder.bitcast(builder.gep(pointer, [index]), kind.as_pointer())


@intrinsic
def load(typingctx: Any, pointer: Any, index: Any) -> Any:
    """The lanes that stand from item ``index`` of an address on."""
    lanes = _lanes_at(pointer)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(_vector_at(builder, args[0], args[1], kind_of(lanes)), align=8)

    return lanes(pointer, types.int64), codegen


@intrinsic
def store(typingctx: Any, pointer: Any, index: Any, value: Any) -> Any:
    """Write lanes from item ``index`` of an address on."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[2], _vector_at(builder, args[0], args[1], args[2].type), align=8)
        return context.get_dummy_value()

    return types.void(pointer, types.int64, value), codegen


@intrinsic
def columns(typingctx: Any, pointer: Any, index: Any) -> Any:
    """The lanes from item ``index`` of an address on, by number."""
    return _columns(pointer, types.int64), lambda context, builder, sig, args: builder.gep(args[0], [args[1]])


@infer_global(operator.getitem)
class _Column(ConcreteTemplate):
    cases = [signature(floats, _columns, types.int64)]


@lower_builtin(operator.getitem, _columns, types.int64)
def _column(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    index = builder.mul(args[1], ir.Constant(_i64, COUNT))
    return builder.load(_vector_at(builder, args[0], index, kind_of(floats)), align=8)


def _addresses(builder: Any, pointer: Any, at: Any, more: Any) -> list[Any]:
    """Of each lane, the address of item at + more."""
    items = (builder.extract_element(at, ir.Constant(_i32, lane)) for lane in range(COUNT))
    return [builder.gep(builder.gep(pointer, [item]), [more]) for item in items]


@intrinsic
def gathered(typingctx: Any, pointer: Any, at: Any) -> Any:
    """Item ``at`` of an address for each lane."""
    lanes = _lanes_at(pointer)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        found = ir.Constant(kind_of(lanes), ir.Undefined)
        for lane, item in enumerate(_addresses(builder, args[0], args[1], ir.Constant(_i64, 0))):
            found = builder.insert_element(found, builder.load(item), ir.Constant(_i32, lane))
        return found

    return lanes(pointer, ints), codegen


def _turned(builder: Any, rows: list[Any]) -> list[Any]:
    """Four vectors [row k, row k + 4] of four items each, as their columns; and back."""
    even, odd = [0, 8, 2, 10, 4, 12, 6, 14], [1, 9, 3, 11, 5, 13, 7, 15]
    first, second = [0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]
    pairs = [shuffled(builder, rows[k], rows[k + 1], lanes) for k in (0, 2) for lanes in (even, odd)]
    return [shuffled(builder, pairs[k], pairs[k + 2], lanes) for lanes in (first, second) for k in (0, 1)]


@intrinsic
def four(typingctx: Any, pointer: Any, at: Any, more: Any) -> Any:
    """Items at + more, and the three that follow, for each lane: four vectors, faster than four of ``gathered``."""
    lanes = _lanes_at(pointer)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.VectorType(ELEMENTS[lanes], 4).as_pointer()
        items = [builder.load(builder.bitcast(a, kind), align=8) for a in _addresses(builder, *args)]
        rows = [shuffled(builder, items[k], items[k + 4], list(range(8))) for k in range(4)]
        return context.make_tuple(builder, sig.return_type, _turned(builder, rows))

    return types.UniTuple(lanes, 4)(pointer, ints, types.int64), codegen


@intrinsic
def put_four(typingctx: Any, pointer: Any, at: Any, more: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Write what ``four`` reads."""
    lanes = _lanes_at(pointer)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.VectorType(ELEMENTS[lanes], 4).as_pointer()
        rows = _turned(builder, args[3:])
        for lane, item in enumerate(_addresses(builder, *args[:3])):
            row = rows[lane % 4]
            half = shuffled(builder, row, row, [0, 1, 2, 3] if lane < 4 else [4, 5, 6, 7])
            builder.store(half, builder.bitcast(item, kind), align=8)
        return context.get_dummy_value()

    return types.void(pointer, ints, types.int64, lanes, lanes, lanes, lanes), codegen
