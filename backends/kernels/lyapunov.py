"""Lyapunov exponents of the driven logistic map in float64, each with a bound of its error."""

from __future__ import annotations

import math

import numpy as np

from deepzoom.backends.kernels.queue import taken
from deepzoom.compiled import kernel

_ROUNDING = 2.0**-53
_LARGEST = 1.7976931348623157e308


@kernel()
def run_lyapunov(queue, stride, a, b, letters, warmup, steps, far, out):
    """Exponents of pixels with parameters a, b (P,), to ``out``: these, bounds of their errors, log2 of its growth.

    queue, stride: ``queue.py``; letters (.., bool): whether a step takes b. The bound e of x goes along:
    e' = |r (1 - 2x)| e + |r| e**2 and what rounding adds; that of a logarithm is e over |1/2 - x|. Where it is too
    large to tell, it is infinite.
    Diverged: the largest float64; an iterate at 1/2, or r = 0: the least.
    """
    exponent, bound, grown = out
    last = warmup + steps
    ended = True
    while True:
        if ended:
            p = taken(queue)
            if p >= a.size:
                break
            x, error, total, off, most = 0.5, 0.0, 0.0, 0.0, 0.0
            ended, diverged, n = False, False, np.int64(0)
        until = min(last + 1, n + stride)
        while n < until and not ended:
            r = b[p] if letters[n % letters.size] else a[p]
            if n > warmup:
                slope = abs(1.0 - (x + x))
                if 2.0 * error >= 0.25 * slope and not (slope == 0.0 and error == 0.0):
                    off = math.inf
                else:
                    if r == 0.0 or slope == 0.0:
                        total = -math.inf
                    elif total > -math.inf:
                        value = math.log(abs(r) * slope)
                        total += value
                        off += 2.6 * error / slope + 8.0 * _ROUNDING * (1.0 + abs(value) + abs(total))
            slope = abs(r * (1.0 - (x + x)))
            y = r * x * (1.0 - x)
            error = slope * error + abs(r) * error * error + 4.0 * _ROUNDING * (abs(y) + abs(r * x))
            most = max(most, error)
            x = y
            if error > 1e-3 or abs(x) > far:
                ended, diverged = True, abs(x) - error > far
            n += 1
        ended |= n > last
        if ended and diverged:
            exponent[p], bound[p], grown[p] = _LARGEST, 0.0, 0.0
        elif ended and error > 1e-3:
            exponent[p], bound[p], grown[p] = 0.0, math.inf, 1.0
        elif ended:
            exponent[p] = total / steps if total > -math.inf else -_LARGEST
            bound[p] = off / steps
            grown[p] = math.log2(most) + 53.0 if most > 0.0 else 0.0
