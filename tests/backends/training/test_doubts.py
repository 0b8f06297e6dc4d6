"""Borders where a ReLU unit comes to rest at a tiny input: settled pixels have the fates of mpmath."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import oracle
import pytest

from deepzoom import Scene, render, systems
from deepzoom.scene.view import View
from deepzoom.tracing.doubts import DOUBT, with_doubts
from deepzoom.tracing.evaluate import as_float64, evaluate
from deepzoom.tracing.graph import constant, given, node
from deepzoom.tracing.training import TracedTraining

BORDER = "0.839", "1.0903516556283504474373108045154944083678728750230407"
"""Found by bisection at 400 bits. On one side of it, a unit's input stays positive; on the other, it stays below 0
forever, as far from it as the pixel from the border."""
SETTINGS, STEPS, SIZE = {"width": "3", "rows": "0.2", "seed": "1"}, 80, 12
BY_OPTIMIZER = {"optimizer": "momentum", "momentum": "0"}


@pytest.mark.parametrize(
    ("settings", "depth"),
    [
        ({}, "1e-20"),
        pytest.param({}, "1e-40", marks=pytest.mark.slow),
        (BY_OPTIMIZER, "1e-20"),
        pytest.param(BY_OPTIMIZER, "1e-40", marks=pytest.mark.slow),
    ],
)
def test_settled_fates_at_a_kink(own_cache, settings, depth):
    """Before, 57 to 69 of these 144 pixels were settled with the fate of the other side."""
    network = systems.create("relu", SETTINGS, STEPS).network
    view = View.parse(*BORDER, depth, f"{SIZE}x{SIZE}")
    scene = Scene("relu", view, STEPS, {**SETTINGS, **settings}, trust="settle")
    field = render(scene).field
    assert (field.trust == 1).all()
    fates = set()
    with mp.workprec(400):
        for p in np.random.default_rng(1).choice(SIZE * SIZE, 24, replace=False):
            i, j = divmod(int(p), SIZE)
            x = mp.mpf(BORDER[0]) + mp.mpf(depth) * mp.mpf(2 * j + 1 - SIZE) / (2 * SIZE)
            y = mp.mpf(BORDER[1]) + mp.mpf(depth) * mp.mpf(SIZE - 2 * i - 1) / (2 * SIZE)
            rates = mp.mpf(10) ** x, mp.mpf(10) ** y
            losses, _ = oracle.train(network.x, network.y, network.weights, "relu", rates, STEPS)
            fate = 1 if oracle.measure(losses) > 0 else -1
            fates.add(fate)
            assert field.fate[i, j] == fate
    assert fates == {-1, 1}


W, C = given("state", "w", (2,)), given("state", "c", ())
DRIFT = node("subtract", node("multiply", W, constant(3)), constant(1))


def _decided(argument, w, doubt):
    """Whether a condition on some numbers holds in a run with a doubt."""
    training = TracedTraining(
        (W, C), (constant(np.array([0.5, 0.25])), constant(0)), (W, node("add", C, constant(1))), C, (False, False)
    )
    (found,) = with_doubts([node("positive", argument)], training)
    (value,) = evaluate([found], {W: np.array(w), C: np.float64(0), DOUBT: np.float64(doubt)}, as_float64)
    return value.tolist()


def test_a_sign_in_doubt_is_below_zero_first_and_above_it_then():
    near = [1 / 3 + 1e-12, 1 / 3 - 1e-12]
    assert _decided(DRIFT, near, 0.0) == [1, 0]
    assert _decided(DRIFT, near, 1e-11) == [0, 0]
    assert _decided(DRIFT, near, -1e-11) == [1, 1]
    assert _decided(DRIFT, [0.4, 0.3], 1e-11) == _decided(DRIFT, [0.4, 0.3], -1e-11) == [1, 0]


def test_signs_that_no_rounding_changes_stay():
    """Of a number itself, which has one term; of 0 with terms of 0; and of whole numbers."""
    assert _decided(W, [1e-300, 0.0], 1e-11) == _decided(W, [1e-300, 0.0], -1e-11) == [1, 0]
    count = node("subtract", C, constant(0))
    assert _decided(count, [1.0, 1.0], -1e-11) == 0
    product = node("matmul", node("reshape", W, data=(1, 2)), node("reshape", W, data=(2, 1)))
    assert _decided(node("negative", product), [0.0, 0.0], -1e-11) == [[0]]
    assert _decided(node("negative", product), [1e-3, 0.0], -1e-11) == [[0]]
