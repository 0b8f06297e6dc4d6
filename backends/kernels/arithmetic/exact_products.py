"""Products whose rounding no compiler may change, on the CPU and on a GPU.

A GPU's compiler fuses a product with the sum that uses it wherever it can, and then rounds once instead of twice. Error
bounds still hold then, but error-free products do not, because they subtract the rounded product.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_f64 = ir.DoubleType()


def emit_rounded_product(builder: Any, x: Any, y: Any) -> Any:
    """LLVM code for x y of float64 numbers, on the CPU also of vectors."""
    if not builder.module.triple.startswith("nvptx"):
        return builder.fmul(x, y)
    name = "__nv_dmul_rn"
    kind = ir.FunctionType(_f64, [_f64, _f64])
    return builder.call(builder.module.globals.get(name) or ir.Function(builder.module, kind, name), [x, y])


def emit_fused(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """LLVM code for x y + z of float64 numbers or vectors, rounded once."""
    name = f"llvm.fma.v{x.type.count}f64" if isinstance(x.type, ir.VectorType) else "llvm.fma.f64"
    kind = ir.FunctionType(x.type, [x.type] * 3)
    return builder.call(builder.module.globals.get(name) or ir.Function(builder.module, kind, name), [x, y, z])


@intrinsic
def rounded_product(typingctx: Any, a: Any, b: Any) -> Any:
    """a b, rounded to float64 whatever uses it."""
    one = types.float64
    return one(one, one), lambda context, builder, signature, args: emit_rounded_product(builder, *args)


@intrinsic
def fused(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once."""
    one = types.float64
    return one(one, one, one), lambda context, builder, signature, args: emit_fused(builder, *args)
