"""Formulas in arbitrary precision."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import gmpy2

from . import source
from .expression import Complex


def exact_map(f: Complex, bits: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """f, and what is kept of it, as functions of four mpfr numbers, to be called in a context of so many bits."""
    constants: dict[Fraction, str] = {}
    text = source.value(f, constants) + source.kept_values(f, constants)
    names: dict[str, Any] = {n: getattr(gmpy2, n) for n in ("sqrt", "exp", "sin", "cos")} | {"sign": gmpy2.sign}
    with gmpy2.context(precision=bits):
        names |= {name: gmpy2.mpfr(gmpy2.mpq(v.numerator, v.denominator)) for v, name in constants.items()}
    exec(text, names)
    return names["value"], names["kept_values"]
