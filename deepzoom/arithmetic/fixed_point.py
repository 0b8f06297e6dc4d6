"""Compiled routines for long fixed-point numbers: carries, products, tanh.

A number is a column of balanced digits in base ``2**26``: ``value = sum_i d[i] * 2**(26 (i - F))`` with
``-2**25 <= d[i] < 2**25`` and F digits after the point. Negative numbers need no sign, dropping low digits rounds to
nearest, and up to 2**13 products of digits fit an int64 before carries must run. An array of numbers holds the digits
first, (digits, n), so that every loop over n is a vector loop.

FLINT works number by number through Python objects, which costs more than the arithmetic itself up to some 600 bits:
these routines take a tenth of its time per training step at 200 bits (benchmarks/LOG.md).
"""

from __future__ import annotations

import numpy as np

from deepzoom.compiling.jit import inner, kernel

BASE_BITS = 26
_HALF = np.int64(1 << 25)
_MASK = np.int64((1 << 26) - 1)
_MOST_TERMS = 4096  # products of two digits that may be summed before a carry: 2**12 * 2**50 < 2**63
_EXTRA = 2  # digits kept below the last one while a product is summed
LARGEST_SHIFT = 1 << 16  # slopes of tanh below 2**-65536 are 0
_STRIP = 128  # numbers taken at a time where a routine needs many intermediate results


@kernel()
def carry(sums):
    """Balance the digits of sums (digits, n) int64 in place; the top digit keeps what is left over."""
    for i in range(sums.shape[0] - 1):
        for e in range(sums.shape[1]):
            x = sums[i, e]
            d = ((x + _HALF) & _MASK) - _HALF
            sums[i, e] = d
            sums[i + 1, e] += (x - d) >> BASE_BITS


@kernel()
def digits_needed(sums, least):
    """How many digits balanced numbers (digits, n) need, at least so many; -1 where a top one is too large."""
    for e in range(sums.shape[1]):
        if abs(sums[-1, e]) >= _HALF:
            return -1
    for top in range(sums.shape[0], least, -1):
        for e in range(sums.shape[1]):
            if sums[top - 1, e] != 0:
                return top
    return least


@kernel()
def add(a, b, sign):
    """a + sign * b of two arrays of numbers (digits, n) int32, as sums to carry."""
    n = a.shape[1]
    sums = np.zeros((max(a.shape[0], b.shape[0]) + 1, n), np.int64)
    for i in range(a.shape[0]):
        for e in range(n):
            sums[i, e] = a[i, e]
    for i in range(b.shape[0]):
        for e in range(n):
            sums[i, e] += sign * np.int64(b[i, e])
    carry(sums)
    return sums


@kernel()
def multiply(a, b, point):
    """Products of two arrays of numbers (digits, n) int32 with ``point`` digits after the point, as sums to carry."""
    n = a.shape[1]
    columns = a.shape[0] + b.shape[0] - point + _EXTRA + 1
    sums = np.zeros((columns, n), np.int64)
    for i in range(a.shape[0]):
        for j in range(max(0, point - _EXTRA - i), b.shape[0]):
            c = i + j - point + _EXTRA
            for e in range(n):
                sums[c, e] += np.int64(a[i, e]) * np.int64(b[j, e])
    carry(sums)
    return sums[_EXTRA:]


