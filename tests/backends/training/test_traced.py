"""Kernels generated from traced steps against an oracle in mpmath: values, and differences at several depths."""

import os
import subprocess
import sys

import mpmath as mp
import numpy as np
import pytest
from helpers.graph_oracle import OracleRun
from small_trainings import STEPS, small_training, tables

from deepzoom import Training
from deepzoom.backends.kernels.traced.module import kernels_of
from deepzoom.backends.training.exact import ExactTrainingJob
from deepzoom.backends.training.traced import TracedFloat64Job, TracedPerturbationJob
from deepzoom.reference.training import obtain
from deepzoom.scene.view import View
from deepzoom.systems import create
from deepzoom.systems.optimizers import OPTIMIZERS
from deepzoom.systems.traced_system import TracedSystem
from deepzoom.tracing.delta_step import delta_step

NAMES = [
    name if name in ("adam", "toy") else pytest.param(name, marks=pytest.mark.slow)
    for name in (*OPTIMIZERS, "classes", "attention", "smooth", "heads", "every", "toy")
]


def _floats(numbers):
    return np.array([float(v) for v in np.asarray(numbers, dtype=object).ravel()])


@pytest.mark.parametrize("name", NAMES)
def test_plain_steps_equal_the_oracle(name):
    training = small_training(name).traced({}, STEPS)
    kernels = kernels_of(training)
    points = [(-1.5, -0.5), (-1.0, 0.25)]
    with mp.workdps(40):
        runs = [OracleRun(training, *p) for p in points]
        state = np.array([_floats(r.flat()) for r in runs])
        parameters = np.array([[float(r.parameters[n]) for n in r.parameters] for r in runs])
        for r in runs:
            for _ in range(STEPS):
                r.advance()
    ends = []
    for second in (2, 0):
        now, step, sums = state.copy(), np.zeros(2, np.int64), np.zeros((2, 4))
        kernels.module.run_pixels(
            STEPS, now, parameters.copy(), step, sums, kernels.numbers, tables(training, kernels), second, (0.0,)
        )
        for i, r in enumerate(runs):
            wanted = _floats(r.flat())
            assert np.abs(now[i] - wanted).max() <= 1e-11 * np.abs(wanted).max()
            assert sums[i, 0] == pytest.approx(float(r.losses[0]), rel=1e-14)
            assert sums[i, 1] == pytest.approx(float(sum(v / r.losses[0] for v in r.losses)), rel=1e-12)
        ends.append(now)
    assert (ends[0] != ends[1]).any(axis=1).all()  # second runs move


def _limbs(numbers, limbs):
    """Numbers in mpmath as float64 (n * limbs,), limb after limb."""
    rows = []
    for rest in np.asarray(numbers, dtype=object).ravel():
        for _ in range(limbs):
            rows.append(float(rest))
            rest = rest - mp.mpf(rows[-1])
    return np.array(rows)


@pytest.mark.parametrize("limbs", [2, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", NAMES)
def test_steps_in_expansions_equal_the_oracle(name, limbs):
    """Of 53 bits for each limb, 10 are lost at most."""
    training = small_training(name).traced({}, STEPS)
    kernels = kernels_of(training)
    with mp.workprec(53 * limbs + 60):
        runs = [OracleRun(training, *p) for p in [(mp.mpf(-3) / 2, mp.mpf(-1) / 3), (mp.mpf(-1), mp.mpf(1) / 7)]]
        state = np.array([_limbs(r.flat(), limbs) for r in runs])
        parameters = np.array([_limbs([r.parameters[n].item() for n in r.parameters], limbs) for r in runs])
        step, sums = np.zeros(2, np.int64), np.zeros((2, 4))
        kernels.module.run_pixels(
            STEPS, state, parameters, step, sums, kernels.expansions(limbs), tables(training, kernels), 2,
            (0.0,) * limbs,
        )  # fmt: skip
        for found, r in zip(state, runs):
            for _ in range(STEPS):
                r.advance()
            wanted = r.flat()
            numbers = [sum(map(mp.mpf, part)) for part in found.reshape(-1, limbs)]
            largest = max(map(abs, wanted))
            assert max(abs(a - b) for a, b in zip(numbers, wanted)) <= mp.mpf(2) ** (10 - 53 * limbs) * largest
    assert (step == STEPS).all()


def test_generated_code_is_the_same_in_every_process():
    """Else each process would compile it anew."""
    code = (
        "import small_trainings as t; from deepzoom.backends.kernels.traced.module import kernels_of;"
        "print(kernels_of(t.small_training('adam').traced({}, t.STEPS)).module.__name__)"
    )
    names = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True, text=True, check=True,
        ).stdout
        for _ in range(2)
    }  # fmt: skip
    assert names == {kernels_of(small_training("adam").traced({}, STEPS)).module.__name__ + "\n"}


def _chaos(state, hyper):
    """A logistic map whose loss is its value: two runs part by a bit at each step."""
    z = state["z"]
    return {"z": hyper["rate"] * z * (1.0 - z)}, z.sum()


