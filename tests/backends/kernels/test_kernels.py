"""Compiled kernels, which fuse the definition's operations, against that definition."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction

import numba
import numpy as np
import pytest
from small_network import KINDS, SmallNetwork

from deepzoom.arithmetic.delta import Delta
from deepzoom.arithmetic.difference import Batch
from deepzoom.arithmetic.exact import Exact
from deepzoom.backends.kernels.arithmetic.simd import LANES, lane_array
from deepzoom.backends.kernels.training import convergence_measure
from deepzoom.backends.kernels.training.delta_run import run_delta
from deepzoom.backends.kernels.training.plain_run import run_frozen, run_plain
from deepzoom.backends.training.batches import arrays_of, finish, layout_of, start_weights
from deepzoom.compiling import jit
from deepzoom.systems import create
from deepzoom.systems.training_run import ExactRun, flat_weights, record
from deepzoom.systems.training_step import Constants, rates_at, start, train_step


def test_lane_arrays_begin_on_a_cache_line():
    @numba.njit
    def place(count):
        return lane_array(count).ctypes.data % 64

    assert {place(n) for n in range(1, 40)} == {0}


def definition(network, x, y, steps):
    """Weights and losses that the definition gives in NumPy's float64."""

    def lift(value):
        return np.asarray(float(value) if isinstance(value, Fraction) else value, dtype=np.float64)

    constants, rates = Constants.of(network, lift), rates_at(network, x, y, lift)
    weights, losses = start(network, rates, lift), []
    with np.errstate(all="ignore"):
        for t in range(steps):
            step = train_step(network, constants, rates, weights, network.rows_at(t))
            weights = step.weights
            losses.append(float(step.loss))
    return np.concatenate([w.ravel() for w in weights]), np.array(losses)


def plain_arguments(network, x, y):
    """The arguments of ``finish`` for pixels at float64 coordinates."""
    rates = rates_at(network, x, y, lambda v: np.full(len(x), float(v)))
    offsets = np.zeros((len(x), 1)) if rates.offset is None else rates.offset[:, None].copy()
    weights = start_weights(network, offsets)
    step, sums = np.zeros(len(x), np.int64), np.zeros((len(x), convergence_measure.COLUMNS))
    return weights, np.stack(rates.learning, axis=1), offsets, step, sums


def published(losses):
    """The published convergence measure, in NumPy."""
    v = np.where(np.isfinite(losses), losses, 1e6)
    v = np.minimum(v / v[0], 1e6)
    return -v.sum() if v[-20:].mean() < 1 else (1 / v).sum()


def test_plain_kernel_equals_the_definition(small):
    rng = np.random.default_rng(1)
    pixels, steps = 2 * LANES + 3, 25  # more pixels than lanes, and a group that is not full
    x, y = rng.uniform(-1, 0.5, pixels), rng.uniform(-1, 0.5, pixels)
    weights, rates, offsets, step, sums = plain_arguments(small.network, x, y)
    run_plain(arrays_of(small.network), steps, weights, rates, offsets, step, sums)
    for p in range(pixels):
        true, losses = definition(small.network, x[p], y[p], steps)
        assert np.allclose(weights[p], true, rtol=1e-10, atol=1e-12)
        assert convergence_measure.measure(sums, p) == pytest.approx(published(losses), rel=1e-10)


@pytest.mark.parametrize("name", ["tanh", "linear", "relu", "single-datapoint", "minibatch", "weight-init"])
def test_plain_kernel_equals_the_definition_at_published_size(name):
    network = create(name).network
    rng = np.random.default_rng(2)
    x, y = rng.uniform(-3, -1, LANES + 1), rng.uniform(-3, 0, LANES + 1)
    weights, rates, offsets, step, sums = plain_arguments(network, x, y)
    run_plain(arrays_of(network), 30, weights, rates, offsets, step, sums)
    for p in (0, LANES):
        true, losses = definition(network, x[p], y[p], 30)
        assert np.allclose(weights[p], true, rtol=1e-11, atol=1e-13)
        assert convergence_measure.measure(sums, p) == pytest.approx(published(losses), rel=1e-11)


