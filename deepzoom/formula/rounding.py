"""Code for how large the parts are that a formula is summed from, which is what rounding is relative to.

Where all of them have the same sign nothing cancels; where they cancel, what is left is small, and what rounding has
made of it is not. Along the formula go sizes that are never subtracted: of a sum |a| + |b|, of a product a b that of a
times |b| and that of b times |a|, and so on, as for a derivative whose terms all have one sign. Begun with 1 at z and 0
elsewhere they are the parts of f_z; begun with each variable's, constant's and function's own size, those of f.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction

from .expression import Complex
from .real import Real, ordered
from .source import FLOAT_FUNCTIONS, POINT, Code, stretch

_CANCELS = 2.5
"""Parts of f_z over |f_z| up to which a formula is taken not to cancel: those of z**2 + c are sqrt 2 at most."""
_OF_PARTS = 0.75
"""Of the parts of f_z: with ``OF_A_STEP`` that makes the rounding of z**2 + c."""


def parts(f: Complex) -> str:
    """``parts(zx, zy, cx, cy)``: the parts of f."""
    return _code(f, "parts", _of_values)


def lost(f: Complex) -> str:
    """``lost(zx, zy, cx, cy)``: the share of the parts of f_z to count beside |f_z|; 0 where they do not cancel.

    Near a pole it is as many times more as the parts of a denominator are larger than it.
    """
    if not _cancels(f):
        return Code().function("lost", POINT, ["0.0"], "Nothing cancels in a step.")
    code = Code()
    slopes, own = _sizes(f, _of_z), _sizes(f, _of_values)
    below = [node.args[1] for node in ordered((f.re, f.im)) if node.op == "/"]
    worst = [code.value(own[id(b)] / b.applied("abs")) for b in dict.fromkeys(below)]
    both = [code.value(slopes[id(part)]) for part in (f.re, f.im)]
    times = f" * max({', '.join(('1.0', *worst))})" if worst else ""
    return code.function("lost", POINT, [f"{_OF_PARTS} * max({', '.join(both)}){times}"], "What a step loses.")


def _of_z(node: Real) -> Real:
    return Real.constant(int(node.value in ("zx", "zy")))


def _of_values(node: Real) -> Real:
    return node.applied("abs")


def _sizes(f: Complex, begin: Callable[[Real], Real]) -> dict[int, Real]:
    sizes: dict[int, Real] = {}
    for node in ordered((f.re, f.im)):
        sizes[id(node)] = _rule(node, [sizes[id(a)] for a in node.args], begin)
    return sizes


def _code(f: Complex, name: str, begin: Callable[[Real], Real]) -> str:
    code, sizes = Code(), _sizes(f, begin)
    both = [code.value(sizes[id(part)]) for part in (f.re, f.im)]
    return code.function(name, POINT, [f"max({', '.join(both)})"], "What rounding is relative to.")


def _rule(node: Real, s: list[Real], begin: Callable[[Real], Real]) -> Real:
    if node.op in ("variable", "constant"):
        return begin(node)
    if node.op in ("+", "-"):
        return s[0] + s[1]
    if node.op in ("neg", "sign", "abs"):
        return s[0]
    if node.op == "*":
        a, b = (arg.applied("abs") for arg in node.args)
        return Real.constant(2) * (a * s[0]) if node.args[0] is node.args[1] else a * s[1] + s[0] * b
    if node.op == "/":
        return (s[0] + node.applied("abs") * s[1]) / node.args[1].applied("abs")
    inner = node.args[0]
    if node.op == "sqrt":
        return Real.constant(Fraction(1, 2)) * s[0] / node + begin(node)
    slope = node if node.op == "exp" else inner.applied("cos" if node.op == "sin" else "sin")
    return slope.applied("abs") * s[0] + begin(node)


def _cancels(f: Complex) -> bool:
    """Whether the parts of f_z are more than f_z itself, at some random points."""
    space: dict[str, object] = {**FLOAT_FUNCTIONS, "largest_singular_value": _largest_singular_value}
    exec(_code(f, "sizes", _of_z) + stretch(f), space)
    rng = random.Random(1)
    for _ in range(200):
        point = [rng.uniform(-2, 2) for _ in POINT]
        try:
            if space["sizes"](*point) > _CANCELS * space["stretch"](*point)[0]:  # type: ignore[operator]
                return True
        except (ZeroDivisionError, OverflowError):
            continue
    return False


def _largest_singular_value(a: float, b: float, c: float, d: float) -> float:
    """Of a real 2x2 matrix."""
    even, odd = (a + d) ** 2 + (c - b) ** 2, (a - d) ** 2 + (b + c) ** 2
    return (even**0.5 + odd**0.5) / 2.0
