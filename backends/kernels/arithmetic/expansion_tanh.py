"""tanh of an expansion, by the rational form of ``tanh.py`` with a longer polynomial.

With ``v = 2 x / ln 2 = k + r``, ``|r| <= 1/2``, ``s = 2**k`` and ``q = tanh(r ln 2 / 2)``,

    tanh x = ((s - 1) + q s + q) / e,   1 - tanh(x)**2 = 4 s (1 - q**2) / e**2,   e = (s + 1) + q s - q

(evaluated at -|x|, where s is at most 1).

So the slope keeps all its digits where tanh is 1 to the last bit. A saturated layer, which stands still in float64, can
then move again if the loss grows for long enough.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from deepzoom.compiling.jit import inner

from .exact_products import emit_rounded_product
from .expansion import (
    Values,
    emit_negative,
    emit_over,
    emit_plus,
    emit_scaled,
    emit_times,
    expansion_type,
    load_expansion,
    pack,
    store_expansion,
    unpack,
)
from .expansion_series import emit_series, tanh_table
from .simd import LANES
from .simd_llvm import VECTOR, constant, emit_magnitude, emit_power_of_two

_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding and subtracting it rounds to an integer
_SATURATED = 1000.0  # slopes down to 2**-998; smaller ones are 0


def clamped(builder: Any, v: Values, most: float) -> Values:
    for bound, sign in ((-most, "<"), (most, ">")):
        beyond = builder.fcmp_ordered(sign, v[0], constant(bound, v[0].type))  # false for NaN, which stays NaN
        v = [builder.select(beyond, constant(bound if i == 0 else 0.0, x.type), x) for i, x in enumerate(v)]
    return v


def negated_where(builder: Any, where: Any, v: Values) -> Values:
    return [builder.select(where, minus, x) for minus, x in zip(emit_negative(builder, v), v)]


def emit_tanh(builder: Any, v: Values) -> tuple[Values, Values]:
    limbs, kind = len(v), v[0].type
    size = emit_magnitude(builder, v[0])
    above = builder.fcmp_ordered(">", v[0], constant(0.0, kind))
    # computed at -|x|: where 2**k is large, limbs of 1 / e would be too small for a float64
    v = clamped(builder, negated_where(builder, above, v), _SATURATED)
    k_bits = builder.fadd(v[0], constant(_ROUND, kind))
    k = builder.fsub(k_bits, constant(_ROUND, kind))
    r = emit_plus(builder, [builder.fsub(v[0], k), *v[1:]], [], limbs)
    y = emit_times(builder, r, r, limbs)
    q = emit_times(builder, emit_series(builder, [tanh_table(limbs)], y), r, limbs)
    s = emit_power_of_two(builder, k_bits)
    both = emit_scaled(builder, q, s)

    def pair(sign: float) -> Values:
        exact = emit_plus(builder, [s], [constant(sign, kind)], 2)
        return exact + [constant(0.0, kind)] * (limbs - 2)

    upper = emit_plus(builder, emit_plus(builder, pair(-1.0), both, limbs), q, limbs)
    lower = emit_plus(builder, emit_plus(builder, pair(1.0), both, limbs), emit_negative(builder, q), limbs)
    one = [constant(1.0, kind), *[constant(0.0, kind)] * (limbs - 1)]
    inverse = emit_over(builder, one, lower, limbs)
    squared = emit_times(builder, emit_times(builder, q, inverse, limbs), q, limbs)
    rest = emit_plus(builder, inverse, emit_negative(builder, squared), limbs)
    scaled = emit_scaled(
        builder, inverse, emit_rounded_product(builder, s, constant(4.0, kind))
    )  # first, as 1 / e**2 may underflow
    slope = emit_times(builder, rest, scaled, limbs)
    none = builder.fcmp_ordered(">", size, constant(_SATURATED, kind))  # a loss near 1e308 would feel 1e-301
    slope = [builder.select(none, constant(0.0, kind), x) for x in slope]
    return negated_where(builder, above, emit_times(builder, upper, inverse, limbs)), slope


def _joined(builder: Any, parts: Values) -> Any:
    """Two vectors as one of twice the width."""
    count = parts[0].type.count
    order = ir.Constant(ir.VectorType(ir.IntType(32), 2 * count), list(range(2 * count)))
    return builder.shuffle_vector(*parts, order)


def _part(builder: Any, value: Any, which: int) -> Any:
    count = value.type.count // 2
    order = ir.Constant(ir.VectorType(ir.IntType(32), count), [which * count + i for i in range(count)])
    return builder.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), order)


@intrinsic
def tanh_expansion(typingctx: Any, a: Any, b: Any) -> Any:
    """(tanh, its slope) at v ln 2 / 2 of two expansions, in each lane; NaN stays NaN.

    Two at once, as vectors of twice the width: a single polynomial would wait for itself most of the time.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        both = [unpack(builder, kind, value, VECTOR) for kind, value in zip(signature.args, args)]
        found = emit_tanh(builder, [_joined(builder, list(pair)) for pair in zip(*both)])
        parts = [pack(context, builder, [_part(builder, v, i) for v in values]) for i in (0, 1) for values in found]
        return context.make_tuple(builder, signature.return_type, parts)

    return types.UniTuple(expansion_type(a.count), 4)(a, b), codegen


@intrinsic
def tanh_and_slope_expansion(typingctx: Any, a: Any) -> Any:
    """The same for one expansion, of vectors of any width, or of a GPU thread."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = emit_tanh(builder, cgutils.unpack_tuple(builder, args[0]))
        return context.make_tuple(
            builder, signature.return_type, [pack(context, builder, values, a.dtype) for values in found]
        )

    return types.UniTuple(a, 2)(a), codegen


@inner
def tanh_of_array(lanes, start, values, slopes, count, kind):
    """tanh and its slope at ``count`` expansions of a workspace; values, slopes: where to write them, or below 0."""
    place = LANES * len(kind)
    stop = start + count * place
    for i in range(start, stop, 2 * place):
        j = min(i + place, stop - place)
        h, slope, next_h, next_slope = tanh_expansion(load_expansion(lanes, i, kind), load_expansion(lanes, j, kind))
        if values >= 0:
            store_expansion(lanes, values + i - start, h)
            store_expansion(lanes, values + j - start, next_h)
        if slopes >= 0:
            store_expansion(lanes, slopes + i - start, slope)
            store_expansion(lanes, slopes + j - start, next_slope)
