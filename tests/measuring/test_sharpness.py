"""Sharpness against dense Hessians: second differences in mpmath, and of gradients."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from descent_oracle import loss_of, network_outputs, numbers
from small_network import KINDS, SmallNetwork, system_of

from deepzoom import systems
from deepzoom.coordinates import parse_decimal
from deepzoom.measuring.exact_curve import exact_curve
from deepzoom.measuring.sharpness import loss_surface

mp = mpmath.mp


def dense(loss, weights):
    """The Hessian of an mpmath loss by all numbers of its weights, by second differences."""
    h = mpmath.mpf(10) ** (-mp.dps // 4)
    places = [(name, p) for name, array in weights.items() for p in np.ndindex(array.shape)]

    def at(*moves):
        changed = {name: array.copy() for name, array in weights.items()}
        for (name, p), step in moves:
            changed[name][p] += step
        return loss(changed)

    hessian = mpmath.matrix(len(places))
    for i, one in enumerate(places):
        for j, two in enumerate(places[: i + 1]):
            moved = [s * t * at((one, s * h), (two, t * h)) for s in (1, -1) for t in (1, -1)]
            hessian[i, j] = hessian[j, i] = sum(moved) / (4 * h * h)
    return hessian


def largest(hessian, rates):
    roots = [mpmath.sqrt(r) for r in rates]
    n = hessian.rows
    scaled = mpmath.matrix(n)
    for i in range(n):
        for j in range(n):
            scaled[i, j] = roots[i] * hessian[i, j] * roots[j]
    return max(mpmath.eigsy(scaled, eigvals_only=True))


@pytest.mark.parametrize("kind", ["tanh", "relu", "minibatch", "offset every step"])
def test_sharpness_is_that_of_a_dense_hessian(kind):
    small = SmallNetwork(3, **{**KINDS[kind], "widths": (2, 3, 1)})
    small.steps = 8
    system = system_of(small)
    x, y = parse_decimal("-0.75", "x"), parse_decimal("0.5", "y")
    state = exact_curve(system, x, y).weights[7]
    found = loss_surface(system, x, y).sharpness(7, state)
    with mp.workdps(60):
        w = {f"layer{k}.w": numbers(state[part].reshape(a.shape))
             for k, (part, a) in enumerate(zip(small.network.layers, small.weights))}  # fmt: skip
        offset = mpmath.mpf(10) ** mpmath.mpf("-0.75") if small.offset else 0
        w["layer0.w"] = w["layer0.w"] + offset
        inputs, targets = numbers(small.x), numbers(small.y)
        hessian = dense(
            lambda v: loss_of("mean-square", network_outputs(*scaled(v, small.activation, inputs)), targets), w
        )
        exponents = {"x": mpmath.mpf("-0.75"), "y": mpmath.mpf("0.5")}
        learning = [mpmath.mpf(10) ** exponents[n] for n in small.network.rates]
        rates = [r for r, a in zip(learning, small.weights) for _ in range(a.size)]
        eigenvalue = largest(hessian, [mpmath.mpf(1)] * hessian.rows)
        edge = 2 * eigenvalue / largest(hessian, rates)
    np.testing.assert_allclose([found.eigenvalue, found.edge], [float(eigenvalue), float(edge)], rtol=1e-9)
    if small.offset:
        assert found.edge == pytest.approx(2 / 10**0.5, rel=1e-12)


def scaled(weights, activation, x):
    return weights, x, activation, False


SETTINGS = {"width": "2", "rows": "0.05", "seed": "4"}


@pytest.mark.parametrize("given", [
    {"biases": "yes", "activation": "gelu"},
    {"loss": "cross-entropy", "outputs": "3", "activation": "sin"},
    {"layer-norm": "yes", "loss": "logistic"},
    {"optimizer": "adam"},
])  # fmt: skip
def test_sharpness_of_a_traced_training(given):
    given = {**SETTINGS, **given, "x": "log10:rate", "y": "init-scale"}
    system = systems.create("tanh", given, 5)
    x, y = parse_decimal("-0.5", "x"), parse_decimal("1.25", "y")
    state = exact_curve(system, x, y).weights[4]
    surface = loss_surface(system, x, y)
    found = surface.sharpness(4, state)
    product = np.array([surface.product(4, state, row) for row in np.eye(surface.size)])
    np.testing.assert_allclose(product, product.T, atol=1e-12 * abs(product).max())
    h, slopes = 1e-5, []
    for k in range(surface.size):
        moved = state.copy()
        moved[k] += h
        forth = np.concatenate([g.ravel() for g in surface.gradient(4, moved)])
        moved[k] -= 2 * h
        slopes.append((forth - np.concatenate([g.ravel() for g in surface.gradient(4, moved)])) / (2 * h))
    np.testing.assert_allclose(product, slopes, atol=1e-7 * abs(product).max())
    assert found.eigenvalue == pytest.approx(np.linalg.eigvalsh(product)[-1], rel=1e-9)
    edge = np.nan if "optimizer" in given else 2 / 10**-0.5
    assert found.edge == pytest.approx(edge, rel=1e-5, nan_ok=True)


def test_sharpness_of_one_weight_is_the_second_derivative():
    """Of w**2 + eps (1 + cos(2 pi w)), at rate x and eps y."""
    system = systems.create("cosine", {}, 4)
    x, y = parse_decimal("0.9", "x"), parse_decimal("0.15", "y")
    state = exact_curve(system, x, y).weights[2]
    found = loss_surface(system, x, y).sharpness(2, state)
    expected = 2 - 0.15 * (2 * np.pi) ** 2 * np.cos(2 * np.pi * state[0])
    np.testing.assert_allclose([found.eigenvalue, found.edge], [expected, 2 / 0.9], rtol=1e-12)


def test_a_loss_that_is_flat_or_not_finite_has_no_edge():
    small = SmallNetwork(3, activation="relu")
    surface = loss_surface(system_of(small), parse_decimal("0.5", "x"), parse_decimal("1", "y"))
    size = sum(w.size for w in small.weights)
    assert surface.sharpness(0, np.zeros(size)).eigenvalue == 0
    assert np.isnan(surface.sharpness(0, np.full(size, np.nan)).eigenvalue)
