"""Trainings of the user's own: what is traced is what NumPy computes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pytest
from graph_values import values_of

from deepzoom import Training
from deepzoom.errors import InputError
from deepzoom.scene.view import View
from deepzoom.systems.traced_system import TracedSystem, digest_of
from deepzoom.tracing.array import Traced
from deepzoom.tracing.functions import stop_gradient
from deepzoom.tracing.graph import ordered
from deepzoom.tracing.training import STEP, X, Y

RNG = np.random.default_rng(3)


ROWS, TARGET = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 2))


W = RNG.normal(size=(3, 2))


DATA = {"x": ROWS, "y": TARGET}


def residual(weights, data):
    return data["x"] @ weights["w"] - data["y"]


def mean_square(weights, data):
    return (residual(weights, data) ** 2).mean()


def heavy_ball(state, hyper, data):
    """Gradient descent with momentum."""
    g = 2 * data["x"].T @ residual(state, data) / residual(state, data).size
    m = hyper["momentum"] * state["m"] + g
    return {"m": m, "w": state["w"] - hyper["rate"] * m}, mean_square(state, data)


HYPER = {"rate": 0.1, "momentum": 0.9}


BALL = Training(heavy_ball, {"w": W, "m": 0 * W}, HYPER, "log10:rate", "momentum", data=DATA)


def run(training, x, y, settings=None, steps=4):
    """(losses, last state) of a traced training in float64, step by step."""
    t = training.traced(settings or {}, steps)
    at = {X: 10**x if t.powers_of_ten[0] else x, Y: 10**y if t.powers_of_ten[1] else y}
    state = values_of(t.start, at)
    losses = []
    for i in range(steps):
        known = {**at, STEP: float(i), **dict(zip(t.state, state))}
        known |= {n: t.tables[n.data[1]][i] for n in inputs_of(t) if n.data[0] == "drawn"}
        *state, loss = values_of([*t.after, t.loss], known)
        losses.append(float(loss))
    return losses, {n.data[1]: v for n, v in zip(t.state, state)}


def inputs_of(t):
    return [n for n in ordered([*t.after, t.loss]) if n.op == "input"]


def test_a_step_runs_as_it_does_in_numpy():
    losses, state = run(BALL, -0.5, 0.8)
    mine, wanted = {"w": W, "m": 0 * W}, []
    for _ in range(4):
        mine, loss = heavy_ball(mine, {"rate": 10**-0.5, "momentum": 0.8}, DATA)
        wanted.append(loss)
    assert np.allclose(losses, wanted, rtol=1e-13) and np.allclose(state["w"], mine["w"], rtol=1e-12)
    assert np.allclose(BALL.losses(-0.5, 0.8, 4), wanted, rtol=1e-13) and len(replace(BALL, steps=9).losses(-1, 0)) == 9


def test_a_loss_with_an_optimizer_is_the_same_step():
    descended = Training(
        loss=mean_square, optimizer="momentum", start={"w": W}, x="log10:rate", y="momentum", data=DATA
    )
    mine, theirs = run(descended, -0.5, 0.8), run(BALL, -0.5, 0.8)
    assert np.allclose(mine[0], theirs[0], rtol=1e-13) and np.allclose(mine[1]["m.w"], theirs[1]["m"], rtol=1e-12)
    other = run(descended, -0.5, 0.8, {"optimizer": "adam", "y": "beta1"})[1]
    assert set(other) == {"w", "m.w", "v.w", "beta1", "beta2"}
    of_layer = descended.traced({"x": "rate.w", "y": "clip"}, 3)
    assert of_layer.powers_of_ten == (False, False)
    with pytest.raises(InputError, match=r"--set rate\.v: there are no weights of this name; there are w\."):
        descended.traced({"x": "rate.v"}, 3)


@dataclass(frozen=True)
class Weights:
    w: np.ndarray
    layers: list


class Pair(NamedTuple):
    gain: float
    bias: np.ndarray


def test_dataclasses_lists_and_tuples_of_arrays():
    def step(state, hyper):
        assert isinstance(state, Weights) and isinstance(state.layers[0], Pair)
        gain, bias = state.layers[0]
        after = Weights(state.w * hyper["a"], [Pair(gain + 1, bias * hyper["b"])])
        return after, (state.w**2).sum() + gain

    start = Weights(W, [Pair(1, np.ones(2))])
    t = Training(step, start, {"a": 1, "b": 2}, "a", "b").traced({}, 10)
    assert [n.data[1] for n in t.state] == ["w", "layers.0.gain", "layers.0.bias"]
    assert [n.shape for n in t.state] == [(3, 2), (), (2,)]
    alone = Training(lambda z, hyper: (z - hyper["a"] * hyper["b"] * z, z * z), 3.0, {"a": 1, "b": 2}, "a", "b")
    assert run(alone, 0.5, 0.5)[0] == [9.0 * 0.75 ** (2 * i) for i in range(4)]


def test_a_start_of_the_hyperparameters_and_steps():
    def start(hyper):
        return {"w": hyper["scale"] * W}

    def step(state, hyper):
        return {"w": state["w"] * (1 - hyper["rate"] * hyper["step"] / hyper["steps"])}, (state["w"] ** 2).sum()

    losses, _ = run(Training(step, start, {"scale": 1, "rate": 0.5}, "scale", "log10:rate"), 2.0, -1.0)
    factors = np.cumprod([1, *(1 - 0.1 * i / 4 for i in range(3))])
    assert np.allclose(losses, (W**2).sum() * 4 * factors**2, rtol=1e-13)


def test_minibatches():
    """The gradient is that of the rows drawn; the loss of all rows, or what a step says."""
    table = np.array([[0, 3], [1, 2], [5, 4], [0, 0]])
    sgd = Training(loss=mean_square, start={"w": W}, x="log10:rate", y="decay", hyper={"decay": 0},
                   data=DATA, batch=table)  # fmt: skip
    losses, _ = run(sgd, -1, 0)
    assert np.allclose(sgd.losses(-1, 0, 4), losses, rtol=1e-13)
    w, wanted = W, []
    for rows in table:
        wanted.append(((ROWS @ w - TARGET) ** 2).mean())
        w = w - 0.1 * 2 * ROWS[rows].T @ (ROWS[rows] @ w - TARGET[rows]) / 4
    assert np.allclose(losses, wanted, rtol=1e-12)
    stepped = replace(BALL, batch=(2, 7))
    t = stepped.traced({}, 5)
    assert t.tables["x"].shape == (5, 2, 3) and t.tables["y"].shape == (5, 2, 2)
    assert np.array_equal(t.tables["x"], stepped.traced({}, 9).tables["x"][:5])
    rows = [np.flatnonzero((x == ROWS).all(1))[0] for x in t.tables["x"].reshape(-1, 3)]
    assert all(a != b for a, b in np.reshape(rows, (5, 2))) and len(set(rows)) > 3
    with pytest.raises(InputError, match=r"--steps: 5 is more than the 4 steps that the batch lists rows for"):
        sgd.traced({}, 5)


def test_settings_choose_axes_and_hyperparameters():
    t = BALL.traced({"x": "momentum", "y": "rate", "rate": "0.5"}, 3)
    assert t.powers_of_ten == (False, False)
    assert [a.label for a in BALL.axes({"x": "momentum", "y": "log10:rate"})] == ["momentum", "rate"]
    whole = Training(lambda s, h: (s * h["a"] * h["b"], s * h["n"]), 1.0, {"a": 1.5, "b": 1.5, "n": 2}, "a", "b")
    assert run(whole, 1.0, 1.0, {"n": "3"})[0] == [3.0] * 4
    with pytest.raises(InputError, match=r"--set n: '2\.5' is not a whole number"):
        whole.traced({"n": "2.5"}, 3)
    with pytest.raises(InputError, match="--set a: 'inf' is not a finite number"):
        whole.traced({"a": "inf"}, 3)
    assert set(BALL.settings()) == {"x", "y", "rate", "momentum"}


def test_no_gradient_through_stopped_values_and_no_trace_of_them():
    def loss(weights):
        return (weights * stop_gradient(weights)).sum()

    losses, _ = run(Training(loss=loss, start=np.array([1.0, 2.0]), hyper={"decay": 0.1}, x="rate", y="decay"), 0.5, 0)
    assert np.allclose(losses, [5 * 0.25**i for i in range(4)])


def test_a_system_of_it():
    system = TracedSystem("own.py:ball", BALL, {}, None)
    assert (system.title, system.steps, system.home) == ("Gradient descent with momentum", 500, ("0", "0", "2"))
    assert [(a.label, a.power_of_ten) for a in system.axes] == [("rate", True), ("momentum", False)]
    same, other = TracedSystem("b", BALL, {}, None), TracedSystem("b", replace(BALL, start={"w": W, "m": W}), {}, None)
    assert system.key() == same.key() and system.key() != other.key()
    assert len({system.key(), TracedSystem("b", BALL, {"y": "log10:momentum"}, None).key()}) == 2
    system.check(View.parse("-1", "0.5", "1", "4x4"), 10)
    with pytest.raises(InputError, match="--center x: coordinates are log10 of rate, and this view goes beyond -300"):
        system.check(View.parse("-400", "0", "1", "4x4"), 10)
    with pytest.raises(InputError, match=r"--steps: 0 is not from 1 to 10,000,000\."):
        TracedSystem("b", BALL, {}, 0)
    flat = TracedSystem("own.py:b", replace(BALL, data={"x": 0 * ROWS, "y": 0 * TARGET}), {}, None)
    with pytest.raises(
        InputError, match=r"SYSTEM: own\.py:b: at the centre of the view the start has a loss of 0, with"
    ):
        flat.check(View.parse("-1", "0.5", "1", "4x4"), 10)


def test_hashes_of_graphs_differ_where_numbers_do():
    a = Traced(X)
    graphs = [a + 1, a + 2, a * 2, np.exp(a), a + np.ones(2), a + np.arange(2), a + np.arange(2) * 1.5, Traced(Y) + 1]
    assert len({digest_of([g.node]) for g in graphs}) == len(graphs)


def test_a_loss_that_changes_what_it_gets():
    def loss(weights):
        weights["w"] -= 1
        return (weights["w"] ** 2).sum()

    training = Training(loss=loss, start={"w": 3.0}, hyper={"decay": 0}, x="rate", y="decay")
    assert training.losses(0.25, 0, 3).tolist() == [4.0, 1.0, 0.25]
