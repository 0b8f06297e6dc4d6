"""Training pixels with a hidden unit in each lane: the GPU's kernels, compiled for the CPU, against the CPU's own."""

import math

import numpy as np
import ptx
import pytest
from lane_runs import jobs, plain_state, same, unit_per_lane_sums
from small_network import EACH_TIME, ONE_HIDDEN, SmallNetwork, quiet, system_of
from stand_in import StandIn

from deepzoom import systems
from deepzoom.backends.cpu_float64 import CpuFloat64
from deepzoom.backends.cpu_perturbation import CpuPerturbation
from deepzoom.backends.gpu import unit_per_lane
from deepzoom.backends.gpu_float64 import GpuFloat64
from deepzoom.backends.gpu_perturbation import GpuPerturbation
from deepzoom.backends.kernels.gpu.unit_per_lane_delta import run_unit_per_lane_delta
from deepzoom.backends.kernels.gpu.unit_per_lane_plain import run_unit_per_lane
from deepzoom.backends.kernels.training.plain_run import run_plain
from deepzoom.backends.training.batches import arrays_of, layout_of, start_weights
from deepzoom.scene.view import View


@pytest.fixture(params=EACH_TIME, ids=[k.replace(" ", "-") for k in ONE_HIDDEN])
def shallow(request):
    return SmallNetwork(sum(map(ord, request.param)), **ONE_HIDDEN[request.param])


def test_plain_steps(shallow):
    """More pixels than groups, on two threads: the sums equal those of the CPU's kernel."""
    net, steps = arrays_of(shallow.network), 40
    expected, mine = (plain_state(shallow.network, 37, steps) for _ in range(2))
    frozen, _ = run_plain(net, steps, *expected)
    found = unit_per_lane.UnitPerLane(net, steps).finish(StandIn(), mine[0], mine[1], mine[2], mine[3], mine[4])
    there = unit_per_lane_sums(net, steps, mine)
    live = ~frozen & (plain_state(shallow.network, 37, steps)[3] == 0)
    assert live.sum() > 15
    # rounding differences grow if a run is chaotic; most runs are not
    close = np.abs(there - expected[4]) <= 1e-9 * np.abs(expected[4])
    assert close[live].all(axis=1).mean() > 0.9
    assert not there[plain_state(shallow.network, 37, steps)[3] > 0].any()
    assert np.array_equal(found.fate[live], np.where(there[live][:, 3] < 0, -1, 1))


@pytest.mark.parametrize(
    "name",
    [*("tanh", "single-datapoint", "minibatch", "weight-init"),
     *(pytest.param(n, marks=pytest.mark.slow) for n in ("linear", "relu"))],
)  # fmt: skip
def test_published_runs(name):
    """Calm runs of published size: sixteen lanes, as on a GPU. Other activations run above, in small networks."""
    network = systems.create(name).network
    net, steps = arrays_of(network), 12
    rng = np.random.default_rng(0)
    state = start_weights(network, np.full((5, 1), 0.01)), 10.0 ** rng.uniform(-2, 0, (5, 2)), np.full((5, 1), 0.01)
    expected = [v.copy() for v in (*state, np.zeros(5, np.int64), np.zeros((5, 4)))]
    run_plain(net, steps, *expected)
    there = unit_per_lane_sums(net, steps, [*state, np.zeros(5, np.int64)])
    np.testing.assert_allclose(there, expected[4], rtol=1e-10)


