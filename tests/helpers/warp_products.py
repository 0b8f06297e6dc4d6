"""Matrix products of a warp, by its tensor cores."""

from __future__ import annotations

import numpy as np

from deepzoom.backends.kernels.gpu.tensor_cores import (
    fragment,
    multiply_add,
    put_fragment,
)
from deepzoom.compiling.jit import kernel

WARP = tuple(np.int64(1 << i) for i in range(5))


FOUR, EIGHT = (1.0,) * 4, (1.0,) * 8


A, B, C = (16, 1, 128, 4), (1, 8, 32, 64), (8, 2, 1, 64)
"""Where matrices that lie row by row hold a lane's elements: 16 x 16, 16 x 8 and 16 x 8."""


@kernel()
def product(a, b, c, out, distances, four, eight, rows):
    """c + a b."""
    x = fragment(a, 0, A, eight, distances)
    y = fragment(b, 0, B, four, distances)
    put_fragment(out, 0, C, multiply_add(x, y, fragment(c, 0, C, four, distances), rows), distances)
