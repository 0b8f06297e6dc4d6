"""tanh of long fixed-point numbers and its slope: compiled routines, a strip of numbers at a time.

Numbers and their digits: ``fixed_point.py``. In a strip they stand as int64 (digits, n), with one digit before the
point and one spare digit behind those that are asked for, lowest first.
"""

from __future__ import annotations

import numpy as np

from deepzoom.compiling.jit import inner, kernel

from .fixed_point import BASE_BITS, EXTRA, HALF, MASK, STRIP, carry, shift_down_strip, to_floats

LARGEST_SHIFT = 1 << 16
"""Slopes of tanh below 2**-65536 are 0."""


@inner
def _product(a, b, out, over, low):
    """out = a * b for a strip of numbers with one digit before the point; all (digits, strip) int64, over (strip,).

    Digits below ``low`` are left out, and are zero in the product. out may be a or b: each digit of it goes to a place
    that is not needed any more.
    """
    digits, n = a.shape
    for e in range(n):
        over[e] = 0
    for i in range(low):
        for e in range(n):
            out[i, e] = 0
    for c in range(low - EXTRA, digits):  # the digit that products of digits i and c + digits - 1 - i add to
        both = c + digits - 1
        first, last = max(low, c), min(digits, both - low + 1)
        if (last - first) % 2:
            x, y = a[first], b[both - first]
            for e in range(n):
                over[e] += np.int64(np.int32(x[e])) * np.int64(np.int32(y[e]))
            first += 1
        for i in range(first, last, 2):
            x, y, z, w = a[i], b[both - i], a[i + 1], b[both - i - 1]
            for e in range(n):
                over[e] += np.int64(np.int32(x[e])) * np.int64(np.int32(y[e])) + np.int64(np.int32(z[e])) * np.int64(
                    np.int32(w[e])
                )
        digit = out[max(c, 0)]
        if c >= low:
            for e in range(n):
                d = ((over[e] + HALF) & MASK) - HALF
                digit[e] = d
                over[e] = (over[e] - d) >> BASE_BITS
        else:
            for e in range(n):
                over[e] = (over[e] + HALF) >> BASE_BITS


@inner
def _add_integer(a, value):
    """Add a whole number to each number of a strip."""
    for e in range(a.shape[1]):
        a[a.shape[0] - 1, e] += value


@inner
def _powers_of_two(a, first, approximate, halvings, ln2, k, signs, u, spare):
    """Of a strip of numbers x: write their signs, k with 2 |x| = k ln 2 + r, and r / 2**halvings to u."""
    work, n = u.shape
    for e in range(n):
        x = approximate[first + e]
        if x < 0.0:
            signs[e] = -1
        x = min(abs(x), 0.5 * np.log(2.0) * (LARGEST_SHIFT + 1))
        k[e] = np.int64(np.rint(2.0 * x / np.log(2.0)))
    for i in range(1, min(work, a.shape[0] + 1)):
        digit, wanted = a[i - 1, first : first + n], u[i]
        for e in range(n):
            wanted[e] = 2 * np.int64(digit[e]) * signs[e]
    for i in range(work):
        wanted = u[i]
        for e in range(n):
            wanted[e] = wanted[e] - k[e] * ln2[i] if k[e] <= LARGEST_SHIFT else 0
    carry(u)
    shift_down_strip(u, np.full(n, halvings), spare)


