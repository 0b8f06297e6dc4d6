"""Trainings written with JAX: the traced graph against the JAX function itself, in float64."""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np
import pytest

import deepzoom
from deepzoom import systems
from deepzoom.errors import InputError
from deepzoom.rendering.verify import verify
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")
jnp = jax.numpy

RNG = np.random.default_rng(30)
X, Y = RNG.normal(size=(10, 4)), RNG.normal(size=(10, 2))
LABELS = RNG.integers(0, 3, size=10)
TOKENS = RNG.integers(0, 5, size=(3, 6))
STEPS = 12


def arrays(**shapes):
    rng = np.random.default_rng(7)
    return {name: rng.normal(size=shape) / 2 for name, shape in shapes.items()}


def tanh_loss(w, data):
    return jnp.mean((jnp.tanh(X @ w["a"] / jnp.sqrt(2.0)) @ w["b"] / 4 - Y) ** 2)


def relu_loss(w, data):
    hidden = jax.nn.relu(X @ w["a"] + w["bias"])
    return jnp.mean((hidden @ w["b"] + w["out"] - Y) ** 2)


def cross_entropy(w, data):
    scores = jnp.tanh(X @ w["a"]) @ w["b"]
    return -jnp.mean(jnp.sum(jax.nn.one_hot(LABELS, 3) * jax.nn.log_softmax(scores), axis=-1))


def integer_labels(w, data):
    scores = jax.nn.softplus(X @ w["a"]) @ w["b"]
    return optax.softmax_cross_entropy_with_integer_labels(scores, LABELS).mean()


def layer_norm(w, data):
    z = jax.nn.gelu(X @ w["a"] + w["bias"])
    z = (z - z.mean(-1, keepdims=True)) / jnp.sqrt(z.var(-1, keepdims=True) + 1e-5) * w["gain"]
    return optax.l2_loss(z @ w["b"], Y).mean()


def attention(w, data):
    """Predicts the next token: embedding by a table, one causal head, silu, read-out."""
    x = w["table"][TOKENS[:, :-1]] + w["place"]
    q, k, v = jnp.split(x @ w["qkv"], 3, axis=-1)
    scores = jnp.einsum("bik,bjk->bij", q, k) / jnp.sqrt(q.shape[-1])
    mask = jnp.tril(jnp.ones(scores.shape[-2:], bool))
    x = x + jax.nn.softmax(jnp.where(mask, scores, -1e9), axis=-1) @ v
    scores = jax.nn.silu(x) @ w["out"]
    return optax.softmax_cross_entropy_with_integer_labels(scores, TOKENS[:, 1:]).mean()


NETWORKS = {
    "tanh": (tanh_loss, arrays(a=(4, 4), b=(4, 2)), optax.sgd),
    "relu, adam": (relu_loss, arrays(a=(4, 5), bias=(5,), b=(5, 2), out=(2,)), optax.adam),
    "cross-entropy, momentum": (cross_entropy, arrays(a=(4, 5), b=(5, 3)), lambda r: optax.sgd(r, 0.9, nesterov=True)),
    "integer labels, clip": (
        integer_labels,
        arrays(a=(4, 5), b=(5, 3)),
        lambda r: optax.chain(optax.clip_by_global_norm(0.1), optax.adamw(r, weight_decay=0.01)),
    ),
    "layer norm, rmsprop": (layer_norm, arrays(a=(4, 5), bias=(5,), gain=(5,), b=(5, 2)), optax.rmsprop),
    "attention, lion": (attention, arrays(table=(5, 4), place=(5, 4), qkv=(4, 12), out=(4, 5)), optax.lion),
}


def training(name):
    """(a step of a network with its optimizer, its start, the Training)."""
    loss, weights, optimizer = NETWORKS[name]

    def start(hyper):
        w = jax.tree.map(lambda a: a * hyper["scale"], weights)
        return w, optimizer(0.1).init(w)

    def step(state, hyper, data):
        w, remembered = state
        value, slopes = jax.value_and_grad(loss)(w, data)
        updates, remembered = optimizer(hyper["rate"]).update(slopes, remembered, w)
        return (optax.apply_updates(w, updates), remembered), value

    hyper = {"scale": 1, "rate": 1}
    return step, start, deepzoom.Training(step, start, hyper, "log10:scale", "log10:rate", library="jax")


def by_jax(step, start, hyper, data=None, steps=STEPS):
    """The losses of a run by JAX itself, in float64."""
    with jax.enable_x64(True):
        state, found = start({**hyper, "steps": steps}), []
        compiled = jax.jit(step)
        for i in range(steps):
            state, loss = compiled(state, {**hyper, "step": i, "steps": steps}, data or {})
            found.append(float(loss))
    return np.array(found)


