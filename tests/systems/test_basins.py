"""Basins: which minimum a run of a training finds, against mpmath, and in all that compares pixels."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest

import deepzoom
from deepzoom import systems
from deepzoom.backends.base import ReadOut
from deepzoom.backends.training.exact import ExactTrainingJob
from deepzoom.backends.training.traced import TracedFloat64Job, TracedPerturbationJob
from deepzoom.colouring.colour import coloured
from deepzoom.diving.blocks import kinds_of
from deepzoom.errors import TracingError
from deepzoom.reference.training import obtain
from deepzoom.rendering import render as rendering
from deepzoom.rendering.field import Field
from deepzoom.rendering.sample_counts import Places
from deepzoom.rendering.verify import verify
from deepzoom.scene.colours import Colouring
from deepzoom.scene.view import View
from deepzoom.systems.traced_system import TracedSystem

STEPS, SOLVED = 60, 0.25


def step(state, hyper):
    """Gradient descent on (x y z - 1)^2 / 4; the first loss counts as ``SOLVED``."""
    x, y, z = state["w"]
    residual = x * y * z - 1
    after = state["w"] - hyper["rate"] * residual / 2 * np.stack([y * z, x * z, x * y])
    return {"w": after}, np.where(hyper["step"] < 0.5, SOLVED, residual * residual / 4)


FACTORS = deepzoom.Training(
    step,
    lambda hyper: {"w": np.stack([hyper["a"], hyper["b"], 1.0])},
    {"a": 0, "b": 0, "rate": 0.5},
    x="a",
    y="b",
    label=lambda state: state["w"],
    steps=STEPS,
    depth=7,
)


def found(a, b, rate=0.5, steps=STEPS):
    """The number of the basin at a point, 0 where the run does not converge, in mpmath."""
    x, y, z = (mp.mpf(v.numerator) / v.denominator for v in (a, b, Fraction(1)))
    losses = []
    for _ in range(steps):
        r = x * y * z - 1
        losses.append(r * r / 4)
        if not losses[-1] < 1e300:  # float64 ends there
            return 0
        x, y, z = (v - mp.mpf(rate) * r / 2 * p for v, p in ((x, y * z), (y, x * z), (z, x * y)))
    if sum(min(v / SOLVED, 1e6) for v in losses[-20:]) >= 20:
        return 0
    return 1 + (x > 0) + 2 * (y > 0) + 4 * (z > 0)


def border(rate=0.5, steps=STEPS):
    """Decimals of a point to 1e-40 where two basins meet, and their numbers: along a line, by bisection."""

    def at(s):
        return s, Fraction(-33, 10) + s / 3

    with mp.workdps(90):
        along = [Fraction(i, 40) for i in range(61)]
        basins = [found(*at(s), rate, steps) for s in along]
        k = next(i for i in range(1, 61) if basins[i] != basins[i - 1] and basins[i] and basins[i - 1])
        low, high = along[k - 1], along[k]
        for _ in range(150):
            middle = (low + high) / 2
            low, high = (middle, high) if found(*at(middle), rate, steps) == basins[k - 1] else (low, middle)
    return [f"{round(v * 10**45)}e-45" for v in at(low)]


@pytest.fixture(scope="module")
def system():
    return TracedSystem("factors", FACTORS, {}, None)


def check(job, view, pixels):
    """Check the basins of pixels against mpmath where a second run agrees; their set, and how many are settled."""
    out = job.run(pixels)
    settled = out.agrees(job.shadow(pixels))
    with mp.workdps(90):
        true = np.array([found(*view.point(int(p))) for p in pixels])
    assert np.array_equal(out.attractor[settled], true[settled])
    assert np.array_equal(out.fate[settled] < 0, true[settled] > 0)
    return set(true.tolist()), int(settled.sum())


def test_exact_runs_end_in_the_basins_of_the_oracle(system):
    view = View.parse("-1", "-1", "4", "5x5")
    pixels = np.array([4, 6, 10, 16, 21])  # one of each basin, and one that finds none
    out = ExactTrainingJob(system, view, 160).run(pixels)
    with mp.workdps(60):
        true = [found(*view.point(int(p))) for p in pixels]
    assert out.attractor.tolist() == true and len(set(true)) == 5


@pytest.mark.slow
def test_the_first_view_has_the_basins_of_the_oracle(system):
    """Its 4 minima are those whose product is 1; with the bits of signs they have the numbers 2, 3, 5 and 8."""
    view = View.parse("0", "0", "7", "40x40")
    job = TracedFloat64Job(system, view, lambda text: None)
    pixels = np.random.default_rng(1).choice(view.pixels, 60, replace=False)
    basins, settled = check(job, view, pixels)
    assert basins == {0, 2, 3, 5, 8} and settled > 50
    again = job.retry(pixels[:8], 0)
    assert again.trust.all() and np.array_equal(again.attractor, job.run(pixels[:8]).attractor)


@pytest.mark.slow
@pytest.mark.parametrize("depth", ["1e-6", "1e-20"])
def test_deep_views_have_the_basins_of_the_oracle(system, depth):
    view = View.parse(*border(), depth, "40x40")
    if depth == "1e-6":
        job = TracedFloat64Job(system, view, lambda text: None)
    else:
        job = TracedPerturbationJob(system, view, obtain(system, view), 0.0, lambda text: None)
    pixels = np.random.default_rng(2).choice(view.pixels, 50, replace=False)
    basins, settled = check(job, view, pixels)
    assert len(basins) > 1 and settled > 40
    some = ExactTrainingJob(system, view, None).run(pixels[:4])
    with mp.workdps(90):
        assert some.attractor.tolist() == [found(*view.point(int(p))) for p in pixels[:4]]


def length(numbers):
    """The length of the borders of a square picture, in its heights."""
    edges = sum(np.count_nonzero(np.diff(numbers, axis=k)) for k in (0, 1))
    return edges / len(numbers)


@pytest.mark.slow
def test_small_steps_have_smooth_borders():
    """The null model: at a small rate, training follows the gradient flow, whose basins have smooth borders."""
    lengths = []
    for rate, steps in (("0.5", STEPS), ("0.02", 1500)):
        own = TracedSystem("factors", FACTORS, {"rate": rate}, steps)
        for size in (24, 96):
            view = View.parse("0", "0", "7", f"{size}x{size}")
            job = TracedFloat64Job(own, view, lambda text: None)
            lengths.append(length(job.run(np.arange(view.pixels)).attractor.reshape(size, size)))
    assert lengths[1] > 1.2 * lengths[0]  # finer pixels see more of a fractal border
    assert 2 < lengths[2] < 3 and abs(lengths[3] - lengths[2]) < 0.1


def test_a_label_is_one_number_from_the_signs():
    label = systems.create("basins").training.label
    assert label is not None and label.shape == () and systems.create("basins").ends == range(17)
    assert systems.is_labelled("basins") and not systems.is_labelled("tanh") and not systems.is_labelled("cubic")
    for many in (0, 15):
        with pytest.raises(TracingError, match=f"a label gives {many} numbers; give 1 to 14"):
            TracedSystem("own", replace(FACTORS, label=lambda state, n=many: np.zeros(n) * state["w"][0]), {}, None)
    with pytest.raises(TracingError, match="label = '3' is not a function"):
        replace(FACTORS, label=3)


def test_runs_in_other_basins_do_not_agree():
    one, fate, trust = np.array([-5.0, -5.0]), np.full(2, -1, np.int8), np.zeros(2, np.int8)
    runs = [ReadOut(one, fate, trust, attractor=np.array(a, np.int16)) for a in ((1, 2), (1, 3))]
    assert runs[0].agrees(runs[1]).tolist() == [True, False]
    assert kinds_of(runs[1]).tolist() == [1.0, 3.0]


@pytest.fixture
def field():
    """Four basins in stripes, in each a measure that rises, and a corner of diverged runs."""
    scene = deepzoom.Scene("basins", View.parse("0", "0", "8", "24x24"), 500, colouring=Colouring("attractor"))
    field = Field.empty(scene)
    field.attractor[:] = np.arange(24) // 6 + 1
    field.measure[:] = -10.0 - np.arange(24)[:, None]
    field.fate[:], field.done[:] = -1, True
    field.attractor[:4, :4], field.fate[:4, :4], field.measure[:4, :4] = 0, 1, 20.0
    return field


def test_colours_show_the_basin_and_how_fast(field, tmp_path):
    rgb = coloured(field)
    assert not rgb[:4, :4].any()
    hues = [np.argsort(rgb[12, column]).tolist() for column in (8, 14, 20)]
    assert len({str(h) for h in hues} | {str(np.round(rgb[12, c], 2)) for c in (2, 8, 14, 20)}) >= 4
    assert rgb[6, 8].sum() > rgb[18, 8].sum()  # a smaller sum of losses is lighter
    by_rank = replace(field, scene=replace(field.scene, colouring=Colouring()))
    assert np.array_equal(coloured(by_rank), coloured(replace(by_rank, attractor=None)))
    field.save(tmp_path / "b.npz")
    assert np.array_equal(Field.load(tmp_path / "b.npz").attractor, field.attractor)


def test_borders_of_basins_get_samples(field):
    spread = Places(field, field.done).spread()
    assert spread[12, 5] > 100 * spread[12, 3] and spread[12, 6] > 100 * spread[12, 8]


@pytest.mark.slow
def test_verify_compares_basins():
    scene = deepzoom.Scene("basins", View.parse("3.2", "1.5", "2", "8x8"), 200, trust="settle")
    field = rendering.render(scene).field
    assert field.made["ends"] == 17
    settled = field.trust > 0
    assert verify(field, 12).counted(1)[0] == 0
    field.attractor[settled & (field.attractor > 0)] += 1
    assert verify(field, 64).counted(1)[0] == np.count_nonzero(settled & (field.attractor > 0))
