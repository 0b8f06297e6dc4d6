"""Expansions against mpmath, and training steps with several limbs against the exact definition."""

from __future__ import annotations

import math

import mpmath
import numba
import numpy as np
import pytest
from small_network import KINDS, SmallNetwork

from deepzoom.arithmetic.exact import Exact
from deepzoom.backends.kernels.arithmetic.expansion import load_expansion, minus, over, plus, store_expansion, times
from deepzoom.backends.kernels.arithmetic.expansion_tanh import tanh_expansion
from deepzoom.backends.kernels.arithmetic.simd import LANES
from deepzoom.backends.kernels.training.expansion_run import run_expansions
from deepzoom.backends.training import expansions as numpy_limbs
from deepzoom.backends.training.batches import arrays_of
from deepzoom.backends.training.network_expansions import constants_of
from deepzoom.backends.training.traced_runs import NONE
from deepzoom.systems.training_run import ExactRun

LANE_COUNT = int(LANES)
COUNT = 40 * LANE_COUNT


@numba.njit
def tanh_of(a, b):
    return tanh_expansion(a, b)[0]


@numba.njit
def slope_of(a, b):
    return tanh_expansion(a, b)[1]


def applied(operation):
    @numba.njit(error_model="numpy")
    def run(a, b, out, kind):
        place = len(kind) * LANES
        for i in range(0, a.size, place):
            store_expansion(out, i, operation(load_expansion(a, i, kind), load_expansion(b, i, kind)))

    return run


OPERATIONS = {
    "plus": (applied(numba.njit(lambda a, b: plus(a, b))), lambda x, y: x + y, lambda x, y: abs(x) + abs(y)),
    "minus": (applied(numba.njit(lambda a, b: minus(a, b))), lambda x, y: x - y, lambda x, y: abs(x) + abs(y)),
    "times": (applied(numba.njit(lambda a, b: times(a, b))), lambda x, y: x * y, lambda x, y: abs(x * y)),
    "over": (applied(numba.njit(lambda a, b: over(a, b))), lambda x, y: x / y, lambda x, y: abs(x / y)),
    "tanh": (
        applied(tanh_of),
        lambda x, y: mpmath.tanh(x * mpmath.log(2) / 2),
        lambda x, y: abs(mpmath.tanh(x * mpmath.log(2) / 2)),
    ),
    "slope": (
        applied(slope_of),
        lambda x, y: mpmath.sech(x * mpmath.log(2) / 2) ** 2,
        lambda x, y: mpmath.sech(x * mpmath.log(2) / 2) ** 2 * max(1, abs(x) / 90),  # |x| is its condition
    ),
}


