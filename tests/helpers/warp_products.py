"""A kernel that multiplies matrices as the tensor cores of a warp do.

This is no oracle: the tests compare its result with NumPy's ``@``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.kernels.gpu.tensor_cores import (
    fragment,
    multiply_add,
    put_fragment,
)
from deepzoom.compiling.jit import kernel

Floats = NDArray[np.float64]

WARP = tuple(np.int64(1 << i) for i in range(5))


FOUR, EIGHT = (1.0,) * 4, (1.0,) * 8


A, B, C = (16, 1, 128, 4), (1, 8, 32, 64), (8, 2, 1, 64)
"""Where a lane's elements lie in matrices that are stored row by row: 16 x 16, 16 x 8 and 16 x 8."""


@kernel()
def product(
    a: Floats, b: Floats, c: Floats, out: Floats,
    distances: tuple[np.int64, ...], four: tuple[float, ...], eight: tuple[float, ...], rows: int,
) -> None:  # fmt: skip
    """Write c + a b to ``out``. All matrices are flat."""
    x = fragment(a, 0, A, eight, distances)
    y = fragment(b, 0, B, four, distances)
    put_fragment(out, 0, C, multiply_add(x, y, fragment(c, 0, C, four, distances), rows), distances)
