"""The published experiments by composition, and with settings of the user's choice."""

from __future__ import annotations

from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from descent_oracle import descend, loss_of, network_outputs, numbers
from traced_runs import float64_run

from deepzoom import systems
from deepzoom.errors import InputError
from deepzoom.systems import composed
from deepzoom.systems.experiments import PUBLISHED, TrainingSystem
from deepzoom.systems.networks import ACTIVATIONS, LOSSES, Form, labels, named_weights
from deepzoom.systems.optimizers import OPTIMIZERS
from deepzoom.systems.sizes import drawn
from deepzoom.systems.traced_system import TracedSystem
from deepzoom.systems.training_step import Constants, rates_at, start, train_step

POINTS = {"weight-init": (-0.5, 0.3)}


def plain(value):
    return np.asarray(float(value) if isinstance(value, Fraction) else value, dtype=np.float64)


def published_run(network, x, y, steps):
    """Losses and weights of a published experiment by its one definition, in float64."""
    rates, constants = rates_at(network, plain(x), plain(y), plain), Constants.of(network, plain)
    weights = start(network, rates, plain)
    losses, states = [], [weights]
    for t in range(steps):
        step = train_step(network, constants, rates, weights, network.rows_at(t))
        weights = step.weights
        losses.append(float(step.loss))
        states.append(weights)
    return np.array(losses), states


