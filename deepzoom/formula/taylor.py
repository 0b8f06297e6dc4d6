"""Generates code for the Taylor polynomial of a formula: each of its operations works on truncated power series.

For a complex-differentiable formula, the derivatives along the real axes of z and c determine all others. So series in
two real variables s and t are enough, with z = Z + s and c = C + t.
"""

from __future__ import annotations

from fractions import Fraction

from .expression import Complex
from .real import Real, ordered

_MANY = 1 << 20
"""The degree that stands for an expression that is not a polynomial."""


def _degree(node: Real, d: list[int]) -> int:
    """The degree of a node in s and t, from the degrees of its arguments."""
    if node.op == "variable":
        return int(node.value in ("zx", "cx"))
    if isinstance(node.value, Fraction):
        return 0
    if node.op in ("+", "-", "neg"):
        return max(d)
    if node.op == "*":
        return min(d[0] + d[1], _MANY)
    return max(d) and _MANY


def degree(f: Complex) -> int:
    """The degree of f in z and c; 2 if f is not a polynomial."""
    degrees: dict[int, int] = {}
    for node in ordered((f.re, f.im)):
        of = [degrees[id(a)] for a in node.args]
        # a fold, and a sign, do not change the degree
        degrees[id(node)] = of[0] if node.op in ("abs", "sign") else _degree(node, of)
    found = max(degrees[id(f.re)], degrees[id(f.im)])
    return found if found < _MANY else 2


def least_exponent(f: Complex) -> int:
    """log2 of the least difference whose powers, and their slopes, float64 holds close to a critical point."""
    return -460 // max(1, degree(f) - 1)


def taylor(f: Complex) -> str:
    """``taylor(zx, zy, cx, cy, w)``: writes the Taylor series of Re f and Im f to two rows of w; returns their numbers.

    w (``TAYLOR_ROWS``, ``COEFFICIENTS``): work space, as in ``backends/kernels/escape_time/power_series.py``.
    """
    lines: list[str] = []
    rows: dict[int, int] = {}
    degrees: dict[int, int] = {}
    count = 0
    for node in ordered((f.re, f.im)):
        d = [degrees[id(a)] for a in node.args]
        degrees[id(node)] = _degree(node, d)
        k = rows[id(node)] = count
        count += 1
        a = [rows[id(arg)] for arg in node.args]
        if node.op == "variable":
            which = {"zx": 0, "cx": 1}.get(str(node.value))
            call = (
                f"series_constant(w[{k}], {node.value})"
                if which is None
                else (f"series_variable(w[{k}], {node.value}, {which})")
            )
        elif isinstance(node.value, Fraction):
            call = f"series_constant(w[{k}], {float(node.value)!r})"
        elif node.op in ("+", "-"):
            call = f"series_add(w[{k}], w[{a[0]}], w[{a[1]}], {'1.0' if node.op == '+' else '-1.0'})"
        elif node.op == "neg":
            call = f"series_scale(w[{k}], w[{a[0]}], -1.0)"
        elif node.op == "*" and 0 in d:
            scalar, other = (a[0], a[1]) if d[0] == 0 else (a[1], a[0])
            call = f"series_scale(w[{k}], w[{other}], w[{scalar}, 0])"
        elif node.op == "*":
            call = f"series_multiply(w[{k}], w[{a[0]}], w[{a[1]}], min({d[0]}, TOP), min({d[1]}, TOP))"
        elif node.op == "/":
            call = f"series_divide(w[{k}], w[{a[0]}], w[{a[1]}])"
        elif node.op in ("sin", "cos"):
            count += 1
            pair = f"w[{k}], w[{k + 1}]" if node.op == "sin" else f"w[{k + 1}], w[{k}]"
            call = f"series_sin_cos({pair}, w[{a[0]}])"
        else:
            call = f"series_{node.op}(w[{k}], w[{a[0]}])"
        lines.append(call)
    body = "".join(f"    {line}\n" for line in lines)
    return (
        f'def taylor(zx, zy, cx, cy, w):\n    """Taylor series of f."""\n{body}'
        f"    return {rows[id(f.re)]}, {rows[id(f.im)]}\n\n\nTAYLOR_ROWS = {count}\n"
    )
