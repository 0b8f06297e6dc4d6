"""Maxima that only keep numbers small stay shifts; all others become maxima, whose differences count."""

from __future__ import annotations

import numpy as np
import pytest

from deepzoom.tracing.array import Traced, made
from deepzoom.tracing.evaluate import as_float64, evaluate
from deepzoom.tracing.functions import log_softmax, logsumexp, softmax
from deepzoom.tracing.gradient import gradient
from deepzoom.tracing.graph import given, ordered
from deepzoom.tracing.shifts import settled_shifts

X = np.random.default_rng(6).normal(size=(2, 3, 4))
Z = given("state", "x", X.shape)
V = np.random.default_rng(7).normal(size=(4, 5))


def top(z, axis=-1):
    return made("shift", z, data=axis % 3)


def slope(z):
    (found,) = gradient((softmax(z) * np.arange(4.0)).sum(), [z])
    return found


FREE = {
    "softmax": softmax,
    "of another axis": lambda z: softmax(z, axis=0).transpose(2, 0, 1),
    "log_softmax": log_softmax,
    "logsumexp": lambda z: logsumexp(z).mean(),
    "slope": slope,
    "products": lambda z: np.exp(z - top(z)) @ V / np.exp(z - top(z)).sum(-1, keepdims=True),
    "roots": lambda z: np.sqrt(np.exp(z - top(z))) ** 2 / np.abs(np.exp(z - top(z)).sum(-1, keepdims=True)),
    "two after each other": lambda z: softmax(softmax(z) @ V @ V.T, axis=1),
}
BOUND = {
    "the maximum": top,
    "a scale": lambda z: z / top(z),
    "rows mixed": lambda z: np.exp(z - top(z)).sum(axis=(1, 2)) / np.exp(z - top(z)).sum(axis=(1, 2), keepdims=True)[0],
    "a sum over rows": lambda z: np.exp(z - top(z)).sum(1) / np.exp(z - top(z)).sum(1).sum(-1, keepdims=True),
    "too much": lambda z: np.exp(z - 2 * top(z)) / np.exp(z - top(z)).sum(-1, keepdims=True),
    "a constant": lambda z: np.exp(z - top(z)) / (1 + np.exp(z - top(z)).sum(-1, keepdims=True)),
    "a branch": lambda z: np.where(top(z) > 1, z, 2 * z),
    "others": lambda z: softmax(z) + np.tanh(z - top(z)),
    "a wrong row": lambda z: np.exp(z - top(z)[:, ::-1]) / np.exp(z - top(z)).sum(-1, keepdims=True),
}


def shifts(function):
    """(numbers of the shifts before and after, values before and after)."""
    before = [function(Traced(Z)).node]
    after = settled_shifts(before)
    counts = [sum(n.op == "shift" for n in ordered(nodes)) for nodes in (before, after)]
    return counts, [evaluate(nodes, {Z: X}, as_float64)[0] for nodes in (before, after)]


@pytest.mark.parametrize("name", FREE)
def test_a_shift_that_does_not_matter_stays(name):
    (before, after), _ = shifts(FREE[name])
    assert before == after > 0


@pytest.mark.parametrize("name", BOUND)
def test_a_maximum_that_matters(name):
    (_, after), (was, now) = shifts(BOUND[name])
    assert after == 0
    np.testing.assert_allclose(now, was, rtol=1e-14)