@pytest.mark.parametrize("name", NETWORKS)
def test_steps_of_jax(name):
    step, start, own = training(name)
    for x, y in np.random.default_rng(3).uniform([-0.3, -2], [0.3, -0.5], size=(2, 2)):
        wanted = by_jax(step, start, {"scale": 10.0**x, "rate": 10.0**y})
        np.testing.assert_allclose(own.losses(x, y, STEPS), wanted, rtol=1e-9)


def test_a_loss_with_an_optimizer_by_name():
    """The gradient is JAX's own: that of a custom derivative, too."""

    @jax.custom_vjp
    def rounded(z):
        return jnp.tanh(z)

    rounded.defvjp(lambda z: (rounded(z), None), lambda kept, g: (g,))
    weights = arrays(a=(4, 4), b=(4, 2))

    def loss(w, data, hyper):
        return jnp.mean((rounded(data["x"] @ w["a"]) @ w["b"] - data["y"]) ** 2) * hyper["share"]

    def start(hyper):
        return weights, optax.adam(0.1).init(weights)

    def step(state, hyper, data):
        w, remembered = state
        value, slopes = jax.value_and_grad(loss)(w, data, hyper)
        updates, remembered = optax.adam(hyper["rate"], b1=hyper["beta1"]).update(slopes, remembered, w)
        return (optax.apply_updates(w, updates), remembered), value

    data = {"x": X, "y": Y}
    own = deepzoom.Training(
        loss=loss,
        optimizer="adam",
        start=weights,
        hyper={"share": 0.7},
        x="log10:rate",
        y="beta1",
        data=data,
        library="jax",
    )
    wanted = by_jax(step, start, {"rate": 0.1, "beta1": 0.8, "share": 0.7}, data)
    np.testing.assert_allclose(own.losses(-1, 0.8, STEPS), wanted, rtol=1e-9)


class Learner(NamedTuple):
    weights: dict
    count: int
    best: tuple


def test_a_state_is_any_pytree_with_counters_and_rows_that_are_drawn():
    """Python numbers, None, counters of whole numbers and labels of whole numbers, in a start of float32."""
    first = Learner({"w": jnp.asarray(arrays(w=(4, 3))["w"], jnp.float32)}, np.int64(2), (None, 1.5))
    rows = np.random.default_rng(4).integers(0, 10, size=(STEPS, 5))

    def step(state, hyper, data):
        def loss(w):
            scores = data["x"] @ w["w"]
            fixed = optax.softmax_cross_entropy_with_integer_labels(scores, LABELS[:5]).mean()
            return fixed + jnp.sum(jax.nn.one_hot(data["label"], 3) * scores**2) / (1 + state.count)

        value, slopes = jax.value_and_grad(loss)(state.weights)
        rate = jnp.where(state.count < 6, hyper["rate"], hyper["rate"] * hyper["fall"] ** hyper["step"])
        weights = jax.tree.map(lambda w, g: w - rate * g, state.weights, slopes)
        return Learner(weights, state.count + 1, (None, jnp.minimum(state.best[1], value))), value

    own = deepzoom.Training(
        step, first, {"rate": 1, "fall": 1}, "log10:rate", "fall",
        data={"x": X, "label": LABELS}, batch=rows, library="jax",
    )  # fmt: skip
    state, wanted = first._replace(weights={"w": np.asarray(first.weights["w"], float)}), []
    with jax.enable_x64(True):
        compiled = jax.jit(step)
        for i in range(STEPS):
            data = {"x": X[rows[i]], "label": LABELS[rows[i]]}
            state, loss = compiled(state, {"rate": 0.05, "fall": 0.9, "step": i}, data)
            wanted.append(float(loss))
    np.testing.assert_allclose(own.losses(np.log10(0.05), 0.9, STEPS), wanted, rtol=1e-9)


