"""Generates the code of a formula for each arithmetic, from its one definition.

Every function here returns Python source of straight-line code: for the value, the derivatives, and the bounds of a
linear skip (``differences.py`` has the difference from a reference). Numba compiles the code; with gmpy2's numbers it
runs in arbitrary precision.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from fractions import Fraction

from .expression import Complex
from .real import Real, ordered

_Z = ("zx", "zy")
_C = ("cx", "cy")
POINT = (*_Z, *_C)
LEAST = 2.0**-510
"""The least slope in bounds: float64 cannot represent the squares of smaller ones."""


class Code:
    """Statements that compute nodes, each once. ``constant`` writes an exact number as the arithmetic needs it."""

    def __init__(self, constants: dict[Fraction, str] | None = None) -> None:
        self.lines: list[str] = []
        self.names: dict[int, str] = {}
        self._constants = constants

    def constant(self, value: Fraction) -> str:
        if self._constants is None:
            return repr(float(value))
        return self._constants.setdefault(value, f"k{len(self._constants)}")

    def let(self, text: str) -> str:
        name = f"t{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        return name

    def larger(self, a: str, b: str) -> str:
        return f"max({a}, {b})"

    def times(self, factor: Fraction, a: str) -> str:
        """The product of a constant and a value."""
        return f"{float(factor)!r} * {a}"

    def length(self, names: Iterable[str]) -> str:
        """The square root of the sum of squares; ``LEAST`` if the squares are below float64's range."""
        return f"sqrt({' + '.join(f'{n} * {n}' for n in names)} + {LEAST * LEAST!r})"

    def largest_singular_value(self, matrix: Iterable[str]) -> str:
        """The largest singular value of a real 2x2 matrix, row by row."""
        return f"largest_singular_value({', '.join(matrix)})"

    def value(self, root: Real) -> str:
        """The name of a node's value."""
        for node in ordered((root,)):
            if id(node) in self.names:
                continue
            args = [self.names[id(a)] for a in node.args]
            if node.op == "variable":
                name = str(node.value)
            elif isinstance(node.value, Fraction):
                name = self.constant(node.value)
            elif node.op == "neg":
                name = self.let(f"-{args[0]}")
            elif len(args) == 2:
                name = self.let(f"{args[0]} {node.op} {args[1]}")
            else:
                name = self.let(f"{node.op}({args[0]})")
            self.names[id(node)] = name
        return self.names[id(root)]

    def function(self, name: str, parameters: Iterable[str], results: Iterable[str], comment: str) -> str:
        body = "".join(f"    {line}\n" for line in self.lines)
        return f'def {name}({", ".join(parameters)}):\n    """{comment}"""\n{body}    return {", ".join(results)}\n'


def value(f: Complex, constants: dict[Fraction, str] | None = None) -> str:
    """``value(zx, zy, cx, cy)``: f itself. With ``constants``, the code uses names for them, and adds these here."""
    code = Code(constants)
    return code.function("value", POINT, [code.value(f.re), code.value(f.im)], "f(z, c).")


def run(f: Complex, constants: dict[Fraction, str]) -> str:
    """``run(zx, zy, cx, cy, count, most, add_x, add_y)``: a loop over f; each iterate's parts go to two functions.

    Functions such as sin take very long far out, so a loop with them ends beyond |z|**2 = most.
    """
    code = Code(constants)
    results = code.value(f.re), code.value(f.im)
    lines = [*code.lines, f"zx, zy = {', '.join(results)}", "add_x(zx)", "add_y(zy)"]
    if any(node.op in ("exp", "sin", "cos") for node in ordered((f.re, f.im))):
        lines.append("if not zx * zx + zy * zy <= most: return")
    body = "".join(f"        {line}\n" for line in lines)
    return f"def run({', '.join(POINT)}, count, most, add_x, add_y):\n    for _ in range(count):\n{body}"


def tangent(f: Complex) -> str:
    """``tangent(zx, zy, cx, cy)``: df/dz as a real matrix (row by row), then df/dc."""
    code = Code()
    results = [code.value(part.derivative(v)) for vs in (_Z, _C) for part in (f.re, f.im) for v in vs]
    return code.function("tangent", POINT, results, "df/dz and df/dc as real 2x2 matrices.")


def curvature(f: Complex) -> str:
    """``curvature(zx, zy, cx, cy)``: bounds (k0, k1, k2) of the second derivatives by z z, z c and c c.

    |f(Z + z, C + c) - f - f_z z - f_c c| is at most ``k0 |z|**2 + k1 |z| |c| + k2 |c|**2``, to leading order.
    """
    code = Code()
    results = [bend(f, code, *which) or "0.0" for which in ((_Z, _Z), (_Z, _C), (_C, _C))]
    return code.function("curvature", POINT, results, "Bounds of what a linear step drops.")


def bend(f: Complex, code: Code, first: tuple[str, str] = _Z, second: tuple[str, str] = _Z) -> str | None:
    """The name, in some code, of one of the bounds of ``curvature``; None if it is 0."""
    holomorphic = is_holomorphic(f)
    nodes = [
        part.derivative(v).derivative(w)
        for part in (f.re, f.im)
        for v in (first[:1] if holomorphic else first)
        for w in (second[:1] if holomorphic else second)
    ]
    names = [code.value(node) for node in nodes if not node.is_constant(0)]
    if not names:
        return None
    size = code.let(code.length(names))
    return size if first != second else code.let(code.times(Fraction(1, 2), size))


