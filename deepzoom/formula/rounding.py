"""Generates code that bounds the rounding errors of a formula's values and differences, to first order.

This is running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 3.3), in units of 2**-53 and up
to small factors. Each value v has a bound V: the sizes that it is summed from, never subtracted. For a sum V is the sum
of both bounds, for a product a b it is V_a |b| + |a| V_b, and so on. Its difference, for a z of size 1, has a bound s
of the same kind, and a bound R of its rounding error: the errors of the parts' differences, plus the errors of the
values that these are multiplied with, V_a s_b + s_a V_b for a product. Where parts cancel, R is far larger than the
result.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from .expression import Complex
from .real import Real, ordered
from .source import FLOAT_FUNCTIONS, POINT, Code, stretch, stretches

_CANCELS = 6.0
"""A formula counts as free of cancellation up to this ratio of R to |f_z|; z**2 + c has at most 3 sqrt 2."""
_OF_R = Fraction(235, 1000)
"""R times this (and ``OF_A_STEP``) is the rounding assumed for z**2 + c, whose R is at most 3 sqrt 2 |f_z|."""
_ZERO, _ONE, _TWO = (Real.constant(n) for n in range(3))


@dataclass(frozen=True)
class _Bounds:
    """The bounds of a node: value is V, size is s and error is R of its difference."""

    value: Real
    size: Real
    error: Real


def parts(f: Complex) -> str:
    """``parts(zx, zy, cx, cy)``: the bound V of f."""
    code, known = Code(), _bounds(f, [])
    both = [code.value(known[id(part)].value) for part in (f.re, f.im)]
    return code.function("parts", POINT, [f"max({', '.join(both)})"], "What rounding of f is relative to.")


def lost(f: Complex) -> str:
    """``lost(zx, zy, cx, cy)``: by how much a share of R exceeds |f_z|; 0 for formulas that do not cancel."""
    code = Code()
    by_z = stretches(f, code)[0]
    more = f"{rounding_of(f, code, [], by_z)} - {by_z}" if cancels(f) else "0.0"
    return code.function("lost", POINT, [more], "What a step loses where parts cancel.")


def rounding_of(f: Complex, code: Code, given: list[Real], by_z: str) -> str:
    """The name, in some code, of the size that a step's rounding is relative to: |f_z|, or a share of R if larger.

    given: nodes whose values are accurate relative to their own size. by_z: the name of |f_z|.
    """
    return code.let(code.larger(by_z, code.times(_OF_R, _largest(f, code, given)))) if cancels(f) else by_z


def _largest(f: Complex, code: Code, given: list[Real]) -> str:
    known = _bounds(f, given)
    return code.let(code.larger(*(code.value(known[id(part)].error) for part in (f.re, f.im))))


def _bounds(f: Complex, given: list[Real]) -> dict[int, _Bounds]:
    known: dict[int, _Bounds] = {}
    for node in ordered((f.re, f.im)):
        found = _rule(node, [known[id(a)] for a in node.args])
        known[id(node)] = replace(found, value=_abs(node)) if node in given else found
    return known


def _abs(node: Real) -> Real:
    return node.applied("abs")


def _rule(node: Real, of: list[_Bounds]) -> _Bounds:
    if node.op in ("variable", "constant"):
        moves = _ONE if node.value in ("zx", "zy") else _ZERO
        return _Bounds(_abs(node), moves, moves)
    if node.op in ("neg", "sign", "abs"):
        return of[0]
    if node.op in ("+", "-"):
        a, b = of
        return _Bounds(a.value + b.value, a.size + b.size, a.error + b.error)
    if node.op == "*":
        return _product(node, *of)
    if node.op == "/":
        return _quotient(node, *of)
    slope, bend = _derivatives(node)
    inner = of[0]
    return _Bounds(
        slope * inner.value + _abs(node), slope * inner.size, slope * inner.error + bend * inner.value * inner.size
    )


def _product(node: Real, a: _Bounds, b: _Bounds) -> _Bounds:
    left, right = (_abs(arg) for arg in node.args)
    if node.args[0] is node.args[1]:
        return _Bounds(
            _TWO * (left * a.value), _TWO * (left * a.size), _TWO * (left * a.error) + _TWO * (a.value * a.size)
        )
    return _Bounds(
        left * b.value + a.value * right,
        left * b.size + a.size * right,
        left * b.error + a.error * right + a.value * b.size + a.size * b.value,
    )


def _quotient(node: Real, a: _Bounds, b: _Bounds) -> _Bounds:
    below, q = _abs(node.args[1]), _abs(node)
    value = (a.value + q * b.value) / below
    size = (a.size + q * b.size) / below
    error = (a.error + q * b.error + value * b.size + size * b.value) / below
    return _Bounds(value, size, error)


def _derivatives(node: Real) -> tuple[Real, Real]:
    """The sizes of the first and second derivative of a function by its argument."""
    inner = node.args[0]
    if node.op == "sqrt":
        half = Real.constant(Fraction(1, 2)) / node
        return half, half / (_TWO * _abs(inner))
    if node.op == "exp":
        return node, node
    return _abs(inner.applied("cos" if node.op == "sin" else "sin")), _abs(node)


@lru_cache(maxsize=256)
def cancels(f: Complex) -> bool:
    """Whether R is far above |f_z| at any of some random points."""
    space: dict[str, object] = {**FLOAT_FUNCTIONS, "largest_singular_value": _largest_singular_value}
    code = Code()
    largest = _largest(f, code, [])
    exec(code.function("error", POINT, [largest], "R.") + stretch(f), space)
    rng = random.Random(1)
    for _ in range(200):
        point = [rng.uniform(-2, 2) for _ in POINT]
        try:
            if space["error"](*point) > _CANCELS * space["stretch"](*point)[0]:  # type: ignore[operator]
                return True
        except (ZeroDivisionError, OverflowError):
            continue
    return False


def _largest_singular_value(a: float, b: float, c: float, d: float) -> float:
    """The largest singular value of a real 2x2 matrix, row by row."""
    even, odd = (a + d) ** 2 + (c - b) ** 2, (a - d) ** 2 + (b + c) ** 2
    return (even**0.5 + odd**0.5) / 2.0
