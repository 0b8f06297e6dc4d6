"""Training pixels in higher precision, and horizons, on a real GPU."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from horizons import DEEP, FLOAT64, STEPS, chaotic, close
from settled_runs import chaos, same, window
from small_network import quiet, system_of

from deepzoom import landmarks, systems
from deepzoom.backends.base import AGREEMENT
from deepzoom.backends.gpu import device, unit_per_lane
from deepzoom.backends.kernels.training.expansion_run import run_expansions
from deepzoom.backends.training.batches import arrays_of, start_weights
from deepzoom.backends.training.network_expansions import constants_of
from deepzoom.backends.training.traced_runs import NONE
from deepzoom.rendering.render import render
from deepzoom.scene.view import View

pytestmark = pytest.mark.gpu
__all__ = ["chaos", "chaotic"]


@pytest.mark.parametrize(("name", "limbs"), [("tanh", 2), ("tanh", 4), ("relu", 2), ("minibatch", 2)])
def test_numbers_are_those_of_the_cpu(name, limbs):
    """Equal to float64's last bits after 30 steps: no product was fused that must not be."""
    network, pixels = systems.create(name).network, 37
    net, constants = arrays_of(network), constants_of(network, limbs)
    rng, found = np.random.default_rng(limbs), []
    weights = np.zeros((pixels, net.widths[1] * (net.widths[0] + net.widths[2]), limbs))
    weights[:, :, 0] = start_weights(network, np.zeros((1, 1)))
    rates = 10.0 ** rng.uniform(-2, 0.5, (pixels, 2))[:, :, None] * 2.0 ** (-55.0 * np.arange(limbs))

    def on_cpu(constants, *state):
        run_expansions(net, constants, 30, *state, NONE, (0.0,) * limbs)

    for run in (partial(unit_per_lane.UnitPerLane(net, 30).in_expansions, device.Device()), on_cpu):
        sums = np.zeros((pixels, 4))
        state = weights.reshape(pixels, -1), rates.reshape(pixels, -1), np.zeros((pixels, limbs))
        run(constants, *(v.copy() for v in state), np.zeros(pixels, np.int64), sums)
        found.append(sums)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-14)


@pytest.mark.parametrize("name", ["tanh", "linear", "relu", "minibatch"])
def test_published_windows(name):
    view, system, pixels = window(name), systems.create(name), np.array([3, 66, 101])
    gpu, cpu = (b().job(system, view, None, quiet, quiet).retry(pixels, 0) for b in FLOAT64)
    same(gpu, cpu, AGREEMENT)


def test_deep_view(own_cache):
    place = landmarks.get("tanh-deep")
    view, system = View.parse(place.x, place.y, "1e-20", "16x12"), systems.create("tanh", steps=place.steps)
    both = (b().job(system, view, None, quiet, quiet).retry(np.arange(6), 0) for b in DEEP)
    same(*both, AGREEMENT)


def test_a_settled_picture(own_cache, chaos):
    scene = replace(chaos, view=View.parse("2", "1", "1", "8x8"))
    gpu, cpu = (render(replace(scene, backend=b)).field for b in ("gpu-float64", "cpu-float64"))
    assert gpu.rung.max() > 0 and np.all(gpu.trust == 1)
    assert np.array_equal(gpu.fate, cpu.fate)
    again = (gpu.rung > 0) & (cpu.rung > 0)
    np.testing.assert_allclose(gpu.measure[again], cpu.measure[again], rtol=AGREEMENT)


def test_horizons(chaotic):
    view = View.parse("2.1", "0.6", "0.3", "48x48")
    gpu, cpu = (b().job(system_of(chaotic), view, None, quiet, quiet).horizon(np.arange(48 * 48)) for b in FLOAT64)
    assert gpu.max() == STEPS
    close(gpu, cpu)
