"""Trainings of the user's own: what is traced is what NumPy computes, and every fault is one sentence with its line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from graph_values import values_of
from typer.testing import CliRunner

from deepzoom import Training, systems
from deepzoom.cli import app
from deepzoom.commands.requests.scene import Request
from deepzoom.coordinates import parse_decimal
from deepzoom.errors import InputError
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View
from deepzoom.systems import own_file
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


FILE = '''
import numpy as np

import deepzoom

START, HYPER = {"w": np.ones((3, 2))}, {"rate": 0.1, "decay": 0.0}
ROWS = np.ones((4, 3))


def good(state, hyper, data):
    """A good one."""
    return {"w": state["w"] * (1 - hyper["rate"] - hyper["decay"])}, (state["w"] ** 2).mean()


def operation(state, hyper, data):
    return {"w": np.arctan(state["w"])}, state["w"].sum()


def branch(state, hyper, data):
    if state["w"].sum() > 1:
        return state, 1.0


def helped(state, hyper, data):
    w = scaled(state["w"], hyper)
    return {"w": w}, w.mean()


def scaled(w, hyper):
    return w @ w


def raises(state, hyper, data):
    return {"w": state["v"]}, 1.0


def array(state, hyper, data):
    return state, hyper["rate"] * hyper["decay"] * state["w"]


def one(state, hyper, data):
    return state


def grows(state, hyper, data):
    return {"w": np.concatenate([state["w"], state["w"]])}, hyper["rate"] * hyper["decay"]


def loses(state, hyper, data):
    return {}, hyper["rate"] * hyper["decay"]


def adds(state, hyper, data):
    return {**state, "v": 1.0}, hyper["rate"] * hyper["decay"]


def forgets(state, hyper, data):
    return {"w": state["w"] * hyper["rate"]}, state["w"].mean()


def empty_start(hyper):
    return {"w": hyper["rate"] * np.ones(0)}


for step in (good, operation, branch, helped, raises, array, one, grows, loses, adds, forgets):
    globals()[f"t_{step.__name__}"] = deepzoom.Training(step, START, HYPER, "rate", "decay", center=(0.5, 0.1), depth=1)
t_start = deepzoom.Training(good, empty_start, HYPER, "rate", "decay")
t_loss = deepzoom.Training(loss=lambda w: w["w"] ** 2 + 1.0, start=START, hyper={"decay": 0}, x="rate", y="decay")
t_tiny = deepzoom.Training(good, {"w": 0 * START["w"]}, HYPER, "rate", "decay", center=(1, 2), depth=1)
'''


@pytest.fixture
def files(tmp_path, monkeypatch, own_cache):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(own_file, "_loaded", {})
    Path("own.py").write_text(FILE)


def deepzoom(*args):
    return CliRunner().invoke(app, [str(a) for a in args])


def line_of(text):
    """The number of the line of the file that holds a text."""
    return next(i for i, line in enumerate(FILE.splitlines(), 1) if text in line)


BAD = [
    ("operation", "np.arctan(state", "np.arctan is not an operation that a step can use; known are absolute, add,"),
    ("branch", 'if state["w"]', "a step cannot branch on its values (if, while, and, or, max, min); use np.where."),
    ("helped", "return w @ w", "shapes (3, 2) and (3, 2) do not fit in a matrix product."),
    ("array", "def array", "the loss is an array of shape (3, 2); give one number, such as its mean."),
    ("one", "def one", "a step gives two things, (next state, loss)."),
    ("grows", "def grows", "a step changes the shape of 'w' from (3, 2) to (6, 2)."),
    ("loses", "def loses", "the state after a step lacks 'w'; a step gives the arrays that it gets."),
    (
        "adds",
        "def adds",
        "the state after a step has 'v', which the start lacks; a step gives the arrays that it gets.",
    ),
    ("forgets", "def forgets", "nothing depends on 'decay', the axis y; use hyper['decay']."),
    ("start", "def empty_start", "start: 'w' is an empty array, of shape (0,)."),
    ("loss", "t_loss =", "the loss is an array of shape (3, 2); give one number, such as its mean."),
]


def one_sentence(result, message):
    assert result.exit_code == 2 and result.stderr.count("\n") == 1, result.output
    assert result.stderr.startswith(f"Error: {message}"), result.stderr


@pytest.mark.parametrize(("name", "where", "message"), BAD, ids=[b[0] for b in BAD])
def test_a_bad_step_is_one_sentence_with_its_line(files, name, where, message):
    result = deepzoom("render", f"own.py:t_{name}", "--dry-run")
    one_sentence(result, f"SYSTEM: own.py, line {line_of(where)}: {message}")


def test_other_faults_name_the_file_or_the_option(files):
    line = line_of('{"w": state["v"]}')
    one_sentence(deepzoom("render", "own.py:t_raises", "--dry-run"),
                 f"SYSTEM: own.py: t_raises raised KeyError in line {line}: 'v'.")  # fmt: skip
    one_sentence(deepzoom("render", "own.py:t_tiny", "--dry-run"),
                 "SYSTEM: own.py:t_tiny: at the centre of the view the start has a loss of 0, with which")  # fmt: skip
    one_sentence(deepzoom("render", "own.py:t_good", "--dry-run", "--axis", "x=lr"),
                 "--set x: there is no hyperparameter 'lr'; give NAME or log10:NAME of rate, decay.")  # fmt: skip
    one_sentence(deepzoom("render", "own.py:t_good", "--dry-run", "--set", "lr=1"),
                 "--set: there is no hyperparameter 'lr'; there are x, y, rate, decay.")  # fmt: skip
    one_sentence(deepzoom("render", "own.py:t_loss", "--dry-run", "--set", "optimizer=sdg"),
                 "--set optimizer: 'sdg' is not one of sgd, momentum,")  # fmt: skip


NOT_A_TRAINING = [
    ("", "a Training needs either a step or a loss."),
    ("3", "'3' is not a function of a step or a loss."),
    ("good, None, HYPER, 'rate', 'decay'", "a Training needs a start: arrays by name, or a function of hyper that"),
    ("good, {}, HYPER, 'rate', 'decay'", "start has no arrays."),
    ("good, {'w': [1, float('nan')]}, HYPER, 'rate', 'decay'", "start: 'w' is nan at [1]; all numbers must be"),
    ("good, {'w': 'a'}, HYPER, 'rate', 'decay'", "start: 'w' is 'a', not an array of real numbers."),
    ("good, {1: 2}, HYPER, 'rate', 'decay'", "the keys of a dict of arrays are texts."),
    ("good, START, HYPER, 'lr', 'decay'", "x = 'lr' names no hyperparameter; give NAME or log10:NAME of rate, decay."),
    ("good, START, HYPER, 'rate', 'log10:rate'", "both axes are 'rate'; give two hyperparameters."),
    ("good, START, HYPER, 'rate'", "y = '' names no hyperparameter; give NAME or log10:NAME of rate, decay."),
    ("good, START, {'rate': 'a'}, 'rate', 'rate'", "hyper['rate'] = 'a' is not a finite number."),
    ("good, START, {'step': 1}, 'rate', 'rate'", "a hyperparameter cannot have the name 'step'; x, y, step, steps,"),
    ("good, START, [1], 'rate', 'rate'", "hyper is a dict of numbers by name, such as {'rate': 0.1,"),
    ("loss=good, optimizer='a', start=START", "optimizer = 'a' is not one of sgd, momentum,"),
    ("good, START, HYPER, 'rate', 'decay', data={'x': [1, np.nan]}", "data: 'x' is nan at [1]; all numbers must be"),
    ("good, START, HYPER, 'rate', 'decay', data={'x': ROWS}, batch=(9, 0)", "batch = (9, 0) is not (number of rows"),
    ("good, START, HYPER, 'rate', 'decay', batch=(9, 0)", "batch: the data arrays need the same number of rows; they"),
    ("good, START, HYPER, 'rate', 'decay', data={'x': ROWS}, batch=[[0, 4]]", "batch is neither (rows, seed)"),
    ("good, START, HYPER, 'rate', 'decay', steps=0", "steps = 0 is not a whole number from 1 to"),
    ("good, START, HYPER, 'rate', 'decay', center=1", "center = 1 is not a pair of numbers."),
    ("good, START, HYPER, 'rate', 'decay', center=('a', 1)", "center = ('a', 1), depth = 2 are not three numbers."),
    ("good, START, HYPER, 'rate', 'decay', depth=0", "depth = 0 is not above zero; give the height"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "message"), NOT_A_TRAINING)
def test_a_bad_training_is_one_sentence_with_its_line(files, given, message):
    Path("own.py").write_text(f"{FILE}\nbad = deepzoom.Training({given})\n")
    line = len(FILE.splitlines()) + 2
    one_sentence(deepzoom("render", "own.py:bad", "--dry-run"), f"SYSTEM: own.py, line {line}: {message}")


def test_the_first_view_and_the_scene(files):
    shown = deepzoom("render", "own.py:t_good", "--dry-run")
    assert shown.exit_code == 0, shown.output
    own = systems.load("own.py:t_good")
    system = systems.create("own.py:t_good", {"y": "log10:decay"}, 7, own.digest)
    assert isinstance(system, TracedSystem) and system.steps == 7 and system.axes[1].power_of_ten
    assert system.title == "A good one" and not systems.is_escape_time("own.py:t_good")
    scene = Request("own.py:t_good", settings={"rate": "0.2"}, depth="1e-3").to_scene()
    assert (scene.view.x, scene.view.y) == (parse_decimal("0.5", ""), parse_decimal("0.1", ""))
    assert scene.view.depth == parse_decimal("0.001", "") and scene.steps == 500
    assert (scene.system, scene.digest, scene.settings) == ("own.py:t_good", own.digest, {"rate": "0.2"})
    assert Scene.from_toml(scene.to_toml()) == scene


def test_a_data_file_shows_that_it_is_of_a_training(files, monkeypatch):
    """It is coloured without the file, as a new process finds it; only a render needs the file.

    Another file's map of the same name is still one.
    """
    scene = Request("own.py:t_good", size="4x4").to_scene()
    field = Field.empty(scene)
    field.measure[:], field.done[:] = RNG.normal(size=(4, 4)), True
    field.save("a.npz")
    monkeypatch.setattr(own_file, "_loaded", {})
    Field.empty(scene).save("map.npz")  # of a file that was not run
    assert Field.load("a.npz").iterations is None
    assert Field.load("map.npz").iterations is not None
    made = deepzoom("colour", "a.npz", "--out", "a.png")
    assert made.exit_code == 0, made.output
    one_sentence(deepzoom("colour", "a.npz", "--colouring", "histogram", "--out", "b.png"),
                 "--colouring: histogram needs iteration counts, which own.py:t_good does not have")  # fmt: skip
    one_sentence(deepzoom("colour", "a.npz", "--colouring", "horizon", "--out", "b.png"),
                 "--colouring: a.npz holds no horizons; render it with --horizon")  # fmt: skip
    one_sentence(deepzoom("render", "--scene", "a.npz"), "SYSTEM: own.py:t_good is in a Python file, which a scene")
    assert deepzoom("render", "own.py:t_good", "--scene", "a.npz", "--dry-run").exit_code == 0


def test_a_loss_that_changes_what_it_gets():
    def loss(weights):
        weights["w"] -= 1
        return (weights["w"] ** 2).sum()

    training = Training(loss=loss, start={"w": 3.0}, hyper={"decay": 0}, x="rate", y="decay")
    assert training.losses(0.25, 0, 3).tolist() == [4.0, 1.0, 0.25]
