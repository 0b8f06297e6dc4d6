"""Golden pixels of small networks, one of each experiment's kind, from 1e-3 to 1e-100 (golden/make_networks.py)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from higher_precision import settled

from deepzoom import systems
from deepzoom.backends.base import AGREEMENT, SETTLED
from deepzoom.rendering import render as rendering
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

KEPT = json.loads((Path(__file__).parents[2] / "golden" / "networks.json").read_text())["networks"]
CASES = [
    pytest.param(k, id=k["system"], marks=[] if k["system"] in ("tanh", "linear") else pytest.mark.slow) for k in KEPT
]
DEPTHS = ("1e-3", "1e-13", "1e-30", "1e-60", "1e-100")


@pytest.mark.parametrize("kept", CASES)
def test_every_settled_pixel_is_right(own_cache, tmp_path, kept):
    """Measures are within what "settled" promises, and all but one within what two runs agree to.

    One may not be: two runs that are each off by 2e-6, in different directions or not, can be 7e-7 apart. Which pixels
    this happens to depends on the processor, for which the compiler fuses other products and sums.
    """
    theta = {f"theta{i}": np.array(w) for i, w in enumerate(kept["theta"])}
    batch = {"minibatch_idx": np.array(kept["minibatch_idx"])} if "minibatch_idx" in kept else {}
    np.savez(tmp_path / "own.npz", X=np.array(kept["X"]), Y=np.array(kept["Y"]), **theta, **batch)
    errors = []
    for view in kept["views"]:
        place = View.parse(kept["x"], kept["y"], view["depth"], (kept["size"], kept["size"]))
        planned = rendering.plan(Scene(kept["system"], place, view["steps"], {"data": str(tmp_path / "own.npz")}))
        job = planned.backend.job(planned.system, place, None, lambda share: None, lambda text: None)
        out = settled(job, np.array(view["pixels"]))
        sure = out.trust > 0
        assert np.array_equal(out.fate[sure], np.sign(view["measure"])[sure]), view["depth"]
        errors += np.abs(out.measure[sure] / np.array(view["measure"])[sure] - 1).tolist()
    assert max(errors) <= SETTLED and sorted(errors)[-2] <= AGREEMENT
    assert len(errors) > 0.7 * sum(len(v["pixels"]) for v in kept["views"])


def test_there_is_every_experiment_at_every_depth():
    assert {k["system"] for k in KEPT} == set(systems.PUBLISHED)
    assert all(tuple(v["depth"] for v in k["views"]) == DEPTHS for k in KEPT)
    chaotic = next(k for k in KEPT if k["system"] == "tanh")
    assert all(len({f"{m:.6g}" for m in v["measure"]}) > 2 for v in chaotic["views"])
