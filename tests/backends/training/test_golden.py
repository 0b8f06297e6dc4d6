"""Pixels of the published networks against golden values of an independent fixed-point oracle (golden/make_golden.py).

200 random pixels of six experiments at depths 1e-6, 1e-12, 1e-20 and 1e-30. Losses up to the hand-off, and at it, are
right to 1e-10, and so is the fate of every pixel that float64 can settle according to the oracle.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from small_network import quiet

from deepzoom.backends.cpu_perturbation import CpuPerturbation
from deepzoom.backends.kernels.training import convergence_measure
from deepzoom.reference.training import HAND_OFF
from deepzoom.scene.view import View
from deepzoom.systems import create

GOLDEN = Path(__file__).parents[2] / "golden"
SYSTEMS = ("tanh", "linear", "relu", "single-datapoint", "minibatch", "weight-init")
LONG = ("relu", "minibatch", "weight-init")
"""Their exact reference runs take long. Small networks of these kinds are compared in test_perturbation.py."""
DEPTHS = ("1e-30", "1e-20", "1e-12", "1e-6")
LOSS = 1e-10


def golden(system):
    with np.load(GOLDEN / f"pixels_{system}.npz") as kept:
        return dict(kept)


def jobs_of(system, kept):
    """(depth, which golden pixels, job) for each depth. The deepest comes first, as its reference run serves all."""
    size = int(kept["size"])
    for depth in DEPTHS:
        view = View.parse(str(kept["x"]), str(kept["y"]), depth, (size, size))
        yield (
            depth,
            np.flatnonzero(kept["depth"] == depth),
            CpuPerturbation().job(create(system), view, None, quiet, quiet),
        )


def losses_from(network, weights, offset):
    """The loss of each row of weights on all of the data, by plain NumPy."""
    found = []
    for row, added in zip(weights, offset):
        split = network.weights[0].size
        w0, w1 = row[:split].reshape(network.weights[0].shape) + added, row[split:].reshape(-1, 1)
        z = network.x @ w0 / np.sqrt(network.x.shape[1])
        h = {
            "tanh": lambda v: np.tanh(np.sqrt(2) * v),
            "relu": lambda v: np.sqrt(2) * np.maximum(v, 0),
            "identity": lambda v: v,
        }[network.activation](z)
        with np.errstate(over="ignore"):  # the last loss of a run that diverges may overflow float64
            found.append(np.mean((h @ w1 / len(w1) - network.y) ** 2))
    return np.array(found)


def test_there_are_200_pixels_of_which_float64_settles_most():
    kept = [golden(s) for s in SYSTEMS]
    assert sum(len(k["pixel"]) for k in kept) >= 200
    assert all((k["digits"] >= 12).all() for k in kept)
    assert sum(k["settled"].sum() for k in kept) >= 150
    for k in kept:
        assert set(k["depth"]) == set(DEPTHS)


@pytest.mark.parametrize("system", [pytest.param(s, marks=[pytest.mark.slow] if s in LONG else []) for s in SYSTEMS])
def test_losses_up_to_the_hand_off_and_fates(system):
    kept = golden(system)
    compared = 0
    for depth, which, job in jobs_of(system, kept):
        pixels, true = kept["pixel"][which], kept["losses"][which]
        last = min(job._reference.steps, job._steps)
        offset = np.zeros(len(pixels)) if job._network.offset is None else None
        at = job._differences(pixels)
        if offset is None:
            offset = job._reference.offset + job._parameters(at[0])[1][:, 0]
        start = 0 if job._skip is None else job._skip.step
        # before the hand-off, and at it
        ways = sorted({start, *np.linspace(start, last, 7).astype(int).tolist()})
        for stop, threshold in [*((s, np.inf) for s in ways), (last, HAND_OFF)]:
            step, differences, sums = job._to_hand_off(job._skip, stop, threshold, *at)
            alive = (step <= stop) & (step < job._steps)
            weights = job._reference.weights[np.minimum(step, job._reference.steps)] + differences
            got = losses_from(job._network, weights[alive], offset[alive])
            wanted = true[alive, step[alive]]
            close = differences_are_small(job, differences[alive], step[alive]) | (threshold < np.inf)
            finite = np.isfinite(wanted)
            assert np.array_equal(finite[close], np.isfinite(got[close])), (depth, stop)
            close &= finite
            apart = np.abs(got[close] / wanted[close] - 1)
            assert np.all(apart <= LOSS), (depth, stop, apart)
            compared += int(close.sum())
            for total, t, run in zip(
                sums[alive][close, convergence_measure.SUM], step[alive][close], true[alive][close]
            ):
                ratios = np.minimum(run[:t] / run[0], convergence_measure.CEILING)
                assert total == pytest.approx(ratios.sum(), rel=LOSS)
        out = job.run(pixels)
        settled = kept["settled"][which]
        assert np.array_equal(out.fate[settled], np.sign(kept["measure"][which][settled])), depth
    assert compared >= 3 * len(kept["pixel"])


def differences_are_small(job, differences, step):
    """Which pixels a hand-off would not have taken long before."""
    share = np.zeros(len(differences))
    for layer in job._layers:
        largest = np.abs(job._reference.weights[step][:, layer]).max(axis=1)
        share = np.maximum(share, np.abs(differences[:, layer]).max(axis=1) / largest)
    return share <= HAND_OFF


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_golden_values_are_what_their_script_makes(system):
    """The script's run gives one pixel of each system at 1e-20 again."""
    from fractions import Fraction

    sys.path.insert(0, str(GOLDEN))
    try:
        import make_golden
    finally:
        sys.path.pop(0)
    kept = golden(system)
    which = int(np.flatnonzero(kept["depth"] == "1e-20")[1])
    x, y, pixel = str(kept["x"]), str(kept["y"]), int(kept["pixel"][which])
    _, centre, _ = make_golden.run_exact(system, Fraction(x), Fraction(y), 420)
    _, measure, settled, _, _, _, losses = make_golden.golden_pixel((system, x, y, "1e-20", pixel, centre))
    assert measure == pytest.approx(float(kept["measure"][which]), rel=1e-12)
    assert settled == kept["settled"][which]
    assert np.allclose(losses, kept["losses"][which][: len(losses)], rtol=1e-15, atol=0)
