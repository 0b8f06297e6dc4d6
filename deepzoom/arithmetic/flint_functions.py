"""Functions of fixed-point numbers by FLINT's ball arithmetic, and constants of tanh. Numbers are given as integers."""

from __future__ import annotations

import math
from fractions import Fraction

import flint

_GUARD = 16  # extra bits of a function's working precision


def of_integers(name: str, values: list[int], bits: int) -> list[int]:
    """One of FLINT's functions (exp, log, sin, cos) of each number ``value * 2**-bits``, in the same unit.

    The function must be defined at every one of them.
    """
    sizes = (v if name == "exp" else abs(v) for v in values)
    whole = max(0, max(max(sizes, default=0), 0).bit_length() - bits)
    # exp of a number of m integer bits has up to 1.45 * 2**m of them
    extra = 2 << whole if name == "exp" else whole
    with flint.ctx.workprec(bits + extra + _GUARD):
        down, up = flint.arb((1, -bits)), flint.arb((1, bits))
        results = [(getattr(flint.arb(v) * down, name)() * up).mid().floor().unique_fmpz() for v in values]
    return [int(v) for v in results]


def tanh_constants(bits: int, most: int) -> tuple[int, list[int], int]:
    """ln 2 and (-1)**k / k! for k = 1, 2, ..., times 2**bits, and how often to halve the argument, ``most`` at most.

    For ``fixed_point_tanh.py``: with so many halvings and terms the series is right to the last of these bits.
    """
    halvings = min(most, max(4, round(math.sqrt(bits / 2.5))))
    factorials = []
    term = Fraction(1)
    k = 1
    while True:
        term = Fraction(-term.numerator, term.denominator * k)
        factorials.append((term.numerator << bits) // term.denominator)
        k += 1
        if math.lgamma(k + 1) / math.log(2) + k * (halvings + 1.5) > bits:
            break
    with flint.ctx.workprec(bits + _GUARD):
        ln2 = int((flint.arb(2).log() * flint.arb((1, bits))).mid().floor().unique_fmpz())
    return ln2, factorials, halvings
