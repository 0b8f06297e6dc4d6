"""Brings a graph into the form from which kernels are generated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from deepzoom.arithmetic.exact import Exact

from .evaluate import evaluate
from .graph import Node, constant, node, ordered, rewritten, uniform
from .scales import with_scaled_tanh, with_scales_moved

_BITS = 512  # of constants, before they are rounded to the limbs that a kernel has: eight float64 at most


def lowered(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with cheap factors, arguments of tanh as kernels take them, and constants computed."""
    return _with_copies(_folded(with_scales_moved(with_scaled_tanh(outputs)), float))


def lowered_otherwise(outputs: Sequence[Node]) -> list[Node]:
    """The same for a second run, which should round differently: no factors are moved.

    Slopes of tanh come from its argument, so that they do not vanish where it is 1 to the last bit.
    """
    return _with_copies(_folded(_with_exact_slopes(with_scaled_tanh(outputs)), float))


def lowered_for_expansions(outputs: Sequence[Node]) -> list[Node]:
    """The same for numbers of several float64: numbers that constants give stay exact to 512 bits.

    Slopes of tanh come from its argument; arrays that constants give are computed at each step.
    """
    return _with_copies(_folded(with_scales_moved(_with_exact_slopes(with_scaled_tanh(outputs))), Fraction))


def _with_exact_slopes(outputs: Sequence[Node]) -> list[Node]:
    def exact(n: Node, inputs: tuple[Node, ...]) -> Node | None:
        from_tanh = n.op == "tanh_slope" and inputs[0].op == "tanh_scaled"
        return node("slope_scaled", inputs[0].inputs[0]) if from_tanh else None

    return rewritten(outputs, exact)


def _folded(outputs: Sequence[Node], kind: Callable[..., Any]) -> list[Node]:
    """The outputs with each constant expression as a number. kind: float, which takes arrays as well, or Fraction."""
    nodes = ordered(outputs)
    varies: set[Node] = set()
    for n in nodes:
        if n.op == "input" or any(i in varies for i in n.inputs):
            varies.add(n)
    views = ("broadcast", "reshape", "transpose", "slice")
    fixed = [n for n in nodes if n not in varies and n.inputs and n.op not in views]
    if kind is Fraction:
        fixed = [n for n in fixed if n.shape == ()]
    values = evaluate(fixed, {}, lambda value: Exact.of(value, _BITS)) if fixed else []
    known = {n: constant(_exact(v) if kind is Fraction else _floats(v)) for n, v in zip(fixed, values, strict=True)}
    return rewritten(outputs, lambda n, inputs: known.get(n))


def _floats(value: Exact) -> Any:
    found = value.floats()
    return float(found) if found.shape == () else found


def _exact(value: Exact) -> Fraction:
    return Fraction(value.integers()[0], 2**value.bits)


def _with_copies(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with copies of what an operation can only take as an array of its own.

    A reshape, and tanh of expansions, take numbers in the order in which they stand. A product has no factor that is
    one number everywhere.
    """

    def copied(n: Node, inputs: tuple[Node, ...]) -> Node | None:
        if n.op == "matmul":
            new = tuple(node("copy", i) if uniform(i) is not None else i for i in inputs)
        elif n.op in ("reshape", "tanh_scaled", "slope_scaled"):
            new = tuple(node("copy", i) if i.op in ("transpose", "slice", "broadcast") else i for i in inputs)
        else:
            return None
        return None if new == inputs else node(n.op, *new, data=n.data)

    return rewritten(outputs, copied)
