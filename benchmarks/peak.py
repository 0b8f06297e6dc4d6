"""Peak of a core: independent chains of fused multiply-adds on vectors, nothing else."""

from __future__ import annotations

import numba

from deepzoom.backends.kernels.arithmetic.simd import LANES, fma, lane_array, load, splat, store

CHAINS = 12
"""Enough to hide the latency of a multiply-add on two units."""


@numba.njit
def _chains(count):
    lanes = lane_array(CHAINS)
    lanes[:] = 1.0
    x, y = splat(0.999), splat(1e-9)
    a0 = load(lanes, 0 * LANES)
    a1 = load(lanes, 1 * LANES)
    a2 = load(lanes, 2 * LANES)
    a3 = load(lanes, 3 * LANES)
    a4 = load(lanes, 4 * LANES)
    a5 = load(lanes, 5 * LANES)
    a6 = load(lanes, 6 * LANES)
    a7 = load(lanes, 7 * LANES)
    a8 = load(lanes, 8 * LANES)
    a9 = load(lanes, 9 * LANES)
    a10 = load(lanes, 10 * LANES)
    a11 = load(lanes, 11 * LANES)
    for _ in range(count):
        a0 = fma(a0, x, y)
        a1 = fma(a1, x, y)
        a2 = fma(a2, x, y)
        a3 = fma(a3, x, y)
        a4 = fma(a4, x, y)
        a5 = fma(a5, x, y)
        a6 = fma(a6, x, y)
        a7 = fma(a7, x, y)
        a8 = fma(a8, x, y)
        a9 = fma(a9, x, y)
        a10 = fma(a10, x, y)
        a11 = fma(a11, x, y)
    store(lanes, 0 * LANES, a0)
    store(lanes, 1 * LANES, a1)
    store(lanes, 2 * LANES, a2)
    store(lanes, 3 * LANES, a3)
    store(lanes, 4 * LANES, a4)
    store(lanes, 5 * LANES, a5)
    store(lanes, 6 * LANES, a6)
    store(lanes, 7 * LANES, a7)
    store(lanes, 8 * LANES, a8)
    store(lanes, 9 * LANES, a9)
    store(lanes, 10 * LANES, a10)
    store(lanes, 11 * LANES, a11)
    return lanes.sum()


def multiply_adds(count: int) -> float:
    """Run; returns the floating-point operations done."""
    _chains(count)
    return 2.0 * CHAINS * count * LANES