def constant_bend(f: Complex) -> float:
    """A bound of half of |f_zz| if it is the same everywhere, as for quadratic maps; else 0."""
    space: dict[str, object] = dict(FLOAT_FUNCTIONS)
    exec(curvature(f), space)
    rng, found = random.Random(1), set()
    for _ in range(16):
        try:
            found.add(space["curvature"](*(rng.uniform(-2, 2) for _ in POINT))[0])  # type: ignore[operator]
        except (ZeroDivisionError, OverflowError, ValueError):
            return 0.0
    return float(found.pop()) if len(found) == 1 else 0.0


def folds(f: Complex) -> bool:
    """Whether f contains an absolute value."""
    return any(node.op == "abs" for node in ordered((f.re, f.im)))


def kept(f: Complex) -> list[Real]:
    """The parts of f whose values along a reference are kept from high precision, because float64 would lose them.

    They are the arguments of |.|, except x and y of z and c themselves: close to a fold, such an argument is a small
    difference of large numbers, whose sign float64 could get wrong. If f divides, they are also the sums with z that
    appear as factors or divisors: numerators near their roots, where critical points are, and denominators near poles.
    """
    nodes = ordered((f.re, f.im))
    found = [node.args[0] for node in nodes if node.op == "abs" and node.args[0].op != "variable"]
    if any(node.op == "/" for node in nodes):
        factors = {id(a) for node in nodes if node.op in ("*", "/") for a in node.args}
        raw: dict[int, bool] = {}  # whether a node contains z outside of kept parts
        for node in nodes:
            raw[id(node)] = any(raw[id(a)] for a in node.args) or node.value in _Z
            if id(node) in factors and node.op in ("+", "-") and raw[id(node)]:
                found.append(node)
                raw[id(node)] = False
    return list(dict.fromkeys(found))


def kept_values(f: Complex, constants: dict[Fraction, str] | None = None) -> str:
    """``kept_values(zx, zy, cx, cy)``: the values of ``kept``; constants as for ``value``."""
    code = Code(constants)
    results = [code.value(inner) for inner in kept(f)]
    return code.function("kept_values", POINT, [f"({''.join(f'{r}, ' for r in results)})"], "What is kept.")


def fold_distance(f: Complex) -> str:
    """``fold_distance(zx, zy, cx, cy, size, F, i)``: the |z| up to which no fold is crossed, for |c| <= size."""
    code = Code()
    room = "inf"
    for k, inner in enumerate(kept(f)):
        code.names[id(inner)] = f"F[i, {k}]"
    for inner in dict.fromkeys(node.args[0] for node in ordered((f.re, f.im)) if node.op == "abs"):
        X = code.value(inner)
        by_z, by_c = (
            " + ".join(f"{n} * {n}" for v in vs if (n := code.value(inner.derivative(v))) != "0.0") for vs in (_Z, _C)
        )
        left = f"abs({X}) - sqrt({by_c}) * size" if by_c else f"abs({X})"
        if by_z:
            room = code.let(f"min({room}, ({left}) / sqrt({by_z}))")
    return code.function("fold_distance", (*POINT, "size", "F", "i"), [room], "Up to which |z| no fold is crossed.")


def stretch(f: Complex) -> str:
    """``stretch(zx, zy, cx, cy)``: the largest singular values of df/dz and of df/dc."""
    code = Code()
    return code.function("stretch", POINT, stretches(f, code), "How much f stretches a small z, and a small c.")


def stretches(f: Complex, code: Code) -> list[str]:
    """The names, in some code, of both values of ``stretch``."""
    results = []
    for variables in (_Z, _C):
        j = [code.value(part.derivative(v)) for part in (f.re, f.im) for v in variables]
        results.append(code.let(code.length(j[::2]) if is_conformal(f) else code.largest_singular_value(j)))
    return results


def is_holomorphic(f: Complex) -> bool:
    """Whether f is complex-differentiable in z and in c (Cauchy-Riemann at some random points)."""
    if any(node.op in ("abs", "sign") for node in ordered((f.re, f.im))):
        return False
    return _holds_of_derivatives(f, lambda a, b, c, d: abs(a - d) + abs(b + c))


def is_conformal(f: Complex) -> bool:
    """Whether f stretches equally in all directions, apart from its folds: it keeps angles or mirrors them."""
    return _holds_of_derivatives(f, lambda a, b, c, d: min(abs(a - d) + abs(b + c), abs(a + d) + abs(b - c)))


def _holds_of_derivatives(f: Complex, missed: Callable[..., float]) -> bool:
    """Whether df/dz and df/dc have a property at some random points. missed: how far a matrix is from it."""
    namespace: dict[str, object] = {}
    exec(tangent(f), dict(FLOAT_FUNCTIONS), namespace)
    rng = random.Random(1)
    for _ in range(16):
        point = [rng.uniform(-2, 2) for _ in POINT]
        try:
            j = namespace["tangent"](*point)  # type: ignore[operator]
        except (ZeroDivisionError, OverflowError):
            continue
        for matrix in (j[:4], j[4:]):
            if missed(*matrix) > 1e-9 * sum(map(abs, matrix)):
                return False
    return True


FLOAT_FUNCTIONS: dict[str, object] = {
    "sqrt": math.sqrt,
    "exp": math.exp,
    "sin": math.sin,
    "cos": math.cos,
    "sign": lambda x: (x > 0) - (x < 0),
}
"""The functions that generated code needs to run as plain Python."""
