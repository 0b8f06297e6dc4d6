"""Products whose rounding no compiler may change, on the CPU and on a GPU.

A GPU's compiler fuses a product with the sum it goes into wherever it can, so that it is rounded once and not twice.
Error bounds hold all the same; error-free products do not, since they subtract what was rounded.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_f64 = ir.DoubleType()


@intrinsic
def rounded_product(typingctx: Any, a: Any, b: Any) -> Any:
    """a b, rounded to float64 whatever becomes of it."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if not builder.module.triple.startswith("nvptx"):
            return builder.fmul(*args)
        name = "__nv_dmul_rn"
        kind = ir.FunctionType(_f64, [_f64, _f64])
        return builder.call(builder.module.globals.get(name) or ir.Function(builder.module, kind, name), args)

    return types.float64(types.float64, types.float64), codegen


@intrinsic
def fused(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once."""
    one = types.float64
    return one(one, one, one), lambda context, builder, signature, args: builder.fma(*args)
