"""Quotients and square roots of long fixed-point numbers, digit by digit: compiled routines.

Numbers and their digits: ``fixed_point.py``. As in long division by hand, the leading digits of what is left give the
next digit of the result, in float64. It need not be the right one: digits have signs, so the next ones make up for it
and one carry at the end balances them. One digit more than asked for is computed and dropped, which rounds to nearest.
"""

from __future__ import annotations

import numpy as np

from deepzoom.compiling.jit import inner, kernel

from .fixed_point import BASE_BITS, HALF, MASK, carry

_BASE = 2.0**BASE_BITS
_LOW = 4  # zeros below the last digit, so that the leading digits of what is left always exist
_STEPS = 256  # how many products, below 2**53 each, what is left may take before a carry must run


@inner
def _leading(rest, at):
    """The number rest (digits,) int64 in units of its digit ``at``, from that digit and three below."""
    low = float(rest[at - 2]) + float(rest[at - 3]) / _BASE
    return float(rest[at]) + (float(rest[at - 1]) + low / _BASE) / _BASE


@inner
def _carry_below(rest, at):
    """Balance the digits below ``at``; that one keeps what is left over."""
    for i in range(at):
        d = ((rest[i] + HALF) & MASK) - HALF
        rest[i + 1] += (rest[i] - d) >> BASE_BITS
        rest[i] = d


@inner
def _top(a, e):
    """Where the first digit of number ``e`` stands that is not zero; -1 for 0."""
    for i in range(a.shape[0] - 1, -1, -1):
        if a[i, e] != 0:
            return i
    return -1


@kernel()
def divide(a, b, point):
    """Quotients of numbers (digits, n) int32 with ``point`` digits after the point, balanced; none of b may be 0."""
    more = point + 1
    sums = np.zeros((a.shape[0] + more + 2, a.shape[1]), np.int64)
    rest = np.zeros(a.shape[0] + more + 2 + _LOW, np.int64)
    divisor = np.zeros(b.shape[0] + _LOW, np.int64)
    for e in range(a.shape[1]):
        top, below = _top(a, e), _top(b, e)
        if top < 0:
            continue
        rest[:] = 0
        for i in range(top + 1):
            rest[i + more + _LOW] = a[i, e]
        for i in range(below + 1):
            divisor[i + _LOW] = b[i, e]
        leading = _leading(divisor, below + _LOW)
        for k in range(top + more - below, -1, -1):
            at = k + below + _LOW
            if k % _STEPS == 0:
                _carry_below(rest, at)
            q = np.int64(np.rint(_leading(rest, at) / leading))
            sums[k, e] = q
            for i in range(max(0, below - _LOW - k), below + 1):  # digits further down do not reach the result
                rest[k + i + _LOW] -= q * divisor[i + _LOW]
            rest[at - 1] += rest[at] << BASE_BITS
            rest[at] = 0
    carry(sums)
    return sums[1:]


@kernel()
def sqrt(a, point):
    """Square roots of numbers (digits, n) int32 with ``point`` digits after the point, balanced; all 0 or positive."""
    more = point + 2
    sums = np.zeros(((a.shape[0] + more) // 2 + 2, a.shape[1]), np.int64)
    rest = np.zeros(a.shape[0] + more + 2 + _LOW, np.int64)
    for e in range(a.shape[1]):
        top = _top(a, e)
        if top < 0:
            continue
        rest[:] = 0
        for i in range(top + 1):
            rest[i + more + _LOW] = a[i, e]
        high = (top + more) // 2  # where the first digit of the root stands
        at = 2 * high + _LOW
        # the first two digits at once, because the next ones must change the root by little
        first = np.int64(np.rint(np.sqrt(rest[at + 1] * _BASE + _leading(rest, at)) * _BASE))
        low = ((first + HALF) & MASK) - HALF
        up = (first - low) >> BASE_BITS
        sums[high, e], sums[high - 1, e] = up, low
        rest[at] -= up * up
        rest[at - 1] -= 2 * up * low
        rest[at - 2] -= low * low
        for i in range(at + 1, at - 2, -1):
            rest[i - 1] += rest[i] << BASE_BITS
            rest[i] = 0
        root = first / _BASE
        for k in range(high - 2, -1, -1):
            at = k + high + _LOW
            if k % _STEPS == 0:
                _carry_below(rest, at)
            q = np.int64(np.rint(_leading(rest, at) / (2.0 * root)))
            sums[k, e] = q
            if k == high - 2:
                root += q / _BASE / _BASE
            for i in range(max(k + 1, high - _LOW - k), high + 1):
                rest[k + i + _LOW] -= 2 * q * sums[i, e]
            rest[2 * k + _LOW] -= q * q
            rest[at - 1] += rest[at] << BASE_BITS
            rest[at] = 0
    carry(sums)
    return sums[1:]
