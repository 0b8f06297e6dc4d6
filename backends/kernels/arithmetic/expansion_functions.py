"""Elementary functions of expansions of any number of limbs, in each lane.

With one limb, exp, log, sqrt, sin and cos are the C library's, and so independent of ``functions.py``. With more:

    exp x = 2**k (1 + p),   x = k ln 2 + r,   p = exp(r) - 1 by its Taylor series
    log x = n ln 2 + log(1 + v),   x = 2**n (1 + v),   1 + v between sqrt(1/2) and sqrt(2)
    log(1 + v) = y + log(1 + e),   y near log(1 + v) in float64,   e = (1 + v) exp(-y) - 1 = v + p + v p

where |e| is about 2**-53, so that each term of the last logarithm's series adds a limb. As p is exp(-y) - 1 with all
its digits, so is the logarithm of a number near 1. A square root comes limb after limb, as by hand. Sine and cosine
are Taylor series of x - k pi / 2.

A relative error is below 2**-(53 limbs - 6) while no limb of the result or of an argument underflows; that of a sine
or cosine also |x| < ``MOST`` and the result is above 2**-50. Where the result in float64 is NaN or infinite, so is the
leading limb.
"""

from __future__ import annotations

import math
from typing import Any

from numba.extending import intrinsic

from deepzoom.compiling.jit import inner

from .exact_products import emit_rounded_product
from .expansion import (
    Levels,
    Values,
    emit_negative,
    emit_plus,
    emit_scaled,
    emit_times,
    expansion_type,
    filled,
    lane_of,
    limbs_of,
    operation,
    pack,
    unpack,
)
from .expansion_series import (
    circular_tables,
    emit_constants,
    emit_renormalised,
    emit_series,
    exponential_table,
    half_pi,
    ln2,
    logarithm_table,
)
from .expansion_tanh import clamped, negated_where
from .simd_llvm import constant, emit_magnitude, emit_power_of_two
from .simd_parts import emit_exponent, emit_library_call, emit_where_bit, emit_where_far

_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding and subtracting it rounds to an integer
_BEYOND = 750.0  # exp is 0 or infinite from here on
_NORMAL, _LIFT = 2.0**-1022, 2.0**54
_SIZE_OF_EXP, _SIZE_OF_NEAR, _SIZE_OF_REST = 0.3466, 0.6932, 2.0**-51
_SIZE_OF_CIRCULAR = 0.6169  # (pi / 4)**2
MOST = 2.0**40
"""Beyond it, sine and cosine are those of the leading limb, in float64."""


def _one(kind: Any, limbs: int) -> Values:
    return emit_constants([1.0, *[0.0] * (limbs - 1)], kind)


def _rounded(builder: Any, x: Any, factor: float) -> tuple[Any, Any]:
    """(k in the low bits of a float64, k), for the integer k nearest to x times the factor."""
    k_bits = builder.fadd(emit_rounded_product(builder, x, constant(factor, x.type)), constant(_ROUND, x.type))
    return k_bits, builder.fsub(k_bits, constant(_ROUND, x.type))


def _reduced(builder: Any, x: Values, k: Any, unit: list[float]) -> Values:
    """x - k unit; unit: limbs, more than x has."""
    levels = Levels(builder, len(unit), x)
    levels.put_product(emit_negative(builder, [k]), emit_constants(unit, k.type))
    return emit_renormalised(builder, levels, len(x))


def _times_two_to(builder: Any, x: Values, k: Any) -> Values:
    """Times 2**k, by two factors, as one need not be a normal number."""
    half_bits, half = _rounded(builder, k, 0.5)
    rest_bits = builder.fadd(builder.fsub(k, half), constant(_ROUND, k.type))
    once = emit_scaled(builder, x, emit_power_of_two(builder, half_bits))
    return emit_scaled(builder, once, emit_power_of_two(builder, rest_bits))


def _settled(builder: Any, x: Values, usual: Any, otherwise: Any) -> Values:
    """x where ``usual`` holds, else a number without further limbs."""
    zero = constant(0.0, otherwise.type)
    return [builder.select(usual, v, zero if i else otherwise) for i, v in enumerate(x)]


