"""Composition of skips along a reference orbit, for complex-differentiable maps: two of them make one.

``series_skips.py`` says what a skip is; ``series_first_step.py`` makes the skips of one step.
"""

from __future__ import annotations

import math

import numpy as np

from deepzoom.backends.kernels.arithmetic.exponent_bits import two_to
from deepzoom.backends.kernels.arithmetic.floatexp import (
    narrowed,
    wide,
    wide_add,
    wide_divide,
    wide_multiply,
    widened,
    widened_two_to,
)
from deepzoom.backends.kernels.escape_time.power_series import COEFFICIENTS, TOP, at
from deepzoom.backends.kernels.escape_time.series_linear_terms import (
    A_OFF,
    B_OFF,
    ERRORS,
    errors_of_two,
    linear_of_two,
    put_errors,
    put_linear,
    refreshed,
)
from deepzoom.backends.kernels.escape_time.series_skip_radius import made, magnitude
from deepzoom.backends.kernels.escape_time.series_skips import TAIL
from deepzoom.backends.kernels.escape_time.skip_sizes import ORDER
from deepzoom.compiling.jit import inner

_MOST_UNLIKE = 60  # exponents: a skip is useless if its term in c outgrows its term in z so far


@inner
def _multiplied(i, powers, sizes):
    """The power i of the first skip and bounds of its terms, from the power i - 1."""
    for n in range(COEFFICIENTS):
        sizes[i, n] = 0.0
        if i <= ORDER:
            powers[i, n] = 0j
    for d in range(i - 1, TOP):
        for e in range(1, TOP - d + 1):
            for p in range(d + 1):
                for q in range(e + 1):
                    n, k, m = at(d + e) + p + q, at(d) + p, at(e) + q
                    sizes[i, n] += sizes[i - 1, k] * sizes[1, m]
                    if d + e < TOP:
                        powers[i, n] += powers[i - 1, k] * powers[1, m]


@inner
def _of_first_alone(first, rows):
    """Sums of the magnitudes of a skip's coefficients: of terms with z, and of powers of c beyond the first."""
    by_z, by_c = 0.0, 0.0
    for d in range(1, ORDER + 1):
        for j in range(d + 1):
            n = 2 * (at(d) + j)
            size_of = magnitude(rows[first, n], rows[first, n + 1])
            if j < d:
                by_z += size_of
            elif d > 1:
                by_c += size_of
    return by_z, by_c


@inner
def _first_in_units(first, factor, s, linear_c, tree, powers, sizes, errors):
    """The first skip's terms to ``powers[1]``, bounds of them to ``sizes[1]``, and of their errors, in another unit.

    factor, s: what the skip's values and its radius are multiplied with; linear_c: the coefficient of c, in that unit.
    """
    rows, _, _, _, bounds = tree
    for i in range(TOP + 1):
        if i > 0:
            factor = wide_multiply(factor, s)
        f = math.ldexp(factor[0], np.int32(min(max(factor[1], np.int64(-1080)), np.int64(1000))))
        if i <= 2:
            errors[2 - i] = f * bounds[first, ERRORS + 2 - i]
        for j in range(TOP + 1 - i):
            n = at(i + j) + j
            if i + j == TOP:
                sizes[1, n] = bounds[first, j] * f
            elif i == 0 and j == 1:
                powers[1, n] = linear_c
            elif i + j > 0:
                powers[1, n] = complex(rows[first, 2 * n], rows[first, 2 * n + 1]) * f
            if 0 < i + j < TOP:
                sizes[1, n] = magnitude(powers[1, n].real, powers[1, n].imag)


@inner
def _highest_power(second, tree):
    """The highest power of z in a skip that is not 0."""
    rows, _, _, _, bounds = tree
    most = 1
    for i in range(2, TOP + 1):
        for j in range(TOP + 1 - i):
            n = 2 * (at(i + j) + j)
            if (bounds[second, j] if i + j == TOP else abs(rows[second, n]) + abs(rows[second, n + 1])) > 0.0:
                most = i
    return most