@pytest.mark.parametrize("depth", ["1e-3", "1e-25"])
def test_retries_settle_what_float64_cannot(own_cache, depth):
    """Some 70 bits are lost in 72 steps: too many for float64, and two limbs are enough."""
    training = Training(
        step=_chaos, start=lambda hyper: {"z": np.array([0.3]) + hyper["low"]}, x="rate", y="low",
        hyper={"rate": 4.0, "low": 0.0}, steps=72, last=40,
    )  # fmt: skip
    system = TracedSystem("chaos", training, {}, None)
    view = View.parse("3.99", "0", depth, "3x3")
    job = TracedFloat64Job(system, view, print)
    if depth == "1e-25":
        job = TracedPerturbationJob(system, view, obtain(system, view), 0.0, print)
    pixels = np.arange(9)
    exact = ExactTrainingJob(system, view, None).run(pixels)
    found = job.retry(pixels, 0)
    assert (exact.trust == 1).all() and (found.trust == 1).all()
    assert np.array_equal(found.fate, exact.fate)
    assert np.abs(found.measure / exact.measure - 1).max() <= 1e-3
    assert job.rungs == ("double-double", "quad-double", "exact arithmetic")


@pytest.mark.parametrize(
    "depth", [pytest.param("1e-6", marks=pytest.mark.slow), "1e-20", pytest.param("1e-60", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", NAMES)
def test_steps_of_differences_equal_the_oracle(name, depth):
    training = small_training(name).traced({}, STEPS)
    kernels, delta = kernels_of(training), delta_step(training)
    with mp.workdps(150):
        size = mp.mpf(depth)
        centre = mp.mpf(-1) / 3 - 1, mp.mpf(-1) / 7
        near = [(centre[0] + size, centre[1] - size / 3), (centre[0] - size / 5, centre[1] + size)]
        reference = OracleRun(training, *centre, delta.recorded)
        pixels = [OracleRun(training, *p) for p in near]
        begun = reference.flat()
        weights, ends = [_floats(begun)], np.cumsum([n.size for n in training.state])
        differences = np.array([_floats(p.flat() - begun) for p in pixels])
        changes = np.array([[float(p.parameters[n] - v) for n, v in reference.parameters.items()] for p in pixels])
        for r in (reference, *pixels):
            for _ in range(STEPS):
                r.advance()
                if r is reference:
                    weights.append(_floats(r.flat()))
        record = np.array([np.concatenate([_floats(v) for v in noted]) for noted in reference.noted])
        wanted = np.array([_floats(p.flat() - reference.flat()) for p in pixels])
        losses = np.array([[float(a - b) for a, b in zip(p.losses, reference.losses)] for p in pixels])
        ratios = np.array([float(v / reference.losses[0]) for v in reference.losses])
        first = float(reference.losses[0])
    totals = np.zeros((STEPS + 1, 4))
    totals[:, 0] = first
    step, sums = np.zeros(2, np.int64), np.zeros((2, 4))
    kernels.module.run_delta(
        STEPS, 0, STEPS, np.inf, record, np.array(weights), ratios, totals, ends, kernels.numbers, differences,
        changes, step, sums,
    )  # fmt: skip
    assert (step == STEPS).all()
    for begin, end in zip([0, *ends], ends):
        largest = np.abs(wanted[:, begin:end]).max(axis=1)
        assert (np.abs(differences[:, begin:end] - wanted[:, begin:end]).max(axis=1) <= 1e-10 * largest).all()
    change = (losses - ratios * losses[:, :1]) / (first + losses[:, :1])
    assert np.abs(sums[:, 1] - change.sum(axis=1)).max() <= 1e-10 * np.abs(change).max() * STEPS


def _two_levels(state, hyper):
    """The losses of 60 steps are ``rate``, 29 times 2, and 30 times ``low``."""
    return {"z": np.where(hyper["step"] > 28.5, hyper["low"], 2.0)}, state["z"]


@pytest.mark.parametrize(
    ("last", "fates"), [pytest.param(None, [-1, 1], marks=pytest.mark.slow), (0, [1, 1]), (30, [-1, 1]), (40, [1, 1])]
)
def test_the_losses_that_count_are_those_of_every_backend(last, fates):
    """The mean of the last 20 or 30 losses is ``low``; that of the last 40, or of all, is above the first loss."""
    training = Training(
        step=_two_levels, start=lambda hyper: {"z": 1.0 * hyper["rate"]}, hyper={"rate": 1.0, "low": 1.0}, x="rate",
        y="log10:low", last=last, steps=60,
    )  # fmt: skip
    system = TracedSystem("levels", training, {}, None)
    view = View.parse("1", "0", "0.6", "1x2")  # low is 1.41 above, and 0.71 below
    pixels = np.arange(2)
    reference = obtain(system, view)
    jobs = [
        TracedFloat64Job(system, view, print),
        TracedPerturbationJob(system, view, reference, 0.0, print),
        ExactTrainingJob(system, view, None),
    ]
    for job in jobs:
        assert job.run(pixels).fate.tolist() == fates[::-1]


@pytest.mark.parametrize("settings", [{"optimizer": "adam"}, {"activation": "gelu", "loss": "cross-entropy"}])
def test_steps_take_some_data_rows_at_a_time(settings):
    """An array with a number for each row and hidden unit has 4352 numbers. No step stores two."""
    module = kernels_of(create("relu", settings).training).module
    largest = max(module.PLAIN_SIZE, module.SLOPED_SIZE, module.DELTA_SIZE, module.EXPANSION_SIZE)
    assert largest < 2 * 272 * 16
