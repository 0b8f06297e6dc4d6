"""Differences that cross over where the reference is saturated, in generated kernels."""

import mpmath as mp
import numpy as np
import pytest
from helpers.graph_oracle import OracleRun

from deepzoom import Training
from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.saturation import rounded_exp, tanh_side
from deepzoom.backends.kernels.traced.module import kernels_of
from deepzoom.tracing.delta_step import delta_step
from deepzoom.tracing.functions import log_softmax, softmax

Z = np.array([-2725.0, 100.0, 400.0, -5.0])
CHANGES = np.array(
    [[2740.0, -150.0, -1200.0, 3.0], [1e-9, 90.0, -1e-12, 0.25], [4000.0, 1.0, 1.0, 1.0], [-3.0, 0.0, -400.0, 9.0]]
)


def _step(state, hyper):
    z = state["z"]
    return {"z": z * hyper["a"], "h": np.tanh(z), "p": softmax(z) * hyper["b"], "l": log_softmax(z)}, np.sum(np.tanh(z))


def _flat(values):
    return np.array([float(v) for v in np.asarray(values, dtype=object).ravel()])


def _after(z):
    """The state after the step, in mpmath."""
    top = max(z)
    e = [mp.exp(v - top) for v in z]
    total = sum(e)
    return np.array(
        [*z, *map(mp.tanh, z), *(v / total for v in e), *(v - top - mp.log(total) for v in z)], dtype=object
    )


def test_steps_of_differences_cross_over():
    zero = np.zeros(4)
    start = {"z": Z, "h": zero, "p": zero, "l": zero}
    training = Training(step=_step, start=start, hyper={"a": 1.0, "b": 1.0}, x="a", y="b").traced({}, 1)
    kernels, delta = kernels_of(training), delta_step(training)
    with mp.workdps(3000):
        reference = OracleRun(training, 1, 1, delta.recorded)
        begun = _flat(reference.flat())
        reference.advance()
        record = np.concatenate([_flat(v) for v in reference.noted[0]])[None]
        before = _after([mp.mpf(v) for v in Z])
        wanted = np.array([_flat(_after([mp.mpf(v) + mp.mpf(c) for v, c in zip(Z, row)]) - before) for row in CHANGES])
    differences = np.zeros((4, 16))
    differences[:, :4] = CHANGES
    step, sums, totals = np.zeros(4, np.int64), np.zeros((4, 4)), np.ones((2, 4))
    kernels.module.run_delta(
        1, 0, 1, np.inf, record, np.array([begun, begun]), np.ones(1), totals, np.array([4, 8, 12, 16]),
        kernels.numbers, differences, np.zeros((4, 2)), step, sums,
    )  # fmt: skip
    error = np.abs(differences - wanted)
    assert (error <= 1e-12 * np.abs(wanted) + 1e-80).all()


@pytest.mark.parametrize("bits", [120, 400])
def test_values_of_the_reference(bits):
    z = np.array([0.0, -1.5, 30.0, -75.0, 319.0, -321.0, 2725.5])
    exact = Exact.of(z, bits)
    side = tanh_side(exact, np.tanh(exact))
    with mp.workdps(700):
        true = [float(2 / (mp.exp(2 * abs(mp.mpf(v))) + 1)) for v in z[:5]]
    assert np.abs(side[:5] / true - 1).max() < 1e-12
    assert np.abs(side[5:] / ((320 - np.abs(z[5:])) * 2 / np.log(2)) - 1).max() < 1e-15
    assert rounded_exp(np.array([-1000.0, -3.0, 0.0])).tolist() == [0.0, np.exp(-3.0), 1.0]
