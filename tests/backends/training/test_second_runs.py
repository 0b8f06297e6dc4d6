"""A pixel's second run on a GPU moves differences, weights and rates by a unit in the last place, just as on the CPU.

If nothing moved, the second run would equal the first, and every pixel would pass for settled.
"""

import inspect

import numpy as np
import pytest
from lane_runs import unit_per_lane_sums
from small_network import SmallNetwork, quiet, system_of
from stand_in import StandIn

from deepzoom.backends.cpu_float64 import CpuFloat64
from deepzoom.backends.cpu_perturbation import CpuPerturbation
from deepzoom.backends.gpu import device, unit_per_lane
from deepzoom.backends.gpu_float64 import GpuFloat64
from deepzoom.backends.gpu_perturbation import GpuPerturbation
from deepzoom.backends.kernels.arithmetic.last_bit import OF_DIFFERENCES, OF_HAND_OFF, OF_WEIGHTS
from deepzoom.backends.kernels.gpu.unit_per_lane_plain import SLOPED, disturbed, put_weights, weights_at
from deepzoom.backends.training.batches import arrays_of, start_weights
from deepzoom.backends.training.expansions import disturbed as expected_of
from deepzoom.backends.training.expansions import signs
from deepzoom.compiling.jit import kernel
from deepzoom.scene.view import View

PIXELS = np.array([3, 17, 2**33 + 5, 40, 41])


def network(tensor_units):
    return SmallNetwork(2, widths=(16, 16, 1), rows=8) if tensor_units else SmallNetwork(2, widths=(3, 5, 1), rows=4)


@kernel()
def moved(weights, number, seed, places, net, shape, out):
    """A pixel's weights, moved by a unit in the last place."""
    below, above = disturbed(weights_at(weights, 0, net, shape), number, seed, places, net, shape)
    put_weights(out, 0, below, above, net, shape)


@pytest.mark.parametrize("tensor_units", [False, True])
def test_second_runs_are_moved_as_on_the_cpu(tensor_units):
    """Equal to the last bit; zero, infinities and NaN do not move."""
    small = SmallNetwork(2, widths=(16, 16, 1), rows=8) if tensor_units else SmallNetwork(2, widths=(3, 5, 2), rows=4)
    net = arrays_of(small.network)
    shape, size = (
        unit_per_lane.UnitPerLane(net, 5)._shape(StandIn(tensor_rows=16 * tensor_units)),
        sum(w.size for w in small.network.weights),
    )
    rng, out = np.random.default_rng(7), np.zeros(size)
    values = rng.normal(size=size) * 10.0 ** rng.integers(-300, 300, size)
    values[:4] = 0.0, np.inf, np.nan, 5e-324
    for number, seed in ((0, 0), (12345, 1), (2**40 + 7, 2)):
        moved(values, number, seed, np.arange(size, dtype=np.float64), net, shape, out)
        expected = expected_of(values[None], signs(np.array([number]), size, seed))[0]
        expected[1:3] = values[1:3]
        np.testing.assert_array_equal(out, expected)
        assert (out != values).sum() >= size - 3


@pytest.mark.parametrize("tensor_units", [False, True])
def test_plain_runs(tensor_units):
    small = network(tensor_units).network
    net, rng, one = arrays_of(small), np.random.default_rng(8), StandIn(tensor_rows=16 * tensor_units)
    weights = np.repeat(start_weights(small, np.zeros((1, 1))), 5, axis=0)
    rest = 10.0 ** rng.uniform(-1, 0, (5, 2)), np.zeros((5, 1)), np.zeros(5, np.int64)
    directly = expected_of(weights, signs(PIXELS, weights.shape[1], OF_WEIGHTS))
    expected = unit_per_lane_sums(net, 9, [directly, *rest], one, shadow=True)
    assert np.array_equal(unit_per_lane_sums(net, 9, [weights, *rest], one, shadow=True, moved=PIXELS), expected)
    assert np.array_equal(unit_per_lane_sums(net, 9, [weights[:1], *rest], one, shadow=True, moved=PIXELS), expected)
    assert not np.array_equal(unit_per_lane_sums(net, 9, [weights, *rest], one, shadow=True), expected)


