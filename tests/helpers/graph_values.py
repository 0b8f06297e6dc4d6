"""A graph evaluated with NumPy in float64, one operation after the other: the oracle of what its nodes mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from deepzoom.tracing.graph import Node, ordered


def values_of(outputs: Iterable[Node], given: Mapping[Node, Any]) -> list[Any]:
    """The values of nodes, from those of the inputs."""
    outputs = list(outputs)
    known: dict[Node, Any] = {}
    for n in ordered(outputs):
        if n in given:
            known[n] = np.asarray(given[n], dtype=float)
        elif n.op == "constant":
            known[n] = np.float64(float(n.number)) if n.number is not None else n.data.array
        elif n.op == "input" and n.data[0] == "stopped":
            known[n] = values_of([n.data[1]], given)[0]
        else:
            known[n] = _value(n, [known[i] for i in n.inputs])
        assert np.shape(known[n]) == n.shape, n
    return [known[n] for n in outputs]


def _value(n: Node, a: list[Any]) -> Any:
    if n.op == "positive":
        return np.where(a[0] > 0, 1.0, 0.0)
    if n.op == "select":
        return np.where(a[0] == 1, a[1], a[2])
    if n.op == "softplus":
        return np.logaddexp(0, a[0])
    if n.op == "tanh_slope":
        return 1 - a[0] * a[0]
    if n.op == "shift":
        return np.max(a[0], axis=n.data, keepdims=True)
    if n.op == "slice":
        return a[0][tuple(slice(*r) for r in n.data)]
    if n.op == "place":
        placed = np.zeros(n.data[0])
        ends = [(start, start + step * (size - 1) + 1, step) for (start, step), size in zip(n.data[1], a[0].shape)]
        placed[tuple(slice(*e) for e in ends)] = a[0]
        return placed
    if n.op == "join":
        return np.concatenate(a, axis=n.data)
    if n.op == "sum":
        return np.sum(a[0], axis=n.data)
    if n.op in ("reshape", "transpose"):
        return getattr(np, n.op)(a[0], n.data)
    if n.op == "broadcast":
        return np.broadcast_to(a[0], n.data)
    return getattr(np, n.op)(*a)
