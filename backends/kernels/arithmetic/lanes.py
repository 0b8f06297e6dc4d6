"""Eight pixels side by side: vectors of float64, of int64 and of truths as Numba types.

All operations act on every lane and round as they do on single numbers: nothing is fused or reordered (``simd.py``
fuses). So code that takes numbers takes lanes, too, and finds the same bits. A number where lanes are expected stands
for itself in all of them. LLVM turns a vector into what the machine has: AVX-512, AVX2, NEON.

``lane_memory.py`` moves lanes to and from memory.
"""

from __future__ import annotations

import math
import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typeconv import Conversion
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, lower_cast, models, register_model

COUNT = 8
"""Lanes of a vector."""

_i32, _i64 = ir.IntType(32), ir.IntType(64)


class Lanes(types.Type):
    """Numba type of eight values of a scalar type."""

    def __init__(self, of: Any) -> None:
        self.of = of
        super().__init__(name=f"{of}x{COUNT}")

    def can_convert_from(self, typingctx: Any, other: Any) -> Any:
        return Conversion.safe if other == self.of else None

    def unify(self, typingctx: Any, other: Any) -> Any:
        return self if other == self.of else None


floats, ints, truths = Lanes(types.float64), Lanes(types.int64), Lanes(types.boolean)
ELEMENTS = {floats: ir.DoubleType(), ints: _i64, truths: ir.IntType(1)}


def kind_of(lanes: Any) -> Any:
    """The LLVM type of lanes."""
    return ir.VectorType(ELEMENTS[lanes], COUNT)


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, kind_of(fe_type))


