"""Matrix products of expansions, for all lanes at once, as ``matrix_products.py``.

Sums stay in levels until all products are added, and become expansions once, at the end. A product then costs two
operations and the additions to the levels: a tenth of a product and a sum of expansions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from deepzoom.backends.kernels.arithmetic.expansion import Levels
from deepzoom.backends.kernels.arithmetic.simd_llvm import (
    VECTOR,
    WIDTH,
    constant,
    emit_data,
    emit_load,
    emit_pointer,
    emit_splat,
    emit_store,
)
from deepzoom.compiling.jit import inner

ROWS = np.int64(4)
"""Rows of the largest block: their sums are made at the same time, as a single sum would wait for itself."""


def _block(rows: int, shared: bool) -> Any:
    """Intrinsic that computes ``rows`` numbers of one column of C; A holds expansions, or shared float64."""

    @intrinsic
    def block(typingctx, lanes, c0, c_row, a, a0, a_row, a_col, b0, b_row, depth, add, kind):  # type: ignore[no-untyped-def]
        index = types.intp
        signature = types.void(lanes, index, index, a, index, index, index, index, index, index, index, kind)
        limbs = kind.count

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            lanes, c0, c_row, a, a0, a_row, a_col, b0, b_row, depth, add, _ = args
            kinds = signature.args

            def shifted(start: Any, stride: Any, count: int) -> Any:
                return builder.add(start, builder.mul(stride, ir.Constant(start.type, count)))

            def pointer(kind: Any, array: Any, at: Any, limb: int) -> Any:
                return emit_pointer(context, builder, kind, array, builder.add(at, ir.Constant(at.type, limb * WIDTH)))

            targets = [[pointer(kinds[0], lanes, shifted(c0, c_row, m), i) for i in range(limbs)] for m in range(rows)]
            sums = [[cgutils.alloca_once(builder, VECTOR) for _ in range(limbs)] for _ in range(rows)]
            adding = builder.icmp_signed("!=", add, ir.Constant(add.type, 0))
            with builder.if_else(adding) as (then, otherwise):
                with then:
                    for m in range(rows):
                        for target, sum_ in zip(targets[m], sums[m]):
                            builder.store(emit_load(builder, target), sum_)
                with otherwise:
                    for m in range(rows):
                        for sum_ in sums[m]:
                            builder.store(constant(0.0), sum_)
            a_data = emit_data(context, builder, kinds[3], a)
            with cgutils.for_range(builder, depth) as loop:
                a_at = builder.add(a0, builder.mul(loop.index, a_col))
                b_at = builder.add(b0, builder.mul(loop.index, b_row))
                right = [emit_load(builder, pointer(kinds[0], lanes, b_at, i)) for i in range(limbs)]
                for m in range(rows):
                    at = shifted(a_at, a_row, m)
                    if shared:
                        left = [emit_splat(builder, builder.load(builder.gep(a_data, [at])))]
                    else:
                        left = [emit_load(builder, pointer(kinds[3], a, at, i)) for i in range(limbs)]
                    levels = Levels(builder, limbs, [builder.load(sum_) for sum_ in sums[m]])
                    levels.put_product(left, right)
                    for value, sum_ in zip(levels.values, sums[m]):
                        builder.store(value, sum_)
            for m in range(rows):
                levels = Levels(builder, limbs, [builder.load(sum_) for sum_ in sums[m]])
                for value, target in zip(levels.expansion(), targets[m]):
                    emit_store(builder, value, target)
            return context.get_dummy_value()

        return signature, codegen

    return block


def _contraction(name: str, shared: bool) -> Any:
    full = _block(int(ROWS), shared)
    single = _block(1, shared)

    def contract(lanes, c0, c_row, c_col, a, a0, a_row, a_col, b0, b_row, b_col, rows, columns, depth, add, kind):
        m = 0
        while m + ROWS <= rows:
            for n in range(columns):
                full(
                    lanes, c0 + m * c_row + n * c_col, c_row, a, a0 + m * a_row, a_row, a_col, b0 + n * b_col, b_row,
                    depth, add, kind,
                )  # fmt: skip
            m += ROWS
        while m < rows:
            for n in range(columns):
                single(
                    lanes, c0 + m * c_row + n * c_col, c_row, a, a0 + m * a_row, a_row, a_col, b0 + n * b_col, b_row,
                    depth, add, kind,
                )  # fmt: skip
            m += 1

    contract.__qualname__ = name
    return inner(contract)


contract_shared = _contraction("contract_shared", shared=True)
"""C (+)= A B with A float64, shared by all lanes."""
contract_expansions = _contraction("contract_limbs", shared=False)
"""C (+)= A B with A expansions, one per lane."""
