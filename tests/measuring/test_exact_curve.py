"""Exact runs at one point against mpmath: losses to all digits, and growth in both directions."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from oracle import measure, train
from small_network import KINDS, SmallNetwork, system_of

from deepzoom import systems
from deepzoom.coordinates import parse_decimal
from deepzoom.measuring.exact_curve import exact_curve, first_bits
from deepzoom.measuring.probe import float64_losses, parted
from deepzoom.reference.exact_tangents import joined

mp = mpmath.mp


def flat(layers):
    return [v for layer in layers for row in layer for v in row]


def singular_values(columns):
    """Of a matrix of two columns, from its exact Gram matrix."""
    a, b, c = (mpmath.fdot(p, q) for p, q in ((columns[0],) * 2, columns, (columns[1],) * 2))
    root = mpmath.sqrt((a - c) ** 2 + 4 * b**2)
    larger = (a + c + root) / 2
    return mpmath.sqrt(larger), mpmath.sqrt((a * c - b * b) / larger)


def oracle_growth(small, x, y, steps):
    """Logarithms of the singular values of the Jacobian before each step from the second on, by differences."""
    h = mpmath.mpf(10) ** (-mp.dps // 3)
    _, middle = small.oracle(x, y, steps)
    beside = [small.oracle(x + dx, y + dy, steps)[1] for dx, dy in ((h, 0), (0, h))]
    found = []
    for t in range(1, steps + 1):
        columns = [[(b - a) / h for a, b in zip(flat(middle[t]), flat(one[t]))] for one in beside]
        found.append([float(mpmath.log(v)) for v in singular_values(columns)])
    return np.array(found)


@pytest.mark.parametrize("kind", ["tanh", "relu", "minibatch", "offset every step"])
def test_losses_have_all_digits_and_growth_is_that_of_differences(kind):
    small = SmallNetwork(3, **KINDS[kind])
    small.steps = 25
    x, y = parse_decimal("0.31415926535897932384626433832795", "x"), parse_decimal("1.2", "y")
    found = exact_curve(system_of(small), x, y)
    with mp.workdps(90):
        at = [mpmath.mpf(int(v.numerator)) / int(v.denominator) for v in (x, y)]
        losses, history = small.oracle(*at)
        kept = [float(v) for v in losses if v < 1e308]  # linear units may leave float64
        assert found.losses.tolist() == kept
        assert found.weights[-2].tolist() == [float(v) for v in flat(history[len(kept) - 1])]
        growth = oracle_growth(small, *at, len(kept))
    np.testing.assert_allclose(found.growth[1:], growth, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(found.exponents[-1], found.growth[-1] / len(kept))


def test_the_weak_direction_keeps_its_digits_where_the_strong_one_is_far_larger():
    """With 19 digits between the two singular values, float64 alone would see only rounding along the weak one."""
    small = SmallNetwork(5, widths=(2, 3, 1), rows=3, steps=60)
    x, y = parse_decimal("2.3", "x"), parse_decimal("-7.3", "y")
    found = exact_curve(system_of(small), x, y)
    with mp.workdps(140):
        growth = oracle_growth(small, mpmath.mpf(23) / 10, mpmath.mpf(-73) / 10, small.steps)
    assert growth[-1, 0] - growth[-1, 1] > 19 * np.log(10)
    np.testing.assert_allclose(found.growth[1:], growth, rtol=0, atol=1e-6)


@pytest.mark.parametrize("given", [{"biases": "yes", "optimizer": "momentum"}, {"optimizer": "adam"}])
def test_growth_of_a_traced_training_is_that_of_differences_of_exact_runs(given):
    axes = {"x": "log10:rate", "y": "init-scale"}
    system = systems.create("tanh", {"width": "2", "rows": "0.05", "seed": "4", **axes, **given}, 12)
    at, h, bits = (parse_decimal("0.75", "x"), parse_decimal("1.25", "y")), parse_decimal("1e-40", "x"), 600
    found = exact_curve(system, *at)
    ends = []
    for dx, dy in ((0, 0), (h, 0), (0, h)):
        run = system.exact_run(at[0] + dx, at[1] + dy, bits)
        for _ in range(12):
            run.advance()
        ends.append(joined(run.weights))
    with mp.workdps(100):
        columns = [[mpmath.mpf(int(v)) for v in (end - ends[0]).integers()] for end in ends[1:]]
        unit = mpmath.mpf(2) ** ends[0].bits * mpmath.mpf(10) ** -40
        expected = [float(mpmath.log(v / unit)) for v in singular_values(columns)]
    np.testing.assert_allclose(found.growth[-1], expected, rtol=0, atol=1e-6)


def test_precision_grows_until_two_runs_agree():
    system = system_of(SmallNetwork(5, widths=(2, 3, 1), rows=3, steps=60))
    x, y = parse_decimal("2.3", "x"), parse_decimal("-7.3", "y")
    tried = []
    found = exact_curve(system, x, y, progress=lambda bits, step, steps: tried.append(bits))
    assert tried[0] == first_bits(system, x, y) < found.bits == tried[-1]
    assert found.losses.tolist() == exact_curve(system, x, y, bits=900).losses.tolist()


def test_no_precision_is_enough_where_two_runs_never_agree(monkeypatch):
    monkeypatch.setattr("deepzoom.measuring.exact_curve._same", lambda one, two: False)
    with pytest.raises(ArithmeticError, match=r"still differ with 4,?096 bits"):
        exact_curve(system_of(SmallNetwork(3, steps=2)), *(parse_decimal("0.5", "x"),) * 2, bits=64)


def dust(folder):
    """A pixel's place in dust at depth 1e-20, which ``benchmarks/dust.py`` found: the network's data file, x, y."""
    rng, data = np.random.default_rng(7), folder / "dust.npz"
    shapes = {"X": (16, 8), "Y": (16, 1), "theta0": (8, 8), "theta1": (8, 1)}
    np.savez(data, **{name: rng.normal(size=shape) for name, shape in shapes.items()})
    return data, "3.110803850574260778620935993290521", "1.356515231618850846986730569676623"


def test_a_dust_pixel_at_1e_20_has_the_losses_of_a_900_bit_run(tmp_path):
    data, x, y = dust(tmp_path)
    system = systems.create("tanh", {"data": str(data)}, 200)
    at = parse_decimal(x, "x"), parse_decimal(y, "y")
    found, run = exact_curve(system, *at), system.exact_run(*at, 900)
    assert found.bits < 400
    assert found.losses.tolist() == [float(run.advance().loss.floats()) for _ in range(200)]
    assert parted(found.losses, float64_losses(system, *map(float, at))) < 60


@pytest.mark.slow
def test_a_dust_pixel_at_1e_20_has_the_losses_of_mpmath(tmp_path):
    data, x, y = dust(tmp_path)
    system = systems.create("tanh", {"data": str(data)}, 500)
    found = exact_curve(system, parse_decimal(x, "x"), parse_decimal(y, "y"))
    with mp.workprec(900), np.load(data) as arrays:
        rates = [mpmath.mpf(10) ** mpmath.mpf(x), mpmath.mpf(10) ** mpmath.mpf(y)]
        losses, _ = train(arrays["X"], arrays["Y"], (arrays["theta0"], arrays["theta1"]), "tanh", rates, 500)
        assert found.losses.tolist() == [float(v) for v in losses]
        assert found.measure == pytest.approx(float(measure(losses)), rel=1e-14)
