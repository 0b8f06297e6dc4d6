"""Horizons by the GPU's kernel, compiled for the CPU, against those by the CPU's own kernel."""

import numpy as np
import ptx
import pytest
from horizons import DEEP, FLOAT64, STEPS, chaotic, close
from small_network import EACH_TIME, ONE_HIDDEN, SmallNetwork, quiet, system_of
from stand_in import StandIn

from deepzoom import systems
from deepzoom.backends.gpu import device, unit_per_lane
from deepzoom.backends.kernels.gpu.unit_per_lane_horizon import run_horizons
from deepzoom.backends.training.batches import arrays_of, start_weights
from deepzoom.scene.view import View

__all__ = ["chaotic"]


def horizons(small, view, kinds, monkeypatch, one):
    monkeypatch.setattr(device, "opened", lambda: [one])
    for backend in kinds:
        yield backend().job(system_of(small), view, None, quiet, quiet).horizon(np.arange(view.pixels))


def test_chaos(monkeypatch, chaotic):
    gpu, cpu = horizons(chaotic, View.parse("2.1", "0.6", "0.3", "12x12"), FLOAT64, monkeypatch, one := StandIn())
    assert one.launches == 1 and cpu.min() < 60 and cpu.max() == STEPS
    close(gpu, cpu)


def test_chaos_after_the_hand_off(monkeypatch, own_cache, chaotic):
    """Runs and their shadow runs start at different steps."""
    view = View.parse("2.0375", "0.6125", "1e-4", "12x10")
    gpu, cpu = horizons(chaotic, view, DEEP, monkeypatch, one := StandIn())
    assert one.launches == 3 and gpu.min() > 3 and np.mean(cpu < STEPS) > 0.5
    close(gpu, cpu)


@pytest.mark.parametrize("name", EACH_TIME)
@pytest.mark.parametrize(("place", "lost"), [("-3", False), ("12", True)])
def test_all_kinds_of_networks(monkeypatch, name, place, lost):
    """Both kernels give the same horizons, in calm training and if the weights overflow in the first steps."""
    small = SmallNetwork(5, **ONE_HIDDEN[name])
    gpu, cpu = horizons(small, View.parse(place, place, "0.5", "5x3"), FLOAT64, monkeypatch, StandIn())
    assert np.array_equal(gpu, cpu)
    assert lost or np.all(gpu == small.steps)


def test_short_memory_and_failures(monkeypatch, chaotic):
    view = View.parse("-2", "-2", "0.3", "40x20")
    one = StandIn(memory=500 * 4 * 8)  # room for the sums of 500 pixels
    gpu, cpu = horizons(chaotic, view, FLOAT64, monkeypatch, one)
    assert np.array_equal(gpu, cpu) and one.launches == 2
    gpu, cpu = horizons(chaotic, view, FLOAT64, monkeypatch, StandIn(fails=1))
    assert np.array_equal(gpu, cpu)


@pytest.mark.skipif(ptx.missing() is not None, reason=str(ptx.missing()))
def test_kernel_compiles_for_a_gpu(tmp_path):
    """The only values that spill are of the run that waits while the other takes its step."""
    network = systems.create("tanh").network
    net = arrays_of(network)
    made = unit_per_lane.UnitPerLane(net, 50)
    state = start_weights(network, np.zeros((2, 1))), np.ones((2, 2)), np.ones((2, 1))
    state = *state, np.zeros(2, np.int64), np.zeros((2, 4))
    found, queue = np.zeros(2, np.int64), np.zeros(1, np.int64)
    for rows, most, spilled in ((0, 255, 512), (16, 168, 0), (8, 168, 0)):
        one = StandIn(tensor_rows=rows)
        shapes, data = (made._shape(one), made._shape(one, True)), made._given(one)[0]
        given = queue, data, 50, 1e-3, 1e-16, state, state, found, queue, queue, state[0][0], *shapes
        code = ptx.compiled(run_horizons, given, (8, 0) if rows == 8 else (9, 0))
        assert ptx.figures(code, tmp_path, (8, 0) if rows == 8 else (9, 0), most)[1] <= spilled
