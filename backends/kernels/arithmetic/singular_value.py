"""The largest singular value of a 2x2 matrix, without branches."""

from __future__ import annotations

import math

from deepzoom.compiling.jit import inner
from deepzoom.formula.source import LEAST


@inner
def largest_singular_value(a, b, c, d):
    """Of a real 2x2 matrix, row by row: the sum of what it has of a turn and of a mirrored one."""
    even, odd = (a + d) * (a + d) + (c - b) * (c - b), (a - d) * (a - d) + (b + c) * (b + c)
    return 0.5 * (math.sqrt(even + LEAST * LEAST) + math.sqrt(odd + LEAST * LEAST))
