"""Exact pixels of training systems against mpmath, where fixed point alone would be wrong and sure of itself."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import mpmath
import numpy as np
import oracle
import pytest
from conftest import SmallNetwork

from deepzoom.arithmetic.exact import Exact
from deepzoom.backends import training_exact
from deepzoom.backends.training_exact import ExactTrainingJob, bits_of_slopes
from deepzoom.scene import View
from deepzoom.systems.training_run import ExactRun

X, Y, STEPS = "1.6982757847364192", "3.309326185526009", 60


def pixel_of(small):
    """Measure and trust of the exact backend, and the oracle's measure with slopes of any size."""
    view = View.parse(X, Y, "1e-6", "1x1")
    got = ExactTrainingJob(SimpleNamespace(network=small.network, steps=STEPS), view, None).run(np.array([0]))
    with mpmath.workprec(1600):
        losses, _ = small.oracle(mpmath.mpf(view.x.numerator) / view.x.denominator, mpmath.mpf(Y), STEPS)
        return got.measure[0], got.trust[0], float(oracle.measure(losses))


def test_slopes_below_the_last_bit_count_where_the_loss_has_grown(monkeypatch):
    # of 120 random networks at large rates, the one where two short runs agree and are wrong
    small = SmallNetwork(27, widths=(3, 4, 1), rows=4, steps=STEPS)
    measure, trust, true = pixel_of(small)
    assert trust == 1
    assert measure == pytest.approx(true, rel=1e-9)
    monkeypatch.setattr(training_exact, "bits_of_slopes", lambda run, step: 0)
    measure, trust, true = pixel_of(small)
    assert trust == 1
    assert abs(measure - true) > 1e-7 * abs(true)


@pytest.mark.parametrize(("fed", "counts"), [(350.0, True), (2000.0, False)])
def test_derivatives_that_no_float64_holds_ask_for_bits_that_do(fed, counts):
    run = ExactRun(SmallNetwork(27, rows=4).network, Fraction(1), Fraction(1), 104)
    step = run.advance()
    shape = step.inner[0].shape
    grown = Exact.of(np.full(shape, 2.0**1000), 104) * Exact.of(2.0**200, 104)
    assert np.isinf(grown.floats()).all()
    needed = bits_of_slopes(run, replace(step, inner=(Exact.of(np.full(shape, fed), 104),), back=(grown,)))
    # 4 exp(-2 z) is 2**-1008 of the first, 2**-5769 of the other
    assert 1008 < needed < 2048 if counts else needed == 0