def _emit_exp(builder: Any, x: Values, limbs: int) -> Values:
    if limbs == 1:
        return [emit_library_call(builder, "exp", x[0])]
    kind = x[0].type
    x = clamped(builder, x, _BEYOND)
    _, k = _rounded(builder, x[0], 1 / math.log(2))
    r = _reduced(builder, x, k, ln2(limbs + 1))
    p = emit_times(builder, emit_series(builder, [exponential_table(limbs, _SIZE_OF_EXP)], r), r, limbs)
    found = _times_two_to(builder, emit_plus(builder, _one(kind, limbs), p, limbs), k)
    return _settled(builder, found, builder.fcmp_ordered("<", found[0], constant(math.inf, kind)), found[0])


def _emit_log1p(builder: Any, v: Values, limbs: int) -> Values:
    """log(1 + v) for v from sqrt(1/2) - 1 to 1."""
    kind = v[0].type
    y = emit_library_call(builder, "log", builder.fadd(v[0], constant(1.0, kind)))
    minus = emit_negative(builder, [y])
    p = emit_times(builder, emit_series(builder, [exponential_table(limbs, _SIZE_OF_NEAR)], minus), minus, limbs)
    rest = emit_plus(builder, emit_plus(builder, v, p, limbs), emit_times(builder, v, p, limbs), limbs)
    further = emit_series(builder, [logarithm_table(limbs, _SIZE_OF_REST)], rest)
    return emit_plus(builder, emit_times(builder, further, rest, limbs), [y], limbs)


def _emit_log(builder: Any, x: Values, limbs: int) -> Values:
    first, kind = x[0], x[0].type
    if limbs == 1:
        return [emit_library_call(builder, "log", first)]
    small = builder.fcmp_ordered("<", first, constant(_NORMAL, kind))
    lift = builder.select(small, constant(_LIFT, kind), constant(1.0, kind))
    x = emit_scaled(builder, x, lift)
    n = emit_exponent(builder, x[0])
    near = _times_two_to(builder, x, emit_negative(builder, [n])[0])
    less = emit_renormalised(
        builder, Levels(builder, limbs, emit_plus(builder, near, [constant(-1.0, kind)], limbs)), limbs
    )
    n = builder.fadd(n, builder.select(small, constant(-54.0, kind), constant(0.0, kind)))
    levels = Levels(builder, limbs, _emit_log1p(builder, less, limbs))
    levels.put_product([n], emit_constants(ln2(limbs), kind))
    above = builder.fcmp_ordered(">", first, constant(0.0, kind))
    usual = builder.and_(above, builder.fcmp_ordered("<", first, constant(math.inf, kind)))
    return _settled(builder, levels.expansion(), usual, emit_library_call(builder, "log", first))


def _emit_sqrt(builder: Any, x: Values, limbs: int) -> Values:
    """Limb after limb: q = rest / (2 s), then less q (2 s + q) from the rest, for the sum s of all q so far."""
    first, kind = x[0], x[0].type
    root = emit_library_call(builder, "sqrt", first)
    inverse = builder.fdiv(constant(0.5, kind), root)
    two = constant(2.0, kind)
    doubled: Values = []
    q, rest, levels = root, x, Levels(builder, limbs)
    for i in range(limbs + 1 if limbs > 1 else 1):
        levels.put(min(i, limbs - 1), q)
        if i < limbs:
            left = Levels(builder, limbs, rest)
            left.put_product(emit_negative(builder, [q]), [*doubled, q])
            rest = left.expansion()
            doubled.append(emit_rounded_product(builder, two, q))
            q = emit_rounded_product(builder, rest[0], inverse)
    above = builder.fcmp_ordered(">", first, constant(0.0, kind))
    usual = builder.and_(above, builder.fcmp_ordered("<", first, constant(math.inf, kind)))
    return _settled(builder, levels.expansion(), usual, root)


