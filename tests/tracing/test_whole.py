"""Arrays of a state that only count."""

import numpy as np

from deepzoom import Training


def _step(state, hyper):
    patience = np.where(state["w"] > 0.5, state["patience"] + 1, 0.0)
    w = state["w"] - hyper["rate"] * np.where(patience > 2, 0.5, 1.0) * state["w"]
    return {
        "w": w, "patience": patience, "left": state["left"] - 1.0, "half": state["half"] + 0.5,
        "mixed": state["mixed"] + state["half"], "early": state["early"] + (hyper["step"] < 9),
    }, w * w + 1  # fmt: skip


def test_arrays_that_only_count():
    start = {"w": 1.0, "patience": 0.0, "left": 10.0, "half": 0.0, "mixed": 0.0, "early": 3.0}
    training = Training(_step, lambda hyper: {**start, "w": hyper["w"]}, {"rate": 0.1, "w": 1.0}, "rate", "w")
    traced = training.traced({}, 5)
    counting = {n.data[1] for n, counts in zip(traced.state, traced.counting, strict=True) if counts}
    assert counting == {"patience", "left", "early"}
