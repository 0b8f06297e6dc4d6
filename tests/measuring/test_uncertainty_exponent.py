"""The uncertainty exponent on borders of known dimension: intervals hold the truth, at any distance."""

from __future__ import annotations

import math

import known_borders as known
import numpy as np
import pytest
from mpmath import betainc

from deepzoom.errors import InputError, Stopped
from deepzoom.measuring import box_counting
from deepzoom.measuring.descent import LEAST_PAIRS, STRANDS, Descent
from deepzoom.measuring.distances import LEVELS, Distances
from deepzoom.measuring.pairs import PARTS, Cells, Points, drawn, look
from deepzoom.measuring.uncertainty_exponent import Stage, fit, t_quantile
from deepzoom.rendering.batches import Observer

KOCH = math.log(4) / math.log(3)
CANTOR_LINES = 1 + math.log(2) / math.log(3)


def measured(source, seed=0, largest="1e-1", smallest="1e-6", pairs=5120, observer=None, keep=lambda found: None):
    descent = Descent(known.SQUARE, Distances.parse(largest, smallest), pairs, seed)
    descent.run(source, observer or Observer(), keep)
    return descent


def test_students_t():
    for freedom in (4, 7, 15, 100):
        t = t_quantile(freedom)
        beyond = betainc(freedom / 2, 0.5, 0, freedom / (freedom + t * t), regularized=True) / 2
        assert abs(float(beyond) - 0.025) < 2e-4


def test_a_power_law_is_found_exactly():
    x = -np.arange(6) * math.log(4)
    found = fit([Stage(x, np.exp(0.3 * x) * np.full((STRANDS, 1), 0.4))])
    assert abs(found.dimension - 1.7) < 1e-12 and found.low <= found.dimension <= found.high
    assert np.allclose(found.local, 1.7) and np.abs(found.residuals).max() < 1e-12 and found.constant.all()


def test_the_interval_is_that_of_independent_strands():
    """Shares that scatter alike at every distance: the slope's error follows from theirs, as textbooks have it."""
    rng, x = np.random.default_rng(3), -np.arange(8) * math.log(4)
    hits = 0
    for _ in range(400):
        shares = np.exp(0.5 * x) * (1 + 0.1 * rng.standard_normal((STRANDS, len(x))))
        found = fit([Stage(x, shares)])
        hits += found.low <= 1.5 <= found.high
    assert 370 <= hits <= 396


def test_a_change_of_dimension_is_marked():
    rng, x = np.random.default_rng(5), -np.arange(12) * math.log(4)
    log = np.where(x > x[6], 0.1 * x, 0.1 * x[6] + 0.9 * (x - x[6]))
    found = fit([Stage(x, np.exp(log) * (1 + 0.02 * rng.standard_normal((STRANDS, 12))))])
    assert not found.constant.any() and found.misfit > 3
    assert abs(found.local[:6].mean() - 1.9) < 0.02 and abs(found.local[6:].mean() - 1.1) < 0.02


def test_the_share_is_that_of_evenly_drawn_pairs():
    """The mean over many random lattices, against plain pairs: no bias, at the first and the third distance."""
    descents = [measured(known.OfFunction(known.koch), seed, smallest="5e-4", pairs=LEAST_PAIRS) for seed in range(6)]
    shares = np.array([s.shares for d in descents for s in d.done[0]])
    rng, log_eps = np.random.default_rng(7), descents[0].stages()[0].log_eps
    x, y, along = rng.random(200_000), rng.random(200_000), rng.random(200_000) < 0.5
    for level in (0, 2):
        eps = math.exp(log_eps[level])
        plain = np.mean(known.koch(x, y) != known.koch(x + eps * along, y + eps * ~along))
        error = math.hypot(shares[:, level].std() / math.sqrt(len(shares)), math.sqrt(plain / len(x)))
        assert abs(shares[:, level].mean() - plain) < 4 * error


def test_draws_have_no_bias():
    rng = np.random.default_rng(11)
    parts = Cells(np.zeros((48, 2), np.int64), rng.random(48), rng.random(48) ** 4)
    values, found = rng.random(48), []
    for _ in range(4000):
        chosen, weights = drawn(parts, 8, rng)
        found.append(values[chosen] @ weights)
    assert abs(np.mean(found) - values @ parts.weights) < 4 * np.std(found) / math.sqrt(len(found))


def test_unsettled_points_leave_their_pairs_out():
    def fates(columns, rows):
        return Points((columns >= 8).astype(np.int64), (columns != 8) | (rows != 0))

    seen = look(Cells(np.zeros((1, 2), np.int64), np.ones(1), np.ones(1)), 4, fates)
    assert (seen.pairs, seen.counted, seen.differ) == (40, 37, 4)
    assert seen.share == 4 / 37
    assert seen.sides[0].tolist() == [[0, 2, 0, 0]] * PARTS


