"""Exact runs whose first step is not defined count their losses as float64 does."""

from __future__ import annotations

import numpy as np
import pytest

from deepzoom import systems
from deepzoom.backends.training.exact import ExactTrainingJob
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
