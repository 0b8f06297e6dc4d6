"""The one definition of the training step, against mpmath and against the published trajectories."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest

from deepzoom.arithmetic.delta import Delta
from deepzoom.arithmetic.difference import Batch
from deepzoom.arithmetic.exact import Exact
from deepzoom.systems import create
from deepzoom.systems.convergence import Totals
from deepzoom.systems.training_run import ExactRun, TaylorRun, pack, unpack, variables
from deepzoom.systems.training_step import Constants, rates_at, start, train_step

GOLDEN = Path(__file__).parents[2] / "golden"
X, Y = "0.31415926535897932384626433832795028841971", "0.2718281828459045235360287471352662497757"


def run(network, x, y, lift, steps):
    """Run the definition's steps in any arithmetic."""
    constants, rates = Constants.of(network, lift), rates_at(network, x, y, lift)
    weights = start(network, rates, lift)
    for t in range(steps):
        step = train_step(network, constants, rates, weights, network.rows_at(t))
        yield step
        weights = step.weights


def plain(value):
    return np.asarray(float(value) if isinstance(value, Fraction) else value, dtype=np.float64)


def test_float64_definition_equals_mpmath(small):
    with mpmath.workprec(200):
        losses, weights = small.oracle(mpmath.mpf(X), mpmath.mpf(Y), 12)
    steps = list(run(small.network, float(X), float(Y), plain, 12))
    assert np.allclose([s.loss for s in steps], [float(v) for v in losses], rtol=1e-10, atol=0)
    for ours, true in zip(steps[-1].weights, weights[-1]):
        assert np.allclose(ours, np.array(true, dtype=np.float64), rtol=1e-9, atol=1e-11)


def test_exact_definition_equals_mpmath(small):
    bits, steps = 208, 15
    with mpmath.workprec(bits + 200):
        x, y = mpmath.mpf(X), mpmath.mpf(Y)
        losses, weights = small.oracle(x, y, steps)
        exact = ExactRun(small.network, Fraction(X), Fraction(Y), bits)
        for t in range(steps):
            loss = exact.advance().loss
            assert abs(mpmath.ldexp(loss.integers()[0], -loss.bits) / losses[t] - 1) < mpmath.mpf(2) ** -150
        for ours, true in zip(exact.weights, weights[-1]):
            flat = [v for row in true for v in row]
            assert max(abs(mpmath.ldexp(a, -ours.bits) - b) for a, b in zip(ours.integers(), flat)) < 2.0**-150


@pytest.mark.parametrize("depth", ["1e-6", "1e-20", "1e-30", "1e-400"])
def test_differences_equal_those_of_two_exact_runs(small, depth):
    steps = 10
    exponent = 0 if depth != "1e-400" else -1329
    dx, dy = 0.3, -0.2
    with mpmath.workprec(1800):
        unit = mpmath.ldexp(1, -1329) if exponent else mpmath.mpf(float(depth))
        x, y = mpmath.mpf(X), mpmath.mpf(Y)
        a = small.oracle(x, y, steps)[1]
        b = small.oracle(x + unit * mpmath.mpf(dx), y + unit * mpmath.mpf(dy), steps)[1]
        factor = 1.0 if exponent else float(depth)

        def lift(value):
            return Exact.of(value, 1560 if exponent else 260)

        at = [Delta(lift(Fraction(text)), Batch(np.array([d * factor]), exponent)) for text, d in ((X, dx), (Y, dy))]
        *_, last = run(small.network, *at, lift, steps)
        for ours, here, there in zip(last.weights, a[-1], b[-1]):
            true = np.array([[float((q - p) / unit) for p, q in zip(*r)] for r in zip(here, there)])
            got = ours.difference.data[0] / factor
            assert np.abs(got - true).max() <= 2e-12 * np.abs(true).max()


def test_published_trajectories():
    """Losses and final weights of the published JAX program, at points where rounding does not matter."""
    for name, system in (("tanh", "tanh"), ("identity", "linear"), ("relu", "relu")):
        kept = np.load(GOLDEN / f"{name}_trajectories.npz")
        network = create(system).network
        smooth = 0
        for (x, y), losses, final in zip(kept["points"], kept["losses"], kept["theta1_final"]):
            with np.errstate(all="ignore"):
                steps = list(run(network, x, y, plain, 500))
                disturbed = list(run(network, x * (1 + 3e-16), y, plain, 500))
            ours, other = (np.array([float(s.loss) for s in r]) for r in (steps, disturbed))
            known = np.isfinite(ours) & (ours < 1e6 * ours[0])
            if not np.allclose(ours[known], other[known], rtol=1e-9, atol=0):
                continue  # chaotic: no two float64 programs agree here
            smooth += 1
            assert np.array_equal(known, np.isfinite(losses) & (losses < 1e6 * losses[0]))
            assert np.allclose(ours[known], losses[known], rtol=1e-9, atol=0)
            if np.isfinite(final).all():
                assert np.allclose(steps[-1].weights[1], final, rtol=1e-8, atol=1e-12)
        assert smooth >= 6, name


def test_a_run_goes_on_from_its_packed_state(small):
    for kind in (
        lambda: ExactRun(small.network, Fraction(X), Fraction(Y), 130),
        lambda: TaylorRun(small.network, *variables(Fraction(X), Fraction(Y), 130, 3)),
    ):
        whole = kind()
        for _ in range(6):
            whole.advance()
        half = kind()
        for _ in range(3):
            half.advance()
        rest = kind()
        unpack(rest, pack(half))
        for _ in range(3):
            rest.advance()
        for name, value in pack(whole).items():
            assert np.array_equal(pack(rest)[name], value), name


def test_taylor_polynomials_give_the_differences(small):
    steps, size = 8, 2.0**-12
    taylor = TaylorRun(small.network, *variables(Fraction(X), Fraction(Y), 208, 4))
    for _ in range(steps):
        taylor.advance()
    snapshot = taylor.snapshot()
    dx, dy = 0.8 * size, -0.6 * size
    with mpmath.workprec(300):
        x, y = mpmath.mpf(X), mpmath.mpf(Y)
        here, there = small.oracle(x, y, steps), small.oracle(x + mpmath.mpf(dx), y + mpmath.mpf(dy), steps)
        true = [float(q - p) for a, b in zip(here[1][-1], there[1][-1]) for r in zip(a, b) for p, q in zip(*r)]
        sums = [mpmath.fsum(v / run[0][0] for v in run[0]) for run in (here, there)]
    from deepzoom.arithmetic.tangent import Fold, Series

    def value(data):
        return Series(data, snapshot.exponent, 4, Fold()).at(np.array([dx]), np.array([dy]), 0)[0]

    assert float(taylor.totals.sum.reference.floats()) == pytest.approx(float(sums[0]), rel=1e-15)
    if snapshot.fold > -10:  # no fold of relu is near
        got = value(snapshot.weights)
        assert np.abs(got - true).max() <= 1e-10 * np.abs(true).max()
        assert abs(value(snapshot.sums)[1] - float(sums[1] - sums[0])) <= 1e-9 * abs(float(sums[1] - sums[0])) + 1e-15


@pytest.mark.parametrize("bits", [104, 1300])
def test_a_loss_below_the_last_bit_has_an_inverse(bits):
    totals = Totals(Exact.of(0.0, bits))
    for loss in (2.0, 0.0, 1.0):
        totals.add(Exact.of(loss, bits))
        assert totals.ratio > 0
    assert np.isfinite(totals.inverse.floats())
    assert totals.measure(3) == pytest.approx(-1.5)
