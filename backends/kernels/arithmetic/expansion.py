"""Expansions: numbers of high precision as unevaluated sums of *limbs*, each below the last bit of the one before.

A limb is a float64 vector. Two limbs make a double-double number, four a quad-double one (Hida, Li and Bailey,
Quad-double arithmetic, 2000). In Numba an expansion is a tuple of vectors (``simd.py``), and a routine that takes
tuples works for any number of limbs. The LLVM code is unrolled here limb by limb. Products and sums are added to
*levels*: level i holds the terms of about 2**(-53 i) of the result, and what rounding loses in a level goes to the
next, exactly.

No operation here may be contracted or reordered. The only fused operations are those that are written as such.
"""

from __future__ import annotations

from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .exact_products import emit_fused, emit_rounded_product
from .simd_llvm import (
    WIDTH,
    VectorType,
    constant,
    emit_data,
    emit_load,
    emit_negated,
    emit_pointer,
    emit_splat,
    emit_store,
    vector,
)

Values = list[Any]
"""LLVM values of an expansion's limbs, the largest first."""


def two_sum(builder: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """(rounded sum, its rounding error)."""
    s = builder.fadd(x, y)
    t = builder.fsub(s, x)
    return s, builder.fadd(builder.fsub(x, builder.fsub(s, t)), builder.fsub(y, t))


def _ordered_sum(builder: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """The same, if |x| >= |y|."""
    s = builder.fadd(x, y)
    return s, builder.fsub(y, builder.fsub(s, x))


def _two_product(builder: Any, x: Any, y: Any) -> tuple[Any, Any]:
    p = emit_rounded_product(builder, x, y)
    return p, emit_fused(builder, x, y, emit_negated(builder, p))


class Levels:
    """A sum by levels, of which there are ``limbs``; a level is None while nothing has been added to it."""

    def __init__(self, builder: Any, limbs: int, start: Values = ()) -> None:  # type: ignore[assignment]
        self.builder, self.limbs = builder, limbs
        self.values: Values = [*start, *[None] * (limbs - len(start))]

    def put(self, level: int, term: Any) -> None:
        """Add a term to a level. What rounding loses goes to the next level, and is dropped below the last."""
        for i in range(level, self.limbs):
            if self.values[i] is None:
                self.values[i] = term
                return
            if i == self.limbs - 1:
                self.values[i] = self.builder.fadd(self.values[i], term)
                return
            self.values[i], term = two_sum(self.builder, self.values[i], term)

    def put_product(self, a: Values, b: Values) -> None:
        """Add a product of two expansions."""
        last = self.limbs - 1
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                if i + j < last:
                    p, e = _two_product(self.builder, x, y)
                    self.put(i + j, p)
                    self.put(i + j + 1, e)
                elif i + j == last:
                    if self.values[last] is None:
                        self.values[last] = emit_rounded_product(self.builder, x, y)
                    else:
                        self.values[last] = emit_fused(self.builder, x, y, self.values[last])

    def expansion(self) -> Values:
        """The sum of all levels as an expansion: each limb below the last bit of the one before."""
        kind = next(v.type for v in self.values if v is not None)
        values = [constant(0.0, kind) if v is None else v for v in self.values]
        if self.limbs > 2:
            for i in range(self.limbs - 2, -1, -1):
                values[i], values[i + 1] = two_sum(self.builder, values[i], values[i + 1])
        for i in range(self.limbs - 2, -1, -1):
            values[i], values[i + 1] = _ordered_sum(self.builder, values[i], values[i + 1])
        return values


def emit_plus(builder: Any, a: Values, b: Values, limbs: int) -> Values:
    levels = Levels(builder, limbs, a[:limbs])
    for i, term in enumerate(b[:limbs]):
        levels.put(i, term)
    return levels.expansion()


def emit_times(builder: Any, a: Values, b: Values, limbs: int) -> Values:
    levels = Levels(builder, limbs)
    levels.put_product(a, b)
    return levels.expansion() if limbs > 1 else levels.values


def emit_negative(builder: Any, a: Values) -> Values:
    return [emit_negated(builder, v) for v in a]


def emit_over(builder: Any, a: Values, b: Values, limbs: int) -> Values:
    """Long division: one limb of the quotient after the other."""
    inverse = builder.fdiv(constant(1.0, b[0].type), b[0])
    rest, levels = a, Levels(builder, limbs)
    for i in range(limbs + 1):
        q = emit_rounded_product(builder, rest[0], inverse)
        levels.put(min(i, limbs - 1), q)
        if i < limbs:
            left = Levels(builder, limbs, rest)
            left.put_product([emit_negated(builder, q)], b)
            rest = left.expansion()
    return levels.expansion()


def emit_scaled(builder: Any, a: Values, power: Any) -> Values:
    """Times a power of two."""
    return [emit_rounded_product(builder, v, power) for v in a]


# what Numba sees -------------------------------------------------------------------------------------------------


def expansion_type(limbs: int, lane: Any = vector) -> Any:
    """lane: the type of a limb, a vector of any width, or float64 on a GPU."""
    return types.UniTuple(lane, limbs)


def unpack(builder: Any, kind: Any, value: Any, target: Any) -> Values:
    """The limbs of an argument, of an LLVM type; it is a tuple of vectors or float64, a vector, or a float64."""
    found = cgutils.unpack_tuple(builder, value) if isinstance(kind, types.UniTuple) else [value]
    if isinstance(target, ir.VectorType):
        return [v if isinstance(v.type, ir.VectorType) else emit_splat(builder, v, target) for v in found]
    return found


def pack(context: Any, builder: Any, values: Values, lane: Any = vector) -> Any:
    return context.make_tuple(builder, expansion_type(len(values), lane), values)


def limbs_of(kind: Any) -> int:
    return kind.count if isinstance(kind, types.UniTuple) else 1


def lane_of(*kinds: Any) -> Any:
    """The type of a limb of the result: a vector if an argument has vectors."""
    limbs = [kind.dtype if isinstance(kind, types.UniTuple) else kind for kind in kinds]
    return next((kind for kind in limbs if isinstance(kind, VectorType)), types.float64)


def operation(emit: Any, arity: int) -> Any:
    """Intrinsic on expansions; its result has as many limbs as the longest argument."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        result = signature.return_type
        target = context.get_value_type(result.dtype)
        values = [unpack(builder, kind, value, target) for kind, value in zip(signature.args, args)]
        return pack(context, builder, emit(builder, *values, result.count), result.dtype)

    if arity == 1:

        def one(typingctx: Any, a: Any) -> Any:
            return expansion_type(limbs_of(a), lane_of(a))(a), codegen

        return intrinsic(one)

    def two(typingctx: Any, a: Any, b: Any) -> Any:
        return expansion_type(max(limbs_of(a), limbs_of(b)), lane_of(a, b))(a, b), codegen

    return intrinsic(two)


def filled(values: Values, limbs: int) -> Values:
    return values + [constant(0.0, values[0].type)] * (limbs - len(values))


def _where(builder: Any, sign: str, x: Any, yes: Any, no: Any) -> Any:
    """yes where x compares with 0, else no; None stands for 0."""
    zero = constant(0.0, x.type)
    return builder.select(builder.fcmp_ordered(sign, x, zero), zero if yes is None else yes, zero if no is None else no)


plus = operation(emit_plus, 2)
"""a + b."""
minus = operation(lambda b, x, y, n: emit_plus(b, x, emit_negative(b, y), n), 2)
"""a - b."""
times = operation(emit_times, 2)
"""a * b."""
over = operation(lambda b, x, y, n: emit_over(b, filled(x, n), filled(y, n), n), 2)
"""a / b."""
negative = operation(lambda b, x, n: emit_negative(b, x), 1)
"""-a."""
masked = operation(lambda b, x, y, n: [_where(b, ">", y[0], v, None) for v in x], 2)
"""a where b > 0, else 0."""
rectified = operation(lambda b, x, n: [_where(b, "<", x[0], None, v) for v in x], 1)
"""a where it is not below 0, else 0; NaN stays NaN."""


@intrinsic
def load_expansion(typingctx: Any, array: Any, index: Any, kind: Any) -> Any:
    """The expansion that starts at element ``index``, limb after limb; kind: a tuple of as many limbs."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values = []
        for limb in range(signature.return_type.count):
            at = builder.add(args[1], ir.Constant(args[1].type, limb * WIDTH))
            values.append(emit_load(builder, emit_pointer(context, builder, signature.args[0], args[0], at)))
        return pack(context, builder, values)

    return expansion_type(kind.count)(array, types.intp, kind), codegen


@intrinsic
def spread_expansion(typingctx: Any, numbers: Any, index: Any, kind: Any) -> Any:
    """Expansion ``index`` of a flat float64 array of expansions, limb after limb, in every lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        limbs = signature.return_type.count
        data = emit_data(context, builder, signature.args[0], args[0])
        first = builder.mul(args[1], ir.Constant(args[1].type, limbs))
        places = [builder.add(first, ir.Constant(args[1].type, limb)) for limb in range(limbs)]
        return pack(context, builder, [emit_splat(builder, builder.load(builder.gep(data, [at]))) for at in places])

    return expansion_type(kind.count)(numbers, types.intp, kind), codegen


@intrinsic
def splat_expansion(typingctx: Any, number: Any, kind: Any) -> Any:
    """A float64 as an expansion, in every lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return pack(context, builder, filled([emit_splat(builder, args[0])], signature.return_type.count))

    return expansion_type(kind.count)(types.float64, kind), codegen


@intrinsic
def store_expansion(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Write an expansion, limb after limb."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        for limb, v in enumerate(cgutils.unpack_tuple(builder, args[2])):
            at = builder.add(args[1], ir.Constant(args[1].type, limb * WIDTH))
            emit_store(builder, v, emit_pointer(context, builder, signature.args[0], args[0], at))
        return context.get_dummy_value()

    return types.void(array, types.intp, value), codegen


@numba.njit(inline="always")
def leading(a):
    """The nearest vector of float64."""
    return a[0]
