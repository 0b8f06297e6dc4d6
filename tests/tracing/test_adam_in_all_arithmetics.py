"""Steps of a network with Adam, of which each arithmetic makes its own, against mpmath (``graph_oracle.py``)."""

from __future__ import annotations

import math
from fractions import Fraction

import graph_oracle
import mpmath
import numpy as np
import pytest

from deepzoom.arithmetic.delta import Delta
from deepzoom.arithmetic.difference import Batch
from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.tangent import Fold, Series
from deepzoom.tracing.evaluate import Evaluation
from deepzoom.tracing.graph import Node, constant, given, node

P, Q = given("parameter", "x", ()), given("parameter", "y", ())


def plus(x: Node, number) -> Node:
    return node("add", x, constant(number))


def mp_array(a: Exact):
    """The numbers as mpf."""
    numbers = np.empty(a.shape, dtype=object)
    numbers.ravel()[:] = [mpmath.ldexp(v, -a.bits) for v in a.integers()]
    return numbers


class Network:
    """Three steps of Adam on a tanh network of 3 inputs, 2 hidden units and a bias, written as a graph."""

    ROWS = 5

    def __init__(self) -> None:
        rng = np.random.default_rng(9)
        shapes = {"w": (3, 2), "b": (1, 2), "v": (2, 1)}
        self.start = {name: rng.normal(size=s) for name, s in shapes.items()}
        self.state = [given("state", kind + name, s) for name, s in shapes.items() for kind in ("", "m", "s")]
        self.step = given("step", "step", ())
        x, y = constant(rng.normal(size=(self.ROWS, 3))), constant(rng.normal(size=(self.ROWS, 1)))
        w, b, v = self.state[::3]
        h = node("tanh", node("add", node("matmul", x, w), b))
        error = node("subtract", node("matmul", h, v), y)
        self.loss = node(
            "multiply", constant(Fraction(1, self.ROWS)), node("sum", node("multiply", error, error), data=(0, 1))
        )
        back = node("multiply", constant(Fraction(2, self.ROWS)), error)
        d = node("multiply", node("matmul", back, turned(v)), node("tanh_slope", h))
        sums = node("reshape", node("sum", d, data=(0,)), data=(1, 2))
        slopes = node("matmul", turned(x), d), sums, node("matmul", turned(h), back)
        self.after = [n for k, g in enumerate(slopes) for n in self._adam(*self.state[3 * k : 3 * k + 3], g)]

    def _adam(self, w: Node, m: Node, s: Node, g: Node) -> list[Node]:
        b1, b2 = Q, constant(Fraction(999, 1000))
        m = node("add", node("multiply", b1, m), node("multiply", node("subtract", constant(1), b1), g))
        rest = node("multiply", node("subtract", constant(1), b2), node("multiply", g, g))
        s = node("add", node("multiply", b2, s), rest)
        later = plus(self.step, 1)
        bias = node("subtract", constant(1), node("exp", node("multiply", later, node("log", b1))))
        move = node("divide", node("divide", m, bias), plus(node("sqrt", s), Fraction(1, 10**8)))
        return [node("subtract", w, node("multiply", P, move)), m, s]

    def run(self, parameters, lift, steps=3):
        """The state after some steps and the losses."""
        names = [n.data[1] for n in self.state]
        state = [lift(self.start.get(name, np.zeros(n.shape))) for name, n in zip(names, self.state)]
        evaluation = Evaluation([*self.after, self.loss], lift)
        losses = []
        for step in range(steps):
            given_values = dict(zip(self.state, state)) | parameters | {self.step: lift(Fraction(step))}
            *state, loss = evaluation(given_values)
            losses.append(loss)
        return [*state, *losses]

    def true(self, rate, momentum, steps=3):
        """The same by mpmath."""
        names = [n.data[1] for n in self.state]
        state = [graph_oracle._array(self.start.get(name, np.zeros(n.shape))) for name, n in zip(names, self.state)]
        losses = []
        for step in range(steps):
            at = dict(zip(self.state, state)) | {P: rate, Q: momentum, self.step: mpmath.mpf(step)}
            *state, loss = graph_oracle.values([*self.after, self.loss], at)
            losses.append(loss)
        return [*state, *losses]


def turned(a: Node) -> Node:
    return node("transpose", a, data=(1, 0))


def test_steps_of_adam_in_high_precision():
    network, bits = Network(), 260
    at = {P: Exact.of(0.05, bits), Q: Exact.of(0.9, bits)}
    got = network.run(at, lambda v: Exact.of(v, bits))
    plain = network.run({P: 0.05, Q: 0.9}, lambda v: np.asarray(v, dtype=np.float64))
    with mpmath.workprec(800):
        for g, p, t in zip(got, plain, network.true(mpmath.mpf(0.05), mpmath.mpf(0.9)), strict=True):
            assert max(abs(e) for e in np.ravel(mp_array(g) - t)) < 2.0**-200
            assert np.allclose(p, np.array(t, dtype=float), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("exponent", [-20, -66, -199, -1100])
def test_steps_of_adam_as_differences(exponent):
    network, bits = Network(), 260 - 2 * exponent
    changes = np.array([[1.0, 0.5], [-1.0, 2.0], [0.25, 0.0]])
    at = {p: Delta(Exact.of(v, bits), Batch(changes[:, k], exponent)) for k, (p, v) in enumerate(((P, 0.05), (Q, 0.9)))}
    got = network.run(at, lambda v: Exact.of(v, bits))
    with mpmath.workprec(2 * bits):
        here = network.true(mpmath.mpf(0.05), mpmath.mpf(0.9))
        for pixel, (dx, dy) in enumerate(changes):
            unit = mpmath.ldexp(1, exponent)
            there = network.true(mpmath.mpf(0.05) + dx * unit, mpmath.mpf(0.9) + dy * unit)
            for g, a, b in zip(got[-3:] + got[:-3:3], there[-3:] + there[:-3:3], here[-3:] + here[:-3:3], strict=True):
                if not isinstance(g, Delta):
                    continue  # the first loss depends on no parameter
                true = np.array((a - b) / unit, dtype=float)
                assert np.allclose(g.difference.data[pixel], true, rtol=1e-11, atol=1e-11 * np.abs(true).max())


def test_steps_of_adam_as_polynomials():
    network, bits, fold = Network(), 260, Fold()
    at = {
        P: Delta(Exact.of(0.05, bits), Series.variable(0, 3, fold)),
        Q: Delta(Exact.of(0.9, bits), Series.variable(1, 3, fold)),
    }
    got = network.run(at, lambda v: Exact.of(v, bits))
    dx, dy = np.array([2.0**-24]), np.array([-(2.0**-25)])
    with mpmath.workprec(800):
        here = network.true(mpmath.mpf(0.05), mpmath.mpf(0.9))
        there = network.true(mpmath.mpf(0.05) + float(dx[0]), mpmath.mpf(0.9) + float(dy[0]))
    for g, a, b in zip(got, there, here, strict=True):
        if isinstance(g, Delta):
            true = np.array(a - b, dtype=float)
            assert np.allclose(g.difference.at(dx, dy, 0)[0], true, rtol=1e-11, atol=1e-11 * np.abs(true).max())
    assert fold.log2 == math.inf