def test_horizons():
    """In chaos a shadow run whose weights move separates from one whose weights do not."""
    view = View.parse("2.1", "0.6", "0.3", "12x12")
    cpu = CpuFloat64().job(system_of(SmallNetwork(29, widths=(3, 4, 1), rows=8, steps=150)), view, None, quiet, quiet)
    made, one, some = unit_per_lane.UnitPerLane(cpu._arrays, 150), StandIn(), np.arange(144)
    plain, shadow = cpu.handed_off(some, False), cpu.handed_off(some, True, shared=True)
    found = made.horizons(one, plain, shadow, moved=some)
    assert np.array_equal(found, made.horizons(one, plain, cpu.handed_off(some, True)))
    assert np.mean(found != made.horizons(one, plain, shadow)) > 0.3


@pytest.mark.parametrize("tensor_units", [False, True])
def test_differences(own_cache, tensor_units):
    """After a hand-off at step one the weights move once more."""
    view = View.parse("-0.618", "-0.314", "1e-3", "8x6")
    cpu = CpuPerturbation().job(system_of(network(tensor_units)), view, None, quiet, quiet)
    ref, rng, one = cpu._reference, np.random.default_rng(9), StandIn(tensor_rows=16 * tensor_units)
    given = unit_per_lane.ReferenceArrays(
        ref.record, cpu._layout, ref.weights, np.ones((ref.steps + 1, 2)), ref.learning, ref.ratios, cpu._totals
    )
    made, size = unit_per_lane.UnitPerLane(cpu._arrays, cpu._steps, given), ref.weights.shape[1]
    start = 1e-3 * rng.normal(size=(5, size))
    rest = 1e-4 * rng.normal(size=(5, 2)), np.zeros((5, 1)), np.zeros((5, 4))
    found, step, _ = made.from_reference(one, 1, 4, 0.0, start, *rest, moved=PIXELS)
    directly = expected_of(start, signs(PIXELS, size, OF_DIFFERENCES))
    once, _, _ = made.from_reference(one, 1, 4, 0.0, directly, *rest)
    assert (step == 2).all() and made.in_tiles(one) == tensor_units
    assert np.array_equal(found, expected_of(once, signs(PIXELS, size, OF_HAND_OFF)))


class Listening(StandIn):
    """A stand-in that keeps the arguments of what it launches, by name."""

    def launch(self, kernel, arguments, threads, registers=None):
        names = inspect.signature(kernel.py_func).parameters
        kept = [np.copy(a) if isinstance(a, np.ndarray) else a for a in arguments]
        self.launched.append(dict(zip(names, kept, strict=True)))
        super().launch(kernel, arguments, threads, registers)


@pytest.mark.parametrize("tensor_units", [False, True])
@pytest.mark.parametrize("depth", ["1e-3", "1e-12"])
def test_jobs(own_cache, monkeypatch, tensor_units, depth):
    """The arguments that jobs give to the kernels of second runs and of horizons."""
    one, view = Listening(tensor_rows=16 * tensor_units), View.parse("-0.618", "-0.314", depth, "8x6")
    monkeypatch.setattr(device, "opened", lambda: [one])
    both = (GpuFloat64, CpuFloat64) if depth == "1e-3" else (GpuPerturbation, CpuPerturbation)
    gpu, cpu = (b().job(system_of(network(tensor_units)), view, None, quiet, quiet) for b in both)
    some = np.arange(0, 48, 7)
    expected = cpu.handed_off(some, True)
    places = np.arange(expected[0].shape[1])
    for second in (gpu.shadow, gpu.horizon):
        one.launched = []
        second(some)
        *deltas, last = one.launched
        weights, rates = last["shadow"][:2] if "shadow" in last else (last["weights"], last["rates"])
        assert (
            np.array_equal(rates, expected[1]) and len(last["sloped" if "sloped" in last else "shape"].kind) == SLOPED
        )
        if depth == "1e-3":
            assert len(weights) == 1 and not deltas
            mover = last
        else:
            assert last["numbers"].size == 0 and gpu._skip is not None
            mover, (by, at) = deltas[-1], cpu._differences(some, True)
            moved = cpu._start(cpu._skip, by, at, signs(some, places.size, OF_DIFFERENCES))[2]
            assert np.array_equal(mover["rates"], moved) and not np.array_equal(moved, cpu._parameters(by)[0])
        assert np.array_equal(mover["numbers"], some) and np.array_equal(mover["places"], places)
