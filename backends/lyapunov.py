"""Pixels of the Lyapunov system: in float64 where an error bound proves it right, else in higher precision."""

from __future__ import annotations

import math
from typing import Any

import gmpy2
import numpy as np
from numpy.typing import NDArray

from deepzoom.compiling import jit
from deepzoom.coordinates import Rational
from deepzoom.scene.view import View
from deepzoom.systems.lyapunov import FAR, LyapunovSystem

from .base import Facts, Job, ReadOut, Say
from .executor import Cpu, Executor, Launch, on_cpu
from .kernels import lyapunov as kernels

Floats = NDArray[np.float64]

RIGHT = 2e-10
"""A pixel is settled where the error of its exponent is at most this."""
_MOST_BITS = 1 << 16
_MARK = "lyapunov"
_RESCALED_BY = 400
_RESCALED = 2.0**_RESCALED_BY
_CLOSE = 1e-250
_LARGEST = float(np.finfo(np.float64).max)


class LyapunovJob(Job):
    """Runs every pixel in float64 with an error bound, and again in higher precision where the bound is too large."""

    batch_size = 256

    def __init__(
        self, system: LyapunovSystem, view: View, bits: int | None, exactly: bool, say: Say,
        executor: Executor | None = None,
    ) -> None:  # fmt: skip
        self._executor = executor or Cpu()
        # one thread retries what float64 does not settle
        self.batch_size = max(self.batch_size, self._executor.prepared)
        self._system, self._view, self._given, self._exactly, self._say = system, view, bits, exactly, say
        self._letters = np.array(system.letters)
        self._bits = bits or system.first_bits(view)
        self.facts = Facts(self._bits)
        self._said = False
        if executor is None and not jit.ready(_MARK):
            say("Compiling kernels (once, some seconds) ...")
            self._in_float64(np.zeros(1), np.zeros(1), on_cpu)
            jit.mark_ready(_MARK)

    def _in_float64(self, a: Floats, b: Floats, launch: Launch) -> tuple[Floats, ...]:
        out = tuple(np.zeros(len(a)) for _ in range(3))
        launch(kernels, "lyapunov", (a, b, self._letters, self._system.warmup, self._system.steps, FAR, out))
        return out

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        return self._executor.run(pixels, self._run)

    def _run(self, pixels: NDArray[np.int64], launch: Launch) -> ReadOut:
        measure, bound, _ = self._in_float64(*self._view.points(pixels), launch)
        if self._exactly:
            bound[:] = math.inf
        again = np.flatnonzero(~(bound <= np.minimum(RIGHT, np.abs(measure))))
        if len(again) and not self._said and not self._exactly:
            self._said = True
            self._say("Float64 does not settle all pixels here; those are run with more digits, which takes longer.")
        for k in again.tolist():
            measure[k], bound[k] = self._settled(*self._view.point(int(pixels[k])))
        trust = np.where(bound <= RIGHT, 1, -1).astype(np.int8)
        return ReadOut(measure, np.sign(measure).astype(np.int8), trust)

    def _settled(self, a: Rational, b: Rational) -> tuple[float, float]:
        """(exponent, bound of its error): in the precision given, else with bits added until the bound is small."""
        bits = self._bits
        while True:
            exponent, bound, missing = exponent_of(self._system, a, b, bits)
            if bound <= RIGHT or self._given is not None or bits + missing > _MOST_BITS:
                return exponent, bound
            bits += missing


def exponent_of(system: LyapunovSystem, a: Rational, b: Rational, bits: int) -> tuple[float, float, int]:
    """(exponent, bound of its error, how many bits it lacks) of a run with ``bits`` bits.

    The bound is that of ``run_lyapunov``, in units of 2**(shift - bits); the shift keeps it in float64's range. One
    logarithm is taken of the product of all 1 - 2x, and one of each parameter.
    """
    with gmpy2.context(precision=bits, emin=gmpy2.get_emin_min(), emax=gmpy2.get_emax_max()) as context:
        rates = [gmpy2.mpfr(gmpy2.mpq(int(r.numerator), int(r.denominator))) for r in (a, b)]
        sizes = [abs(float(r)) for r in rates]
        x, one = gmpy2.mpfr(0.5), gmpy2.mpfr(1)
        product: Any = one
        error, off, shift, count, zero = 0.0, 0.0, 0, [0, 0], False
        off_close: Any = gmpy2.mpfr(0)  # for steps so close to 1/2 that float64 cannot hold their slope
        letters, warmup, n = system.letters, system.warmup, 0
        for n in range(warmup + system.steps + 1):
            which = letters[n % len(letters)]
            rest = one - x
            turn = rest - x
            slope = abs(float(turn))
            if n > warmup:
                count[which] += 1
                if turn == 0 and not context.inexact:  # exactly at 1/2, not by rounding
                    zero = True
                else:
                    product *= turn
                    if slope > _CLOSE:
                        off += 2.6 * error / slope
                    else:
                        off_close += 2.6 * error / abs(turn) if turn else gmpy2.inf()
            x = rates[which] * x * rest
            error = sizes[which] * (slope * error + math.ldexp(error * error, shift - bits))
            error += math.ldexp(8.0 * (sizes[which] + 1.0), -shift)
            if error > _RESCALED:
                error, off, off_close = error / _RESCALED, off / _RESCALED, off_close / _RESCALED
                shift += _RESCALED_BY
            if not math.ldexp(error, shift - bits) < 1e-3 or abs(x) > FAR:
                break
        error = math.ldexp(error, shift - bits)
        if error < 1e-3 and abs(x) > FAR + 1:
            return _LARGEST, 0.0, 0
        if not error < 1e-3:  # the error outgrew the bits: as many again for the steps that are left
            return 0.0, math.inf, 64 + bits * (warmup + system.steps - n) // (n + 1)
        if zero or any(c and r == 0 for c, r in zip(count, rates, strict=True)):
            return -_LARGEST, 0.0, 0
        total = gmpy2.log(abs(product)) + sum(c * gmpy2.log(abs(r)) for c, r in zip(count, rates, strict=True) if c)
        exponent = max(float(total / system.steps), -_LARGEST)
        bound = (off_close + off) / system.steps * gmpy2.exp2(shift - bits) + 2.0**-52 * abs(exponent)
        if bound <= RIGHT:
            return exponent, float(bound), 0
        return (
            exponent,
            float(bound),
            bits if gmpy2.is_infinite(bound) else math.ceil(float(gmpy2.log2(bound / RIGHT))) + 8,
        )
