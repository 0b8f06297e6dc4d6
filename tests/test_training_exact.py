"""Exact pixels of training systems against mpmath, where fixed point alone would be wrong and sure of itself."""

from __future__ import annotations

from types import SimpleNamespace

import mpmath
import numpy as np
import oracle
import pytest
from conftest import SmallNetwork

from deepzoom.backends import training_exact
from deepzoom.backends.training_exact import ExactTrainingJob
from deepzoom.scene import View

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
