"""The published experiments by composition, and with settings of the user's choice."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from traced_runs import float64_run

from deepzoom.systems import composed
from deepzoom.systems.experiments import PUBLISHED, TrainingSystem
from deepzoom.systems.training_step import Constants, rates_at, start, train_step

POINTS = {"weight-init": (-0.5, 0.3)}


def plain(value):
    return np.asarray(float(value) if isinstance(value, Fraction) else value, dtype=np.float64)


def published_run(network, x, y, steps):
    """Losses and weights of a published experiment by its one definition, in float64."""
    rates, constants = rates_at(network, plain(x), plain(y), plain), Constants.of(network, plain)
    weights = start(network, rates, plain)
    losses, states = [], [weights]
    for t in range(steps):
        step = train_step(network, constants, rates, weights, network.rows_at(t))
        weights = step.weights
        losses.append(float(step.loss))
        states.append(weights)
    return np.array(losses), states


@pytest.mark.parametrize("given", [{}, {"offset-when": "once"}, {"width": "5", "depth": "3", "seed": "2"}])
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_step_by_composition(name, given):
    x, y = POINTS.get(name, (0.2, 0.4))
    network = TrainingSystem(name, given, None).network
    losses, states = published_run(network, x, y, 12)
    traced = composed.training(name, given, PUBLISHED[name].steps).traced({}, PUBLISHED[name].steps)
    found, found_states = float64_run(traced, x, y, 12)
    np.testing.assert_allclose(found, losses, rtol=1e-12)
    for here, there in zip(found_states, states):
        for a, b in zip(here, there, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)
