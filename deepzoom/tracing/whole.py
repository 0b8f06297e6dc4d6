"""Which arrays of a state only count: their numbers stay whole, so that no rounding ever changes them.

A second run that moves its state by the last bit leaves them alone. A condition such as ``count >= 10`` would else
differ between two runs that are both right.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .graph import Node, given, ordered

_KEPT = ("add", "subtract", "multiply", "negative", "positive", "sum", "reshape", "transpose", "broadcast", "slice",
         "place", "join")  # fmt: skip
"""Operations that make whole numbers of whole numbers; ``select`` does so whatever its condition."""
_MOST = 2**20  # of constants


def counts(state: Sequence[Node], start: Sequence[Node], after: Sequence[Node]) -> tuple[bool, ...]:
    """Whether each array of a state has only whole numbers, before the first step and after each."""
    assumed = {s for s, begun in zip(state, start, strict=True) if whole([begun], set())[begun]}
    while True:
        found = whole(after, assumed)
        kept = {s for s, then in zip(state, after, strict=True) if s in assumed and found[then]}
        if kept == assumed:
            return tuple(s in kept for s in state)
        assumed = kept


def whole(outputs: Sequence[Node], state: set[Node]) -> dict[Node, bool]:
    """Whether the numbers of each node are whole, if those of some arrays of the state are."""
    found: dict[Node, bool] = {}
    for n in ordered(outputs):
        if n.op == "input":
            found[n] = n in state or n is given("step", "step", ())
        elif n.op == "constant":
            values = np.array(float(n.number)) if n.number is not None else n.data.array
            found[n] = bool(((values == np.round(values)) & (np.abs(values) <= _MOST)).all())
        elif n.op == "select":
            found[n] = all(found[i] for i in n.inputs[1:])
        else:
            found[n] = n.op in _KEPT and (n.op == "positive" or all(found[i] for i in n.inputs))
    return found
