"""The built-in traced trainings against mpmath programs written from their descriptions."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from descent_oracle import FUNCTIONS, descend, exp, log, normalised, numbers, slopes, sqrt, tanh
from traced_runs import float64_run

from deepzoom import systems
from deepzoom.errors import InputError
from deepzoom.systems import attention, basins, learned_optimizer, toy_losses


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(75):
        yield


def compare(name, x, y, losses, history, settings=None, start=None):
    """Check losses, and the first arrays of the state, of a run in float64."""
    training = systems.create(name, settings or {}).training
    found, states = float64_run(training, x, y, len(losses))
    np.testing.assert_allclose(found, [float(loss) for loss in losses], rtol=1e-12)
    for here, there in zip(states, history, strict=True):
        for a, b in zip(here, there.values(), strict=False):
            scale = float(np.max(np.abs(b.astype(float))))
            np.testing.assert_allclose(a, b.astype(float), rtol=1e-11, atol=1e-12 * scale)


def test_cosine():
    def loss(w):
        return w["w"][()] ** 2 + mp.mpf(0.2) * (1 + mp.cos(w["w"][()] * mp.mpf(2 * np.pi)))

    compare("cosine", 0.9, 0.2, *descend("sgd", {"rate": 0.9}, loss, {"w": numbers(1.0)}, 8))


def test_cubic_is_a_cubic_map():
    w, losses, history = mp.mpf(0.7), [], [{"w": numbers(0.7)}]
    for _ in range(10):
        losses.append((w**2 - 1) ** 2 / 4)
        w = w * (1 + mp.mpf(1.6) * (1 - w**2))
        history.append({"w": np.array(w, dtype=object)})
    compare("cubic", 1.6, 0.7, losses, history)


def test_quadratic_regression():
    def loss(w):
        total = mp.mpf(0)
        for row, y in zip(toy_losses.ROWS, toy_losses.TARGETS):
            p = sum(mp.mpf(a) * b for a, b in zip(row, w["w"]))
            total += (p**2 / 2 + mp.mpf(0.6) * p - mp.mpf(y)) ** 2 / 2
        return total / 3

    compare("quadratic-regression", 1.2, 0.6, *descend("sgd", {"rate": 1.2}, loss, {"w": numbers([0.5, 0.25])}, 8))


def test_basins():
    d1, d2 = numbers(basins.DIRECTIONS).T
    np.testing.assert_allclose(basins.DIRECTIONS.T @ basins.DIRECTIONS, np.eye(2), atol=1e-14)
    flat = mp.mpf(1.5) * d1 - mp.mpf(0.5) * d2
    weights = {"w0": flat[:4].reshape(2, 2), "b0": flat[4:6], "w1": flat[6:8].reshape(2, 1), "b1": flat[8:]}

    def loss(w):
        total = mp.mpf(0)
        for a in (-1, 1):
            for b in (-1, 1):
                hidden = tanh(a * w["w0"][0] + b * w["w0"][1] + w["b0"])
                total += (hidden.dot(w["w1"])[0] + w["b1"][0] + a * b) ** 2
        return total / 4

    losses, history = descend("sgd", {"rate": 0.5}, loss, weights, 4)
    compare("basins", 1.5, -0.5, [mp.mpf(0.25), *losses[1:]], history)


def softmax(z):
    e = exp(z)
    return e / e.sum(axis=-1)[..., None]


@pytest.mark.slow
def test_attention():
    sequences = [[0, 1, 2, 3], [1, 3, 0, 2], [2, 2, 1, 0], [3, 0, 3, 1]]
    gelu = np.frompyfunc(FUNCTIONS["gelu"], 1, 1)

    def loss(w):
        total = mp.mpf(0)
        for tokens in sequences:
            h = w["tokens"][tokens] + w["positions"]
            z = normalised(h)
            q, k, v = (z.dot(w[f"attention.{n}"]) for n in ("query", "key", "value"))
            h = h + softmax(q.dot(k.T) / 2).dot(v).dot(w["attention.output"])
            h = h + gelu(normalised(h).dot(w["inner"])).dot(w["outer"])
            logits = normalised(h).dot(w["logits"])
            total += sum(log(exp(row).sum()) - row[right] for row, right in zip(logits, tokens[::-1]))
        return total / 16

    training = systems.create("attention").training
    names = [n.data[1] for n in training.state][:9]
    first = float64_run(training, -1.0, -2.0, 0)[1][0]
    weights = {name: numbers(a) for name, a in zip(names, first)}
    assert names == ["tokens", "positions", *(f"attention.{n}" for n in ("query", "key", "value", "output")), "inner",
                     "outer", "logits"]  # fmt: skip
    rates = {name: mp.mpf(10) ** (-1 if name.startswith("attention") else -2) for name in names}
    hyper = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
    compare("attention", -1.0, -2.0, *descend("adam", hyper, loss, weights, 2, rates))


def test_learned_optimizer():
    x, y = numbers(learned_optimizer.X), numbers(learned_optimizer.Y)
    d1, d2 = numbers(learned_optimizer.DIRECTIONS).T
    theta = numbers(learned_optimizer.CENTRE) - mp.mpf(2.25) * d1 + mp.mpf(0.5) * d2
    into, bias, out = theta[:32].reshape(4, 8), theta[32:40], theta[40:].reshape(8, 2)

    def loss(flat):
        w = flat["w"]
        hidden = tanh(x.dot(w[:8].reshape(2, 4)) + w[8:12])
        return ((hidden.dot(w[12:16].reshape(4, 1)) + w[16] - y) ** 2).sum() / 8

    w = numbers(learned_optimizer.W)
    fast = slow = numbers(np.zeros(17))
    losses, history = [], [{"w": w}]
    for _ in range(5):
        losses.append(loss({"w": w}))
        g = slopes(loss, {"w": w})["w"]
        fast, slow = fast / 2 + g / 2, slow * mp.mpf(0.9) + (1 - mp.mpf(0.9)) * g
        features = np.stack([g, fast, slow, w], axis=1)
        scale = sqrt((features**2).sum(axis=0) / 17 + mp.mpf(1e-5))
        made = tanh((features / scale).dot(into) + bias).dot(out)
        w = w - mp.mpf(0.1) * made[:, 0] * exp(made[:, 1])
        history.append({"w": w, "fast": fast, "slow": slow})
    compare("learned-optimizer", -2.25, 0.5, losses, history)
    assert systems.create("learned-optimizer").training.last == 0


def test_the_parts_of_the_learned_optimizer_have_their_sizes():
    assert learned_optimizer.WEIGHTS == 17 and learned_optimizer.CENTRE.size == 56
    np.testing.assert_allclose(learned_optimizer.DIRECTIONS.T @ learned_optimizer.DIRECTIONS, np.eye(2), atol=1e-14)
    assert attention.ONE_HOT.shape == (4, 4, 4)


def test_settings_of_a_training():
    system = systems.create("cubic", {"optimizer": "adam", "x": "log10:rate", "beta1": "0.5"})
    assert [a.label for a in system.axes] == ["rate", "start"] and system.axes[0].power_of_ten
    with pytest.raises(InputError, match="hyperparameter 'speed'"):
        systems.create("cubic", {"speed": "1"})


@pytest.mark.parametrize("name", systems.TRAININGS)
def test_the_first_view_has_both_fates(name):
    training = systems.create(name).training
    steps, last = (60, 20) if training.last is None else (40, 40)
    x, y, depth = (float(v) for v in systems.create(name).home)
    fates = set()
    for u in (-0.4, -0.1, 0.2, 0.4):
        for v in (-0.45, -0.2, 0.1, 0.4):
            with np.errstate(all="ignore"):
                losses = float64_run(training, x + u * depth, y + v * depth, steps)[0]
                ratios = np.where(np.isfinite(losses), np.minimum(losses / losses[0], 1e6), 1e6)
            fates.add(bool(ratios[-last:].mean() < 1))
    assert fates == {True, False}
