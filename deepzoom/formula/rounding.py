"""Code that bounds what rounding makes of a formula's values and differences, to first order.

Running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 3.3), in units of 2**-53 and but for
small factors. With each value v goes V, the sizes it is summed from, never subtracted: of a sum that of both, of a
product a b V_a |b| + |a| V_b, and so on; with its difference, of a z of size 1, the same sum s of what that is made of,
and R, which adds to what rounding makes of the parts' differences what it has made of the values they are multiplied
with: V_a s_b + s_a V_b for a product. Where parts cancel, R is far more than the size of what is left.
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
"""R over |f_z| up to which a formula is taken not to cancel: that of z**2 + c is 3 sqrt 2 at most."""
_OF_R = Fraction(235, 1000)
"""With ``OF_A_STEP`` it makes of R what rounding of z**2 + c is taken to be, whose R is 3 sqrt 2 |f_z| at most."""
_ZERO, _ONE, _TWO = (Real.constant(n) for n in range(3))


@dataclass(frozen=True)
class _Bounds:
    """V of a value, s and R of its difference."""

    value: Real
    size: Real
    error: Real


def parts(f: Complex) -> str:
    """``parts(zx, zy, cx, cy)``: V of f."""
    code, known = Code(), _bounds(f, [])
    both = [code.value(known[id(part)].value) for part in (f.re, f.im)]
    return code.function("parts", POINT, [f"max({', '.join(both)})"], "What rounding of f is relative to.")


def lost(f: Complex) -> str:
    """``lost(zx, zy, cx, cy)``: what to count beside |f_z|: by how much a share of R is more; 0 where none cancels."""
    code = Code()
    by_z = stretches(f, code)[0]
    more = f"{rounding_of(f, code, [], by_z)} - {by_z}" if cancels(f) else "0.0"
    return code.function("lost", POINT, [more], "What a step loses where parts cancel.")


def rounding_of(f: Complex, code: Code, given: list[Real], by_z: str) -> str:
    """The name in some code of what rounding of a step is relative to: |f_z|, or a share of R where that is larger.

    given: nodes whose values are as good as they are large; by_z: |f_z|.
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
    """Sizes of the first and second derivative of a function of its argument."""
    inner = node.args[0]
    if node.op == "sqrt":
        half = Real.constant(Fraction(1, 2)) / node
        return half, half / (_TWO * _abs(inner))
    if node.op == "exp":
        return node, node
    return _abs(inner.applied("cos" if node.op == "sin" else "sin")), _abs(node)


@lru_cache(maxsize=256)
def cancels(f: Complex) -> bool:
    """Whether R is far above f_z, at some random points."""
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
    """Of a real 2x2 matrix."""
    even, odd = (a + d) ** 2 + (c - b) ** 2, (a - d) ** 2 + (b + c) ** 2
    return (even**0.5 + odd**0.5) / 2.0
