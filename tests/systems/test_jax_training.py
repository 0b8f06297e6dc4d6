"""Trainings written with JAX: the traced graph against the JAX function itself, in float64."""

from __future__ import annotations

import numpy as np
import pytest

import deepzoom

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