BAD = [
    ("sorted", "return jnp.sum(jnp.sort(w['w']) * jnp.arange(2))", "the JAX operation 'sort' is not one that"),
    ("branch", "return 0.0 if jnp.sum(w['w']) > 1 else jnp.sum(w['w'])", "a step cannot branch on its values"),
    ("numpy", "return np.tanh(w['w']).sum()", "a step written with JAX cannot hand its values to NumPy"),
    ("mask", "return w['w'][w['w'] > 1].sum()", "a step cannot pick elements by a condition on its values"),
    ("range", "return sum(w['w'][i] for i in range(w['w'].argmax()))", "cannot hand its values to NumPy or Python"),
    ("small", "return jnp.sum(w['w'].astype(jnp.float16))", "a conversion from float64 to float16"),
    ("endless", "return jnp.sum(jnp.where(np.eye(3, 2) > 0, w['w'], -jnp.inf))", "numbers that are not finite"),
    ("place", "return w['w'][jax.lax.convert_element_type(w['w'][0, 0] > 0, int)].sum()", "use its values as an index"),
    ("vector", "return w['w'][0]", "the loss is an array of shape (2,); give one number, such as its mean"),
    ("pair", "return jnp.sum(w['w']), 3", "the loss is a tuple; give one number"),
    ("text", "return 'a'", "a step gives 'a', which is not an array of real numbers"),
    ("long", "return jax.lax.fori_loop(0, 2000, lambda i, v: v * 0.9, w['w']).sum()", "more than 1,000 rounds"),
    ("open", "return jax.lax.while_loop(lambda v: v.sum() > 1, lambda v: v / 2, w['w']).sum()", "whose length depends"),
]  # fmt: skip
ENDING = 'start={"w": np.ones((3, 2))}, x="log10:rate", y="decay", hyper={"decay": 0}'


@pytest.mark.parametrize(("name", "body", "message"), BAD, ids=[b[0] for b in BAD])
def test_a_bad_step_is_one_sentence_with_its_line(tmp_path, name, body, message):
    file = tmp_path / "own.py"
    file.write_text(
        f"import jax\nimport jax.numpy as jnp\nimport numpy as np\nimport deepzoom\n\ndef loss(w):\n    {body}\n\n"
        f'own = deepzoom.Training(loss=loss, library="jax", {ENDING})\n'
    )
    where = 6 if name in ("vector", "pair") else 7
    with pytest.raises(InputError) as error:
        traced(file)
    given = str(error.value)
    assert given.startswith(f"SYSTEM: {file}, line {where}: ") or name == "text"
    assert message in given and given.endswith(".") and "\n" not in given


def test_a_library_that_is_not_given_or_not_there(tmp_path, monkeypatch):
    file = tmp_path / "own.py"
    made = "own = deepzoom.Training(loss=lambda w: jnp.sum(w['w']), {})"
    text = "import jax.numpy as jnp\nimport numpy as np\nimport deepzoom\n" + made
    file.write_text(text.format(ENDING))
    with pytest.raises(InputError, match=r"own.py, line 4: JAX cannot take .* give the Training library='jax'\.$"):
        traced(file)
    file.write_text(text.format(ENDING + ", library='torch'"))
    with pytest.raises(InputError, match="line 4: library = 'torch' is not one of numpy, jax"):
        traced(file)
    file.write_text(text.format(ENDING + ", library='jax'"))
    monkeypatch.setitem(sys.modules, "deepzoom.tracing.jax_library", None)
    with pytest.raises(InputError, match=r"library = 'jax' needs JAX: python -m pip install 'deepzoom\[jax\]'"):
        traced(file)


def traced(file):
    own = systems.load(f"{file}:own")
    return systems.create(own.name, {}, 10, own.digest).training


FILE = """
import jax
import jax.numpy as jnp
import numpy as np
import optax

import deepzoom

rng = np.random.default_rng(2)
x, y = rng.normal(size=(6, 3)), rng.normal(size=(6, 1))
weights = {"a": rng.normal(size=(3, 4)), "bias": np.full(4, 0.1), "b": rng.normal(size=(4, 1))}
adam = optax.adam


def loss(w):
    return jnp.mean((jnp.tanh(x @ w["a"] + w["bias"]) @ w["b"] - y) ** 2)


def step(state, hyper):
    w, remembered = state
    value, slopes = jax.value_and_grad(loss)(w)
    updates, remembered = adam(hyper["rate"], b1=hyper["beta1"]).update(slopes, remembered)
    return (optax.apply_updates(w, updates), remembered), value


start = weights, adam(0.1).init(weights)
own = deepzoom.Training(step, start, {"rate": 1, "beta1": 0.9}, "log10:rate", "beta1", library="jax", center=(0.5, 0.5))
"""


@pytest.mark.slow  # two kernels are compiled
@pytest.mark.parametrize(("x", "depth"), [("0.9", "2"), ("1.449021353474936434453820102752491919079", "1e-20")])
def test_a_picture(tmp_path, own_cache, x, depth):
    """A step of JAX as the command line draws it, shallow and deep: both fates, as exact runs of some pixels have."""
    file = tmp_path / "adam.py"
    file.write_text(FILE)
    own = systems.load(f"{file}:own")
    scene = Scene(own.name, View.parse(x, "0.5", depth, "8x8"), 40, digest=own.digest)
    field = deepzoom.render(scene).field
    assert set(np.unique(field.fate)) == {-1, 1}
    verdict = verify(field, 8)
    assert verdict.complete and verdict.sure.all() and not verdict.differs.any()