@inner
def _exponential(u, m, v, factorials, halvings, over):
    """Write exp(-r) to m, from u = r / 2**halvings: by a Taylor polynomial of expm1(-u) and doublings m (m + 2)."""
    work, n = u.shape
    for i in range(work):
        for e in range(n):
            m[i, e] = factorials[-1, i]
    for term in range(factorials.shape[0] - 2, -1, -1):
        # the terms added here are multiplied by u**(term + 1) later, so fewer digits are enough
        low = min(work - 3, int((term + 1) * (halvings + 1.5)) // BASE_BITS)
        _product(m, u, m, over, low)
        for i in range(low, work):
            for e in range(n):
                m[i, e] += factorials[term, i]
    _product(m, u, m, over, 0)  # expm1(-u) = sum over k >= 1
    for _ in range(halvings):
        for i in range(work):
            for e in range(n):
                v[i, e] = m[i, e]
        _add_integer(v, 2)
        _product(m, v, m, over, 0)
    _add_integer(m, 1)


@inner
def _inverse_of_one_plus(m, u, v, over, close):
    """Write 1 / (1 + m) to u, by Newton's iteration u (2 - (1 + m) u) from float64; m becomes 1 + m."""
    work, n = m.shape
    newton = 1
    while 50 << newton < BASE_BITS * work:
        newton += 1
    for e in range(n):
        close[e] = 0.0
    for i in range(work):
        for e in range(n):
            close[e] = close[e] * 2.0**-BASE_BITS + float(m[i, e])
    for e in range(n):
        close[e] = 1.0 / (1.0 + close[e])
    for i in range(work - 1, -1, -1):
        for e in range(n):
            d = np.rint(close[e])
            u[i, e] = np.int64(d)
            close[e] = (close[e] - d) * 2.0**BASE_BITS
    carry(u)
    _add_integer(m, 1)
    for i in range(newton):
        low = max(0, work - 3 - (50 << (i + 1)) // BASE_BITS)
        _product(m, u, v, over, low)
        for digit in range(work):
            for e in range(n):
                v[digit, e] = -v[digit, e]
        _add_integer(v, 2)
        _product(u, v, u, over, low)


@kernel()
def tanh(a, point, ln2, factorials, halvings):
    """tanh and its slope, for each number (digits, n) int32 with ``point`` digits after the point.

    ``e = exp(-2 |x|)`` by ``2 |x| = k ln 2 + r``, ``expm1(-r / 2**halvings)`` from its Taylor polynomial, and that many
    doublings ``m (m + 2)``; then ``(1 - e) / (1 + e)`` by Newton's iteration from float64. ln2 (digits,) and
    factorials (terms, digits): ln 2 and (-1)**k / k! with one digit more after the point than a. Off by less than one
    unit of the last digit.

    The slope is ``4 e / (1 + e)**2 = s 2**-k``, its leading bits kept however small it is; 0 where k > LARGEST_SHIFT.
    Returns tanh and s, both (point + 1, n) int64, balanced, with ``point`` digits after the point, and k (n,) int64.
    """
    work = point + 2  # one digit before the point and one spare behind
    n_all = a.shape[1]
    out = np.zeros((point + 1, n_all), np.int64)
    slopes = np.zeros((point + 1, n_all), np.int64)
    shifts = np.zeros(n_all, np.int64)
    approximate = to_floats(a, point)
    for first in range(0, n_all, STRIP):
        n = min(STRIP, n_all - first)
        u, m, v = np.zeros((work, n), np.int64), np.zeros((work, n), np.int64), np.zeros((work, n), np.int64)
        over, spare, close = np.zeros(n, np.int64), np.zeros((work + 2, n), np.int64), np.zeros(n)
        k, signs = shifts[first : first + n], np.ones(n, np.int64)
        _powers_of_two(a, first, approximate, halvings, ln2, k, signs, u, spare)
        _exponential(u, m, v, factorials, halvings, over)
        exponential = m.copy()
        shift_down_strip(m, k, spare)
        _inverse_of_one_plus(m, u, v, over, close)
        # slope: 4 exp(-r) / (1 + e)**2, and k more bits down
        _product(u, u, v, over, 0)
        _product(exponential, v, v, over, 0)
        for i in range(work):
            for e in range(n):
                v[i, e] = 4 * v[i, e] if k[e] <= LARGEST_SHIFT else 0
        carry(v)
        # tanh |x| = (1 - e) / (1 + e) = 2 / (1 + e) - 1
        for i in range(work):
            for e in range(n):
                u[i, e] = 2 * u[i, e]
        _add_integer(u, -1)
        carry(u)
        for i in range(point + 1):
            for e in range(n):
                slopes[i, first + e] = v[i + 1, e]
                out[i, first + e] = signs[e] * u[i + 1, e]
    carry(out)
    return out, slopes, shifts
