"""Parts of the values in lanes, as ``functions.py`` and ``circular.py`` need them: exponents, low bits; and roots.

Like all of ``simd.py``, they take vectors of any width, or float64 numbers, as in a thread of a GPU.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from .simd import elementwise
from .simd_llvm import constant, emit_magnitude, integers

_ROUND_BITS = 0x4338000000000000  # of 1.5 * 2**52, whose last bit is worth 1
_ROOT_HALF_BITS = 0x3FE6A09E667F3BCD  # of the square root of 1/2
FAR = 1e5
"""Beyond it, sine and cosine are the C library's."""


def _exponent(builder: Any, x: Any) -> Any:
    kind = integers(x.type)
    above = builder.sub(builder.bitcast(x, kind), constant(_ROOT_HALF_BITS, kind))
    return builder.ashr(above, constant(52, kind))


def emit_exponent(builder: Any, x: Any) -> Any:
    kind = integers(x.type)
    bits = builder.add(_exponent(builder, x), constant(_ROUND_BITS, kind))
    return builder.fsub(builder.bitcast(bits, x.type), constant(1.5 * 2.0**52, x.type))


def _emit_fraction(builder: Any, x: Any) -> Any:
    kind = integers(x.type)
    scale = builder.shl(_exponent(builder, x), constant(52, kind))
    return builder.bitcast(builder.sub(builder.bitcast(x, kind), scale), x.type)


def emit_where_bit(builder: Any, bit: int, x: Any) -> Any:
    kind = integers(x.type)
    found = builder.and_(builder.bitcast(x, kind), constant(bit, kind))
    return builder.icmp_signed("!=", found, constant(0, kind))


def emit_library_call(builder: Any, name: str, x: Any) -> Any:
    """A function of the C library, lane by lane; on a GPU, of CUDA's library."""
    if builder.module.triple.startswith("nvptx"):
        name = f"__nv_{name}"
    else:
        name = f"llvm.{name}.v{x.type.count}f64" if isinstance(x.type, ir.VectorType) else f"llvm.{name}.f64"
    kind = ir.FunctionType(x.type, [x.type])
    return builder.call(builder.module.globals.get(name) or ir.Function(builder.module, kind, name), [x])


def emit_where_far(builder: Any, name: str, limit: float, x: Any, near: Any) -> Any:
    """A function of the C library where |x| > limit, else ``near``; called only if there is such a lane."""
    far = builder.fcmp_ordered(">", emit_magnitude(builder, x), constant(limit, x.type))
    bits = builder.bitcast(far, ir.IntType(x.type.count)) if isinstance(x.type, ir.VectorType) else far
    before = builder.block
    with builder.if_then(builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0)), likely=False):
        exact = builder.select(far, emit_library_call(builder, name, x), near)
        inside = builder.block
    result = builder.phi(x.type)
    result.add_incoming(near, before)
    result.add_incoming(exact, inside)
    return result


exponent = elementwise(1, emit_exponent)
"""k, where a = 2**k m with m from sqrt(1/2) to sqrt(2); a: positive and at least 2**-1022."""
fraction = elementwise(1, _emit_fraction)
"""m of the same."""
where_odd = elementwise(3, lambda b, x, s, t: b.select(emit_where_bit(b, 1, x), s, t))
"""s where k is odd, else t; k stands in the low mantissa bits of ``1.5 * 2**52 + k``."""
where_second_bit = elementwise(3, lambda b, x, s, t: b.select(emit_where_bit(b, 2, x), s, t))
"""s where the second bit of k is set, else t."""
square_root = elementwise(1, lambda b, x: emit_library_call(b, "sqrt", x))
"""The square root, rounded once: NaN of a negative number."""
sine_where_far = elementwise(2, lambda b, x, near: emit_where_far(b, "sin", FAR, x, near))
"""The C library's sine of a where |a| > ``FAR``, else b. Lanes do not influence each other."""
cosine_where_far = elementwise(2, lambda b, x, near: emit_where_far(b, "cos", FAR, x, near))
"""The same for the cosine."""
