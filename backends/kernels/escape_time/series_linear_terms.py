"""The linear terms of skips in double-double, and how far all coefficients may be off, for complex-differentiable maps.

While skips are made of shorter ones, a row of ``KEPT`` numbers stands beside each: bounds of the terms that it drops;
bounds of what rounding adds to its terms beyond the linear ones (``ERRORS``); by what share A and B are off; A in
double-double, whose exponent is the last number. B stands with the exponents. Derivation: docs/escape-time.md.
"""

from __future__ import annotations

import numpy as np

from deepzoom.backends.kernels.arithmetic.double_double import double_add, double_multiply, double_negative
from deepzoom.backends.kernels.arithmetic.exponent_bits import two_to, unit_of
from deepzoom.backends.kernels.arithmetic.floatexp import NOTHING
from deepzoom.backends.kernels.escape_time.power_series import TOP, at
from deepzoom.backends.kernels.escape_time.series_skips import BEYOND, DROPPED, SHARE
from deepzoom.backends.kernels.escape_time.skip_sizes import ORDER
from deepzoom.compiling.jit import inner

ERRORS = TOP + 1
"""Where bounds e, f, g of the errors of coefficients stand: |zeta| (e |zeta| + f |gamma|) + g |gamma|, without those of
linear terms."""
A_OFF, B_OFF = ERRORS + 3, ERRORS + 4
_A = ERRORS + 5
OF_COEFFICIENTS = 2.0**-47
"""Rounding error of a composition, as a share of its terms' sizes."""
IN_PAIRS = 2.0**-99
"""Rounding error of a sum or product of two complex numbers in double-double, as a share of their sizes."""
OF_A_SKIP = 2.0**-50 + 2.0**-52
"""Rounding error of a skip, as a share of A z and of B c: of two linear coefficients, products and sums."""
_OF_THE_REST = 2.0**-49
"""The same of terms beyond the linear ones, as a share of them."""


@inner
def in_double(re, im, e):
    """A complex double-double with the larger part between 1/2 and 1, and its exponent."""
    largest = max(abs(re[0]), abs(im[0]))
    if largest == 0.0:
        return re, im, NOTHING
    unit, k = unit_of(largest)
    return (re[0] * unit, re[1] * unit), (im[0] * unit, im[1] * unit), e + k


@inner
def _product(a, b):
    re = double_add(double_multiply(a[0], b[0]), double_negative(double_multiply(a[1], b[1])))
    im = double_add(double_multiply(a[0], b[1]), double_multiply(a[1], b[0]))
    return in_double(re, im, a[2] + b[2])


@inner
def _sum(a, b):
    top = max(a[2], b[2])
    p, q = two_to(a[2] - top), two_to(b[2] - top)
    re = double_add((p * a[0][0], p * a[0][1]), (q * b[0][0], q * b[0][1]))
    im = double_add((p * a[1][0], p * a[1][1]), (q * b[1][0], q * b[1][1]))
    return in_double(re, im, top)


@inner
def a_of(t, tree):
    """A of a skip, the slope by z: both parts in double-double, and their exponent."""
    kept = tree[4]
    return (kept[t, _A], kept[t, _A + 1]), (kept[t, _A + 2], kept[t, _A + 3]), np.int64(kept[t, _A + 4])


@inner
def b_of(t, tree):
    """B of a skip, the slope by gamma."""
    bs, exponents = tree[1], tree[2]
    return (bs[t, 0], bs[t, 2]), (bs[t, 1], bs[t, 3]), exponents[t, 2]


@inner
def put_linear(t, a, b, a_off, b_off, tree):
    """Keep A and B of a skip, and the shares by which they are off."""
    bs, exponents, kept = tree[1], tree[2], tree[4]
    kept[t, _A], kept[t, _A + 1], kept[t, _A + 2], kept[t, _A + 3] = a[0][0], a[0][1], a[1][0], a[1][1]
    kept[t, _A + 4] = float(a[2])
    bs[t, 0], bs[t, 1], bs[t, 2], bs[t, 3] = b[0][0], b[1][0], b[0][1], b[1][1]
    exponents[t, 2] = b[2]
    kept[t, A_OFF], kept[t, B_OFF] = a_off, b_off


