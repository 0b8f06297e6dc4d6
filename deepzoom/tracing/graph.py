"""A traced function: a graph of array operations whose shapes are known.

A node is one operation on arrays. Nodes with the same operation, inputs and data are one object, so that a common
subexpression exists once. Constants are exact: rational numbers, or arrays of float64.

Operations, with what ``data`` holds:

    constant     a Fraction, or a ``Values``
    input        (kind, name): see ``INPUTS``
    add, subtract, multiply, divide, negative, exp, log, sqrt, tanh, sin, cos, softplus    element by element
    tanh_slope   1 - h * h, of values h of tanh
    positive     1 where the input is above 0, else 0
    select       the second input where the first is 1, the third where it is 0
    shift        the largest element along an axis, kept with length 1 (axis); its derivative counts as 0, so only
                 functions that do not depend on its value may use it, such as softmax
    sum          (axes): the axes are dropped
    matmul       of matrices; further axes in front are batches
    reshape      (shape)        transpose    (order of axes)       broadcast    (shape)
    slice        ((start, stop, step), ...) for each axis
    place        (shape, ((start, step), ...)): the input inside an array of zeros
    join         (axis): the inputs one after the other

Only graphs of differences (``differences.py``) and of kernels have these:

    tanh_side            1 - |tanh(A)| of A and tanh(A), in the reference run (``arithmetic/saturation.py``)
    rounded_exp          exp(A) of A, in the reference run
    exp_difference       exp(A + a) - exp(A) of exp(A), A and a
    log_difference       log(A + a) - log(A) of A, log(A) and a
    tanh_difference      tanh(A + a) - tanh(A) of tanh(A), tanh_side of A, and 2 a / ln 2
    softplus_difference  softplus(A + a) - softplus(A) of A, tanh_side of A / 2, and a
    tanh_scaled          tanh(v ln 2 / 2)
    slope_scaled         1 - tanh(v ln 2 / 2)**2, to all digits
    copy                 the same numbers, stored in their order
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]

INPUTS = ("state", "parameter", "step", "drawn", "stopped", "reference", "difference", "tangent")
"""Kinds of inputs: an array of the state; the parameter ``x`` or ``y`` of the pixel; the number of the step, from 0;
rows of a data array that the step uses (its name is that of a table); a node whose derivative counts as 0 (its name is
that node), until ``gradient.released`` puts it back; a tangent of an input, with any name (``tangents.py``). In graphs
of differences: the value of a node in the reference run, and the difference of an input from it (their names are that
node)."""

ELEMENTWISE = (
    "add", "subtract", "multiply", "divide", "negative", "exp", "log", "sqrt", "tanh", "tanh_slope", "sin", "cos",
    "softplus", "positive", "select", "exp_difference", "log_difference", "tanh_difference", "softplus_difference",
    "tanh_scaled", "slope_scaled", "copy", "tanh_side", "rounded_exp",
)  # fmt: skip


class Values:
    """An array of float64 that can be compared and hashed."""

    def __init__(self, array: NDArray[np.float64]) -> None:
        self.array = np.ascontiguousarray(array, dtype=np.float64)
        self.array.flags.writeable = False
        self._key = self.array.shape, self.array.tobytes()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Values) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@dataclass(frozen=True, eq=False)
class Node:
    """One operation, its inputs, the shape of its result, and what else it needs."""

    op: str
    inputs: tuple[Node, ...]
    shape: Shape
    data: Any = None

    @property
    def size(self) -> int:
        """How many numbers the result has."""
        return math.prod(self.shape)

    @property
    def number(self) -> Fraction | None:
        """The value of a constant that is one number, else None."""
        return self.data if self.op == "constant" and isinstance(self.data, Fraction) else None

    def __repr__(self) -> str:
        return f"<{self.op}{list(self.shape)}>"


_known: WeakValueDictionary[Any, Node] = WeakValueDictionary()


def _interned(op: str, inputs: tuple[Node, ...], shape: Shape, data: Any) -> Node:
    key = op, tuple(map(id, inputs)), shape, data
    found = _known.get(key)
    if found is None:
        found = _known[key] = Node(op, inputs, shape, data)
    return found


def constant(value: Any) -> Node:
    """A constant: a number (exactly as it is) or an array of finite float64. Raises ValueError if it is not finite."""
    if isinstance(value, Fraction | int) or np.ndim(value) == 0:
        if not isinstance(value, Fraction | int) and not math.isfinite(float(value)):
            raise ValueError(f"the constant {float(value)} is not a finite number")
        return _interned("constant", (), (), Fraction(value if isinstance(value, Fraction | int) else float(value)))
    array = np.asarray(value, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"a constant array of shape {array.shape} has numbers that are not finite")
    first = array.flat[0] if array.size else 0.0
    if array.size and (array == first).all():
        return node("broadcast", constant(float(first)), data=array.shape)
    return _interned("constant", (), array.shape, Values(array))


def zeros(shape: Shape) -> Node:
    """An array of zeros."""
    return node("broadcast", constant(0), data=shape)


def given(kind: str, name: Any, shape: Shape) -> Node:
    """An input of the traced function."""
    assert kind in INPUTS
    return _interned("input", (), shape, (kind, name))


def node(op: str, *inputs: Node, data: Any = None) -> Node:
    """The result of an operation. Raises ValueError for shapes that do not fit."""
    simple = _simplified(op, inputs, data)
    return _interned(op, inputs, _shape(op, inputs, data), data) if simple is None else simple


def uniform(a: Node) -> Fraction | None:
    """The number of which a constant consists in every place, else None."""
    while a.op in ("broadcast", "reshape", "transpose", "slice"):
        a = a.inputs[0]
    return a.number


def _simplified(op: str, inputs: tuple[Node, ...], data: Any) -> Node | None:
    """What an operation is equal to, if it is simpler than that; exactly equal, also after rounding."""
    if op in ("reshape", "broadcast") and inputs[0].shape == data:
        return inputs[0]
    if op == "transpose" and data == tuple(range(len(inputs[0].shape))):
        return inputs[0]
    if op in ("reshape", "transpose", "broadcast") and inputs[0].op == op:
        below = inputs[0].inputs[0]
        return node(op, below, data=tuple(inputs[0].data[i] for i in data) if op == "transpose" else data)
    if op == "sum" and not data:
        return inputs[0]
    if op not in ("add", "subtract", "multiply", "divide", "negative"):
        return None
    shape = np.broadcast_shapes(*(a.shape for a in inputs)) if _fit(inputs) else None
    if shape is None:
        return None
    numbers = [uniform(a) for a in inputs]
    value = _folded(op, numbers)
    if value is not None:
        return node("broadcast", constant(value), data=shape)
    for i, other in ((0, 1), (1, 0)) if len(inputs) == 2 else ():
        n, a = numbers[i], inputs[other]
        same = (op == "add" and n == 0) or (op == "multiply" and n == 1)
        if same or (i == 1 and ((op == "subtract" and n == 0) or (op == "divide" and n == 1))):
            return node("broadcast", a, data=shape)
        if op == "multiply" and n == 0:
            return zeros(shape)
        if op == "multiply" and n == -1:
            return node("broadcast", node("negative", a), data=shape)
    if op == "subtract" and numbers[0] == 0:
        return node("broadcast", node("negative", inputs[1]), data=shape)
    if op == "divide" and numbers[0] == 0:
        return zeros(shape)
    if op == "divide" and numbers[1]:
        return node("multiply", inputs[0], node("broadcast", constant(1 / numbers[1]), data=inputs[1].shape))
    if op == "negative" and inputs[0].op == "negative":
        return inputs[0].inputs[0]
    return None


def _folded(op: str, numbers: Sequence[Fraction | None]) -> Fraction | None:
    if any(n is None for n in numbers):
        return None
    a, b = (*numbers, Fraction(0))[:2]
    assert a is not None and b is not None
    if op == "divide":
        return a / b if b else None
    return {"add": a + b, "subtract": a - b, "multiply": a * b, "negative": -a}[op]


def _fit(inputs: Iterable[Node]) -> bool:
    try:
        np.broadcast_shapes(*(a.shape for a in inputs))
    except ValueError:
        return False
    return True


def _shape(op: str, inputs: tuple[Node, ...], data: Any) -> Shape:
    """The shape of a result. Raises ValueError for shapes that do not fit."""
    shapes = [a.shape for a in inputs]
    if op in ELEMENTWISE:
        if not _fit(inputs):
            raise ValueError(f"shapes {' and '.join(map(str, shapes))} do not fit each other")
        return tuple(np.broadcast_shapes(*shapes))
    first = shapes[0]
    if op == "matmul":
        return _product_shape(*shapes)
    if op == "sum":
        return tuple(n for i, n in enumerate(first) if i not in data)
    if op == "shift":
        return tuple(1 if i == data else n for i, n in enumerate(first))
    if op == "transpose":
        return tuple(first[i] for i in data)
    if op == "reshape":
        if math.prod(first) != math.prod(data):
            raise ValueError(f"an array of shape {first} cannot be reshaped to {tuple(data)}")
        return tuple(data)
    if op == "broadcast":
        if not _fit((inputs[0],)) or np.broadcast_shapes(first, data) != tuple(data):
            raise ValueError(f"an array of shape {first} cannot be broadcast to {tuple(data)}")
        return tuple(data)
    if op == "slice":
        return tuple(len(range(*part)) for part in data)
    if op == "place":
        return tuple(data[0])
    if op == "join":
        rest = {s[:data] + s[data + 1 :] for s in shapes}
        if len(rest) != 1:
            raise ValueError(f"arrays of shapes {', '.join(map(str, shapes))} cannot be joined along axis {data}")
        return (*first[:data], sum(s[data] for s in shapes), *first[data + 1 :])
    raise ValueError(f"{op} is not an operation of a graph")


def _product_shape(a: Shape, b: Shape) -> Shape:
    if len(a) < 2 or len(b) < 2 or a[-1] != b[-2]:
        raise ValueError(f"shapes {a} and {b} do not fit in a matrix product")
    try:
        batch = np.broadcast_shapes(a[:-2], b[:-2])
    except ValueError:
        raise ValueError(f"shapes {a} and {b} do not fit in a matrix product") from None
    return (*batch, a[-2], b[-1])


def ordered(outputs: Iterable[Node]) -> list[Node]:
    """All nodes that the outputs need, inputs before what uses them."""
    found: dict[Node, None] = {}
    stack = [(n, False) for n in reversed(list(outputs))]
    while stack:
        n, ready = stack.pop()
        if n in found:
            continue
        if ready:
            found[n] = None
            continue
        stack.append((n, True))
        stack.extend((i, False) for i in reversed(n.inputs) if i not in found)
    return list(found)


def rewritten(outputs: Sequence[Node], rule: Callable[[Node, tuple[Node, ...]], Node | None]) -> list[Node]:
    """The outputs with nodes replaced, inputs before what uses them.

    rule: gets a node and its inputs, already rewritten; gives what stands for the node, or None for the same operation.
    """
    found: dict[Node, Node] = {}
    for n in ordered(outputs):
        inputs = tuple(found[i] for i in n.inputs)
        new = rule(n, inputs)
        if new is None:
            same = all(a is b for a, b in zip(inputs, n.inputs, strict=True))
            new = n if same else node(n.op, *inputs, data=n.data)
        found[n] = new
    return [found[n] for n in outputs]


def depends(outputs: Iterable[Node], on: Iterable[Node]) -> set[Node]:
    """Those of the outputs' nodes that depend on some nodes, and these themselves."""
    found = set(on)
    for n in ordered(outputs):
        if any(i in found for i in n.inputs):
            found.add(n)
    return found
