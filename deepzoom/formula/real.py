"""Real expressions: the real and imaginary parts of a formula.

Ordinary operators build a node. Equal nodes are one object, so that common parts are computed once. A node has a
derivative by each variable; ``source.py`` turns it into code.
"""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

FUNCTIONS = ("abs", "sign", "sqrt", "exp", "sin", "cos")


class Real:
    """A real expression. op: ``variable``, ``constant``, ``+ - * /``, ``neg`` or one of ``FUNCTIONS``.

    args: the nodes that op applies to. value: the name of a variable, or the exact value of a constant.
    """

    __slots__ = ("args", "op", "value")
    _known: ClassVar[dict[object, Real]] = {}

    op: str
    args: tuple[Real, ...]
    value: str | Fraction | None

    @classmethod
    def node(cls, op: str, *args: Real, value: str | Fraction | None = None) -> Real:
        """The only node with this op, these arguments and this value."""
        key = (op, value, *map(id, args))
        found = cls._known.get(key)
        if found is None:
            found = object.__new__(cls)
            found.op, found.args, found.value = op, args, value
            cls._known[key] = found
        return found

    @classmethod
    def constant(cls, value: Fraction | int) -> Real:
        return cls.node("constant", value=Fraction(value))

    @classmethod
    def variable(cls, name: str) -> Real:
        return cls.node("variable", value=name)

    def is_constant(self, value: int | None = None) -> bool:
        """Whether it is a constant; with ``value``, whether it is that constant."""
        return self.op == "constant" and (value is None or self.value == value)

    def _folded(self, other: Real) -> tuple[Fraction, Fraction] | None:
        if isinstance(self.value, Fraction) and isinstance(other.value, Fraction):
            return self.value, other.value
        return None

    def __add__(self, other: Real) -> Real:
        if (both := self._folded(other)) is not None:
            return Real.constant(both[0] + both[1])
        if self.is_constant(0):
            return other
        if other.is_constant(0):
            return self
        if other.op == "neg":
            return self - other.args[0]
        return Real.node("+", self, other)

    def __sub__(self, other: Real) -> Real:
        if (both := self._folded(other)) is not None:
            return Real.constant(both[0] - both[1])
        if other.is_constant(0):
            return self
        if self.is_constant(0):
            return -other
        if other.op == "neg":
            return self + other.args[0]
        return Real.constant(0) if self is other else Real.node("-", self, other)

    def __neg__(self) -> Real:
        if isinstance(self.value, Fraction):
            return Real.constant(-self.value)
        return self.args[0] if self.op == "neg" else Real.node("neg", self)

    def __mul__(self, other: Real) -> Real:
        if (both := self._folded(other)) is not None:
            return Real.constant(both[0] * both[1])
        if other.op == "constant":
            self, other = other, self
        if self.is_constant(0):
            return self
        if self.is_constant(1):
            return other
        if self.is_constant(-1):
            return -other
        if self is other and self.op == "abs":
            return self.args[0] * self.args[0]
        if self.op == "neg":
            return -(self.args[0] * other)
        if other.op == "neg":
            return -(self * other.args[0])
        return Real.node("*", self, other)

    def __truediv__(self, other: Real) -> Real:
        if isinstance(other.value, Fraction):
            if other.value == 0:
                raise ZeroDivisionError("division by zero everywhere")
            return self * Real.constant(1 / other.value)
        return self if self.is_constant(0) else Real.node("/", self, other)

    def applied(self, name: str) -> Real:
        """One of ``FUNCTIONS``, applied to this expression."""
        if isinstance(self.value, Fraction):
            value = self.value
            if name == "abs":
                return Real.constant(abs(value))
            if name == "sign":
                return Real.constant((value > 0) - (value < 0))
            if value == 0:
                return Real.constant(1 if name in ("exp", "cos") else 0)
        return Real.node(name, self)

    def derivative(self, name: str) -> Real:
        """The derivative by a variable; |x| has the slope sign(x)."""
        return _derivative(self, name, {})


def ordered(roots: tuple[Real, ...]) -> list[Real]:
    """All nodes of some expressions; each comes after its arguments."""
    found: list[Real] = []
    seen: set[int] = set()
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        node, ready = stack.pop()
        if id(node) in seen:
            continue
        if ready:
            seen.add(id(node))
            found.append(node)
        else:
            stack.append((node, True))
            stack.extend((arg, False) for arg in reversed(node.args))
    return found


def _slope(node: Real) -> Real:
    """The derivative of one of ``FUNCTIONS`` by its argument."""
    inner = node.args[0]
    if node.op == "abs":
        return inner.applied("sign")
    if node.op == "sqrt":
        return Real.constant(Fraction(1, 2)) / node
    if node.op == "exp":
        return node
    return inner.applied("cos") if node.op == "sin" else -inner.applied("sin")


def _derivative(root: Real, name: str, known: dict[int, Real]) -> Real:
    zero = Real.constant(0)
    for node in ordered((root,)):
        if id(node) in known:
            continue
        d = [known[id(a)] for a in node.args]
        if node.op == "variable":
            result = Real.constant(int(node.value == name))
        elif node.op in ("constant", "sign"):
            result = zero
        elif node.op == "+":
            result = d[0] + d[1]
        elif node.op == "-":
            result = d[0] - d[1]
        elif node.op == "neg":
            result = -d[0]
        elif node.op == "*":
            a, b = node.args
            result = Real.constant(2) * (a * d[0]) if a is b else d[0] * b + a * d[1]
        elif node.op == "/":
            result = (d[0] - node * d[1]) / node.args[1] if not (d[0].is_constant(0) and d[1].is_constant(0)) else zero
        else:
            result = zero if d[0].is_constant(0) else _slope(node) * d[0]
        known[id(node)] = result
    return known[id(root)]
