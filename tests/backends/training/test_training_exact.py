"""Exact pixels of training systems against mpmath, where fixed point alone would be wrong and sure of itself."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import mpmath
import numpy as np
import oracle
import pytest
from small_network import SmallNetwork

from deepzoom.arithmetic import tanh_slope as tanh_slopes
from deepzoom.arithmetic.delta import Delta
from deepzoom.arithmetic.difference import Batch
from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.scaled import Scaled
from deepzoom.arithmetic.tanh_slope import tanh_slope
from deepzoom.backends.training.exact import LIMBS_OF_RUNGS, ExactTrainingJob
from deepzoom.backends.training.higher_precision import LIMBS, HigherPrecision
from deepzoom.scene.scene import View
from deepzoom.systems.convergence import LAST
from deepzoom.systems.training_run import ExactRun

X, Y, STEPS = "1.6982757847364192", "3.309326185526009", 60


def _system(small):
    """What an exact job needs of a system."""
    network = small.network
    return SimpleNamespace(
        network=network, steps=STEPS, last=LAST, rate_bits=network.rate_bits, exact_run=partial(ExactRun, network),
        ends=range(0), basin=lambda run: 0,
    )  # fmt: skip


def pixel_of(small):
    """Measure and trust of the exact backend, and the oracle's measure with slopes of any size."""
    view = View.parse(X, Y, "1e-6", "1x1")
    got = ExactTrainingJob(_system(small), view, None).run(np.array([0]))
    with mpmath.workprec(1600):
        losses, _ = small.oracle(mpmath.mpf(view.x.numerator) / view.x.denominator, mpmath.mpf(Y), STEPS)
        return got.measure[0], got.trust[0], float(oracle.measure(losses))


def test_slopes_below_the_last_bit_count_where_the_loss_has_grown(monkeypatch):
    # of 120 random networks at large rates, the one where two short runs agree and are wrong
    small = SmallNetwork(27, widths=(3, 4, 1), rows=4, steps=STEPS)
    measure, trust, true = pixel_of(small)
    assert trust == 1
    assert measure == pytest.approx(true, rel=1e-9)
    monkeypatch.setattr(tanh_slopes, "tanh_slope", lambda h: 1.0 - h * h)
    measure, trust, true = pixel_of(small)
    assert trust == 1
    assert abs(measure - true) > 1e-7 * abs(true)


def test_a_claim_is_judged_by_one_run_of_more_bits_where_that_agrees(monkeypatch):
    small = SmallNetwork(27, widths=(3, 4, 1), rows=4, steps=STEPS)
    job = ExactTrainingJob(_system(small), View.parse("-1", "0.5", "1", "2x2"), None)
    pixels, rungs = np.arange(4), np.array([0, 1, 4, 0], np.int8)
    true = job.run(pixels)
    assert np.all(true.trust == 1)
    claimed = replace(true, measure=true.measure * [1 + 1e-9, 1 - 1e-9, 1, 1 + 1e-5])
    bits, once = [], job._ended
    monkeypatch.setattr(job, "_ended", lambda pixel, b: bits.append((pixel, b)) or once(pixel, b))
    found = job.judged(pixels, claimed, rungs)
    np.testing.assert_allclose(found.measure, true.measure, rtol=1e-9)
    assert np.array_equal(found.fate, true.fate) and np.all(found.trust == 1)
    of = [[b - job.facts.bits for p, b in bits if p == pixel] for pixel in range(4)]
    assert of[0] == [53] and of[1] == [106]
    assert of[2][0] == 0 and of[3][0] == 53 and all(len(found) >= 2 and found[1] > found[0] for found in of[2:])


def test_rungs_have_the_limbs_that_judging_takes_them_to_have():
    assert LIMBS == {"double-double": 2, "quad-double": 4, "octo-double": 8} and LIMBS_OF_RUNGS[0] == 1
    assert HigherPrecision.rungs == (*LIMBS, "exact arithmetic")


Z = [0.0, 1e-9, -0.3, 0.34, -0.35, 1.0, -7.5, 40.0, 500.0, -3000.0, 2.0**15 * 0.69]


def slope_times(grown: int, z: float) -> mpmath.mpf:
    return mpmath.ldexp(mpmath.sech(mpmath.mpf(z)) ** 2, grown)


@pytest.mark.parametrize("bits", [60, 104, 500])
@pytest.mark.parametrize("grown", [0, 1, 200, 900])
def test_slopes_keep_their_leading_bits_however_small_they_are(bits, grown):
    slope = tanh_slope(np.tanh(Exact.of(np.array(Z), bits)))
    number = Exact.from_integers([1 << (slope.mantissa.bits + grown)] * len(Z), (len(Z),), slope.mantissa.point)
    got = (number * slope, slope * number)
    with mpmath.workprec(4 * bits + 4000):
        for product in got:
            for integer, z in zip(product.integers(), Z):
                true = slope_times(grown, z)
                # z itself has no error; a unit of the last bit, and of the mantissa's
                error = abs(mpmath.ldexp(mpmath.mpf(integer), -product.bits) - true)
                assert error <= mpmath.ldexp(1, -bits) * (2 + 8 * true)
        true = [float(mpmath.sech(mpmath.mpf(z)) ** 2) for z in Z]
    assert np.allclose(slope.floats(), true, rtol=1e-15, atol=0)


def test_slopes_that_no_derivative_brings_back_are_zero():
    slope = tanh_slope(np.tanh(Exact.of(np.array([3e4, -1e300]), 104)))
    number = Exact.of(2.0**1000, 104) * Exact.of(2.0**1000, 104)
    assert not (number * slope).digits.any()
    assert not slope.floats().any()


def test_rows_of_values_of_tanh_keep_their_slopes():
    h = np.tanh(Exact.of(np.array([[1.0, 40.0], [2.0, 41.0], [3.0, 42.0]]), 104))
    rows = np.array([2, 0, 2])
    assert np.array_equal(tanh_slope(h[rows]).floats(), tanh_slope(h).floats()[rows])


def test_slopes_of_differences_are_those_of_one_minus_the_square():
    z = np.array([0.3, -1.2, 30.0])
    difference = Batch(np.array([[1e-9, -2e-9, 1e-3]]), 0)
    exact = np.tanh(Delta(Exact.of(z, 104), difference))
    plain = 1.0 - exact * exact
    got = tanh_slope(exact)
    assert isinstance(got.reference, Scaled)
    assert np.allclose(got.reference.floats(), 1 / np.cosh(z) ** 2, rtol=1e-15, atol=0)
    assert np.array_equal(got.difference.data, plain.difference.data)
    # and times a derivative, by the product rule
    p = Delta(Exact.of(np.array([2.0, -3.0, 2.0**90]), 104), difference)
    product = p * got
    assert np.allclose(product.reference.floats(), np.array([2.0, -3.0, 2.0**90]) / np.cosh(z) ** 2, rtol=1e-14, atol=0)
    assert np.allclose(product.difference.data, (p * plain).difference.data, rtol=1e-9, atol=0)
