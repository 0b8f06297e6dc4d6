"""An oracle for training runs: loops over scalars in mpmath, written from the experiment's description alone.

It shares nothing with the package: no NumPy arithmetic, no perturbation, no code. A layer's weights are a list of rows,
one row per input. The caller sets the precision, by ``mpmath.workdps`` or ``workprec``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
from numpy.typing import NDArray

mp = mpmath.mp

Matrix = list[list[mpmath.mpf]]
Layers = list[Matrix]
"""The weights of all layers."""


def matmul(a: Matrix, b: Matrix) -> Matrix:
    """The product of two matrices. Each element is rounded once."""
    return [[mpmath.fdot(zip(row, column)) for column in zip(*b)] for row in a]


def numbers(array: NDArray[Any] | Sequence[Sequence[float]]) -> Matrix:
    """A float64 array, or a nested list, as rows of exact mpf numbers."""
    return [[mpmath.mpf(float(v)) for v in row] for row in array]


def train(
    x: NDArray[Any], y: NDArray[Any], weights: Sequence[NDArray[Any]], activation: str,
    learning: Sequence[mpmath.mpf], steps: int,
    *, batches: NDArray[Any] | None = None, offset: mpmath.mpf | None = None, every_step: bool = True,
) -> tuple[list[mpmath.mpf], list[Layers]]:  # fmt: skip
    """(losses before each update, weights before each step and after the last).

    x: inputs (rows, inputs); y: targets (rows, outputs); weights: one array per layer; activation: tanh, relu or
    identity; learning: one learning rate per layer; batches: the rows of each step's minibatch, or None for all rows;
    offset: what is added to every weight of the first layer, before each step, or once unless every_step.
    """
    inputs, targets = numbers(x), numbers(y)
    w = [numbers(layer) for layer in weights]
    widths = [len(inputs[0]), *(len(layer[0]) for layer in w)]
    gain = mpmath.mpf(1) if activation == "identity" else mpmath.sqrt(2)
    if offset is not None and not every_step:
        w[0] = [[v + offset for v in row] for row in w[0]]
    losses: list[mpmath.mpf] = []
    history: list[Layers] = []

    def squash(v: mpmath.mpf) -> mpmath.mpf:
        if activation == "tanh":
            return mpmath.tanh(gain * v)
        if activation == "relu":
            return gain * v if v > 0 else mpmath.mpf(0)
        return v

    def slope(v: mpmath.mpf) -> mpmath.mpf:
        if activation == "tanh":
            return gain / mpmath.cosh(gain * v) ** 2
        if activation == "relu":
            return gain if v > 0 else mpmath.mpf(0)
        return mpmath.mpf(1)

    def run(rows_x: Matrix, rows_y: Matrix) -> tuple[Matrix, list[tuple[Matrix, Matrix]]]:
        """Outputs minus targets, and of each layer (its inputs, the sums that its units take)."""
        values = rows_x
        trail: list[tuple[Matrix, Matrix]] = []
        for depth, layer in enumerate(w):
            fed = [[v / mpmath.sqrt(widths[depth]) for v in row] for row in matmul(values, layer)]
            trail.append((values, fed))
            last = depth == len(w) - 1
            values = [[v / mpmath.sqrt(widths[depth]) if last else squash(v) for v in row] for row in fed]
        return [[o - t for o, t in zip(*pair)] for pair in zip(values, rows_y)], trail

    for t in range(steps):
        history.append([[list(row) for row in layer] for layer in w])
        if offset is not None and every_step:
            w[0] = [[v + offset for v in row] for row in w[0]]
        errors, trail = run(inputs, targets)
        size = len(errors) * len(errors[0])
        losses.append(sum(v * v for row in errors for v in row) / size)
        if batches is not None:
            drawn = [int(i) for i in batches[t]]
            errors, trail = run([inputs[i] for i in drawn], [targets[i] for i in drawn])
            size = len(errors) * len(errors[0])
        # derivative of the loss by the sums that the last layer takes
        back = [[2 * v / size / mpmath.sqrt(widths[-2]) for v in row] for row in errors]
        w = _updated(w, trail, back, learning, slope)
    history.append(w)
    return losses, history


def _updated(
    w: Layers, trail: list[tuple[Matrix, Matrix]], back: Matrix, learning: Sequence[mpmath.mpf],
    slope: Callable[[mpmath.mpf], mpmath.mpf],
) -> Layers:  # fmt: skip
    """The weights after one step; back: derivatives of the loss by the sums that the last layer takes."""
    updated: Layers = []
    for depth in range(len(w) - 1, -1, -1):
        values, _ = trail[depth]
        width = len(w[depth])
        gradient = matmul([list(c) for c in zip(*values)], back)
        gradient = [[v / mpmath.sqrt(width) for v in row] for row in gradient]
        rate = learning[depth]
        updated.insert(0, [[v - rate * g for v, g in zip(*pair)] for pair in zip(w[depth], gradient)])
        if depth:
            through = matmul(back, [list(c) for c in zip(*w[depth])])
            _, fed = trail[depth - 1]
            back = [[v / mpmath.sqrt(width) * slope(z) for v, z in zip(*pair)] for pair in zip(through, fed)]
    return updated


def measure(losses: list[mpmath.mpf], most: int = 10**6) -> mpmath.mpf:
    """The published convergence measure of a list of losses. A loss too large for float64 counts as not finite."""
    first = losses[0]
    largest = mpmath.mpf(2) ** 1024
    v = [min((loss if loss < largest else most) / first, mpmath.mpf(most)) for loss in losses]
    last = v[-20:]
    return -sum(v) if sum(last) / len(last) < 1 else sum(1 / s for s in v)
