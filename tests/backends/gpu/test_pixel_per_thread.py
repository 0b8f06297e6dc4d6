"""Training pixels of networks with any layers: the GPU's kernels, compiled for the CPU, against the CPU's own."""

import numpy as np
import ptx
import pytest
from escape_jobs import slow_if
from lane_runs import jobs, plain_state, same
from small_network import KINDS, SmallNetwork
from stand_in import StandIn

from deepzoom.backends.cpu_float64 import CpuFloat64
from deepzoom.backends.cpu_perturbation import CpuPerturbation
from deepzoom.backends.gpu import unit_per_lane
from deepzoom.backends.gpu.pixel_per_thread import PixelPerThread, runs_of, slots
from deepzoom.backends.gpu_float64 import GpuFloat64
from deepzoom.backends.gpu_perturbation import GpuPerturbation
from deepzoom.backends.kernels.arithmetic.simd import LANES
from deepzoom.backends.kernels.gpu.lane_group import GROUP
from deepzoom.backends.kernels.gpu.pixel_per_thread import run_delta_lanes, run_plain_lanes
from deepzoom.backends.training.batches import arrays_of, finish, layout_of, start_weights

LARGE = {kind: given for kind, given in KINDS.items() if len(given.get("widths", (1, 1, 1))) > 3} | {
    "wide": {"widths": (3, 40, 1), "rows": 6},
    "many outputs": {"widths": (2, 3, 9), "rows": 40, "activation": "relu"},
    "offset": {"widths": (3, 4, 3, 1), "offset": True, "every": False},
    "linear with an offset": {"widths": (2, 3, 3, 1), "activation": "identity", "offset": True},
}


@pytest.fixture(params=[pytest.param(k, id=k.replace(" ", "-"), marks=slow_if(k == "deep tanh")) for k in LARGE])
def large(request):
    return SmallNetwork(sum(map(ord, request.param)), **LARGE[request.param])


def test_plain_steps(large):
    """More pixels than a slot holds, on two threads: exactly the CPU kernel's numbers, frozen or not."""
    net, steps = arrays_of(large.network), 40
    layers = len(large.network.weights)

    def state():
        weights, rates, offsets, step, sums = plain_state(large.network, 37, steps)
        return weights, np.repeat(rates[:, :1], layers, axis=1), offsets, step, sums

    (weights, rates, offsets, step, sums), expected = state(), state()
    measures = finish(net, steps, *expected).measure
    one, kept = StandIn(), {}
    one.download = lambda array: kept.setdefault("sums", array.copy())
    begun = step == 0
    same_start = not weights[:, : large.network.weights[0].size].std(axis=0).any()
    made = PixelPerThread(net, steps)
    found = made.finish(one, weights[:1] if same_start else weights, rates, offsets, step, sums)
    assert begun.sum() > 15 and one.launches == 1
    # the losses of a frozen run overflow before the weights of the full step do
    ordinary = np.isfinite(expected[4]).all(axis=1) & begun
    assert ordinary.sum() > 12
    assert np.array_equal(found.measure[ordinary], measures[ordinary])
    assert np.array_equal(kept["sums"][ordinary], expected[4][ordinary])
    assert not kept["sums"][~begun].any()


def test_hand_off(large, monkeypatch, own_cache):
    """Step, sums and weights at the hand-off. In this wide view it comes early, at different steps."""
    one = StandIn()
    gpu, cpu = jobs(GpuPerturbation, CpuPerturbation, large, "0.02", monkeypatch, one)
    at = cpu._differences(np.arange(48))
    step, differences, sums = cpu._to_hand_off(None, gpu._last, 3e-3, *at)
    first, *state = gpu._start(None, *at)
    weights, own_step, own_sums = gpu._runs.from_reference(one, first, gpu._last, 3e-3, *state)
    assert np.array_equal(own_step, step) and len(set(step.tolist())) > 1
    expected = cpu._reference.weights[np.minimum(step, cpu._reference.steps)] + differences
    assert np.array_equal(weights, expected)
    assert np.array_equal(own_sums, sums)


@pytest.mark.parametrize("depth", ["1e-9", "1e-30"])
def test_perturbation_jobs(large, monkeypatch, own_cache, depth):
    gpu, cpu = jobs(GpuPerturbation, CpuPerturbation, large, depth, monkeypatch, one := StandIn())
    same(gpu.run(np.arange(48)), cpu.run(np.arange(48)), 0)
    assert one.launches == 2
    same(gpu.shadow(np.arange(48)), cpu.shadow(np.arange(48)), 0)
    assert one.launches == 2  # the CPU does the second runs


def test_float64_jobs(large, monkeypatch):
    said = []
    gpu, cpu = jobs(GpuFloat64, CpuFloat64, large, "1e-3", monkeypatch, one := StandIn(), said=said.append)
    same(gpu.run(np.arange(48)), cpu.run(np.arange(48)), 0)
    assert gpu._devices.count == 1 and one.launches == 1
    assert gpu.second_batch_size == cpu.batch_size < gpu.batch_size  # as for what the CPU runs
    assert np.array_equal(gpu.horizon(np.arange(48)), cpu.horizon(np.arange(48)))
    assert [line.partition(":")[0] for line in said if not line.startswith("Compiling")] == [
        "Second runs, higher precision and horizons run on the CPU"
    ]


def test_slots_fill_warps_and_stay_within_memory():
    each = 32 // int(LANES)
    assert slots(1, 100) == slots(32, 100) == each
    assert slots(33, 100) == 2 * each
    assert slots(10**9, 2**20) == 128 and slots(10**9, 10**9) == each


def test_what_runs_which_network():
    for widths, kind in (
        ((3, 32, 1), unit_per_lane.UnitPerLane),
        ((3, 33, 1), PixelPerThread),
        ((3, 4, 4, 1), PixelPerThread),
    ):
        runs = runs_of(arrays_of(SmallNetwork(3, widths=widths).network), 5)
        assert type(runs) is kind and runs.batch_size % 256 == 0


@pytest.mark.skipif(ptx.missing() is not None, reason=str(ptx.missing()))
def test_kernels_compile_for_a_gpu(tmp_path):
    """Products are fused, and threads wait for each other if they write the same array."""
    network = SmallNetwork(3, widths=(3, 40, 5, 1), rows=40).network
    net, pixels = arrays_of(network), 2
    queue, step, sums = np.zeros(1, np.int64), np.zeros(pixels, np.int64), np.zeros((pixels, 4))
    weights, rates, offsets = start_weights(network, np.zeros((pixels, 1))), np.ones((pixels, 3)), np.ones((pixels, 1))
    room = np.zeros((4, 8))
    own, none = np.zeros((4, 2, int(LANES)), np.int64), np.zeros(0, np.bool_)
    plain = ptx.compiled(
        run_plain_lanes, (queue, queue, net, 50, weights, rates, offsets, step, sums, none, room, own, GROUP)
    )
    layout = layout_of(network)
    reference = np.ones((3, layout.size)), layout, layout, weights, np.ones(3), np.ones(3), np.ones((4, 4))
    state = weights, rates, offsets, step, sums
    delta = ptx.compiled(run_delta_lanes, (queue, queue, net, 50, 1, 3, 0.1, *reference, *state, room, room, GROUP))
    assert "fma.rn.f64" in plain and delta.count("bar.warp.sync") >= 6
    for code in (plain, delta):
        registers, spills, _ = ptx.figures(code, tmp_path)
        assert registers <= 255 and not spills
