"""An independent training run in mpmath: loops over scalars, written from the experiment's description alone.

Nothing here comes from the package. Layers are lists of rows; a pixel is a pair of coordinates as decimal texts.
"""

from __future__ import annotations

import mpmath

mp = mpmath.mp


def matmul(a, b):
    return [[mpmath.fdot(zip(row, column)) for column in zip(*b)] for row in a]


def numbers(array):
    """A float64 array (or nested list) as exact mpf rows."""
    return [[mpmath.mpf(float(v)) for v in row] for row in array]


def train(x, y, weights, activation, learning, steps, *, batches=None, offset=None, every_step=True):
    """(losses before each update, weights before each step and after the last).

    learning: one learning rate per layer; batches: rows per step or None; offset: added to all first weights.
    """
    x, y = numbers(x), numbers(y)
    w = [numbers(layer) for layer in weights]
    widths = [len(x[0]), *(len(layer[0]) for layer in w)]
    gain = mpmath.mpf(1) if activation == "identity" else mpmath.sqrt(2)
    if offset is not None and not every_step:
        w[0] = [[v + offset for v in row] for row in w[0]]
    losses, history = [], []

    def squash(v):
        if activation == "tanh":
            return mpmath.tanh(gain * v)
        if activation == "relu":
            return gain * v if v > 0 else mpmath.mpf(0)
        return v

    def slope(v):
        if activation == "tanh":
            return gain / mpmath.cosh(gain * v) ** 2
        if activation == "relu":
            return gain if v > 0 else mpmath.mpf(0)
        return mpmath.mpf(1)

    def run(rows_x, rows_y):
        """Outputs less targets, and per layer (its inputs, what its units were fed)."""
        values, trail = rows_x, []
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
        errors, trail = run(x, y)
        size = len(errors) * len(errors[0])
        losses.append(sum(v * v for row in errors for v in row) / size)
        if batches is not None:
            drawn = [int(i) for i in batches[t]]
            errors, trail = run([x[i] for i in drawn], [y[i] for i in drawn])
            size = len(errors) * len(errors[0])
        # derivative of the loss by what the last layer was fed
        back = [[2 * v / size / mpmath.sqrt(widths[-2]) for v in row] for row in errors]
        updated = []
        for depth in range(len(w) - 1, -1, -1):
            values, _ = trail[depth]
            gradient = matmul([list(c) for c in zip(*values)], back)
            gradient = [[v / mpmath.sqrt(widths[depth]) for v in row] for row in gradient]
            rate = learning[depth]
            updated.insert(0, [[v - rate * g for v, g in zip(*pair)] for pair in zip(w[depth], gradient)])
            if depth:
                through = matmul(back, [list(c) for c in zip(*w[depth])])
                _, fed = trail[depth - 1]
                back = [
                    [v / mpmath.sqrt(widths[depth]) * slope(z) for v, z in zip(*pair)] for pair in zip(through, fed)
                ]
        w = updated
    history.append(w)
    return losses, history


def measure(losses, most=10**6):
    """The published convergence measure of a list of losses; one that no float64 holds counts as not finite."""
    first = losses[0]
    largest = mpmath.mpf(2) ** 1024
    v = [min((loss if loss < largest else most) / first, mpmath.mpf(most)) for loss in losses]
    last = v[-20:]
    return -sum(v) if sum(last) / len(last) < 1 else sum(1 / s for s in v)