def test_pairs_near_a_filament():
    """Of 40 pairs, one fate on both sides: those of the corner in the middle, which is 0.49 eps from the border."""

    def points(columns, rows):
        middle = (columns == 8) & (rows == 8)
        return Points(np.zeros(len(rows), np.int64), np.ones(len(rows), np.bool_), np.where(middle, 1.96, 2.0))

    seen = look(Cells(np.zeros((1, 2), np.int64), np.ones(1), np.ones(1)), 4, points)
    assert (seen.differ, seen.share) == (4, 4 / 40)
    assert seen.sides[0].tolist() == [[0, 0, 0, 0], [0, 2, 2, 0], [0, 2, 2, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("border", "dimension", "pairs"),
    [(known.line, 1, 2560), (known.noise, 2, 1280), (known.cantor_lines, CANTOR_LINES, 5120)],
)
def test_intervals_hold_the_truth(border, dimension, pairs):
    """The line and the noise are the null models: a smooth border, and no border at all."""
    found = [measured(known.OfFunction(border), seed, pairs=pairs).fit() for seed in range(20)]
    assert sum(f.low <= dimension <= f.high for f in found) >= 18
    assert abs(np.mean([f.dimension for f in found]) - dimension) < 0.03


@pytest.mark.slow
@pytest.mark.parametrize(("border", "largest"), [(known.koch, "1e-1"), (known.cantor_dust, "1e-3")])
def test_intervals_hold_the_truth_of_curves_and_dust(border, largest):
    found = [measured(known.OfFunction(border), s, largest, "1e-8").fit() for s in range(20)]
    assert sum(f.low <= KOCH <= f.high for f in found) >= 18


def test_box_counting_agrees():
    j, i = np.divmod(np.arange(1024 * 1024), 1024)
    labels = known.koch((i + 0.5) / 1024, (j + 0.5) / 1024).reshape(1024, 1024)
    boxes = box_counting.count([box_counting.edges(labels)], shifts=10)
    found = measured(known.OfFunction(known.koch), 1).fit()
    assert found.low < boxes.dimension < found.high


def test_twenty_decades():
    """Later stages go on where the one before ended: in exact coordinates, far below what float64 tells apart."""
    descent = measured(known.ExactCantorLines(), smallest="1e-21")
    found = descent.fit()
    assert len(descent.done) == 4 and len(found.log_eps) == 33
    assert found.log_eps[0] - found.log_eps[-1] > 19 * math.log(10)
    np.testing.assert_allclose(np.diff(found.log_eps), -math.log(4), rtol=1e-12)
    assert found.low < CANTOR_LINES < found.high and found.high - found.low < 0.3
    settled = descent.counts()
    assert (settled[:, 1] == settled[:, 2]).all() and (settled[:, 3] == settled[:, 5]).all()


@pytest.mark.slow
def test_intervals_hold_the_truth_over_twenty_decades():
    found = [measured(known.ExactCantorLines(), s, smallest="1e-21", pairs=10240).fit() for s in range(20)]
    assert sum(f.low <= CANTOR_LINES <= f.high for f in found) >= 18


def test_a_stopped_measurement_goes_on_to_the_same_result():
    class Stops(Observer):
        asked = 0

        def stopped(self):
            self.asked += 1
            return self.asked > 60

    source, whole = known.OfFunction(known.line), measured(known.OfFunction(known.line), smallest="1e-8", pairs=1280)
    descent = Descent(known.SQUARE, whole.distances, 1280, 0)
    kept = []
    with pytest.raises(Stopped):
        descent.run(source, Stops(), lambda found: kept.append(sum(map(len, found.done))))
    assert kept == list(range(1, len(kept) + 1)) and 0 < len(kept) < 2 * STRANDS
    descent.run(source, Observer(), lambda found: None)
    assert descent.fit().dimension == whole.fit().dimension
    assert (descent.counts() == whole.counts()).all()


def test_distances():
    assert Distances.parse("1e-1", "1e-6") == Distances((8,), 0)
    assert Distances.parse("0.25", "1e-30") == Distances((LEVELS,) * 4 + (8,), 0)
    assert Distances.parse("1e-6", "1e-9") == Distances((10, 3), 8)
    for largest, smallest, words in [
        ("1e-6", "1e-1", "--to: 1e-1 is not between 0 and"),
        ("nan", "1e-6", "--from: 'nan' is not a decimal number"),
        ("0.5", "1e-6", r"--from: 0\.5 is not a share"),
        ("1e-1", "1e-2", "--to: from 1e-1 to 1e-2 there are fewer than 4 distances"),
    ]:
        with pytest.raises(InputError, match=words):
            Distances.parse(largest, smallest)


def test_too_few_pairs_and_one_fate():
    with pytest.raises(InputError, match="--pairs: 1 is too few"):
        Descent(known.SQUARE, Distances.parse("1e-1", "1e-6"), 1, 0)
    with pytest.raises(InputError, match=r"all pairs 0\.062 apart have the same fate"):
        measured(known.OfFunction(lambda x, y: np.zeros(len(x), np.int64)), pairs=LEAST_PAIRS)


def test_a_border_that_few_strands_find():
    """Stripes in the window's corner: leaving out the one strand that finds them would leave no share at all."""

    def corner(x, y):
        return ((x < 0.02) & (y < 0.8) & (np.floor(x * 2**20) % 2 == 0)).astype(np.int64)

    with pytest.raises(InputError, match=r"too many pairs .* apart have the same fate; give a view with a border"):
        measured(known.OfFunction(corner), pairs=LEAST_PAIRS)