@pytest.mark.parametrize("given", [{}, {"offset-when": "once"}, {"width": "5", "depth": "3", "seed": "2"}])
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_step_by_composition(name, given):
    x, y = POINTS.get(name, (0.2, 0.4))
    network = TrainingSystem(name, given, None).network
    losses, states = published_run(network, x, y, 12)
    traced = composed.training(name, given, PUBLISHED[name].steps).traced({}, PUBLISHED[name].steps)
    found, found_states = float64_run(traced, x, y, 12)
    np.testing.assert_allclose(found, losses, rtol=1e-12)
    for here, there in zip(found_states, states):
        for a, b in zip(here, there, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


SMALL = {"width": "3", "rows": "0.4", "seed": "4"}


def arrays(given, steps=500):
    """The data and weights that a small network starts from."""
    chosen = {"width": "16", "depth": "2", "outputs": "1", "seed": "0", "rows": "", **given}
    found = drawn(chosen, 272, steps)
    return found, [found[f"theta{n}"] for n in range(int(chosen["depth"]))]


COMBINATIONS = [
    *({"activation": name} for name in ACTIVATIONS if name not in ("identity", "relu", "tanh")),
    {"activation": "tanh", "depth": "3", "biases": "yes", "layer-norm": "yes", "optimizer": "adam"},
    {"activation": "relu", "biases": "yes", "optimizer": "momentum", "momentum": "0.8"},
    {"activation": "gelu", "layer-norm": "yes", "optimizer": "nesterov"},
    {"activation": "sigmoid", "loss": "cross-entropy", "outputs": "3", "biases": "yes"},
    {"activation": "sin", "loss": "cross-entropy", "optimizer": "adamw", "decay": "0.1"},
    {"activation": "softplus", "loss": "logistic", "outputs": "2", "optimizer": "lion"},
    {"activation": "identity", "optimizer": "rmsprop", "eps": "0.001", "depth": "3"},
    {"activation": "tanh", "optimizer": "sign"},
]


@pytest.mark.parametrize("given", COMBINATIONS, ids=lambda given: "-".join(given.values()))
def test_networks_in_mpmath(given):
    x, y, steps = -1.2, -0.8, 3
    system = systems.create("tanh", {**SMALL, **given})
    assert isinstance(system, TracedSystem)
    losses, states = float64_run(system.training, x, y, steps)
    data, weights = arrays({**SMALL, **{k: given[k] for k in ("depth", "outputs") if k in given}})
    biases, layer_norm = given.get("biases") == "yes", given.get("layer-norm") == "yes"
    optimizer = given.get("optimizer", "sgd")
    hyper = {
        **OPTIMIZERS[optimizer].hyper,
        **{k: float(v) for k, v in given.items() if k in OPTIMIZERS[optimizer].hyper},
    }
    with mp.workdps(75):
        inputs, targets = numbers(data["X"]), numbers(data["Y"])

        def loss(w):
            return loss_of(
                given.get("loss", "mean-square"), network_outputs(w, inputs, given["activation"], layer_norm), targets
            )

        start = {name: numbers(a) for name, a in named_weights(weights, biases).items()}
        rates = {n: mp.mpf(10.0**x if n.startswith("layer0") else 10.0**y) for n in start}
        if len(weights) == 3:
            assert [a.label for a in system.axes] == ["rate.layer0", "rate"]
        expected, history = descend(optimizer, hyper, loss, start, steps, rates)
        np.testing.assert_allclose(losses, [float(v) for v in expected], rtol=1e-12)
        for here, there in zip(states, history, strict=True):
            for a, b in zip(here, there.values(), strict=False):
                np.testing.assert_allclose(a, b.astype(float), rtol=1e-10, atol=1e-11)


def test_start_and_data_on_the_axes():
    x, y = 0.3, -0.4
    given = {**SMALL, "optimizer": "momentum", "x": "log10:init-scale", "y": "label-noise", "data-scale": "0.7",
             "init-mean": "0.1", "rate.layer1": "0.2", "rate": "0.3"}  # fmt: skip
    system = systems.create("tanh", given)
    assert [a.label for a in system.axes] == ["init-scale", "label-noise"]
    assert [a.power_of_ten for a in system.axes] == [True, False]
    losses, _ = float64_run(system.training, x, y, 3)
    data, weights = arrays(SMALL)
    noise = np.random.default_rng([4, 2]).normal(size=data["Y"].shape)
    with mp.workdps(60):
        inputs = numbers(data["X"]) * mp.mpf(0.7)
        targets = numbers(data["Y"]) + mp.mpf(y) * numbers(noise)
        start = {n: numbers(w) * mp.mpf(10.0**x) + mp.mpf(0.1) for n, w in named_weights(weights, False).items()}
        rates = {"layer0.w": mp.mpf(0.3), "layer1.w": mp.mpf(0.2)}

        def loss(w):
            return loss_of("mean-square", network_outputs(w, inputs, "tanh", False), targets)

        expected, _ = descend("momentum", {"momentum": 0.9}, loss, start, 3, rates)
    np.testing.assert_allclose(losses, [float(v) for v in expected], rtol=1e-12)


def test_minibatches_of_another_optimizer():
    given = {**SMALL, "optimizer": "momentum"}
    system = systems.create("minibatch", given, 10)
    losses, _ = float64_run(system.training, -0.5, -0.5, 3)
    data, weights = arrays(SMALL, 10)
    with mp.workdps(60):
        inputs, targets = numbers(data["X"]), numbers(data["Y"])

        def loss(w, rows=slice(None)):
            return loss_of("mean-square", network_outputs(w, inputs[rows], "tanh", False), targets[rows])

        start = {n: numbers(w) for n, w in named_weights(weights, False).items()}
        rates = dict.fromkeys(start, mp.mpf(10.0**-0.5))
        part = lambda w, t: loss(w, data["minibatch_idx"][t])  # noqa: E731
        expected, _ = descend("momentum", {"momentum": 0.9}, loss, start, 3, rates, part)
    np.testing.assert_allclose(losses, [float(v) for v in expected], rtol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_network_runs_on_plain_arrays(loss):
    data, weights = arrays({**SMALL, "outputs": "2"})
    form = Form("silu", loss, layer_norm=True)
    found = form.cost(named_weights(weights, True), data["X"], labels(loss, data["Y"]))
    with mp.workdps(30):
        exact = {n: numbers(w) for n, w in named_weights(weights, True).items()}
        outputs = network_outputs(exact, numbers(data["X"]), "silu", True)
        assert float(found) == pytest.approx(float(loss_of(loss, outputs, numbers(data["Y"]))), rel=1e-13)


NOTHING = {"optimizer": "sgd", "loss": "mean-square", "biases": "no", "layer-norm": "no"}


@pytest.mark.parametrize("given", [{}, NOTHING, {"width": "8", "depth": "3"}])
def test_what_hand_written_kernels_know_runs_by_them(given):
    assert isinstance(systems.create("tanh", given), TrainingSystem)
    assert isinstance(systems.create("tanh", {**given, "activation": "gelu"}), TracedSystem)


def test_sizes_follow_the_settings():
    network = systems.create("tanh", {"width": "8", "depth": "3", "rows": "0.5", "seed": "3"}).network
    assert network.x.shape == (68, 8) and network.y.shape == (68, 1) and network.rates == ("x", "y", "y")
    assert [w.shape for w in network.weights] == [(8, 8), (8, 8), (8, 1)]
    assert len(systems.create("single-datapoint", {"width": "8"}).network.x) == 1
    other = systems.create("tanh", {"width": "8", "depth": "3", "rows": "0.5", "seed": "4"}).network
    assert not np.isclose(network.x, other.x).any()
    assert systems.create("weight-init", {"depth": "3"}).network.rates == ("y", "y", "y")


BAD = [
    ({"optimizer": "adams"}, "--set optimizer: 'adams' is not one of sgd, momentum"),
    ({"loss": "square"}, "--set loss: 'square' is not one of mean-square"),
    ({"activation": "cos"}, "--set activation: 'cos' is not one of identity, relu, tanh"),
    ({"biases": "maybe"}, "--set biases: 'maybe' is neither yes nor no"),
    ({"momentum": "0.9"}, "--set: 'momentum' is no hyperparameter of sgd here; there are rate"),
    ({"x": "log10:beta9"}, "'beta9' is no hyperparameter"),
    ({"rate.layer7": "1"}, "'rate.layer7' is no hyperparameter"),
    ({"optimizer": "adam", "beta1": "much"}, "--set beta1: 'much' is not a finite number"),
    ({"x": "rate", "y": "rate"}, "both axes are 'rate'"),
    ({"speed": "1"}, "--set: tanh has no setting 'speed'; it has data, activation"),
    ({"width": "0"}, "--set width: '0' is not a whole number from 1 to 512"),
    ({"depth": "1"}, "--set depth: 1 is less than 2 layers"),
    ({"rows": "1e9"}, "--set rows: 1e9 times 272 weights in 16 columns is not"),
    ({"rows": "0"}, "--set rows: 0 times 272 weights"),
    ({"data": "own.npz", "width": "8"}, "--set data: own.npz"),
    ({"loss": "logistic", "label-noise": "1"}, "--set label-noise: the targets of logistic are classes"),
    ({"optimizer": "adam", "rates": "x,-2"}, "with x,-2.0 the axis y is not one hyperparameter|with x,-2 the axis y"),
]


@pytest.mark.parametrize("given, message", BAD)
def test_bad_settings(given, message):
    with pytest.raises(InputError, match=message):
        systems.create("tanh", given)


@pytest.mark.parametrize(
    "given, axes",
    [
        ({}, ["rate.layer0", "rate.layer1"]),
        ({"depth": "3"}, ["rate.layer0", "rate"]),
        ({"rates": "x,-2", "y": "log10:clip"}, ["rate.layer0", "clip"]),
        ({"rates": "y,y", "offset": "x"}, ["offset", "rate"]),
        ({"x": "rate", "y": "log10:decay"}, ["rate", "decay"]),
        ({"x": "warmup", "y": "cosine"}, ["warmup", "cosine"]),
    ],
)
def test_axes(given, axes):
    system = systems.create("tanh", {"optimizer": "adam", **given})
    assert [a.label for a in system.axes] == axes
    assert system.home is not None


def test_cosine_by_yes():
    one, other = (systems.create("tanh", {"optimizer": "adam", "cosine": text}) for text in ("yes", "1"))
    assert one.key() == other.key() != systems.create("tanh", {"optimizer": "adam"}).key()
