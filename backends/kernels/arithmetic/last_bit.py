"""What sets a second run apart: values moved by a unit in the last place, and signs in doubt."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from deepzoom.compiling.jit import inner

from .simd_llvm import VectorType, constant, emit_splat

OF_DIFFERENCES, OF_HAND_OFF, OF_WEIGHTS, OF_COORDINATES = 0, 1, 2, 3
"""Seeds of the signs: of differences after the skip, of weights at the hand-off, of those that all steps begin with
in float64, and of a pixel's coordinates.
"""

_i64 = ir.IntType(64)


def _emit_hash(builder: Any, z: Any) -> Any:
    """``signs`` before its highest bit is taken."""

    def number(value: int) -> Any:
        return constant(value, z.type)

    z = builder.mul(z, number(0x9E3779B97F4A7C15))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = builder.mul(builder.xor(z, builder.lshr(z, number(shift))), number(factor))
    return z


@intrinsic
def disturbed_each(typingctx, values, places, first):  # type: ignore[no-untyped-def]
    """Each element moved as by ``disturbed``; infinities stay.

    places: their numbers among a pixel's, as float64; first: pixel's number times how many it has, and 1, and the seed.
    """

    def one(builder: Any, value: Any, place: Any, first: Any) -> Any:
        kind = ir.VectorType(_i64, value.type.count) if isinstance(values.dtype, VectorType) else _i64
        up = _emit_hash(builder, builder.add(builder.fptosi(place, kind), emit_splat(builder, first, kind)))
        bits = builder.bitcast(value, kind)
        away = builder.icmp_signed("<", builder.xor(up, bits), constant(0, kind))  # from zero
        moved = builder.add(bits, builder.select(away, constant(1, kind), constant(-1, kind)))
        size = builder.and_(bits, constant(2**63 - 1, kind))
        stays = builder.icmp_unsigned(
            ">=", builder.sub(size, constant(1, kind)), constant(0x7FF0000000000000 - 1, kind)
        )  # of 0, of infinities and NaN
        return builder.bitcast(builder.select(stays, bits, moved), value.type)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        parts = [
            one(builder, builder.extract_value(args[0], i), builder.extract_value(args[1], i), args[2])
            for i in range(values.count)
        ]
        return context.make_tuple(builder, values, parts)

    return values(values, values, types.int64), codegen


@inner
def disturb_row(values, pixel, number, seed):  # type: ignore[no-untyped-def]
    """Move a pixel's row of values in place, as ``disturbed_each``. number: of the pixel in its view."""
    count = values.shape[1]
    for i in range(count):
        moved = disturbed_each((values[pixel, i],), (float(i),), number * count + seed + 1)
        values[pixel, i] = moved[0]


@inner
def in_doubt(limbs):  # type: ignore[no-untyped-def]
    """The share of its terms below which a number has no sure sign: their last bits, and growth of errors by 2**16."""
    return 2.0 ** (17 - 53 * limbs)