def test_tanh_of_single_numbers():
    """As a GPU's threads compute it: tanh of a float64, its slope (even if saturated), and its difference."""
    import mpmath
    import numba

    from deepzoom.backends.kernels.arithmetic import tanh as elementary

    @numba.njit
    def found(v, value, side):
        return elementary.tanh(v), elementary.tanh_and_slope(v)[1], elementary.tanh_difference(value, side, v)

    rng = np.random.default_rng(5)
    sizes = 10.0 ** rng.uniform(-20, 2.99, 300)
    with mpmath.workprec(2500):
        for v, center in zip(sizes * rng.choice([-1, 1], 300), rng.normal(size=300) * 8):
            x, a = mpmath.mpf(v) * mpmath.ln(2) / 2, mpmath.mpf(center)
            value, side = mpmath.tanh(a), 1 - abs(mpmath.tanh(a))
            t, slope, change = found(v, float(value), float(side))
            assert t == pytest.approx(float(mpmath.tanh(x)), rel=1e-15)
            assert slope == pytest.approx(float(mpmath.sech(x) ** 2), rel=2e-15)
            true = mpmath.tanh(mpmath.atanh(mpmath.sign(a) * (1 - mpmath.mpf(float(side)))) + x) - mpmath.sign(a) * (
                1 - mpmath.mpf(float(side))
            )
            assert change == pytest.approx(float(true), rel=4e-15)
    assert found(1001.0, 0.5, 0.5)[:2] == (1.0, 0.0) and found(-1e300, 0.5, 0.5)[0] == -1.0
    assert all(math.isnan(v) for v in found(np.nan, 0.5, 0.5))


def test_loss_that_is_no_number_ends_a_run():
    network = systems.create("tanh", settings={}).network
    net = arrays_of(network)
    weights = start_weights(network, np.zeros((3, 1)))
    weights[1, 3] = np.nan
    state = weights, np.full((3, 2), 1e-3), np.zeros((3, 1)), np.zeros(3, np.int64), np.zeros((3, 4))
    expected = [v.copy() for v in state]
    run_plain(net, 30, *expected)
    there = unit_per_lane_sums(net, 30, state)
    assert expected[4][1, 1] == 30.0
    np.testing.assert_allclose(there, expected[4], rtol=1e-10)


def test_float64_jobs(shallow, monkeypatch):
    gpu, cpu = jobs(GpuFloat64, CpuFloat64, shallow, "1e-3", monkeypatch, StandIn())
    same(gpu.run(np.arange(48)), cpu.run(np.arange(48)), 1e-9)
    same(gpu.shadow(np.arange(48)), cpu.shadow(np.arange(48)), 1e-9)
    assert gpu._devices.count == 1


@pytest.mark.parametrize("depth", ["1e-9", "1e-30"])
def test_perturbation_jobs(shallow, monkeypatch, own_cache, depth):
    gpu, cpu = jobs(GpuPerturbation, CpuPerturbation, shallow, depth, monkeypatch, one := StandIn())
    same(gpu.run(np.arange(48)), cpu.run(np.arange(48)), 1e-9)
    assert one.launches == 2
    same(gpu.shadow(np.arange(48)), cpu.shadow(np.arange(48)), 1e-9)
    assert one.launches == 4


