"""Training pixels with several limbs and a hidden unit in each lane: the GPU's kernel, compiled for the CPU."""

from dataclasses import replace

import numpy as np
import ptx
import pytest
from gmpy2 import mpq
from settled_runs import chaos, same, window
from small_network import ONE_HIDDEN, STANDS_FOR, SmallNetwork, quiet, system_of
from stand_in import StandIn

from deepzoom import landmarks, systems
from deepzoom.backends.base import AGREEMENT, SETTLED
from deepzoom.backends.cpu_float64 import CpuFloat64
from deepzoom.backends.cpu_perturbation import CpuPerturbation
from deepzoom.backends.gpu import device, unit_per_lane
from deepzoom.backends.gpu_float64 import GpuFloat64
from deepzoom.backends.gpu_perturbation import GpuPerturbation
from deepzoom.backends.kernels.gpu.lane_columns import put_columns
from deepzoom.backends.kernels.gpu.unit_per_lane_expansions import (
    expansion_factors,
    run_unit_per_lane_expansions,
    unit_per_lane_expansions_step,
)
from deepzoom.backends.training import expansions as numpy_limbs
from deepzoom.backends.training.batches import arrays_of
from deepzoom.backends.training.network_expansions import constants_of
from deepzoom.compiling.jit import kernel
from deepzoom.rendering.render import render
from deepzoom.scene.view import View
from deepzoom.systems.training_run import ExactRun

__all__ = ["chaos"]


@kernel()
def all_steps(net, constants, steps, weights, rates, offsets, losses, shape, kind):
    """(factors in place of weights, losses (P, steps) before each step), after each pixel has run its steps."""
    n, width, k, limbs, lanes = len(shape.inputs), net.widths[1], len(shape.outputs), len(kind), shape.distances
    for p in range(weights.shape[0]):
        below, above, rate_below, rate_above, offset = expansion_factors(
            net, constants, weights, rates, offsets, p, shape, kind,
        )  # fmt: skip
        for t in range(steps):
            loss, below, above = unit_per_lane_expansions_step(
                net, t, below, above, rate_below, rate_above, offset, shape, kind
            )
            put_columns(losses, p * steps + t, 0, 0, 1, (loss,), lanes)
        start = p * (n + k) * width * limbs
        for i in range(n):
            put_columns(weights, start + i * width * limbs, 1, limbs, width, below[i], lanes)
        for i in range(k):
            put_columns(weights, start + (n * width + i) * limbs, 1, k * limbs, width, above[i], lanes)


STEPS, BITS = 20, 120
CASES = [
    *(pytest.param(name, 2, marks=[pytest.mark.slow] if name in STANDS_FOR else []) for name in ONE_HIDDEN),
    ("tanh", 4), pytest.param("two outputs", 4, marks=pytest.mark.slow),
]  # fmt: skip


@pytest.mark.parametrize(("name", "limbs"), CASES)
def test_steps_equal_the_definition_exactly_evaluated(name, limbs):
    """Factors are right to nearly all bits of all limbs, losses to those of float64."""
    network = SmallNetwork(41, **(ONE_HIDDEN[name] | {"steps": STEPS})).network
    net, constants, pixels = arrays_of(network), constants_of(network, limbs), 5
    points = [tuple(map(mpq, point)) for point in np.random.default_rng(5).uniform(-1.5, 0.3, (pixels, 2)).tolist()]
    runs = [ExactRun(network, *point, 53 * limbs + BITS) for point in points]

    def stacked(values):
        return np.stack([numpy_limbs.of_exact(v, limbs) for v in values]).reshape(pixels, -1)

    weights = np.concatenate([stacked([r.weights[k] for r in runs]) for k in (0, 1)], axis=1)
    rates = np.concatenate([stacked([r.rates.learning[k] for r in runs]) for k in (0, 1)], axis=1)
    offsets = np.zeros((pixels, limbs)) if network.offset is None else stacked([r.rates.offset for r in runs])
    losses = np.zeros((pixels, STEPS))
    shape = unit_per_lane.UnitPerLane(net, STEPS).shape
    all_steps(net, constants, STEPS, weights, rates, offsets, losses, shape, (0.0,) * limbs)
    factors = [sum(map(mpq, c)) for c in constants.factors]
    for p, run in enumerate(runs):
        true = [float(run.advance().loss.floats()) for _ in range(STEPS)]
        np.testing.assert_allclose(losses[p], true, rtol=1e-13)
        found = [sum(map(mpq, w)) for w in weights[p].reshape(-1, limbs).tolist()]
        exact = [
            sum(map(mpq, w)) * factor
            for layer, factor in zip(run.weights, factors)
            for w in numpy_limbs.of_exact(layer, limbs + 1).reshape(-1, limbs + 1).tolist()
        ]
        apart = max(abs(f - e) for f, e in zip(found, exact, strict=True))
        assert apart <= mpq(2) ** (-53 * limbs + 14) * max(map(abs, exact))


PUBLISHED = ["tanh", "linear", "relu", "single-datapoint", "minibatch", "weight-init"]


def both(name, steps, view, monkeypatch, one, kinds=(GpuFloat64, CpuFloat64)):
    monkeypatch.setattr(device, "opened", lambda: [one])
    return (b().job(systems.create(name, steps=steps), view, None, quiet, quiet) for b in kinds)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in ("tanh", "linear", "relu") else ()) for n in PUBLISHED]
)
def test_published_windows(name, monkeypatch):
    """Published networks, before chaos has grown: the CPU's numbers to the last bits of float64.

    tanh runs to its end below. Each activation has kernels of its own; small networks run them above.
    """
    gpu, cpu = both(name, 60, window(name), monkeypatch, one := StandIn())
    pixels = np.array([3, 66, 101])
    same(gpu.retry(pixels, 0), cpu.retry(pixels, 0), 1e-14)
    assert one.launches == 1


