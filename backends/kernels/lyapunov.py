"""Lyapunov exponents of the driven logistic map in float64, each with a bound of its error."""

from __future__ import annotations

import math

import numpy as np

from deepzoom.backends.kernels.pixel_queue import taken
from deepzoom.compiling.jit import inner, kernel

_ROUNDING = 2.0**-53
_TINY = 2.0**-960
"""A parameter below this is less exact than others, and its product with a slope may leave float64's range."""
_UNDERFLOW = 2.0**-1020
"""What a step may lose below that range, with room for its factors."""
_LARGEST = 1.7976931348623157e308


_BEGIN = 0.5, 0.0, 0.0, 0.0, 0.0, False, False, np.int64(0)
"""State of a pixel: x, its error, the sum of logarithms, that sum's error, the largest; whether and how it ended; n."""


@inner
def _iterate(a, b, letters, warmup, far, state, until):
    """The state after all steps up to n = until."""
    x, error, total, off, most, ended, diverged, n = state
    while n < until:
        r = b if letters[n % letters.size] else a
        if n > warmup:
            slope = abs(1.0 - (x + x))
            if abs(r) < _TINY or 2.0 * error >= 0.25 * slope:
                off = math.inf
            else:
                value = math.log(abs(r) * slope)
                total += value
                off += 2.6 * error / slope + 8.0 * _ROUNDING * (1.0 + abs(value) + abs(total))
        slope = abs(r * (1.0 - (x + x)))
        y = r * x * (1.0 - x)
        error = slope * error + abs(r) * error * error + 4.0 * _ROUNDING * (abs(y) + abs(r * x)) + _UNDERFLOW
        most = max(most, error)
        x = y
        n += 1
        if error > 1e-3 or abs(x) > far:
            ended, diverged = True, abs(x) - error > far
            break
    return x, error, total, off, most, ended, diverged, n


@inner
def _read_out(p, state, steps, out):
    """Write down how a pixel ended."""
    _, error, total, off, most, _, diverged, _ = state
    exponent, bound, grown = out
    if diverged:
        exponent[p], bound[p], grown[p] = _LARGEST, 0.0, 0.0
    elif error > 1e-3:
        exponent[p], bound[p], grown[p] = 0.0, math.inf, 1.0
    else:
        exponent[p] = total / steps
        bound[p] = off / steps
        grown[p] = math.log2(most) + 53.0 if most > 0.0 else 0.0


@kernel()
def run_lyapunov(a, b, letters, warmup, steps, far, out):
    """Exponents of pixels with parameters a, b (P,), to ``out``: these, bounds of their errors, log2 of its growth.

    letters (.., bool): whether a step takes b. The bound e of x goes along: e' = |r (1 - 2x)| e + |r| e**2 and what
    rounding adds; that of a logarithm is e over |1/2 - x|. Where it is too large to tell, as at 1/2, and where r is
    below ``_TINY``, 0 included, it is infinite. Diverged: the largest float64.
    """
    for p in range(a.size):
        _read_out(p, _iterate(a[p], b[p], letters, warmup, far, _BEGIN, warmup + steps + 1), steps, out)


@kernel()
def share_lyapunov(queue, stride, a, b, letters, warmup, steps, far, out):
    """The same for threads that share a queue (``pixel_queue.py``)."""
    end = warmup + steps + 1
    ended = True
    while True:
        if ended:
            p = taken(queue)
            if p >= a.size:
                break
            state = _BEGIN
        state = _iterate(a[p], b[p], letters, warmup, far, state, min(end, state[7] + stride))
        ended = state[5] or state[7] == end
        if ended:
            _read_out(p, state, steps, out)
