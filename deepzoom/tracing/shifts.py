"""Which maxima a graph only uses to keep numbers small, as softmax does: its outputs do not depend on their values.

Such a maximum F may be a ``shift``. For the proof, every number of the graph has one of these forms, or none of them:

    b              it does not depend on F
    b + c F        such as the input of an exponential
    b exp(c F)     such as its value, and the sum of such values
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .array import Traced, numpy
from .evaluate import as_float64, evaluate
from .graph import ELEMENTWISE, Node, depends, given, node, ordered, rewritten, uniform

_MOVES = ("reshape", "transpose", "broadcast", "slice")


@dataclass(frozen=True)
class _Form:
    """b + c F (kind "sum") or b exp(c F) (kind "product"). which: the element of F, for each number of a node."""

    kind: Literal["sum", "product"]
    c: Fraction
    which: NDArray[np.float64]

    def alike(self, other: _Form) -> bool:
        """Whether two numbers have the same kind of form, with the same elements of F."""
        return self.kind == other.kind and bool((self.which == other.which).all())


class _Unknown(Exception):
    """A number has none of the forms."""


def settled_shifts(outputs: Sequence[Node]) -> list[Node]:
    """The outputs, where a ``shift`` on whose value they may depend is the maximum itself."""
    free: set[Node] = set()
    for n in reversed(ordered(outputs)):
        if n.op == "shift" and _independent(outputs, n, free):
            free.add(n)

    def rule(n: Node, inputs: tuple[Node, ...]) -> Node | None:
        if n.op != "shift" or n in free:
            return None
        return numpy.max(Traced(inputs[0]), n.data, keepdims=True).node  # type: ignore[no-any-return]

    return rewritten(outputs, rule)


def _independent(outputs: Sequence[Node], f: Node, free: set[Node]) -> bool:
    """Whether the outputs do not depend on the value of ``f``. free: other nodes of which this is known."""
    forms: dict[Node, _Form | None] = {}
    varies = depends(outputs, [f])
    try:
        for n in ordered(outputs):
            if n is f:
                forms[n] = _Form("sum", Fraction(1), np.arange(n.size, dtype=np.float64).reshape(n.shape))
            elif n not in varies or n in free:
                forms[n] = None
            else:
                forms[n] = _form(n, [forms[i] for i in n.inputs])
    except _Unknown:
        return False
    return all(forms[n] is None for n in outputs)


def _form(n: Node, inputs: Sequence[_Form | None]) -> _Form | None:
    """The form of a node from those of its inputs; None if it does not depend on F."""
    if all(i is None for i in inputs):
        return None
    first = inputs[0]
    if n.op in _MOVES and first is not None:
        return _Form(first.kind, first.c, _moved(n, first.which))
    if n.op in ("matmul", "sum"):
        return _summed(n, inputs)
    if n.op not in ELEMENTWISE:
        raise _Unknown
    inputs = [None if i is None else _Form(i.kind, i.c, np.broadcast_to(i.which, n.shape)) for i in inputs]
    known = [i for i in inputs if i is not None]
    some = known[0]
    if not all(some.alike(i) for i in known):
        raise _Unknown
    if n.op == "negative":
        return _with(some, -some.c if some.kind == "sum" else some.c)
    if n.op == "positive" and some.kind == "product":
        return None
    if n.op in ("exp", "log", "sqrt") and some.kind == ("sum" if n.op == "exp" else "product"):
        kind: Any = {"exp": "product", "log": "sum", "sqrt": "product"}[n.op]
        return _Form(kind, some.c / 2 if n.op == "sqrt" else some.c, some.which)
    c = [Fraction(0) if i is None else i.c for i in inputs]
    if some.kind == "sum" and n.op in ("add", "subtract"):
        return _with(some, c[0] + c[1] if n.op == "add" else c[0] - c[1])
    if some.kind == "product" and n.op in ("multiply", "divide"):
        return _with(some, c[0] + c[1] if n.op == "multiply" else c[0] - c[1])
    if n.op in ("add", "subtract", "select") and not (n.op == "select" and inputs[0] is not None):
        terms = [(i, form) for i, form in zip(n.inputs, inputs)][n.op == "select" :]
        zero_fits = some.kind == "product"
        if all(form.c == some.c if form else zero_fits and uniform(i) == 0 for i, form in terms):
            return some
    raise _Unknown


def _with(form: _Form, c: Fraction) -> _Form | None:
    return _Form(form.kind, c, form.which) if c else None


def _moved(n: Node, which: NDArray[np.float64]) -> NDArray[np.float64]:
    source = given("state", "which", which.shape)
    (moved,) = evaluate([node(n.op, source, data=n.data)], {source: which}, as_float64)
    return np.asarray(moved)


def _summed(n: Node, inputs: Sequence[_Form | None]) -> _Form:
    """A sum of products is one, if all its terms have the same element of F."""
    known = [i for i in inputs if i is not None]
    if len(known) > 1 or known[0].kind != "product":
        raise _Unknown
    which = known[0].which
    axes = n.data if n.op == "sum" else (which.ndim - 1,) if inputs[0] is not None else (which.ndim - 2,)
    for axis in axes:
        one = which.take([0], axis)
        if (which != one).any():
            raise _Unknown
        which = one
    which = which.reshape(n.shape) if n.op == "sum" else np.broadcast_to(which, n.shape)
    return _Form("product", known[0].c, which)
