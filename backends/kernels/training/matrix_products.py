"""Matrix products over a small network, for all lanes at once: ``C[m, n] (+)= sum_k A[m, k] B[k, n]``.

Each matrix is a part of a flat float64 array, given by its first element and its two strides, so that one routine
serves the forward product, the gradient and the way back. B and C hold a vector (one value per pixel) in each place
of one array, the lanes' workspace; A holds either a vector in the same array (``contract_vector``) or a float64 that
all pixels share, in an array of its own (``contract_shared``).

The work is done in blocks whose sums stay in registers; their LLVM code is unrolled here once per block shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from deepzoom.backends.kernels.arithmetic.simd import LANES, SIXTEEN_REGISTERS
from deepzoom.backends.kernels.arithmetic.simd_llvm import (
    CONTRACT,
    constant,
    emit_data,
    emit_load,
    emit_pointer,
    emit_splat,
    emit_store,
    lanes_of,
)
from deepzoom.compiling.jit import inner

ROWS, COLUMNS = (4, 4) if LANES == 8 else (3, 4) if SIXTEEN_REGISTERS else (2, 4)
"""Shape of the largest block: its sums and one row of operands fit the vector registers (32 with AVX-512, else 16).

A core that does two multiply-adds a cycle and waits 4 cycles for each, or 5, has 8 or 10 of them under way.
"""
WIDE = 8 if ROWS == 3 else COLUMNS
"""Columns of a block of one row, which is used where blocks of 3 rows leave one of 16 over."""

UNIT = np.int64(1)
"""Stride of neighbouring shared values (an int64 for the reason that LANES is one)."""
SET, ADD = np.int64(0), np.int64(1)
"""What a contraction does with C."""


def _emit_begun(builder: Any, adding: Any, targets: Any, sums: Any, kind: Any) -> None:
    """LLVM code that begins the sums of a block: with the values of C where these are added to, else with 0."""
    with builder.if_else(adding) as (then, otherwise):
        with then:
            for key, target in targets.items():
                builder.store(emit_load(builder, target), sums[key])
        with otherwise:
            for key in targets:
                builder.store(constant(0.0, kind), sums[key])


def _block(rows: int, columns: int, shared: bool) -> Any:
    """Intrinsic that computes a ``rows`` x ``columns`` block of C."""

    @intrinsic
    def block(  # type: ignore[no-untyped-def]
        typingctx, lanes, c0, c_row, c_col, a, a0, a_row, a_col, b0, b_row, b_col, depth, add
    ):
        index = types.intp
        signature = types.void(lanes, index, index, index, a, index, index, index, index, index, index, index, index)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            lanes, c0, c_row, c_col, a, a0, a_row, a_col, b0, b_row, b_col, depth, add = args
            kinds, kind = signature.args, lanes_of(typingctx)

            def pointer(which: int, array: Any, at: Any) -> Any:
                return emit_pointer(context, builder, kinds[which], array, at, kind)

            def place(start: Any, *steps: tuple[Any, int]) -> Any:
                for stride, count in steps:
                    start = builder.add(start, builder.mul(stride, ir.Constant(stride.type, count)))
                return start

            targets = {
                (m, n): pointer(0, lanes, place(c0, (c_row, m), (c_col, n)))
                for m in range(rows)
                for n in range(columns)
            }
            sums = {key: cgutils.alloca_once(builder, kind) for key in targets}
            adding = builder.icmp_signed("!=", add, ir.Constant(add.type, 0))
            _emit_begun(builder, adding, targets, sums, kind)
            a_data = emit_data(context, builder, kinds[4], a)
            with cgutils.for_range(builder, depth) as loop:
                a_at = builder.add(a0, builder.mul(loop.index, a_col))
                b_at = builder.add(b0, builder.mul(loop.index, b_row))
                left = []
                for m in range(rows):
                    at = place(a_at, (a_row, m))
                    if shared:
                        left.append(emit_splat(builder, builder.load(builder.gep(a_data, [at])), kind))
                    else:
                        left.append(emit_load(builder, pointer(4, a, at)))
                for n in range(columns):
                    right = emit_load(builder, pointer(0, lanes, place(b_at, (b_col, n))))
                    for m in range(rows):
                        product = builder.fmul(left[m], right, flags=CONTRACT)
                        total = builder.fadd(builder.load(sums[m, n]), product, flags=CONTRACT)
                        builder.store(total, sums[m, n])
            for key, target in targets.items():
                emit_store(builder, builder.load(sums[key]), target)
            return context.get_dummy_value()

        return signature, codegen

    return block


def _contraction(name: str, shared: bool) -> Any:
    full = _block(ROWS, COLUMNS, shared)
    right = _block(ROWS, 1, shared)
    lower = _block(1, WIDE, shared)
    corner = _block(1, 1, shared)

    def contract(lanes, c0, c_row, c_col, a, a0, a_row, a_col, b0, b_row, b_col, rows, columns, depth, add):
        m = 0
        while m + ROWS <= rows:
            cm, am = c0 + m * c_row, a0 + m * a_row
            n = 0
            while n + COLUMNS <= columns:
                full(lanes, cm + n * c_col, c_row, c_col, a, am, a_row, a_col, b0 + n * b_col, b_row, b_col, depth, add)
                n += COLUMNS
            while n < columns:
                right(
                    lanes, cm + n * c_col, c_row, c_col, a, am, a_row, a_col, b0 + n * b_col, b_row, b_col, depth, add
                )
                n += 1
            m += ROWS
        while m < rows:
            cm, am = c0 + m * c_row, a0 + m * a_row
            n = 0
            while n + WIDE <= columns:
                lower(
                    lanes, cm + n * c_col, c_row, c_col, a, am, a_row, a_col, b0 + n * b_col, b_row, b_col, depth, add
                )
                n += WIDE
            while n < columns:
                corner(
                    lanes, cm + n * c_col, c_row, c_col, a, am, a_row, a_col, b0 + n * b_col, b_row, b_col, depth, add
                )
                n += 1
            m += 1

    contract.__qualname__ = name
    return inner(contract)


contract_shared = _contraction("contract_shared", shared=True)
"""C (+)= A B with A shared by all lanes."""
contract_vector = _contraction("contract_vector", shared=False)
"""C (+)= A B with A one value per lane."""
