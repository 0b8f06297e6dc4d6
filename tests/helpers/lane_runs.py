"""Training runs with a hidden unit in each lane, on a stand-in for a GPU."""

from __future__ import annotations

import numpy as np
from small_network import quiet, system_of
from stand_in import StandIn

from deepzoom.backends.gpu import training as gpu_jobs
from deepzoom.backends.gpu import unit_per_lane
from deepzoom.backends.training.batches import start_weights
from deepzoom.scene.scene import View


def plain_state(network, pixels, steps):
    rng = np.random.default_rng(pixels)
    rates = 10.0 ** rng.uniform(-2, 0.5, (pixels, 2))
    offsets = 10.0 ** rng.uniform(-3, -1, (pixels, 1)) if network.offset else np.zeros((pixels, 1))
    step = rng.choice([0, 0, steps], size=pixels)  # some that are done already
    return start_weights(network, offsets), rates, offsets, step, np.zeros((pixels, 4))


def unit_per_lane_sums(net, steps, state, one=None, **options):
    one, sums = one or StandIn(), np.zeros((len(state[3]), 4))
    kept = {}
    one.download = lambda array: kept.setdefault("sums", array.copy())
    unit_per_lane.UnitPerLane(net, steps).finish(one, state[0], state[1], state[2], state[3], sums, **options)
    return kept["sums"]


def jobs(gpu, cpu, small, depth, monkeypatch, one, size="8x6", said=quiet):
    view = View.parse("-0.61803398874989", "-0.3141592653589793", depth, size)
    monkeypatch.setattr(gpu_jobs, "opened_gpus", lambda: [one])
    return (b().job(system_of(small), view, None, quiet, said) for b in (gpu, cpu))


def same(a, b, within):
    assert np.array_equal(a.fate, b.fate)
    np.testing.assert_allclose(a.measure, b.measure, rtol=within)
