"""Where the numbers of a graph are not defined, although their arithmetic has no NaN.

A ``select`` may leave out a number that is not defined, such as the logarithm of 0. So only a number that reaches an
output ends an evaluation: until then another one stands in its place, and is known to be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.arithmetic.conditions import held, holds, select
from deepzoom.arithmetic.numpy_operations import NotANumber

from .graph import ELEMENTWISE, Node

Operation = Callable[..., Any]
"""Takes the data of a node and the values of its inputs."""


@dataclass(frozen=True)
class Undefined:
    """Which numbers of a node are not defined, bool of its shape, and why; sure: as of ``NotANumber``."""

    where: NDArray[np.bool_]
    why: str
    sure: bool = False


def value_of(n: Node, operation: Operation, inputs: Sequence[Any], undefined: dict[Node, Undefined]) -> Any:
    """The value of a node from those of its inputs. Where it is not defined, ``undefined`` gets an entry for it."""
    known = [undefined[i] for i in n.inputs if i in undefined]
    where, why, sure = np.zeros(n.shape, dtype=bool), known[0].why if known else "", all(k.sure for k in known)
    if known:
        where |= _carried(n, operation, inputs, undefined)
    try:
        value = operation(n.data, *inputs)
    except NotANumber as error:
        where, why, sure = where | error.where, str(error), sure and error.sure
        # these operations are defined at 1
        value = operation(n.data, *(select(error.where, 1.0, x) for x in inputs))
    if where.any():
        undefined[n] = Undefined(where, why, sure)
    return value


def _carried(n: Node, operation: Operation, inputs: Sequence[Any], undefined: dict[Node, Undefined]) -> Any:
    """Where a node is not defined because its inputs are not."""
    parts = [undefined[i].where if i in undefined else np.zeros(i.shape, dtype=bool) for i in n.inputs]
    if n.op == "select":
        condition, yes, no = parts
        was, now = held(inputs[0]), holds(inputs[0])
        return condition | (yes & (was | now.any(axis=0))) | (no & ~(was & now.all(axis=0)))
    if n.op in ELEMENTWISE:
        return np.logical_or.reduce(np.broadcast_arrays(*parts))
    numbers = [p.astype(np.float64) for p in parts]
    if n.op == "matmul":
        a, b = numbers
        return (a @ np.ones(b.shape) + np.ones(a.shape) @ b) > 0
    return operation(n.data, *numbers) > 0


def refuse(outputs: Sequence[Node], undefined: dict[Node, Undefined]) -> None:
    """Raises NotANumber if an output is not defined everywhere."""
    for n in outputs:
        if n in undefined:
            raise NotANumber(undefined[n].why, undefined[n].where, undefined[n].sure)
