"""A pixel in each warp, products by tensor cores: kernels compiled for the CPU, against NumPy and the CPU's kernels.

On the CPU, NVIDIA's tables say which lane holds which element.
"""

import re

import numpy as np
import ptx
import pytest
from escape_jobs import slow_if
from lane_runs import same, unit_per_lane_sums
from small_network import SmallNetwork, quiet, system_of
from stand_in import StandIn
from warp_products import EIGHT, FOUR, WARP, product

from deepzoom import systems
from deepzoom.backends.cpu_float64 import CpuFloat64
from deepzoom.backends.cpu_perturbation import CpuPerturbation
from deepzoom.backends.gpu import device, unit_per_lane
from deepzoom.backends.gpu.pixel_per_warp import fits, in_pairs, record_in_tiles, tiled
from deepzoom.backends.gpu_float64 import GpuFloat64
from deepzoom.backends.gpu_perturbation import GpuPerturbation
from deepzoom.backends.kernels.gpu.tensor_cores import (
    packed,
    put_fragment,
    sum_columns,
    sum_rows,
)
from deepzoom.backends.kernels.gpu.unit_per_lane_delta import run_unit_per_lane_delta
from deepzoom.backends.kernels.gpu.unit_per_lane_plain import run_unit_per_lane
from deepzoom.backends.kernels.training import convergence_measure
from deepzoom.backends.kernels.training.plain_run import run_plain
from deepzoom.backends.training.batches import arrays_of, layout_of, start_weights
from deepzoom.compiling.jit import kernel
from deepzoom.scene.view import View

PUBLISHED = ["tanh", "linear", "relu", "weight-init", "minibatch"]


@kernel()
def sums(values, rows, columns, distances, four):
    """Every lane's sums over the rows and over the columns that the lanes hold; values: as ``packed`` reads them."""
    found = packed(values, 0, four, distances)
    put_fragment(rows, 0, (16, 4, 1, 2), sum_rows(found), distances)
    put_fragment(columns, 0, (16, 4, 1, 2), sum_columns(found), distances)


def test_products_of_a_warp():
    """NVIDIA's tables say what a lane holds: row g + 8 u and column q + 4 i of A, and so on."""
    rng = np.random.default_rng(1)
    a, b, c = rng.normal(size=(16, 16)), rng.normal(size=(16, 8)), rng.normal(size=(16, 8))
    # element n of B is row q + 4 n: its lowest bit counts 4 rows, the others 8
    found = np.zeros(128)
    product(a.ravel(), b.ravel(), c.ravel(), found, WARP, FOUR, EIGHT, EIGHT)
    np.testing.assert_allclose(found.reshape(16, 8), c + a @ b, rtol=1e-13, atol=1e-13)


def test_sums_over_lanes():
    held = np.random.default_rng(2).normal(size=(32, 4))
    rows, columns = np.zeros(128), np.zeros(128)
    sums(in_pairs(held), rows, columns, WARP, FOUR)
    by_lane = held.reshape(8, 4, 4)
    np.testing.assert_allclose(rows.reshape(8, 4, 4), np.broadcast_to(by_lane.sum(axis=0), (8, 4, 4)))
    np.testing.assert_allclose(columns.reshape(8, 4, 4), np.broadcast_to(by_lane.sum(axis=1)[:, None], (8, 4, 4)))


def test_which_networks_they_serve():
    assert [fits(arrays_of(systems.create(n).network)) for n in (*PUBLISHED, "single-datapoint")] == [True] * 5 + [
        False
    ]
    assert not fits(arrays_of(SmallNetwork(1, widths=(16, 16, 1), rows=12).network))
    assert not fits(arrays_of(SmallNetwork(1, widths=(16, 16, 2), rows=16).network))


# "linear" and "relu" differ from "tanh" in the activation, "minibatch" in its rows, and each has kernels of its own
@pytest.fixture(params=[pytest.param(n, marks=slow_if(n in ("linear", "relu", "minibatch"))) for n in PUBLISHED])
def name(request):
    return request.param


@pytest.fixture
def published(name):
    return systems.create(name, steps=60)


@pytest.fixture
def warps():
    return StandIn(tensor_rows=16)


def test_plain_steps(published, warps):
    """More pixels than warps, on two threads, some already done: the sums equal those of the CPU's kernel."""
    network, steps, pixels = published.network, 60, 23
    net, rng = arrays_of(network), np.random.default_rng(3)
    offsets = np.full((pixels, 1), 0.01) if network.offset else np.zeros((pixels, 1))
    state = start_weights(network, offsets), 10.0 ** rng.uniform(-2, 1, (pixels, 2)), offsets
    begun = rng.choice([0, 0, steps], size=pixels)
    expected = [v.copy() for v in (*state, begun, np.zeros((pixels, 4)))]
    frozen, _ = run_plain(net, steps, *expected)
    there = unit_per_lane_sums(net, steps, [*state, begun], warps)
    live = ~frozen & (begun == 0)
    close = np.abs(there - expected[4]) <= 1e-9 * np.abs(expected[4])
    assert live.sum() > 8 and close[live].all(axis=1).mean() > 0.9
    assert not there[begun > 0].any()


def test_a_step_of_random_weights(published, warps):
    """Two steps from random weights agree to rounding: no symmetry hides an element in the wrong place."""
    network = published.network
    net, rng = arrays_of(network), np.random.default_rng(4)
    state = rng.normal(size=(7, 272)), 10.0 ** rng.uniform(-3, -1, (7, 2)), rng.normal(size=(7, 1)) * 0.1
    expected = [v.copy() for v in (*state, np.zeros(7, np.int64), np.zeros((7, 4)))]
    run_plain(net, 2, *expected)
    there = unit_per_lane_sums(net, 2, [*state, np.zeros(7, np.int64)], warps)
    np.testing.assert_allclose(there[:, :3], expected[4][:, :3], rtol=1e-12)


