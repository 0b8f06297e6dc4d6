"""Trainings in files of users: what is wrong with one is one sentence, and what a scene or a data file knows of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from deepzoom import systems
from deepzoom.cli import app
from deepzoom.commands.requests.scene import Request
from deepzoom.coordinates import parse_decimal
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene
from deepzoom.systems import own_file
from deepzoom.systems.traced_system import TracedSystem

RNG = np.random.default_rng(3)


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
    for typed, option in ((("--axis", "x=lr"), "--axis"), (("--axis=x=lr",), "--axis"), (("--set", "x=lr"), "--set")):
        one_sentence(deepzoom("render", "own.py:t_good", "--dry-run", *typed),
                     f"{option} x: there is no hyperparameter 'lr'; give NAME or log10:NAME of rate,")  # fmt: skip
    one_sentence(deepzoom("render", "--dry-run", "--set", "optimizer=adam", "--axis", "y=lr"),
                 "--axis y: 'lr' is no hyperparameter of adam here; there are")  # fmt: skip
    one_sentence(deepzoom("render", "own.py:t_good", "--dry-run", "--axis", "lr=1"),
                 "--axis: there is no hyperparameter 'lr'; there are x, y, rate, decay.")  # fmt: skip
    one_sentence(deepzoom("render", "own.py:t_good", "--dry-run", "--set", "x=lr", "--axis", "y=rate"),
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
