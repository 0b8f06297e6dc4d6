"""Generates code for the difference of a formula from a reference, by the rules of ``arithmetic/delta.py``.

The code works on real and imaginary parts, in three arithmetics: float64 with a shared scale, numbers with their own
exponents (floatexp), and double-double.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from gmpy2 import mpq

from deepzoom.coordinates import scaled_float

from .expression import Complex
from .real import Real, ordered
from .rounding import rounding_of
from .source import POINT, Code, kept, stretches

_Z, _C = POINT[:2], POINT[2:]


def difference(f: Complex, keep: bool = True) -> str:
    """``difference(Zx, Zy, Cx, Cy, zx, zy, cx, cy, F, i, s)``: (f(Z + s z, C + s c) - f(Z, C)) / s in float64.

    s may be 0, which leaves the part that is linear in z and c. F[i]: the values of ``kept_values`` at Z, from high
    precision; not used without ``keep``.
    """
    return _difference(f, "difference", _Floats(), keep)


def wide_step(f: Complex, keep: bool = True) -> str:
    """``wide_step(Zx, Zy, Cx, Cy, zx, zy, cx, cy, F, i, M, E, j)``: a step of pairs (mantissa, exponent), no scale.

    It returns the parts of the difference and the values of ``stretch`` at Z + z, C + c. F, i: as for ``difference``.
    M, E: the parts of Z and its kept values as mantissas and exponents, in row j; if j < 0, only F is used.
    """
    code, after = _Wide(), _Wide()
    known = _moved(f, keep, code, after)
    results = [known[id(part)] or code.zero for part in (f.re, f.im)] + stretches(f, after)
    parameters = (*_parameters(code), "M", "E", "j")
    return code.function("wide_step", parameters, results, "f(Z + z, C + c) - f(Z, C), and how f stretches there.")


def double_difference(f: Complex, keep: bool = True) -> str:
    """``double_difference(Zx, Zy, Cx, Cy, zx, zy, cx, cy, F, i)``: f(Z + z, C + c) - f(Z, C) in double-double.

    F: also in double-double.
    """
    return _difference(f, "double_difference", _Double(), keep)


def double_step(f: Complex) -> str:
    """``double_step(Zx, Zy, Cx, Cy)``: the parts of f, f_z and f_c in double-double, if f is complex-differentiable."""
    code = _Double()
    for variable in POINT:
        code.names[id(Real.variable(variable))] = variable[0].upper() + variable[1]
    parts = f.re, f.im
    results = [code.value(p) for p in (*parts, *(p.derivative(v) for v in ("zx", "cx") for p in parts))]
    return code.function("double_step", ("Zx", "Zy", "Cx", "Cy"), results, "f, f_z and f_c at Z, C.")


def slopes(f: Complex, keep: bool = True) -> str:
    """``slopes(..)``, with the parameters of ``difference``: df/dz and df/dc at Z + s z, C + s c, as in ``tangent``."""
    code, after = _Floats(), Code()
    _moved(f, keep, code, after)
    results = [after.value(part.derivative(v)) for vs in (_Z, _C) for part in (f.re, f.im) for v in vs]
    return code.function("slopes", _parameters(code), results, "df/dz and df/dc as real 2x2 matrices.")


def bounds(f: Complex, keep: bool = True) -> str:
    """Code of ``bounds(..)``, with the parameters of ``difference``: bounds at Z + s z, C + s c.

    They are the values of ``stretch``, then the size that the rounding of the step is relative to (``rounding.py``).
    """
    code, after = _Floats(), Code()
    _moved(f, keep, code, after)
    by_z, by_c = stretches(f, after)
    results = [by_z, by_c, rounding_of(f, after, kept(f) if keep else [], by_z)]
    return code.function("bounds", _parameters(code), results, "How errors grow in a step, and what rounding adds.")


def _moved(f: Complex, keep: bool, code: _Floats | _Wide, after: Code) -> dict[int, str | None]:
    """Give ``after`` the values of all nodes after the step; returns the differences of all nodes."""
    known = _known(f, code, keep)
    after.lines = code.lines
    for node in ordered((f.re, f.im)):
        value, moved = code.value(node), known[id(node)]
        after.names[id(node)] = code.let(code.moved(value, moved)) if moved else value
    return known


class _Floats(Code):
    """Writes differences as float64, times a scale s that all of them share."""

    more = ("s",)
    zero = "0.0"

    def given(self, k: int) -> str:
        """The k-th of the values that are known from high precision."""
        return f"F[i, {k}]"

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
        """The sum of a value and its difference."""
        return f"({A} + s * {a})"

    def call(self, name: str, *args: str) -> str:
        return f"{name}({', '.join((*args, 's') if name in _SCALED else args)})"


_SCALED = ("folded", "small_expm1", "small_sin", "half_sine_squared")


class _Pairs(Code):
    """Writes differences and values as pairs of numbers, with functions that share a prefix."""

    more = ()
    prefix: str
    zero: str

    def given(self, k: int) -> str:
        """The k-th of the values that are known from high precision."""
        raise NotImplementedError

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
        return f"{self.prefix}_add({a}, {b})"

    def subtract(self, a: str, b: str) -> str:
        return self.add(a, self.negative(b))

    def multiply(self, a: str, b: str) -> str:
        return f"{self.prefix}_multiply({a}, {b})"

    def divide(self, a: str, b: str) -> str:
        return f"{self.prefix}_divide({a}, {b})"

    def negative(self, a: str) -> str:
        return f"{self.prefix}_negative({a})"

    def moved(self, A: str, a: str) -> str:
        return f"{self.prefix}_add({A}, {a})"

    def call(self, name: str, *args: str) -> str:
        return f"{self.prefix}_{name}({', '.join(args)})"


class _Wide(_Pairs):
    """Pairs (mantissa, exponent) of any size (``backends/kernels/arithmetic/floatexp.py``)."""

    prefix, zero = "wide", "WIDE_ZERO"

    def given(self, k: int) -> str:
        return f"wide_kept(F, i, M, E, j, {k})"

    def constant(self, value: Fraction) -> str:
        mantissa, exponent = scaled_float(mpq(value.numerator, value.denominator))
        return f"({mantissa!r}, np.int64({exponent}))" if value else self.zero

    def length(self, names: Iterable[str]) -> str:
        first, *rest = (self.let(self.multiply(n, n)) for n in names)
        for square in rest:
            first = self.let(self.add(first, square))
        return f"wide_sqrt({first})"

    def largest_singular_value(self, matrix: Iterable[str]) -> str:
        return f"wide_largest_singular_value({', '.join(matrix)})"


class _Double(_Pairs):
    """Pairs (number, remainder): double-double (``backends/kernels/arithmetic/double_double.py``)."""

    prefix, zero = "double", "(0.0, 0.0)"

    def given(self, k: int) -> str:
        return f"(F[i, {2 * k}], F[i, {2 * k + 1}])"

    def constant(self, value: Fraction) -> str:
        high = float(value)
        return f"({high!r}, {float(value - Fraction(high))!r})"


def _parameters(code: _Floats | _Pairs) -> tuple[str, ...]:
    return ("Zx", "Zy", "Cx", "Cy", *POINT, "F", "i", *code.more)


def _difference(f: Complex, name: str, code: _Floats | _Pairs, keep: bool) -> str:
    known = _known(f, code, keep)
    results = [known[id(part)] or code.zero for part in (f.re, f.im)]
    return code.function(name, _parameters(code), results, "f(Z + z, C + c) - f(Z, C).")


def _known(f: Complex, code: _Floats | _Pairs, keep: bool) -> dict[int, str | None]:
    """The differences of all nodes; None for a node that does not change."""
    for variable in POINT:
        code.names[id(Real.variable(variable))] = variable[0].upper() + variable[1]
    for k, inner in enumerate(kept(f) if keep else []):
        code.names[id(inner)] = code.let(code.given(k))
    known: dict[int, str | None] = {}
    for node in ordered((f.re, f.im)):
        d = [known[id(a)] for a in node.args]
        if node.op == "variable":
            known[id(node)] = str(node.value)
        elif any(d):
            known[id(node)] = code.let(_rule(node, d, code))
        else:
            known[id(node)] = None
    return known


def _rule(node: Real, d: list[str | None], code: _Floats | _Pairs) -> str:
    """The difference of one operation, from the values and differences of its arguments (None: no difference)."""
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
