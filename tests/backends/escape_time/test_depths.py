"""Golden pixels of every escape-time system and of formulas, from 1e-3 to 1e-1000 (golden/make_depths.py)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from deepzoom import systems
from deepzoom.rendering import render as rendering
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

KEPT = json.loads((Path(__file__).parents[2] / "golden" / "depths.json").read_text())["systems"]
EACH_TIME = ("burning-ship",)
"""What every test run covers: folds. Kernels for 1e-1000 take long to compile, those of quotients a minute."""
CASES = [
    pytest.param(k, id=f"{k['system']}-{i}", marks=[] if k["system"] in EACH_TIME else pytest.mark.slow)
    for i, k in enumerate(KEPT)
]


FEW_SETTLE = {("shark-fin", "1e-1000")}
"""Views in which float64 settles less than half: the map shears, so the norms of its steps multiply up."""


def job_of(kept, view):
    """A view's job by the backend that ``auto`` chooses."""
    place = View.parse(kept["x"], kept["y"], view["depth"], (kept["size"], kept["size"]))
    planned = rendering.plan(Scene(kept["system"], place, kept["limit"], kept["settings"]))
    return planned.backend.job(planned.system, place, None, lambda share: None, lambda text: None)


def hold(view, out):
    """Check that all settled pixels of a view are right."""
    sure = out.trust > 0
    assert np.array_equal(out.iterations[sure], np.array(view["n"])[sure]), view["depth"]
    assert np.array_equal(out.attractor[sure], np.array(view["attractor"])[sure]), view["depth"]
    known = sure & np.array([v is not None for v in view["value"]])
    values = np.array([-1.0 if v is None else v for v in view["value"]])
    assert np.allclose(out.measure[known], values[known], rtol=0, atol=1e-6), view["depth"]


@pytest.mark.parametrize("kept", CASES)
def test_every_pixel_that_says_it_is_settled_is_right(own_cache, kept):
    """What float64 leaves unsettled, more digits settle, and that is right, too."""
    settled, total = 0, 0
    for view in kept["views"]:
        job, pixels = job_of(kept, view), np.array(view["pixels"])
        out = job.run(pixels)
        hold(view, out)
        if (kept["system"], view["depth"]) not in FEW_SETTLE:
            settled, total = settled + int((out.trust > 0).sum()), total + len(pixels)
        for rung in range(len(job.rungs)):
            out = job.retry(pixels, rung)
            hold(view, out)
            if np.all(out.trust > 0):
                break
        assert np.all(out.trust > 0), view["depth"]
    assert settled >= 0.5 * total


def test_there_is_every_system_at_every_depth():
    """Two files together: escape.json has powers and folds down to 1e-100."""
    other = json.loads((Path(__file__).parents[2] / "golden" / "escape.json").read_text())["systems"]
    found = {(k["system"], v["depth"]) for k in [*KEPT, *other] for v in k["views"]}
    assert found == {(s, d) for s in systems.ESCAPE_TIME for d in ("1e-3", "1e-13", "1e-30", "1e-100", "1e-1000")}