def test_hand_off_is_where_the_cpu_has_it(shallow, monkeypatch, own_cache):
    """Step, sums and weights at the hand-off. In this wide view it comes early, at different steps."""
    gpu, cpu = jobs(GpuPerturbation, CpuPerturbation, shallow, "0.02", monkeypatch, one := StandIn())
    at = cpu._differences(np.arange(48))
    step, differences, sums = cpu._to_hand_off(None, gpu._last, 1e-2, *at)
    first, *state = gpu._start(None, *at)
    weights, own_step, own_sums = gpu._unit_per_lane.from_reference(one, first, gpu._last, 1e-2, *state)
    assert np.array_equal(own_step, step)
    expected = cpu._reference.weights[np.minimum(step, cpu._reference.steps)] + differences
    np.testing.assert_allclose(weights, expected, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(own_sums, sums, rtol=1e-10)


@pytest.mark.parametrize("tensor_units", [False, True])
def test_a_kernel_works_out_where_it_begins(own_cache, tensor_units):
    """Starting from polynomials gives the same as starting from their values."""
    small = SmallNetwork(2, widths=(16, 16, 1), rows=8) if tensor_units else SmallNetwork(2)
    cpu = CpuPerturbation().job(*(system_of(small), View.parse("-0.618", "-0.314", "1e-3", "8x6")), None, quiet, quiet)
    ref, rng, one = cpu._reference, np.random.default_rng(6), StandIn(tensor_rows=16 * tensor_units)
    given = unit_per_lane.ReferenceArrays(
        ref.record, cpu._layout, ref.weights, np.ones((ref.steps + 1, 2)), ref.learning, ref.ratios, cpu._totals
    )
    made, size = unit_per_lane.UnitPerLane(cpu._arrays, cpu._steps, given), ref.weights.shape[1]
    start = unit_per_lane.Polynomials(rng.normal(size=(5, 3)), 1e-3 * rng.normal(size=(3, size)))
    rest = 1e-4 * rng.normal(size=(5, 2)), np.zeros((5, 1)), np.zeros((5, 4))
    found = made.from_reference(one, 1, 4, np.inf, start, *rest)
    expected = made.from_reference(one, 1, 4, np.inf, start.terms @ start.coefficients, *rest)
    assert made.in_tiles(one) == tensor_units and np.array_equal(found[1], expected[1])
    for a, b in zip(found[::2], expected[::2], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)
    assert np.abs(found[0] - ref.weights[4]).max() > 1e-4


def test_failures_fall_back_to_the_cpu(monkeypatch):
    said = []
    small = SmallNetwork(1, rows=4)
    for one in (StandIn(fails=1), StandIn(memory=64)):
        said.clear()
        gpu, cpu = jobs(GpuFloat64, CpuFloat64, small, "1e-3", monkeypatch, one, said=said.append)
        same(gpu.run(np.arange(48)), cpu.run(np.arange(48)), 0)
        assert len(said) == 1 and said[0].startswith("Running on the CPU from here on: ")


def test_short_memory_makes_smaller_batches(monkeypatch):
    small = SmallNetwork(1, rows=4)
    one = StandIn(memory=400 * 32)  # room for the sums of 400 pixels
    gpu, cpu = jobs(GpuFloat64, CpuFloat64, small, "1e-3", monkeypatch, one, size="50x40")
    same(gpu.run(np.arange(2000)), cpu.run(np.arange(2000)), 1e-9)
    assert one.launches == 8 and gpu._devices.count == 1


def test_what_does_not_fit_in_registers():
    deep, wide = (arrays_of(SmallNetwork(3, widths=w).network) for w in ((3, 4, 4, 1), (3, 40, 1)))
    assert unit_per_lane.obstacle(deep) == "the GPU's kernels for these are for networks with one hidden layer"
    assert unit_per_lane.obstacle(wide) == "the GPU's kernels for these are for networks of at most 32 hidden units"


@pytest.mark.skipif(ptx.missing() is not None, reason=str(ptx.missing()))
@pytest.mark.parametrize("name", ["tanh", *(pytest.param(n, marks=pytest.mark.slow) for n in ("linear", "relu"))])
def test_kernels_compile_for_a_gpu(name, tmp_path):
    """They fit the registers of three blocks of four warps. No part of a row goes to memory."""
    network = systems.create(name).network
    net, pixels = arrays_of(network), 2
    shape = unit_per_lane.UnitPerLane(net, 50).shape
    queue, step, sums = np.zeros(1, np.int64), np.zeros(pixels, np.int64), np.zeros((pixels, 4))
    weights, rates, offsets = start_weights(network, np.zeros((pixels, 1))), np.ones((pixels, 2)), np.ones((pixels, 1))
    plain = ptx.compiled(
        run_unit_per_lane, (queue, net, 50, weights, rates, offsets, step, sums, queue, weights[0], shape)
    )
    assert "fma.rn.f64" in plain and "div.rn.f64" not in plain.split("shfl.sync")[1]
    layout = layout_of(network)
    reference = np.ones((3, layout.size)), layout, weights, np.ones((3, 2)), np.ones(2), np.ones(3), np.ones((4, 4))
    state, none, still = (weights, rates, offsets, step, sums), (np.zeros((2, 0)),) * 2, (queue, weights[0])
    delta = ptx.compiled(
        run_unit_per_lane_delta, (queue, net, 50, 1, 3, math.inf, *reference, *state, *none, *still, shape)
    )
    for code in (plain, delta):
        registers, _, _ = ptx.figures(code, tmp_path)
        assert registers <= 255
