"""Compiled routines for long fixed-point numbers: carries, products, conversions. tanh: ``fixed_point_tanh.py``.

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
HALF = np.int64(1 << 25)
MASK = np.int64((1 << 26) - 1)
_MOST_TERMS = 4096  # how many products of two digits may be summed before a carry: 2**12 * 2**50 < 2**63
EXTRA = 2  # extra digits below the last one while a product is summed
STRIP = 128  # how many numbers a routine with many intermediate results takes at a time


@kernel()
def carry(sums):
    """Balance the digits of sums (digits, n) int64 in place; the top digit keeps what is left over."""
    for i in range(sums.shape[0] - 1):
        for e in range(sums.shape[1]):
            x = sums[i, e]
            d = ((x + HALF) & MASK) - HALF
            sums[i, e] = d
            sums[i + 1, e] += (x - d) >> BASE_BITS


@kernel()
def digits_needed(sums, least):
    """How many digits balanced numbers (digits, n) need, ``least`` or more; -1 where a top digit is too large."""
    for e in range(sums.shape[1]):
        if abs(sums[-1, e]) >= HALF:
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
    columns = a.shape[0] + b.shape[0] - point + EXTRA + 1
    sums = np.zeros((columns, n), np.int64)
    for i in range(a.shape[0]):
        for j in range(max(0, point - EXTRA - i), b.shape[0]):
            c = i + j - point + EXTRA
            for e in range(n):
                sums[c, e] += np.int64(a[i, e]) * np.int64(b[j, e])
    carry(sums)
    return sums[EXTRA:]


@kernel()
def matmul(a, b, point):
    """Matrix products (digits, m, k) @ (digits, k, n) of numbers with ``point`` digits after the point, balanced."""
    m, depth, n = a.shape[1], a.shape[2], b.shape[2]
    columns = a.shape[0] + b.shape[0] - point + EXTRA + 1
    sums = np.zeros((columns, m, n), np.int64)
    flat = sums.reshape((columns, m * n))
    chunk = max(1, _MOST_TERMS // max(a.shape[0], b.shape[0]))
    for start in range(0, depth, chunk):
        terms = min(chunk, depth - start)
        fours = terms // 4
        for i in range(a.shape[0]):
            for j in range(max(0, point - EXTRA - i), b.shape[0]):
                c = i + j - point + EXTRA
                # slices, because Numba does not vectorise a loop whose index may be negative
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
    return sums[EXTRA:]


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
def shift_down_strip(a, bits, spare):
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
            d = ((moved + HALF) & MASK) - HALF
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
    spare = np.zeros((sums.shape[0] + 2, STRIP), np.int64)
    for first in range(0, sums.shape[1], STRIP):
        part = sums[:, first : first + STRIP]
        shift_down_strip(part, bits[first : first + STRIP], spare[:, : part.shape[1]])