def shuffled(builder: Any, a: Any, b: Any, lanes: list[int]) -> Any:
    """LLVM code for a vector of such lanes of a, and of b behind them."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_i32, len(lanes)), lanes))


def _spread(builder: Any, value: Any, lanes: Any) -> Any:
    undefined = ir.Constant(kind_of(lanes), ir.Undefined)
    return shuffled(
        builder, builder.insert_element(undefined, value, ir.Constant(_i32, 0)), undefined, [0] * COUNT
    )  # fmt: skip


def in_all(context: Any, builder: Any, value: Any, kind: Any, lanes: Any) -> Any:
    """A value as lanes: as it stands, or in every lane."""
    if isinstance(kind, Lanes):
        return value
    return _spread(builder, context.cast(builder, value, kind, lanes.of), lanes)


for _lanes in (floats, ints, truths):

    @lower_cast(_lanes.of, _lanes)
    def _cast(context: Any, builder: Any, kind: Any, to: Any, value: Any) -> Any:
        return _spread(builder, value, to)


def _intrinsic_call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    kind = ir.FunctionType(result, [a.type for a in arguments])
    return builder.call(builder.module.declare_intrinsic(name, (), kind), list(arguments))


def _typed(key: Any, cases: list[Any]) -> None:
    infer_global(key)(type("_Lanes", (ConcreteTemplate,), {"key": key, "cases": cases}))


def _binary(key: Any, emit: Any, lanes: Any, result: Any) -> None:
    cases = [signature(result, a, b) for a, b in ((lanes, lanes), (lanes, lanes.of), (lanes.of, lanes))]
    _typed(key, cases)

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        a, b = (in_all(context, builder, v, kind, lanes) for v, kind in zip(args, sig.args, strict=True))
        return emit(builder, a, b)

    for case in cases:
        lower_builtin(key, *case.args)(lowered)


def _unary(key: Any, emit: Any, lanes: Any) -> None:
    _typed(key, [signature(lanes, lanes)])
    lower_builtin(key, lanes)(lambda context, builder, sig, args: emit(builder, args[0]))


def _named(name: str) -> Any:
    return lambda builder, a, b: getattr(builder, name)(a, b)


def _compared(method: str, sign: str) -> Any:
    return lambda builder, a, b: getattr(builder, method)(sign, a, b)


for _name in ("add", "sub", "mul", "iadd", "isub", "imul"):
    _binary(getattr(operator, _name), _named(f"f{_name[-3:]}"), floats, floats)
    _binary(getattr(operator, _name), _named(_name[-3:]), ints, ints)
_binary(operator.truediv, _named("fdiv"), floats, floats)
for _key, _sign in ((operator.lt, "<"), (operator.le, "<="), (operator.gt, ">"), (operator.ge, ">="),
                    (operator.eq, "==")):  # fmt: skip
    _binary(_key, _compared("fcmp_ordered", _sign), floats, truths)
    _binary(_key, _compared("icmp_signed", _sign), ints, truths)
for _key, _name in ((operator.and_, "and_"), (operator.iand, "and_"), (operator.or_, "or_"), (operator.ior, "or_")):
    _binary(_key, _named(_name), truths, truths)
_binary(operator.rshift, _named("ashr"), ints, ints)
_binary(max, lambda b, x, y: b.select(b.fcmp_ordered("<", x, y), y, x), floats, floats)
_unary(operator.neg, lambda b, x: b.fneg(x), floats)
_unary(operator.invert, lambda b, x: b.not_(x), truths)
_unary(abs, lambda b, x: _intrinsic_call(b, f"llvm.fabs.v{COUNT}f64", x.type, x), floats)
_unary(math.sqrt, lambda b, x: _intrinsic_call(b, f"llvm.sqrt.v{COUNT}f64", x.type, x), floats)


def _of_number(kind: Any) -> Any:
    return next(lanes for lanes in (truths, ints, floats) if isinstance(kind, type(lanes.of)))


@intrinsic
def spread(typingctx: Any, x: Any) -> Any:
    """The number x in every lane."""
    lanes = _of_number(x)
    return lanes(x), lambda context, builder, sig, args: in_all(context, builder, args[0], sig.args[0], lanes)


@intrinsic
def where(typingctx: Any, truth: Any, a: Any, b: Any) -> Any:
    """a in lanes where ``truth`` holds, else b."""
    lanes = next((k for k in (a, b) if isinstance(k, Lanes)), None) or _of_number(a)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        a, b = (in_all(context, builder, v, kind, lanes) for v, kind in zip(args[1:], sig.args[1:], strict=True))
        return builder.select(args[0], a, b)

    return lanes(truth, a, b), codegen


@intrinsic
def normal_power_of_two(typingctx: Any, e: Any) -> Any:
    """2**e in lanes, for int64 e from -1022 to 1023."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = kind_of(ints)
        biased = builder.add(args[0], ir.Constant(kind, [1023] * COUNT))
        return builder.bitcast(builder.shl(biased, ir.Constant(kind, [52] * COUNT)), kind_of(floats))

    return floats(ints), codegen


@intrinsic
def as_bits(typingctx: Any, x: Any) -> Any:
    """The int64 that have the bits of float64 in lanes."""
    return ints(floats), lambda context, builder, sig, args: builder.bitcast(args[0], kind_of(ints))


@intrinsic
def bits(typingctx: Any, truth: Any) -> Any:
    """Truths as the bits of a number, lane 0 the lowest."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.zext(builder.bitcast(args[0], ir.IntType(COUNT)), _i64)

    return types.int64(truths), codegen


def _of_bits(name: str, *more: Any) -> Any:
    def of_bits(typingctx: Any, x: Any) -> Any:
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return _intrinsic_call(builder, f"llvm.{name}.i64", _i64, args[0], *more)

        return types.int64(types.int64), codegen

    return intrinsic(of_bits)


ones = _of_bits("ctpop")
"""How many bits of a number are 1."""
zeros_below = _of_bits("cttz", ir.Constant(ir.IntType(1), 0))
"""How many bits of a number are 0 below the lowest that is 1."""
zeros_above = _of_bits("ctlz", ir.Constant(ir.IntType(1), 0))
"""How many bits of a number are 0 above the highest that is 1."""
