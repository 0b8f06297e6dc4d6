"""Double-double numbers: pairs of float64 (high part, low part), 106 bits together.

Error-free sums and products after Knuth and Dekker (Hida, Li and Bailey, Quad-double arithmetic, 2000).
"""

from __future__ import annotations

import math
from math import inf

from deepzoom.backends.kernels.arithmetic.exact_products import fused, rounded_product
from deepzoom.compiling.jit import inner


@inner
def _sum(a, b):
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@inner
def _ordered_sum(a, b):
    """|a| >= |b|."""
    s = a + b
    return s, b - (s - a)


@inner
def _product(a, b):
    p = rounded_product(a, b)
    return p, (fused(a, b, -p) if abs(p) < inf else 0.0)


@inner
def double_add(a, b):
    s, e = _sum(a[0], b[0])
    t, f = _sum(a[1], b[1])
    s, e = _ordered_sum(s, e + t)
    return _ordered_sum(s, e + f)


@inner
def double_negative(a):
    return -a[0], -a[1]


@inner
def double_multiply(a, b):
    p, e = _product(a[0], b[0])
    return _ordered_sum(p, e + (a[0] * b[1] + a[1] * b[0]))


@inner
def double_divide(a, b):
    q = a[0] / b[0]
    r = double_add(a, double_negative(double_multiply((q, 0.0), b)))
    u = r[0] / b[0]
    r = double_add(r, double_negative(double_multiply((u, 0.0), b)))
    s, e = _ordered_sum(q, u)
    return double_add((s, e), (r[0] / b[0], 0.0))


@inner
def double_sqrt(a):
    if a[0] == 0.0:
        return 0.0, 0.0
    x = math.sqrt(a[0])
    r = double_add(a, double_negative(double_multiply((x, 0.0), (x, 0.0))))
    return _ordered_sum(x, r[0] / (2.0 * x))


@inner
def double_abs(a):
    return a if a[0] >= 0.0 else double_negative(a)


@inner
def double_folded(A, a):
    """|A + a| - |A|."""
    there = double_add(A, a)
    if A[0] > 0.0:
        return a if there[0] >= 0.0 else double_negative(double_add(a, (2.0 * A[0], 2.0 * A[1])))
    if A[0] < 0.0:
        return double_negative(a) if there[0] <= 0.0 else double_add(a, (2.0 * A[0], 2.0 * A[1]))
    return double_abs(a)