@kernel()
def matmul(a, b, point):
    """Matrix products (digits, m, k) @ (digits, k, n) of numbers with ``point`` digits after the point, balanced."""
    m, depth, n = a.shape[1], a.shape[2], b.shape[2]
    columns = a.shape[0] + b.shape[0] - point + _EXTRA + 1
    sums = np.zeros((columns, m, n), np.int64)
    flat = sums.reshape((columns, m * n))
    chunk = max(1, _MOST_TERMS // max(a.shape[0], b.shape[0]))
    for start in range(0, depth, chunk):
        terms = min(chunk, depth - start)
        fours = terms // 4
        for i in range(a.shape[0]):
            for j in range(max(0, point - _EXTRA - i), b.shape[0]):
                c = i + j - point + _EXTRA
                # slices: an index that may be negative, to Numba, keeps a loop from being a vector loop
                right = b[j, start : start + terms]
                if n == 1:
                    column = right.reshape(terms)
                    for r in range(m):
                        row = a[i, r, start : start + terms]
                        total = np.int64(0)
                        for k in range(terms):
                            total += np.int64(row[k]) * np.int64(column[k])
                        flat[c, r] += total
                    continue
                for r in range(m):
                    row, out = a[i, r, start : start + terms], sums[c, r]
                    for k in range(fours):
                        x0, x1 = np.int64(row[4 * k]), np.int64(row[4 * k + 1])
                        x2, x3 = np.int64(row[4 * k + 2]), np.int64(row[4 * k + 3])
                        for e in range(n):
                            out[e] += (
                                x0 * np.int64(right[4 * k, e])
                                + x1 * np.int64(right[4 * k + 1, e])
                                + x2 * np.int64(right[4 * k + 2, e])
                                + x3 * np.int64(right[4 * k + 3, e])
                            )
                    for k in range(4 * fours, terms):
                        x = np.int64(row[k])
                        for e in range(n):
                            out[e] += x * np.int64(right[k, e])
        carry(flat)
    return sums[_EXTRA:]


@kernel()
def to_floats(a, point):
    """Nearest float64 of each number (one rounding; inf where there is none)."""
    digits, n = a.shape
    out = np.zeros(n)
    for e in range(n):
        top = digits - 1
        while top > 0 and a[top, e] == 0:
            top -= 1
        high = float(a[top, e]) * 2.0**26
        low = 0.0
        if top > 0:
            high += float(a[top - 1, e])
        if top > 1:
            low = float(a[top - 2, e]) * 2.0**26
        if top > 2:
            low += float(a[top - 3, e])
        out[e] = np.ldexp(high + low * 2.0**-52, BASE_BITS * (top - 1 - point))
    return out


@kernel()
def signs(a):
    """-1, 0 or 1 for each number: the sign of its first digit that is not zero."""
    out = np.zeros(a.shape[1], np.int64)
    for e in range(a.shape[1]):
        for i in range(a.shape[0] - 1, -1, -1):
            if a[i, e] != 0:
                out[e] = 1 if a[i, e] > 0 else -1
                break
    return out


@inner
def _product(a, b, out, over, low):
    """out = a * b for a strip of numbers with one digit before the point; all (digits, strip) int64, over (strip,).

    Digits below ``low`` are left out, and zero in the product. out may be a or b: what stands where a digit of it
    goes is not needed any more.
    """
    digits, n = a.shape
    for e in range(n):
        over[e] = 0
    for i in range(low):
        for e in range(n):
            out[i, e] = 0
    for c in range(low - _EXTRA, digits):  # the digit that products of digits i and c + digits - 1 - i add to
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
                d = ((over[e] + _HALF) & _MASK) - _HALF
                digit[e] = d
                over[e] = (over[e] - d) >> BASE_BITS
        else:
            for e in range(n):
                over[e] = (over[e] + _HALF) >> BASE_BITS


@inner
def _add_integer(a, value):
    """Add a whole number to each number of a strip."""
    for e in range(a.shape[1]):
        a[a.shape[0] - 1, e] += value


@inner
def _shift_down(a, bits, spare):
    """Divide each number of a strip, all its digits balanced, by 2**bits (n,) in place; spare (digits + 2, n)."""
    digits, n = a.shape
    over, left = spare[digits], spare[digits + 1]
    for e in range(n):
        over[e] = 0
        left[e] = np.int64(1) << (-bits[e] % BASE_BITS)
    for i in range(digits):
        x, y = a[i], spare[i]
        for e in range(n):
            moved = np.int64(np.int32(x[e])) * np.int64(np.int32(left[e])) + over[e]
            d = ((moved + _HALF) & _MASK) - _HALF
            y[e] = d
            over[e] = (moved - d) >> BASE_BITS
    for e in range(n):
        left[e] = (bits[e] + BASE_BITS - 1) // BASE_BITS
    for i in range(digits):
        x = a[i]
        for e in range(n):
            at = i + left[e]
            x[e] = spare[at, e] if at <= digits else 0


@kernel()
def shift_down(sums, bits):
    """Divide each of some balanced numbers (digits, n) int64 by 2**bits (n,) in place."""
    spare = np.zeros((sums.shape[0] + 2, _STRIP), np.int64)
    for first in range(0, sums.shape[1], _STRIP):
        part = sums[:, first : first + _STRIP]
        _shift_down(part, bits[first : first + _STRIP], spare[:, : part.shape[1]])


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
    newton = 1
    while 50 << newton < BASE_BITS * work:
        newton += 1
    for first in range(0, n_all, _STRIP):
        n = min(_STRIP, n_all - first)
        u = np.zeros((work, n), np.int64)
        m = np.zeros((work, n), np.int64)
        v = np.zeros((work, n), np.int64)
        exponential = np.zeros((work, n), np.int64)
        over = np.zeros(n, np.int64)
        spare = np.zeros((work + 2, n), np.int64)
        close = np.zeros(n)
        k = shifts[first : first + n]
        signs = np.ones(n, np.int64)
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
        _shift_down(u, np.full(n, halvings), spare)
        for i in range(work):
            for e in range(n):
                m[i, e] = factorials[-1, i]
        for term in range(factorials.shape[0] - 2, -1, -1):
            # what is added here counts u**(term + 1) in the end: as many digits less are enough
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
        for i in range(work):
            for e in range(n):
                exponential[i, e] = m[i, e]
        _shift_down(m, k, spare)
        # m = exp(-2 |x|); u = 1 / (1 + m) by Newton: u (2 - (1 + m) u)
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
        # slope: 4 exp(-r) / (1 + e)**2, and k more bits down
        _product(u, u, v, over, 0)
        _product(exponential, v, v, over, 0)
        for i in range(work):
            for e in range(n):
                v[i, e] = 4 * v[i, e] if k[e] <= LARGEST_SHIFT else 0
        carry(v)
        for i in range(point + 1):
            for e in range(n):
                slopes[i, first + e] = v[i + 1, e]
        # tanh |x| = (1 - e) / (1 + e) = 2 / (1 + e) - 1
        for i in range(work):
            for e in range(n):
                u[i, e] = 2 * u[i, e]
        _add_integer(u, -1)
        carry(u)
        for i in range(point + 1):
            for e in range(n):
                out[i, first + e] = signs[e] * u[i + 1, e]
    carry(out)
    return out, slopes, shifts