@inner
def _composed(second, linear_c, g, most, tree, space):
    """Coefficients of P2(P1(z, c), c) and bounds of what it drops, from the first skip's powers in ``space``."""
    rows, _, _, _, bounds = tree
    _, powers, sizes, coefficients, dropping, _ = space
    for n in range(1, COEFFICIENTS):
        coefficients[n] = 0j
        dropping[n] = 0.0
        sizes[0, n] = 0.0
    for i in range(most + 1):
        f = two_to(g * (i - 1))
        for j in range(TOP + 1 - i):
            n = at(i + j) + j
            if i + j == 0:
                continue
            if i + j == TOP:
                bound = bounds[second, j] * f
                value = 0j
            else:
                value = complex(rows[second, 2 * n], rows[second, 2 * n + 1]) * f
                if i == 0 and j == 1:
                    value = linear_c
                bound = sizes[0, n] = magnitude(value.real, value.imag)
            if bound == 0.0:
                continue
            if i == 0:
                if j == TOP:
                    dropping[n] += bound
                else:
                    coefficients[n] += value
                continue
            for p in range(TOP - j + 1):
                dropping[at(TOP) + p + j] += bound * sizes[i, at(TOP - j) + p]
            if i + j < TOP:
                for d in range(i, ORDER - j + 1):
                    for p in range(d + 1):
                        coefficients[at(d + j) + p + j] += value * powers[i, at(d) + p]


@inner
def followed(first, second, t, size, tree, space):
    """Make the skip t from two: P = P2(P1(z, c), c), up to the degree kept. t may be the first."""
    rows, bs, exponents, radii, kept = tree
    powers, sizes, errors = space[1], space[2], space[5]
    if radii[first] == 0.0 or radii[second] == 0.0:
        radii[t] = 0.0
        return
    r1, r2 = (radii[first], exponents[first, 0]), (radii[second], exponents[second, 0])
    e1, e2 = exponents[first, 1], exponents[second, 1]
    b1, eb1 = complex(bs[first, 0], bs[first, 1]), exponents[first, 2]
    b2, eb2 = complex(bs[second, 0], bs[second, 1]), exponents[second, 2]
    # within |zeta| <= s the first skip ends inside R2
    by_z, by_c = _of_first_alone(first, rows)
    unit = wide_divide(widened_two_to(e1), r2)
    linear_c = wide_divide(wide(abs(b1), eb1), r2)
    by_c_alone = narrowed(wide_add(wide_multiply(unit, widened(by_c)), linear_c))
    if not by_c_alone < 0.9:
        radii[t] = 0.0
        return
    whole = wide_multiply(unit, widened(by_z))
    s = wide_divide(widened(1.0 - by_c_alone), whole)
    if s[1] > 0:
        s = widened(1.0)
    slope2 = magnitude(rows[second, 2], rows[second, 3])
    unlike = wide_divide(wide(abs(b2), eb2), wide(slope2, e2))
    g = max(wide_multiply(whole, s)[1], max(linear_c[1], unlike[1]))
    if unlike[1] > _MOST_UNLIKE:
        radii[t] = 0.0
        return
    # the first skip in units of R2 2**g
    factor = wide_multiply(unit, widened_two_to(-g))
    _first_in_units(first, factor, s, b1 * (two_to(eb1 - g - r2[1]) / r2[0]), tree, powers, sizes, errors)
    most = _highest_power(second, tree)
    for i in range(2, most + 1):
        _multiplied(i, powers, sizes)
    _composed(second, b2 * two_to(eb2 - e2 - g), g, most, tree, space)
    errors_of_two(second, sizes[1], sizes[0], g, kept[first, A_OFF] + kept[first, B_OFF], tree, errors)
    a, b, a_off, b_off = linear_of_two(first, second, tree)
    made(t, wide_multiply(r1, s), e2 + g, tree, space)
    put_linear(t, a, b, a_off, b_off, tree)
    if radii[t] > 0.0:
        refreshed(t, tree)


@inner
def finished(t, tree, space):
    """Fill in what ``skip`` needs besides the coefficients."""
    rows, bs, exponents, radii, kept = tree
    sizes = space[4]
    if radii[t] == 0.0:
        return
    rows[t, 0] = 1.0 / radii[t]
    exponents[t, 3] = exponents[t, 1] - exponents[t, 0]
    unit = two_to(exponents[t, 2] - exponents[t, 1])
    rows[t, 4], rows[t, 5] = bs[t, 0] * unit, bs[t, 1] * unit
    tail = 0.0
    for d in range(1, TOP + 1):
        for j in range(d + 1):
            n, i = at(d) + j, d - j
            if d == TOP:
                tail += TOP * i * kept[t, j]
                continue
            sizes[n] = magnitude(rows[t, 2 * n], rows[t, 2 * n + 1])
            if i > 2:
                tail += i * (i - 1) * sizes[n]
    rows[t, TAIL] = tail * (1.0 + 2.0**-40)
    put_errors(t, sizes, tree)
