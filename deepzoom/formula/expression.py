"""Complex expressions of z and c, and how they are read from text.

A formula is a Python function of two ``Complex`` values, made of operators and the functions below, or a text such as
``z**2 + c``. A text is parsed into Python's syntax tree, of which only arithmetic is accepted; it is never executed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from fractions import Fraction
from typing import TypeAlias

from deepzoom.coordinates import parse_decimal
from deepzoom.errors import InputError

from .real import Real, ordered

Number: TypeAlias = "Complex | Fraction | int | float | complex"
MOST_POWER = 1000
_MOST_LENGTH = 2000
_LEAST_NUMBER = Fraction(1, 10**100)


class Complex:
    """A complex expression, as its real and imaginary part. Equal expressions have the same parts."""

    def __init__(self, re: Real, im: Real) -> None:
        self.re, self.im = re, im

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Complex) and self.re is other.re and self.im is other.im

    def __hash__(self) -> int:
        return hash((id(self.re), id(self.im)))

    @classmethod
    def variable(cls, name: str) -> Complex:
        return cls(Real.variable(f"{name}x"), Real.variable(f"{name}y"))

    @classmethod
    def constant(cls, re: Fraction | int, im: Fraction | int = 0) -> Complex:
        return cls(Real.constant(re), Real.constant(im))

    @classmethod
    def lifted(cls, value: Number) -> Complex:
        """A number as an expression, with its exact value."""
        if isinstance(value, Complex):
            return value
        if isinstance(value, (float, complex)):
            return cls.constant(Fraction(value.real), Fraction(value.imag))
        return cls.constant(value)

    def __add__(self, other: Number) -> Complex:
        other = self.lifted(other)
        return Complex(self.re + other.re, self.im + other.im)

    def __sub__(self, other: Number) -> Complex:
        other = self.lifted(other)
        return Complex(self.re - other.re, self.im - other.im)

    def __mul__(self, other: Number) -> Complex:
        other = self.lifted(other)
        if other.re is self.re and other.im is self.im:  # a square needs one product less, and 2xy cannot cancel
            return Complex(self.re * self.re - self.im * self.im, Real.constant(2) * (self.re * self.im))
        return Complex(self.re * other.re - self.im * other.im, self.re * other.im + self.im * other.re)

    def __truediv__(self, other: Number) -> Complex:
        other = self.lifted(other)
        size = other.re * other.re + other.im * other.im
        upper = self * conj(other)
        return Complex(upper.re / size, upper.im / size)

    def __radd__(self, other: Number) -> Complex:
        return self.lifted(other) + self

    def __rsub__(self, other: Number) -> Complex:
        return self.lifted(other) - self

    def __rmul__(self, other: Number) -> Complex:
        return self.lifted(other) * self

    def __rtruediv__(self, other: Number) -> Complex:
        return self.lifted(other) / self

    def __neg__(self) -> Complex:
        return Complex(-self.re, -self.im)

    def __abs__(self) -> Complex:
        return absolute(self)

    def __pow__(self, power: int) -> Complex:
        if power < 0:
            return Complex.constant(1) / self**-power
        result = Complex.constant(1)
        for digit in bin(power)[2:]:
            result = result * result
            if digit == "1":
                result = result * self
        return result


def conj(z: Complex) -> Complex:
    """x - iy."""
    return Complex(z.re, -z.im)


def re(z: Complex) -> Complex:
    """The real part, as a complex number."""
    return Complex(z.re, Real.constant(0))


def im(z: Complex) -> Complex:
    """The imaginary part, as a complex number without one."""
    return Complex(z.im, Real.constant(0))


def fold(z: Complex) -> Complex:
    """|x| + i|y|."""
    return Complex(z.re.applied("abs"), z.im.applied("abs"))


def absolute(z: Complex) -> Complex:
    """|z|; for a real expression without a square root."""
    if z.im.is_constant(0):
        return Complex(z.re.applied("abs"), z.im)
    return Complex((z.re * z.re + z.im * z.im).applied("sqrt"), Real.constant(0))


def _growth(x: Real) -> tuple[Real, Real]:
    """cosh and sinh."""
    up, down = x.applied("exp"), (-x).applied("exp")
    half = Real.constant(Fraction(1, 2))
    return half * (up + down), half * (up - down)


def exp(z: Complex) -> Complex:
    size = z.re.applied("exp")
    return Complex(size * z.im.applied("cos"), size * z.im.applied("sin"))


def sin(z: Complex) -> Complex:
    even, odd = _growth(z.im)
    return Complex(z.re.applied("sin") * even, z.re.applied("cos") * odd)


def cos(z: Complex) -> Complex:
    even, odd = _growth(z.im)
    return Complex(z.re.applied("cos") * even, -(z.re.applied("sin") * odd))


FUNCTIONS: dict[str, Callable[[Complex], Complex]] = {
    "re": re, "im": im, "conj": conj, "fold": fold, "abs": absolute, "exp": exp, "sin": sin, "cos": cos,
}  # fmt: skip
_NAMES: dict[str, Callable[[], Complex]] = {
    "z": lambda: Complex.variable("z"), "c": lambda: Complex.variable("c"), "i": lambda: Complex.constant(0, 1),
    "x": lambda: re(Complex.variable("z")), "y": lambda: im(Complex.variable("z")),
}  # fmt: skip
_OPERATORS: dict[type, Callable[[Complex, Complex], Complex]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}


def parse(text: str, option: str = "--formula") -> Complex:
    """The expression that a text stands for. Raises InputError, naming ``option``, if it is not a formula."""
    try:
        tree = ast.parse(text.strip(), mode="eval") if len(text) <= _MOST_LENGTH else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if tree is None:
        raise InputError(f"{option}: {text[:60]!r} is not a formula such as z**2 + c.")
    try:
        found = _read(tree.body, text, option)
        if not in_range(found):
            raise InputError(f"{option}: {text[:60]!r} has a number beyond 1e100, or one below 1e-100 that is not 0.")
        return found
    except ZeroDivisionError:
        raise InputError(f"{option}: {text!r} divides by zero everywhere.") from None
    except RecursionError:
        raise InputError(f"{option}: {text[:60]!r} is nested too deeply.") from None


def in_range(f: Complex) -> bool:
    """Whether every number in f is 0 or between 1e-100 and 1e100 in size."""
    numbers = (abs(node.value) for node in ordered((f.re, f.im)) if isinstance(node.value, Fraction))
    return all(v == 0 or _LEAST_NUMBER <= v <= 1 / _LEAST_NUMBER for v in numbers)


def _read(tree: ast.expr, text: str, option: str) -> Complex:
    def wrong(what: str) -> InputError:
        return InputError(
            f"{option}: {text!r} has {what}; a formula is made of z, x, y, c, i, numbers, + - * / ** and"
            f" {', '.join(FUNCTIONS)}."
        )

    if isinstance(tree, ast.Constant):
        if isinstance(tree.value, complex):
            digits = ast.get_source_segment(text.strip(), tree) or ""
            return Complex.constant(0, Fraction(parse_decimal(digits.rstrip("jJ"), option)))
        if isinstance(tree.value, (int, float)) and not isinstance(tree.value, bool):
            return Complex.constant(Fraction(parse_decimal(ast.get_source_segment(text.strip(), tree) or "", option)))
        raise wrong(f"the value {tree.value!r}")
    if isinstance(tree, ast.Name):
        if tree.id in _NAMES:
            return _NAMES[tree.id]()
        raise wrong(f"the unknown name {tree.id!r}")
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, (ast.USub, ast.UAdd)):
        value = _read(tree.operand, text, option)
        return -value if isinstance(tree.op, ast.USub) else value
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Pow):
        power = _read(tree.right, text, option)
        whole = power.re.value
        if not (isinstance(whole, Fraction) and power.im.is_constant(0)) or whole.denominator != 1:
            raise wrong("a power that is not a whole number")
        if abs(whole) > MOST_POWER:
            raise wrong(f"a power beyond {MOST_POWER}")
        return _read(tree.left, text, option) ** int(whole)
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.BitXor):
        raise InputError(f"{option}: {text!r} has ^; write powers with **, as in z**2 + c.")
    if isinstance(tree, ast.BinOp) and type(tree.op) in _OPERATORS:
        return _OPERATORS[type(tree.op)](_read(tree.left, text, option), _read(tree.right, text, option))
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and not tree.keywords and len(tree.args) == 1:
        if tree.func.id not in FUNCTIONS:
            raise wrong(f"the unknown function {tree.func.id!r}")
        return FUNCTIONS[tree.func.id](_read(tree.args[0], text, option))
    if isinstance(tree, ast.Attribute):
        raise wrong(f"the attribute {tree.attr!r}")
    raise wrong(f"a part that is not arithmetic, {(ast.get_source_segment(text.strip(), tree) or '')[:40]!r}")
