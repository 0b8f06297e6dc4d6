"""Exact runs whose first step is not defined count their losses as float64 does."""

from __future__ import annotations

import numpy as np
import pytest

from deepzoom import systems
from deepzoom.backends.kernels.training import convergence_measure
from deepzoom.backends.training.batches import read_out
from deepzoom.backends.training.exact import ExactTrainingJob
from deepzoom.reference.training import obtain
from deepzoom.scene.view import View

FILE = """
import numpy as np
import deepzoom

def step(state, hyper):
    w = state["w"]
    return {"w": w - hyper["rate"] * w * np.log(hyper["scale"])}, (w * w).sum() * 4

def worse(state, hyper):
    after, loss = step(state, hyper)
    return after, loss * np.sqrt(hyper["scale"])

own = deepzoom.Training(step, {"w": np.ones(1)}, {"rate": 0.1, "scale": 1}, "rate", "scale", steps=5)
bad = deepzoom.Training(worse, {"w": np.ones(1)}, {"rate": 0.1, "scale": 1}, "rate", "scale", steps=5)
"""
AFTER = 1e6 / 4  # the ratio of a loss that is not finite to the first one


@pytest.mark.parametrize(("name", "measure"), [("own", 1 + 4 / AFTER), ("bad", 5.0)])
def test_a_step_that_is_not_defined(tmp_path, name, measure):
    """The loss before it counts; if that is not defined either, all losses are alike."""
    file = tmp_path / "own.py"
    file.write_text(FILE)
    own = systems.load(f"{file}:{name}")
    system = systems.create(own.name, {}, 5, own.digest)
    view = View.parse("0.1", "0.5", "3", "1x2")  # scale is 1.25 and -0.25
    found = ExactTrainingJob(system, view, None).run(np.arange(2))
    assert found.fate.tolist() == [-1, 1]
    np.testing.assert_allclose(found.measure[1], measure, rtol=1e-12)


TINY = """
import numpy as np
import deepzoom

def step(state, hyper):
    w = state["w"]
    return {"w": w - hyper["rate"] * w}, -np.log(np.exp(-w)).sum()

own = deepzoom.Training(
    step, lambda hyper: {"w": hyper["scale"] * np.ones(1)}, {"rate": 0.1, "scale": 1}, "rate", "scale", steps=5
)
"""


def _tiny(tmp_path):
    file = tmp_path / "tiny.py"
    file.write_text(TINY)
    own = systems.load(f"{file}:own")
    return systems.create(own.name, {}, 5, own.digest)


def test_a_number_below_the_last_bit_is_not_taken_for_zero(tmp_path):
    """exp(-w) begins after 289 bits; after 1,443 bits it is too far away for the first precision here."""
    view = View.parse("0.5", "600", "1600", "1x2")  # w is 1000 and 200 before the first step
    found = ExactTrainingJob(_tiny(tmp_path), view, None).run(np.arange(2))
    sure = found.trust == 1
    assert sure.tolist() == [False, True]
    np.testing.assert_allclose(found.measure[sure], -(1 + 0.5 + 0.25 + 0.125 + 0.0625), rtol=1e-9)


def test_a_reference_takes_more_bits_where_a_number_is_zero_without_them(own_cache, tmp_path):
    reference = obtain(_tiny(tmp_path), View.parse("0.5", "200", "1e-9", "4x4"))
    np.testing.assert_allclose(reference.losses, 200 * 0.5 ** np.arange(5), rtol=1e-12)


@pytest.mark.parametrize(
    ("losses", "sudden"),
    [([1.0, np.nan], True), ([np.inf], True), ([1.0, 1e7, np.nan], False), ([1.0, 2.0, 3.0], False)],
)
def test_a_loss_that_is_suddenly_not_finite(losses, sudden):
    """Runs that explode do not end so: their losses grow before. Others agree with no second run."""
    sums = 0.0, 0.0, 0.0, 0.0
    for t, loss in enumerate(losses):
        sums = convergence_measure.with_loss.py_func(sums, t, 9, loss)
    assert np.isnan(sums[convergence_measure.EXCESS]) == sudden
    out = read_out(np.array([sums]))
    assert out.agrees(out).tolist() == [not sudden]