@pytest.mark.parametrize("name", ["tanh", "minibatch", "relu", "single-datapoint"])
def test_frozen_runs_equal_full_ones_to_the_last_bit(name):
    network = create(name).network
    net = arrays_of(network)
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, 4, 12), rng.uniform(2.2, 3.5, 12)
    steps = 200

    full = plain_arguments(network, x, y)
    undone = np.ones(12, bool)
    while undone.any():  # the full step alone, even if a run has frozen
        frozen, _ = run_plain(net, steps, *full)
        undone = frozen
    quick = plain_arguments(network, x, y)
    out = finish(net, steps, *quick)
    assert np.array_equal(quick[4], full[4])
    finite = np.isfinite(full[0])
    assert np.array_equal(quick[0][finite], full[0][finite])
    assert np.array_equal(out.fate, np.where(out.measure < 0, -1, 1))

    again = plain_arguments(network, x, y)
    frozen, _ = run_plain(net, steps, *again)
    if name == "tanh":
        assert frozen.sum() > 5  # so the shortcut was taken


def test_a_run_that_only_pauses_is_not_frozen():
    """The gradient is zero without saturation: run_frozen must leave such a pixel unchanged."""
    network = SmallNetwork(5, activation="tanh").network
    weights, rates, _offsets, step, sums = plain_arguments(network, np.zeros(2), np.zeros(2))
    step[:] = 3
    before = weights.copy()
    assert run_frozen(arrays_of(network), 50, weights, rates, step, sums) == 0
    assert np.array_equal(weights, before) and np.all(step == 3)


def test_measure_counts_what_follows_a_nan_at_once():
    losses = np.array([2.0, 5.0, np.inf, 4e9, np.nan] + [np.nan] * 25)
    one, each = np.zeros((1, convergence_measure.COLUMNS)), np.zeros((1, convergence_measure.COLUMNS))
    for t, loss in enumerate(losses[:5]):
        convergence_measure.add_loss(one, 0, t, len(losses), loss)
    for t, loss in enumerate(losses):
        convergence_measure.add_loss(each, 0, t, len(losses), np.inf if np.isnan(loss) else loss)
    assert np.allclose(one, each, rtol=1e-14, equal_nan=True) and np.isnan(one[0, convergence_measure.EXCESS])
    assert convergence_measure.measure(one, 0) == pytest.approx(published(losses), rel=1e-14)


def reference_of(network, x, y, bits, steps):
    run = ExactRun(network, x, y, bits)
    rows, weights, losses = [], [flat_weights(run.weights)], []
    for _ in range(steps):
        step = run.advance()
        rows.append(record(network, step))
        weights.append(flat_weights(run.weights))
        losses.append(float(step.loss.floats()))
    return run, np.array(rows), np.array(weights), losses


@pytest.mark.parametrize("size", [1e-20, 1e-6, 0.05])
def test_delta_kernel_equals_delta_arithmetic(small, size):
    """The fused step against the definition, evaluated in delta arithmetic with an exact reference run."""
    network, steps, bits = small.network, 8, 156
    x, y = Fraction("0.1234567890123456789012345"), Fraction("-0.2")
    rng = np.random.default_rng(4)
    pixels = LANES + 2
    dx, dy = rng.uniform(-size, size, pixels), rng.uniform(-size, size, pixels)

    def lift(value):
        return Exact.of(value, bits)

    constants = Constants.of(network, lift)
    rates = rates_at(network, Delta(lift(x), Batch(dx)), Delta(lift(y), Batch(dy)), lift)
    weights = start(network, rates, lift)
    losses = []
    for t in range(steps):
        step = train_step(network, constants, rates, weights, network.rows_at(t))
        weights = step.weights
        loss = step.loss
        known = isinstance(loss, Delta)  # the first loss may not depend on the pixel
        losses.append(loss.reference.floats() + loss.difference.data if known else np.full(pixels, loss.floats()))
    true = np.concatenate([w.difference.data.reshape(pixels, -1) for w in weights], axis=1)

    run, rows, kept, own = reference_of(network, x, y, bits, steps)
    learning = np.array([float(r.floats()) for r in run.rates.learning])
    grown = {"x": np.expm1(dx * np.log(10)), "y": np.expm1(dy * np.log(10))}
    rate_differences = learning * np.stack([grown[n] for n in network.rates], axis=1)
    offsets = np.zeros((pixels, 1))
    differences = np.zeros((pixels, kept.shape[1]))
    if network.offset is not None:
        offsets = float(run.rates.offset.floats()) * grown["x"][:, None]
        if not network.offset_every_step:
            differences[:, : network.weights[0].size] += offsets
    layout = layout_of(network)
    drawn = layout if network.batches is None else layout_of(network, network.batches.shape[1])
    sums = np.zeros((pixels, convergence_measure.COLUMNS))
    ratios = np.array(own) / own[0]
    totals = np.zeros((steps + 1, convergence_measure.COLUMNS))
    totals[:, convergence_measure.FIRST], totals[1:, convergence_measure.SUM] = own[0], np.cumsum(ratios)
    totals[1:, convergence_measure.INVERSE] = np.cumsum(1 / ratios)
    step = run_delta(
        arrays_of(network), 100, 0, steps, np.inf, rows, layout, drawn, kept, learning, ratios, totals, differences,
        rate_differences, offsets, sums,
    )  # fmt: skip
    assert np.all(step == steps)
    assert np.abs(differences - true).max() <= 2e-13 * np.abs(true).max()
    assert np.allclose(sums[:, convergence_measure.SUM], sum(v / losses[0] for v in losses), rtol=1e-12, atol=0)
    assert np.allclose(sums[:, convergence_measure.INVERSE], sum(losses[0] / v for v in losses), rtol=1e-12, atol=0)


