"""Formulas in arbitrary precision."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import gmpy2

from . import source
from .expression import Complex
from .real import Real, ordered

FUNCTIONS: dict[str, Any] = {name: getattr(gmpy2, name) for name in ("sqrt", "exp", "sin", "cos", "sign")}
"""The functions that generated code calls, for mpfr numbers."""


def exact_map(f: Complex, bits: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The formula f and its ``kept_values`` as functions of four mpfr numbers; call them in a context of these bits."""
    constants: dict[Fraction, str] = {}
    names = _compiled(source.value(factored(f), constants) + source.kept_values(f, constants), constants, bits)
    return names["value"], names["kept_values"]


def exact_run(f: Complex, bits: int) -> Callable[..., None]:
    """The loop of ``source.run`` for mpfr numbers; call it in a context of these bits."""
    constants: dict[Fraction, str] = {}
    names = _compiled(source.run(factored(f), constants), constants, bits)
    return names["run"]  # type: ignore[no-any-return]


def factored(f: Complex) -> Complex:
    """f with (a + b)(a - b) in place of a a - b b: one product less, and no digits lost where the squares cancel."""
    made: dict[int, Real] = {}
    for node in ordered((f.re, f.im)):
        args = [made[id(a)] for a in node.args]
        squares = [a.args[0] if a.op == "*" and a.args[0] is a.args[1] else None for a in args]
        if node.op == "-" and squares[0] is not None and squares[1] is not None:
            made[id(node)] = (squares[0] + squares[1]) * (squares[0] - squares[1])
        else:
            made[id(node)] = Real.node(node.op, *args, value=node.value)
    return Complex(made[id(f.re)], made[id(f.im)])


def _compiled(text: str, constants: dict[Fraction, str], bits: int) -> dict[str, Any]:
    """What the generated text defines, with its constants rounded to so many bits."""
    with gmpy2.context(precision=bits):
        names = FUNCTIONS | {name: gmpy2.mpfr(gmpy2.mpq(v.numerator, v.denominator)) for v, name in constants.items()}
    exec(text, names)
    return names
