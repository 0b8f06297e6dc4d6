"""Optimizers against optax and against the formulas of their papers, run in mpmath."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from descent_oracle import updated

from deepzoom.systems.optimizers import OPTIMIZERS, rate_of, schedule

STEPS = 25
CHANGES = {
    "sgd": {"rate": 0.3},
    "momentum": {"rate": 0.07, "momentum": 0.8},
    "nesterov": {"rate": 0.07, "momentum": 0.8},
    "rmsprop": {"rate": 0.02, "beta2": 0.7, "eps": 1e-3},
    "adam": {"rate": 0.05, "beta1": 0.6, "beta2": 0.95, "eps": 1e-4},
    "adamw": {"rate": 0.05, "beta1": 0.6, "beta2": 0.95, "eps": 1e-4, "decay": 0.3},
    "lion": {"rate": 0.03, "beta1": 0.7, "beta2": 0.9, "decay": 0.2},
    "sign": {"rate": 0.03},
}


def start():
    rng = np.random.default_rng(5)
    return {"a": rng.normal(size=(2, 3)), "b": rng.normal(size=())}


def slopes(weights):
    """Gradients of a function of all weights that is not quadratic; works in float64 and in mpmath."""
    total = sum(np.sum(w) for w in weights.values())
    return {name: w * w * w * 0.1 + w * 0.5 - total * 0.01 for name, w in weights.items()}


def run(name, changes, weights, gradient=slopes, steps=STEPS):
    """All weights after each step in float64."""
    optimizer = OPTIMIZERS[name]
    remembered = optimizer.start(weights)
    seen = []
    for step in range(steps):
        hyper = {**optimizer.hyper, **changes, "step": step, "steps": steps}
        shapes = {key: np.shape(value) for key, value in remembered.items()}
        weights, remembered = optimizer.step(weights, gradient(weights), remembered, hyper)
        assert {key: np.shape(value) for key, value in remembered.items()} == shapes
        seen.append(np.concatenate([np.ravel(w) for w in weights.values()]))
    return np.array(seen, dtype=float)


@pytest.mark.parametrize("name", CHANGES)
def test_formulas_in_mpmath(name):
    weights = start()
    found = run(name, CHANGES[name], weights)
    with mp.workdps(40):
        h = {key: mp.mpf(value) for key, value in CHANGES[name].items()}
        w = [mp.mpf(float(x)) for x in np.concatenate([weights["a"].ravel(), weights["b"].ravel()])]
        m, v = [mp.mpf(0)] * len(w), [mp.mpf(0)] * len(w)
        tenth, hundredth = mp.mpf(0.1), mp.mpf(0.01)
        for t in range(1, STEPS + 1):
            total = sum(w)
            g = [x**3 * tenth + x / 2 - total * hundredth for x in w]
            w, m, v = map(list, zip(*(updated(name, h, *n, t) for n in zip(w, g, m, v))))
            np.testing.assert_allclose(found[t - 1], [float(x) for x in w], rtol=1e-12, atol=1e-14)


def optax_of(optax, name, h):
    return {
        "sgd": lambda: optax.sgd(h["rate"]),
        "momentum": lambda: optax.sgd(h["rate"], momentum=h["momentum"]),
        "nesterov": lambda: optax.sgd(h["rate"], momentum=h["momentum"], nesterov=True),
        "rmsprop": lambda: optax.rmsprop(h["rate"], decay=h["beta2"], eps=h["eps"]),
        "adam": lambda: optax.adam(h["rate"], h["beta1"], h["beta2"], h["eps"]),
        "adamw": lambda: optax.adamw(h["rate"], h["beta1"], h["beta2"], h["eps"], weight_decay=h["decay"]),
        "lion": lambda: optax.lion(h["rate"], h["beta1"], h["beta2"], weight_decay=h["decay"]),
        "sign": lambda: optax.sign_sgd(h["rate"]),
    }[name]()


def optax_run(jax, optax, transform, weights):
    """All weights after each step, by optax in float64."""
    seen = []
    with jax.enable_x64(True):
        weights = {key: jax.numpy.asarray(value) for key, value in weights.items()}
        state = transform.init(weights)
        for _ in range(STEPS):
            updates, state = transform.update(slopes(weights), state, weights)
            weights = optax.apply_updates(weights, updates)
            seen.append(np.concatenate([np.ravel(w) for w in weights.values()]))
    return np.array(seen)


def modules():
    return pytest.importorskip("jax"), pytest.importorskip("optax")


@pytest.mark.parametrize("name", CHANGES)
def test_optax(name):
    jax, optax = modules()
    transform = optax_of(optax, name, CHANGES[name])
    np.testing.assert_allclose(
        run(name, CHANGES[name], start()), optax_run(jax, optax, transform, start()), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_clip_and_decay_as_in_optax(name):
    jax, optax = modules()
    changes = {**CHANGES[name], "clip": 0.4, "decay": 0.25}
    before = optax.chain(optax.clip_by_global_norm(0.4), optax.add_decayed_weights(0.25))
    transform = optax.chain(before, optax_of(optax, name, changes))
    found = run(name, changes, start())
    np.testing.assert_allclose(found, optax_run(jax, optax, transform, start()), rtol=1e-12, atol=1e-14)
    assert not np.allclose(found, run(name, {**changes, "clip": 1e9}, start()))


def test_defaults_are_those_of_optax():
    jax, optax = modules()
    for name, make in (("adam", optax.adam), ("adamw", optax.adamw), ("rmsprop", optax.rmsprop), ("lion", optax.lion)):
        found = optax_run(jax, optax, make(OPTIMIZERS[name].hyper["rate"]), start())
        np.testing.assert_allclose(run(name, {}, start()), found, rtol=1e-12, atol=1e-14)


def test_rates_of_single_arrays():
    weights = start()
    still = run("adam", {"rate": 0.1, "rate.a": 0.0}, weights)
    assert (still[:, :6] == weights["a"].ravel()).all()
    assert (still[:, 6] != weights["b"]).all()


def test_a_rate_holds_for_all_arrays_whose_names_begin_with_its_own():
    hyper = {"rate": 1, "rate.layer1": 2, "rate.layer1.b": 3, "rate.lay": 4}
    found = [rate_of(name, hyper) for name in ("layer0.w", "layer1.w", "layer1.b", "layer10.w", "lay")]
    assert found == [1, 2, 3, 1, 4]


def test_no_gradient_is_not_clipped_to_nan():
    weights = start()
    found = run("sgd", {"clip": 1.0}, weights, lambda w: {name: x * 0.0 for name, x in w.items()}, 3)
    assert (found == np.concatenate([weights["a"].ravel(), [weights["b"]]])).all()


def test_schedules():
    rates = [float(schedule({"step": t, "steps": 40, "warmup": 4.0})) for t in range(6)]
    assert rates == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    for t in range(40):
        expected = 0.2 + 0.8 * (1 + math.cos(math.pi * t / 40)) / 2
        assert float(schedule({"step": t, "steps": 40, "cosine": 0.8})) == pytest.approx(expected, rel=1e-14)
    both = schedule({"step": 2, "steps": 40, "warmup": 5.0, "cosine": 1.0})
    assert float(both) == pytest.approx(0.6 * (1 + math.cos(math.pi / 20)) / 2, rel=1e-14)