def test_pixels_are_handed_off_in_groups_when_all_have_grown():
    network = SmallNetwork(6).network
    _, rows, kept, losses = reference_of(network, Fraction(1, 3), Fraction(1, 5), 104, 20)
    ratios = np.array(losses) / losses[0]
    layout = layout_of(network)
    rng = np.random.default_rng(5)
    differences = rng.normal(size=(3 * LANES, kept.shape[1])) * 1e-3
    differences[LANES : 2 * LANES] *= 1e6
    none, rates = np.zeros((3 * LANES, 1)), np.zeros((3 * LANES, 2))
    step = run_delta(
        arrays_of(network), 100, 4, 20, 1.0, rows, layout, layout, kept, np.array([0.1, 0.1]), ratios,
        np.ones((21, convergence_measure.COLUMNS)), differences, rates, none,
        np.zeros((3 * LANES, convergence_measure.COLUMNS)),
    )  # fmt: skip
    assert np.all(step[:LANES] == 20) and np.all(step[LANES : 2 * LANES] == 5) and np.all(step[2 * LANES :] == 20)


@pytest.mark.slow
def test_kernels_hold_on_a_machine_without_avx512(tmp_path):
    """The same tests pass with code for a Haswell processor (AVX2: four lanes)."""
    environment = {
        **os.environ,
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": "+avx2,+avx,+fma,+sse4.2,+bmi,+bmi2",
        "DEEPZOOM_CACHE": str(tmp_path),
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        __file__,
        "-k",
        "tanh or kernel_equals or frozen",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


assert KINDS


@pytest.mark.slow
def test_kernels_are_compiled_once_and_said_so(tmp_path):
    """Two renders in separate processes, from an empty cache: only the first one compiles."""
    env = os.environ | {"DEEPZOOM_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "deepzoom", "render", "linear", "--size", "8x8", "--steps", "30"]
    first, second = (subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True) for _ in range(2))
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert "Compiling kernels" in first.stderr and "Compiling kernels" not in second.stderr
    files = {p: p.stat().st_mtime_ns for p in (tmp_path / "cache" / "kernels").rglob("*") if p.is_file()}
    third = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert third.returncode == 0
    assert files == {p: p.stat().st_mtime_ns for p in (tmp_path / "cache" / "kernels").rglob("*") if p.is_file()}


def test_processes_that_keep_kernels_at_the_same_moment_do_not_mix_them_up(monkeypatch):
    def routine(x):
        return x

    one, two = (jit.kernel()(routine)._cache._cache_file for _ in range(2))
    keep = one._save_data
    monkeypatch.setattr(two, "_load_index", dict)  # as if read before the first process wrote anything

    def meanwhile(name, data):
        two.save("second", "of the second")
        keep(name, data)

    monkeypatch.setattr(one, "_save_data", meanwhile)
    one.save("first", "of the first")
    assert one.load("second") == "of the second"
    assert one.load("first") in (None, "of the first")


def test_compiled_routines_need_names_of_their_own():
    def routine(x):
        return x

    with pytest.raises(ValueError, match="routine: a compiled routine needs a __qualname__ of its own"):
        jit.inner(routine)