def random_numbers(rng, limbs, scale):
    """(values as mpf, the same values as an array of limbs, one lane each)."""
    values, array = [], np.zeros((COUNT // LANE_COUNT, limbs, LANE_COUNT))
    for i in range(COUNT // LANE_COUNT):
        for lane in range(LANE_COUNT):
            rest = mpmath.mpf(scale * rng.normal())
            for k in range(1, limbs):
                rest *= 1 + mpmath.mpf(rng.uniform(-1, 1)) * mpmath.mpf(2) ** (-53 * k)
            value = mpmath.mpf(0)
            for k in range(limbs):
                array[i, k, lane] = float(rest - value)
                value += array[i, k, lane]
            values.append(value)
    return values, array.ravel()


@pytest.mark.parametrize("limbs", [1, 2, 4, 8])
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_keep_all_limbs_but_some_bits(name, limbs):
    run, true, size = OPERATIONS[name]
    rng = np.random.default_rng(limbs)
    with mpmath.workprec(600):
        for scale in (1e-9, 1.0, 90.0, 270.0):
            (x, a), (y, b) = random_numbers(rng, limbs, scale), random_numbers(rng, limbs, 1.0)
            out = np.empty_like(a)
            run(a, b, out, (0.0,) * limbs)
            parts = out.reshape(-1, limbs, LANE_COUNT)
            found = [sum(map(mpmath.mpf, parts[i, :, lane])) for i in range(len(parts)) for lane in range(LANE_COUNT)]
            bound, least = mpmath.mpf(2) ** (-53 * limbs + 8), mpmath.mpf(2) ** -1070  # of a limb
            assert all(abs(f - true(*p)) <= bound * size(*p) + least for f, p in zip(found, zip(x, y)))


def test_tanh_of_many_limbs_keeps_zero_nan_and_saturation():
    a = np.zeros((1, 2, LANE_COUNT))
    a[0, 0, :4] = np.nan, 900.0, -1e300, 0.0
    tanh, slope = np.empty(a.size), np.empty(a.size)
    OPERATIONS["tanh"][0](a.ravel(), a.ravel(), tanh, (0.0, 0.0))
    OPERATIONS["slope"][0](a.ravel(), a.ravel(), slope, (0.0, 0.0))
    assert np.array_equal(tanh[:4], [np.nan, 1.0, -1.0, 0.0], equal_nan=True)
    assert slope[1] == pytest.approx(4 * 2.0**-900, rel=1e-15) and slope[2] == 0.0 and slope[3] == 1.0


@pytest.mark.parametrize("kind", KINDS, ids=[k.replace(" ", "-") for k in KINDS])
@pytest.mark.parametrize("limbs", [1, 2, 4])
def test_steps_equal_the_definition_exactly_evaluated(kind, limbs):
    """20 steps of more pixels than lanes: weights are right to nearly all bits of all limbs."""
    small = SmallNetwork(41, steps=20, **KINDS[kind])
    network, pixels, bits = small.network, LANE_COUNT + 3, 53 * limbs + 90
    rng = np.random.default_rng(5)
    points = [(float(x), float(y)) for x, y in rng.uniform(-1.5, 0.3, (pixels, 2))]
    runs = [ExactRun(network, *map(_rational, point), bits) for point in points]

    def stacked(values):
        return np.stack([numpy_limbs.of_exact(v, limbs) for v in values]).reshape(pixels, -1)

    weights = np.concatenate([stacked([r.weights[k] for r in runs]) for k in range(len(network.weights))], axis=1)
    rates = np.concatenate([stacked([r.rates.learning[k] for r in runs]) for k in range(len(network.weights))], axis=1)
    offsets = np.zeros((pixels, limbs)) if network.offset is None else stacked([r.rates.offset for r in runs])
    step, sums = np.zeros(pixels, dtype=np.int64), np.zeros((pixels, 4))
    state = weights, rates, offsets, step, sums
    ran = run_expansions(arrays_of(network), constants_of(network, limbs), small.steps, *state, NONE, (0.0,) * limbs)
    assert ran == pixels * small.steps and np.all(step == small.steps)
    for p, run in enumerate(runs):
        first = run.advance().loss
        for _ in range(small.steps - 1):
            run.advance()
        assert sums[p, 0] == pytest.approx(float(first.floats()), rel=1e-13)
        found = weights[p].reshape(-1, limbs)
        true = np.concatenate([numpy_limbs.of_exact(w, limbs).reshape(-1, limbs) for w in run.weights])
        apart = max(abs(math.fsum([*f, *-t])) for f, t in zip(found, true))
        assert apart <= 2.0 ** (-53 * limbs + 14) * np.abs(true).max()


def _rational(value):
    from gmpy2 import mpq

    return mpq(value)


def test_limbs_in_numpy():
    rng = np.random.default_rng(3)
    start = Exact.of(rng.normal(size=5), 300) / 3.0
    base = numpy_limbs.of_exact(start, 3)
    small = rng.normal(size=(4, 5)) * 1e-25
    found = numpy_limbs.plus(base, small)
    assert found.shape == (4, 5, 3)
    with mpmath.workprec(500):
        for p in range(4):
            for i in range(5):
                true = sum(map(mpmath.mpf, base[i])) + mpmath.mpf(small[p, i])
                assert abs(sum(map(mpmath.mpf, found[p, i])) - true) <= mpmath.mpf(2) ** -155 * abs(true)
        ten = sum(map(mpmath.mpf, numpy_limbs.power_of_ten(_rational("-1/3"), 4)))
        assert abs(ten - mpmath.power(10, mpmath.mpf(-1) / 3)) <= mpmath.mpf(2) ** -210


def test_constants_hold_all_their_limbs():
    network = SmallNetwork(1).network
    constants = constants_of(network, 4)
    with mpmath.workprec(400):
        for found, true in (
            (constants.scales[0], mpmath.sqrt(mpmath.mpf(2) / 3)),
            (constants.factors[0], mpmath.sqrt(mpmath.mpf(2) / 3) * 2 / mpmath.log(2)),
            (constants.factors[1], mpmath.mpf(1) / 4),
        ):
            assert abs(sum(map(mpmath.mpf, found)) - true) <= mpmath.mpf(2) ** -210 * true


def test_signs_belong_to_the_pixel():
    pixels = np.array([3, 77, 1000])
    all_of_them = numpy_limbs.signs(pixels, 9, 1)
    assert np.array_equal(numpy_limbs.signs(pixels[1:2], 9, 1), all_of_them[1:2])
    many = numpy_limbs.signs(np.arange(2000), 9, 1)
    assert set(np.unique(many)) == {-1.0, 1.0} and np.all(np.abs(many.mean(axis=0)) < 0.1)
    assert not np.array_equal(many, numpy_limbs.signs(np.arange(2000), 9, 2))
    assert np.array_equal(numpy_limbs.disturbed(np.array([1.0, 0.0]), np.array([1.0, 1.0])), [1.0 + 2.0**-52, 0.0])


def test_bits_before_the_smallest_number():
    assert numpy_limbs.bits_before(np.array([3.0, -1e-40, 0.0, np.inf])) == 132
    assert numpy_limbs.bits_before(np.array([0.0, 5.0])) == 0
