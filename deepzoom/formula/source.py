"""Code of a formula in each arithmetic, made from its one definition.

Every function here returns Python source of straight-line code: the value, the difference from a reference (by the
rules of ``arithmetic/delta.py``, on real and imaginary parts), the derivatives, and what bounds a linear skip. Numba
compiles it; with gmpy2's numbers the value runs in arbitrary precision.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from fractions import Fraction

from .expression import Complex
from .real import Real, ordered
from .taylor import taylor

_Z = ("zx", "zy")
_C = ("cx", "cy")
POINT = (*_Z, *_C)


class _Code:
    """Statements that compute nodes, each once. ``constant`` writes an exact number in the arithmetic's own way."""

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
    """``value(zx, zy, cx, cy)``: f itself; with ``constants`` these are named, and filled in with their names."""
    code = _Code(constants)
    return code.function("value", POINT, [code.value(f.re), code.value(f.im)], "f(z, c).")


def difference(f: Complex) -> str:
    """``difference(Zx, Zy, Cx, Cy, zx, zy, cx, cy, F, i, s)``: (f(Z + s z, C + s c) - f(Z, C)) / s in float64.

    s may be 0: what is left then is linear in z and c. F[i]: what ``fold_values`` gives at Z, from high precision.
    """
    return _difference(f, "difference", _Floats())


def wide_difference(f: Complex) -> str:
    """``wide_difference(Zx, Zy, Cx, Cy, zx, zy, cx, cy, F, i)``: the same of pairs (mantissa, exponent), no scale."""
    return _difference(f, "wide_difference", _Wide())


class _Floats(_Code):
    """Differences as float64 times a scale s that all share."""

    more = ("s",)
    zero = "0.0"

    def given(self, text: str, node: Real) -> str:
        """A node's value, of which a float64 from high precision is known."""
        return text

    def add(self, a: str, b: str) -> str:
        return f"{a} + {b}"

    def subtract(self, a: str, b: str) -> str:
        return f"{a} - {b}"

    def multiply(self, a: str, b: str) -> str:
        return f"{a} * {b}"

    def divide(self, a: str, b: str) -> str:
        return f"{a} / {b}"

    def negative(self, a: str) -> str:
        return f"-{a}"

    def moved(self, A: str, a: str) -> str:
        """A value and its difference together."""
        return f"({A} + s * {a})"

    def call(self, name: str, *args: str) -> str:
        return f"{name}({', '.join((*args, 's') if name in _SCALED else args)})"


_SCALED = ("folded", "small_expm1", "small_sin", "half_sine_squared")


class _Wide(_Code):
    """Differences, and the values too, as pairs (mantissa, exponent) of any size."""

    more = ()
    zero = "WIDE_ZERO"

    def given(self, text: str, node: Real) -> str:
        return f"wide_given({text}, {self.value(node)})"

    def constant(self, value: Fraction) -> str:
        return f"widened({float(value)!r})"

    def value(self, root: Real) -> str:
        for node in ordered((root,)):
            if id(node) in self.names:
                continue
            args = [self.names[id(a)] for a in node.args]
            if isinstance(node.value, Fraction):
                text = self.constant(node.value)
            elif node.op == "neg":
                text = self.negative(args[0])
            elif len(args) == 2:
                text = {"+": self.add, "-": self.subtract, "*": self.multiply, "/": self.divide}[node.op](*args)
            else:
                text = self.call(node.op, *args)
            self.names[id(node)] = self.let(text)
        return self.names[id(root)]

    def add(self, a: str, b: str) -> str:
        return f"wide_add({a}, {b})"

    def subtract(self, a: str, b: str) -> str:
        return f"wide_add({a}, wide_negative({b}))"

    def multiply(self, a: str, b: str) -> str:
        return f"wide_multiply({a}, {b})"

    def divide(self, a: str, b: str) -> str:
        return f"wide_divide({a}, {b})"

    def negative(self, a: str) -> str:
        return f"wide_negative({a})"

    def moved(self, A: str, a: str) -> str:
        return f"wide_add({A}, {a})"

    def call(self, name: str, *args: str) -> str:
        return f"wide_{name}({', '.join(args)})"


def _difference(f: Complex, name: str, code: _Floats | _Wide) -> str:
    for variable in POINT:
        code.names[id(Real.variable(variable))] = variable[0].upper() + variable[1]
    for k, inner in enumerate(folds(f)):
        code.names[id(inner)] = code.let(code.given(f"F[i, {k}]", inner))
    known: dict[int, str | None] = {}
    for node in ordered((f.re, f.im)):
        d = [known[id(a)] for a in node.args]
        if node.op == "variable":
            known[id(node)] = str(node.value)
        elif any(d):
            known[id(node)] = code.let(_rule(node, d, code))
        else:
            known[id(node)] = None
    results = [known[id(part)] or code.zero for part in (f.re, f.im)]
    parameters = ("Zx", "Zy", "Cx", "Cy", *POINT, "F", "i", *code.more)
    return code.function(name, parameters, results, "f(Z + z, C + c) - f(Z, C).")