@pytest.mark.parametrize("depth", ["1e-3", "1e-20", "1e-200"])
def test_differences(name, warps, own_cache, depth):
    """Differences from the reference run after some steps, compared without that run: it would hide them."""
    published = systems.create(name, steps=12)  # as many as the test needs: exact steps take long
    view = View.parse("-0.61803398874989", "-0.3141592653589793", depth, "8x6")
    cpu = CpuPerturbation().job(published, view, None, quiet, quiet)
    first, last, ref, pixels = 0, 9, cpu._reference, np.random.default_rng(5).choice(48, 11, replace=False)
    weights = ref.weights.copy()
    weights[last], cpu._totals[last, convergence_measure.SUM :] = 0.0, 0.0
    at = cpu._differences(pixels)
    _, expected, sums = cpu._to_hand_off(None, last, np.inf, *at)
    given = unit_per_lane.ReferenceArrays(
        ref.record, cpu._layout, weights, np.ones((len(weights), 2)), ref.learning, ref.ratios, cpu._totals
    )
    made = unit_per_lane.UnitPerLane(cpu._arrays, published.steps, given)
    _, *state = cpu._start(None, *at)
    there, step, own = made.from_reference(warps, first, last, np.inf, *state)
    assert made.in_tiles(warps) and (step == last).all()
    # each weight to a few rounding errors of its pixel's largest weight
    assert (np.abs(there - expected) <= 1e-12 * np.abs(expected).max(axis=1, keepdims=True)).all()
    np.testing.assert_allclose(own[:, convergence_measure.SUM :], sums[:, convergence_measure.SUM :], rtol=1e-9)


def test_jobs(published, warps, monkeypatch, own_cache):
    """Pixels, their second runs and their horizons."""
    monkeypatch.setattr(device, "opened", lambda: [warps])
    for gpu, cpu, depth in ((GpuFloat64, CpuFloat64, "1e-3"), (GpuPerturbation, CpuPerturbation, "1e-9")):
        view = View.parse("-0.61803398874989", "-0.3141592653589793", depth, "8x6")
        mine, theirs = (b().job(published, view, None, quiet, quiet) for b in (gpu, cpu))
        some = np.arange(0, 48, 5)
        same(mine.run(some), theirs.run(some), 1e-9)
        same(mine.shadow(some), theirs.shadow(some), 1e-9)
        assert np.array_equal(mine.horizon(some), theirs.horizon(some))
        assert mine._devices.count == 1 and mine._unit_per_lane.in_tiles(warps)


def test_more_digits_stay_in_lanes(warps, monkeypatch):
    """Runs that have no kernel for tiles read rows."""
    monkeypatch.setattr(device, "opened", lambda: [warps])
    system = system_of(SmallNetwork(1, widths=(16, 16, 1), rows=8))
    view = View.parse("-0.61803398874989", "-0.3141592653589793", "1e-3", "8x6")
    mine, theirs = (b().job(system, view, None, quiet, quiet) for b in (GpuFloat64, CpuFloat64))
    some = np.arange(4)
    assert mine._unit_per_lane.in_tiles(warps)
    same(mine.run(some), theirs.run(some), 1e-9)
    same(mine.retry(some, 0), theirs.retry(some, 0), 1e-9)


@pytest.mark.skipif(ptx.missing() is not None, reason=str(ptx.missing()))
@pytest.mark.parametrize("name", ["tanh", *(pytest.param(n, marks=pytest.mark.slow) for n in ("relu", "minibatch"))])
def test_kernels_compile_for_a_gpu(name, tmp_path):
    """They use each GPU's own instructions, even one after another in a process.

    They fit the registers of four blocks of four warps, so no part of a tile goes to memory.
    """
    network = systems.create(name).network
    net, layout, pixels = arrays_of(network), layout_of(network), 2
    queue, step, sums = np.zeros(1, np.int64), np.zeros(pixels, np.int64), np.zeros((pixels, 4))
    weights, rates, offsets = start_weights(network, np.zeros((pixels, 1))), np.ones((pixels, 2)), np.ones((pixels, 1))
    state, still = (weights, rates, offsets, step, sums), (queue, weights[0])
    record = record_in_tiles(np.ones((3, layout.size)), layout, net)
    reference = *record, weights, np.ones((3, 2)), np.ones(2), np.ones(3), np.ones((4, 4))
    given = *reference, *state, *(np.zeros((2, 0)),) * 2, *still
    for rows, capability, instructions in ((16, (9, 0), {"m16n8k16", "m16n8k8"}), (8, (8, 0), {"m8n8k4"})):
        shape = unit_per_lane.UnitPerLane(net, 50)._shape(StandIn(tensor_rows=rows))
        plain = ptx.compiled(run_unit_per_lane, (queue, tiled(net), 50, *state, *still, shape), capability)
        delta = ptx.compiled(run_unit_per_lane_delta, (queue, tiled(net), 50, 1, 3, np.inf, *given, shape), capability)
        for code in (plain, delta):
            assert set(re.findall(r"mma\.sync\.aligned\.(\w+)", code)) == instructions
            # in the delta kernel, values that wait for the end of a step do spill
            assert ptx.figures(code, tmp_path, capability, most=128)[1] <= (0 if code is plain else 256)