@inner
def _size(a):
    return abs(a[0][0]) + abs(a[1][0])


@inner
def _ratio(a, b):
    """|a| / |b|, a little too large."""
    return 1.5 * _size(a) / _size(b) * two_to(min(a[2] - b[2], np.int64(900))) if _size(b) > 0.0 else 0.0


@inner
def linear_of_two(first, second, tree):
    """A = A2 A1 and B = A2 B1 + B2 of two skips, and the shares by which they are off."""
    kept = tree[4]
    a1, a2, b1, b2 = a_of(first, tree), a_of(second, tree), b_of(first, tree), b_of(second, tree)
    through = _product(a2, b1)
    b = _sum(through, b2)
    a_off = kept[first, A_OFF] + kept[second, A_OFF] + IN_PAIRS
    b_off = _ratio(through, b) * (kept[second, A_OFF] + kept[first, B_OFF] + IN_PAIRS)
    b_off += _ratio(b2, b) * (kept[second, B_OFF] + IN_PAIRS)
    return _product(a2, a1), b, a_off, b_off


@inner
def refreshed(t, tree):
    """Round A to the row's unit."""
    rows, _, exponents, radii, _ = tree
    re, im, e = a_of(t, tree)
    unit = two_to(e + exponents[t, 0] - exponents[t, 1]) * radii[t]
    rows[t, 2], rows[t, 3] = re[0] * unit, im[0] * unit


@inner
def sums_of(sizes):
    """Sums of sizes: of c alone but B; of all terms with z; of z**2; of z times c; of degree 3 and more in z."""
    c, z, powers, mixed, cubic = 0.0, abs(sizes[1]), 0.0, 0.0, 0.0
    for d in range(2, ORDER + 1):
        for j in range(d + 1):
            value = sizes[at(d) + j]
            if j == d:
                c += value
            else:
                z += value
                if j == d - 1:
                    mixed += value
                elif d - j > 2:
                    cubic += value
                else:
                    powers += value
    return c, z, powers, mixed, cubic


@inner
def errors_of_two(second, sizes1, sizes2, g, off, tree, errors):
    """Fill ``errors`` of the skip made of two; what is in it are those of the first, in the unit of P1's values.

    sizes1, sizes2: sizes of the coefficients of both, those of the second as they stand in the composition; off: by
    what share the first's linear ones are off.
    """
    kept = tree[4]
    e2 = kept[second, ERRORS] * max(two_to(g), two_to(3 * g))
    f2, g2 = kept[second, ERRORS + 1], kept[second, ERRORS + 2] * two_to(-g)
    c1, x, powers1, mixed1, cubic1 = sums_of(sizes1)
    y = sizes1[2] + c1
    c2, _, powers2, mixed2, cubic2 = sums_of(sizes2)
    larger = max(1.0, (x + y) * (x + y))
    square = powers2 + larger * cubic2
    e2 *= larger
    off = OF_COEFFICIENTS + 8.0 * off
    slope = sizes2[1] + mixed2 + 2.0 * powers2 * (x + y) + 4.0 * cubic2 * larger
    square = e2 + off * square
    f2 += off * mixed2
    own = off * sizes2[1]
    errors[0] = slope * errors[0] + own * (powers1 + cubic1) + square * x * x
    errors[1] = slope * errors[1] + own * mixed1 + 2.0 * square * x * y + f2 * x
    errors[2] = slope * errors[2] + own * c1 + square * y * y + f2 * y + g2 + off * c2


@inner
def put_errors(t, sizes, tree):
    """Fill in ``BEYOND`` and ``SHARE`` of a skip. sizes: of its coefficients."""
    rows, _, _, _, kept = tree
    c, _, powers, mixed, cubic = sums_of(sizes)
    rows[t, BEYOND] = kept[t, ERRORS] + _OF_THE_REST * (powers + cubic)
    by_z = kept[t, A_OFF] + (kept[t, ERRORS + 1] + _OF_THE_REST * mixed) / sizes[1]
    by_c = kept[t, B_OFF]
    if c + kept[t, ERRORS + 2] > 0.0:
        by_c += (kept[t, ERRORS + 2] + _OF_THE_REST * c) / sizes[2]
    rows[t, SHARE] = DROPPED + OF_A_SKIP + max(by_z, by_c)