def _circular(name: str, quarters: float) -> Any:
    """Sine, or cosine, which is the sine of a quarter of a turn more."""

    def emit(builder: Any, x: Values, limbs: int) -> Values:
        first, kind = x[0], x[0].type
        if limbs == 1:
            return [emit_library_call(builder, name, first)]
        k_bits, k = _rounded(builder, first, 2 / math.pi)
        r = _reduced(builder, x, k, half_pi(limbs + 2))
        turns = builder.fadd(k_bits, constant(quarters, kind))
        odd = emit_where_bit(builder, 1, turns)
        squared = emit_times(builder, r, r, limbs)
        even = emit_series(builder, list(circular_tables(limbs, _SIZE_OF_CIRCULAR)), squared, odd)
        factor = [builder.select(odd, one, v) for one, v in zip(_one(kind, limbs), r)]
        found = negated_where(builder, emit_where_bit(builder, 2, turns), emit_times(builder, even, factor, limbs))
        usual = builder.fcmp_ordered("<", emit_magnitude(builder, first), constant(MOST, kind))
        found = _settled(builder, found, usual, found[0])
        return [emit_where_far(builder, name, MOST, first, found[0]), *found[1:]]

    return emit


def _emit_softplus(builder: Any, z: Values, limbs: int) -> Values:
    """The larger of z and 0, and log(1 + exp(-|z|))."""
    first, kind = z[0], z[0].type
    above = builder.fcmp_ordered(">", first, constant(0.0, kind))
    e = _emit_exp(builder, negated_where(builder, above, z), limbs)
    positive = [builder.select(above, v, constant(0.0, kind)) for v in z]
    found = emit_plus(builder, positive, _emit_log1p(builder, e, limbs), limbs)
    return _settled(builder, found, builder.fcmp_ordered("<", first, constant(math.inf, kind)), first)


_exp, _log, _sqrt = operation(_emit_exp, 1), operation(_emit_log, 1), operation(_emit_sqrt, 1)
_sine, _cosine, _softplus = (
    operation(_circular("sin", 0.0), 1),
    operation(_circular("cos", 1.0), 1),
    operation(_emit_softplus, 1),
)


# routines of their own, so that a kernel has the code once, however often it calls them


@inner
def exp_expansion(x):
    """The exponential: infinity above 709.78."""
    return _exp(x)


@inner
def log_expansion(x):
    """The natural logarithm: -infinity of 0, NaN of a negative number."""
    return _log(x)


@inner
def sqrt_expansion(x):
    """The square root: 0 of 0, NaN of a negative number."""
    return _sqrt(x)


@inner
def sine_expansion(x):
    """The sine: NaN of an infinity."""
    return _sine(x)


@inner
def cosine_expansion(x):
    """The cosine: NaN of an infinity."""
    return _cosine(x)


@inner
def softplus_expansion(z):
    """log(1 + exp(z))."""
    return _softplus(z)


positive_expansion = operation(
    lambda builder, z, limbs: _settled(
        builder,
        _one(z[0].type, limbs),
        builder.fcmp_ordered(">", z[0], constant(0.0, z[0].type)),
        _unless_undefined(builder, z[0], constant(0.0, z[0].type)),
    ),
    1,
)
"""1 where z > 0, else 0; NaN of NaN."""


def _unless_undefined(builder: Any, x: Any, value: Any) -> Any:
    return builder.select(builder.fcmp_unordered("uno", x, x), constant(math.nan, x.type), value)


@intrinsic
def expansion_select(typingctx: Any, c: Any, a: Any, b: Any) -> Any:
    """a where c > 1/2, else b; NaN where c is NaN. Each is an expansion, a vector or a float64."""
    result = expansion_type(max(limbs_of(a), limbs_of(b)), lane_of(c, a, b))

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        target = context.get_value_type(result.dtype)
        which, yes, no = (unpack(builder, kind, value, target) for kind, value in zip(signature.args, args))
        chosen = builder.fcmp_ordered(">", which[0], constant(0.5, target))
        no = [_unless_undefined(builder, which[0], y) for y in filled(no, result.count)]
        values = [builder.select(chosen, x, y) for x, y in zip(filled(yes, result.count), no)]
        return pack(context, builder, values, result.dtype)

    return result(c, a, b), codegen