def _rule(node: Real, d: list[str | None], code: _Floats | _Wide) -> str:
    """The difference of one operation from its arguments' values and differences (None: it has none)."""
    a, b = d[0], d[1] if len(d) > 1 else None
    A, B = code.value(node.args[0]), code.value(node.args[-1])
    if node.op == "neg":
        return code.negative(str(a))
    if node.op == "+":
        return code.add(a, b) if a and b else str(a or b)
    if node.op == "-":
        return code.subtract(a, b) if a and b else (str(a) if a else code.negative(str(b)))
    if node.op == "*":
        if a and node.args[0] is node.args[1]:
            twice = code.let(code.add(A, A))
            return code.multiply(code.moved(twice, a), a)
        if a and b:
            return code.add(code.let(code.multiply(A, b)), code.let(code.multiply(a, code.moved(B, b))))
        return code.multiply(a, B) if a else code.multiply(A, str(b))
    if node.op == "/":
        if not b:
            return code.divide(str(a), B)
        through = code.let(code.multiply(code.value(node), b))
        upper = code.let(code.subtract(a, through) if a else code.negative(through))
        return code.divide(upper, code.moved(B, b))
    if node.op == "abs":
        return code.call("folded", A, str(a))
    if node.op == "sqrt":
        root = code.let(code.call("sqrt", code.moved(A, str(a))))
        return code.divide(str(a), code.let(code.add(code.value(node), root)).join("()"))
    if node.op == "exp":
        return code.multiply(code.value(node), code.call("small_expm1", str(a)))
    # sin(A + a) - sin A = cos A sin a - 2 sin A sin(a/2)**2, and likewise cos
    other = code.value(node.args[0].applied("cos" if node.op == "sin" else "sin"))
    slope = other if node.op == "sin" else code.let(code.negative(other))
    first = code.let(code.multiply(slope, code.call("small_sin", str(a))))
    twice = code.let(code.multiply(code.constant(Fraction(2)), code.value(node)))
    return code.subtract(first, code.let(code.multiply(twice, code.call("half_sine_squared", str(a)))))


def tangent(f: Complex) -> str:
    """``tangent(zx, zy, cx, cy)``: df/dz as a real matrix (row by row), then df/dc."""
    code = _Code()
    results = [code.value(part.derivative(v)) for vs in (_Z, _C) for part in (f.re, f.im) for v in vs]
    return code.function("tangent", POINT, results, "df/dz and df/dc as real 2x2 matrices.")


def curvature(f: Complex) -> str:
    """``curvature(zx, zy, cx, cy)``: bounds (by z twice, z and c, c twice) of half the second derivative.

    |f(Z + z, C + c) - f - f_z z - f_c c| is at most ``k0 |z|**2 + k1 |z| |c| + k2 |c|**2``, to leading order.
    """
    code = _Code()
    holomorphic = is_holomorphic(f)

    def bound(first: tuple[str, str], second: tuple[str, str], factor: str) -> str:
        names = [
            code.value(part.derivative(v).derivative(w))
            for part in (f.re, f.im)
            for v in (first[:1] if holomorphic else first)
            for w in (second[:1] if holomorphic else second)
        ]
        squares = " + ".join(f"{n} * {n}" for n in names if n != "0.0")
        return code.let(f"{factor} * sqrt({squares})") if squares else "0.0"

    results = [bound(_Z, _Z, "0.5"), bound(_Z, _C, "1.0"), bound(_C, _C, "0.5")]
    return code.function("curvature", POINT, results, "Bounds of what a linear step drops.")


def folds(f: Complex) -> list[Real]:
    """What stands inside |.| anywhere in f, but for x and y of z and c themselves.

    Close to a fold it is a small difference of large numbers, whose sign float64 would not know.
    """
    inner = [node.args[0] for node in ordered((f.re, f.im)) if node.op == "abs"]
    return [node for node in dict.fromkeys(inner) if node.op != "variable"]


def fold_values(f: Complex, constants: dict[Fraction, str] | None = None) -> str:
    """``fold_values(zx, zy, cx, cy)``: the values of ``folds``; constants as for ``value``."""
    code = _Code(constants)
    results = [code.value(inner) for inner in folds(f)]
    return code.function("fold_values", POINT, [f"({''.join(f'{r}, ' for r in results)})"], "What is folded.")


def fold_distance(f: Complex) -> str:
    """``fold_distance(zx, zy, cx, cy, size, F, i)``: up to which |z| no fold is crossed while |c| <= size."""
    code = _Code()
    room = "inf"
    for k, inner in enumerate(folds(f)):
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
    code = _Code()
    results = []
    for variables in (_Z, _C):
        j = [code.value(part.derivative(v)) for part in (f.re, f.im) for v in variables]
        if is_conformal(f):
            results.append(code.let(f"sqrt({j[0]} * {j[0]} + {j[2]} * {j[2]})"))
        else:
            results.append(code.let(f"largest_singular_value({', '.join(j)})"))
    return code.function("stretch", POINT, results, "How much f stretches a small z, and a small c.")


def is_holomorphic(f: Complex) -> bool:
    """Whether f is complex-differentiable in z and in c (Cauchy-Riemann, at some points)."""
    if any(node.op in ("abs", "sign") for node in ordered((f.re, f.im))):
        return False
    return _holds_of_derivatives(f, lambda a, b, c, d: abs(a - d) + abs(b + c))


def is_conformal(f: Complex) -> bool:
    """Whether f stretches alike in all directions, off its folds: there it keeps angles, or mirrors them."""
    return _holds_of_derivatives(f, lambda a, b, c, d: min(abs(a - d) + abs(b + c), abs(a + d) + abs(b - c)))


def _holds_of_derivatives(f: Complex, missed: Callable[..., float]) -> bool:
    """Whether the matrices of df/dz and df/dc miss a property by nothing, at some random points."""
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
"""What the code of a value or a tangent needs to run as plain Python."""


def module(f: Complex) -> str:
    """Source of all of these for one formula, to be compiled."""
    bounds = (taylor,) if is_holomorphic(f) else (tangent, curvature, fold_distance)
    return "\n".join(f"\n@inline\n{make(f)}" for make in (value, difference, wide_difference, stretch, *bounds))