@pytest.mark.parametrize("name", ["tanh", *(pytest.param(n, marks=pytest.mark.slow) for n in PUBLISHED[1:])])
def test_whole_published_runs(name, monkeypatch):
    """Sums in another order, then chaos: both backends agree as well as the two runs of a settled pixel do."""
    gpu, cpu = both(name, None, window(name), monkeypatch, StandIn())
    pixels = np.array([3, 101])
    same(gpu.retry(pixels, 0), cpu.retry(pixels, 0), AGREEMENT)


@pytest.mark.parametrize("rung", [0, 1])
def test_deep_pixels(monkeypatch, own_cache, rung):
    """At 1e-20: double-double starts where the pixels leave the reference run, quad-double at the first step."""
    view = View.parse("2.03751234567890123", "0.61251234567890123", "1e-20", "8x6")
    monkeypatch.setattr(device, "opened", lambda: [one])
    one, system = StandIn(), system_of(SmallNetwork(29, widths=(3, 4, 1), rows=8))
    gpu, cpu = (b().job(system, view, None, quiet, quiet) for b in (GpuPerturbation, CpuPerturbation))
    same(gpu.retry(np.arange(48), rung), cpu.retry(np.arange(48), rung), 1e-13)
    assert one.launches == 1 and [s.step > 0 for s in gpu._higher_precision._starts.values()] == [rung == 0]


@pytest.mark.slow
def test_deep_published_pixels(monkeypatch, own_cache):
    place = landmarks.get("tanh-deep")
    view = View.parse(place.x, place.y, "1e-20", "16x12")
    gpu, cpu = both("tanh", place.steps, view, monkeypatch, StandIn(), (GpuPerturbation, CpuPerturbation))
    same(gpu.retry(np.array([3, 101]), 0), cpu.retry(np.array([3, 101]), 0), AGREEMENT)


def test_a_settled_picture(own_cache, monkeypatch, chaos):
    """A whole render with ``--trust settle``. The stand-in runs the rungs that have a GPU kernel."""
    monkeypatch.setattr(device, "obstacle", lambda: None)
    monkeypatch.setattr(device, "opened", lambda: [one])
    one, launched = StandIn(), []
    launch = one.launch
    one.launch = lambda kernel, *given: launched.append(kernel) or launch(kernel, *given)
    gpu, cpu = (render(replace(chaos, backend=b)).field for b in ("gpu-float64", "cpu-float64"))
    assert launched.count(run_unit_per_lane_expansions) >= 2 and gpu.rung.max() >= 2
    assert np.all(gpu.trust == 1) and np.array_equal(gpu.trust, cpu.trust) and np.array_equal(gpu.fate, cpu.fate)
    np.testing.assert_allclose(gpu.measure, cpu.measure, rtol=SETTLED)
    again = (gpu.rung > 0) & (cpu.rung > 0)
    assert again.sum() > 30
    # two runs of a pixel agreed to AGREEMENT; a third with other sums may be a few times as far away
    np.testing.assert_allclose(gpu.measure[again], cpu.measure[again], rtol=10 * AGREEMENT)


def test_the_cpu_goes_on(monkeypatch):
    said = []
    for one in (StandIn(fails=1), StandIn(memory=64)):
        said.clear()
        gpu, cpu = both("linear", 30, window("linear"), monkeypatch, one)
        gpu._devices._say = said.append
        found, expected = gpu.retry(np.array([3, 5]), 0), cpu.retry(np.array([3, 5]), 0)
        assert np.array_equal(found.measure, expected.measure) and np.array_equal(found.trust, expected.trust)
        assert len(said) == 1 and said[0].startswith("Running on the CPU from here on: ")
        assert [gpu.retry_batch_size(rung) for rung in range(4)] == [cpu.retry_batch_size(rung) for rung in range(4)]


def test_batches_fill_a_gpu_where_it_has_a_kernel(monkeypatch):
    gpu, cpu = both("linear", 30, window("linear"), monkeypatch, StandIn())
    assert [gpu.retry_batch_size(rung) > 500 for rung in range(4)] == [True, True, False, False]
    assert [gpu.retry_batch_size(rung) for rung in (2, 3)] == [cpu.retry_batch_size(rung) for rung in (2, 3)]


@pytest.mark.skipif(ptx.missing() is not None, reason=str(ptx.missing()))
@pytest.mark.parametrize(("limbs", "most"), [(2, 64), pytest.param(4, 8192, marks=pytest.mark.slow)])
def test_kernel_compiles_for_a_gpu(limbs, most, tmp_path):
    """Only the product of the mean loss may be fused; double-double stays in registers."""
    network = systems.create("tanh").network
    net, pixels = arrays_of(network), 2
    queue, step, sums = np.zeros(1, np.int64), np.zeros(pixels, np.int64), np.zeros((pixels, 4))
    state = np.ones((pixels, 272 * limbs)), np.ones((pixels, 2 * limbs)), np.ones((pixels, limbs)), step, sums
    shape = unit_per_lane.UnitPerLane(net, 50).shape
    given = queue, net, constants_of(network, limbs), 50, *state, shape, (0.0,) * limbs
    code = ptx.compiled(run_unit_per_lane_expansions, given)
    assert code.count("mul.f64") == 1 and code.count("mul.rn.f64") > 100
    assert ptx.figures(code, tmp_path)[1] <= most
