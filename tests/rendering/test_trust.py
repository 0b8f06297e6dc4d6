"""Checks and repairs: settled pixels are right, the sample's interval covers the true share, stopped repairs resume."""

from __future__ import annotations

from dataclasses import replace

import gmpy2
import numpy as np
import pytest
from small_network import SmallNetwork

from deepzoom.backends.base import SETTLED, ReadOut
from deepzoom.backends.escape_time import higher_precision as refined
from deepzoom.backends.training.exact import ExactTrainingJob
from deepzoom.durations import duration, parse_duration
from deepzoom.errors import InputError
from deepzoom.rendering import batches as work
from deepzoom.rendering import render as rendering
from deepzoom.rendering import trust
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.field import Field
from deepzoom.rendering.render import render
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

CHAOS = View.parse("2", "1", "1", "12x12")
"""A view of learning rates in which float64 gets a fifth of this network's pixels wrong."""


@pytest.fixture
def chaos(tmp_path):
    small = SmallNetwork(29, widths=(3, 4, 1), rows=8)
    np.savez(tmp_path / "own.npz", X=small.x, Y=small.y, theta0=small.weights[0], theta1=small.weights[1])
    return Scene("tanh", CHAOS, 150, {"data": str(tmp_path / "own.npz")}, trust="settle")


def job_of(scene):
    planned = rendering.plan(scene)
    return planned, planned.backend.job(planned.system, scene.view, None, lambda s: None, lambda t: None)


def exactly(scene, pixels):
    planned = rendering.plan(scene)
    return ExactTrainingJob(planned.system, scene.view, None).run(np.asarray(pixels))


def same(a, b):
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("measure", "fate", "trust", "done", "rung"))


def test_no_pixel_that_is_called_settled_is_wrong(own_cache, chaos):
    off = render(replace(chaos, trust="off")).field
    settled = render(chaos).field
    apart = np.abs(off.measure - settled.measure) > SETTLED * np.abs(settled.measure)
    changed = np.flatnonzero(apart | (off.fate != settled.fate))
    assert 15 < len(changed) < 60  # float64 gets many of them wrong, some even in their fate
    assert settled.rung.ravel()[changed].min() >= 1 and np.all(off.trust == 0) and off.rung is None
    fates = np.flatnonzero(off.fate != settled.fate)
    some = np.unique(np.r_[fates, changed[::3], 0:144:16])
    exact = exactly(chaos, some)
    assert np.all(exact.trust == 1)
    known = settled.trust.ravel()[some] == 1
    assert known.sum() > 15
    assert np.array_equal(settled.fate.ravel()[some][known], exact.fate[known])
    close = np.abs(settled.measure.ravel()[some] - exact.measure) <= SETTLED * np.abs(exact.measure)
    assert np.all(close[known])
    assert np.count_nonzero(off.fate.ravel()[some] != exact.fate) == len(fates) > 1


def test_the_shadow_shows_what_a_second_run_of_the_same_steps_would_not(own_cache, chaos):
    """If tanh is saturated to the last bit, float64's slope is 0 however it is disturbed. The shadow run's is not."""
    _, job = job_of(chaos)
    pixels = np.arange(144)
    first, shadow, more = job.run(pixels), job.shadow(pixels), job.retry(pixels, 0)
    wrong = ~first.agrees(more, SETTLED) & (more.trust == 1)
    assert wrong.sum() > 10
    assert not np.any(wrong & first.agrees(shadow))


@pytest.mark.parametrize("depth", ["1", "1e-20"])
def test_a_pixel_does_not_depend_on_the_others_of_its_batch(own_cache, chaos, depth):
    scene = replace(chaos, view=View.parse("2.1", "0.8", depth, "12x12"))
    _, job = job_of(scene)
    pixels = np.array([3, 50, 51, 99, 140])
    for rung in (0, 1):
        together = job.retry(pixels, rung)
        alone = ReadOut.joined([job.retry(pixels[i : i + 1], rung) for i in range(len(pixels))])
        for name in ("measure", "fate", "trust"):
            assert np.array_equal(getattr(together, name), getattr(alone, name))


@pytest.mark.parametrize(("depth", "rung", "starts"), [("1e-25", 0, True), ("1e-60", 1, True), ("1e-25", 1, False)])
def test_rungs_start_from_the_reference_where_differences_fit_the_last_limb(own_cache, chaos, depth, rung, starts):
    scene = replace(chaos, view=View.parse("-0.4", "-0.2", depth, "12x12"), steps=60)
    _, job = job_of(scene)
    pixels = np.array([0, 77, 143])
    found, exact = job.retry(pixels, rung), exactly(scene, pixels)
    assert np.all(found.trust == 1) and np.all(exact.trust == 1)
    assert np.allclose(found.measure, exact.measure, rtol=1e-13, atol=0)
    start = job._higher_precision._starts[2 if rung == 0 else 4]
    assert (start.step > 0) == starts


class Stops(Observer):
    """Stops after so many batches since the first pass, and keeps checkpoints as files do."""

    def __init__(self, after, folder):
        self.after, self.folder, self.rounds = after, folder, []
        self.taken = 0

    def part(self, name, done, total):
        self.rounds.append(name)
        self.taken += done > 0

    def checkpoint(self, field):
        field.save(self.folder / "kept.npz")

    def stopped(self):
        return self.taken >= self.after


@pytest.mark.parametrize("after", [0, 1, 2, 4])
def test_an_interrupted_repair_goes_on_to_the_same_field(own_cache, chaos, tmp_path, monkeypatch, after):
    monkeypatch.setattr("deepzoom.backends.training.float64.batch_size_of", lambda *a: 40)
    monkeypatch.setattr(work, "FIRST_CHECKPOINT_SECONDS", -1.0)
    whole = render(chaos, jobs=2)
    assert whole.complete
    observer = Stops(after, tmp_path)
    part = render(chaos, jobs=1, observer=observer)
    assert not part.complete and not (part.field.rung is not None and same(part.field, whole.field))
    assert part.field.done.all() == (after > 0)
    if after > 0:  # as after kill -9: from the last checkpoint, not from where it stopped
        again = render(chaos, jobs=2, partial=Field.load(tmp_path / "kept.npz"))
        assert again.complete and same(again.field, whole.field)
    again = render(chaos, jobs=2, partial=part.field)
    assert again.complete and same(again.field, whole.field)


def test_a_spent_budget_ends_with_what_is_settled(own_cache, chaos, monkeypatch):
    said = []

    class Listens(Observer):
        def say(self, text):
            said.append(text)

    result = render(chaos, observer=Listens(), budget=0.0)
    assert result.complete and result.facts["unchecked"] == 144
    assert "The time budget of 0 s is used up." in said


def test_a_sample_says_how_much_is_not_settled(own_cache, chaos):
    scene = replace(chaos, trust="sample", view=replace(CHAOS, width=48, height=40))
    said = []

    class Listens(Observer):
        def say(self, text):
            said.append(text)

    result = render(scene, observer=Listens())
    chosen = trust.sample_of(np.arange(48 * 40))
    assert len(chosen) == 38 and np.array_equal(chosen, trust.sample_of(np.arange(48 * 40)))
    checked = np.flatnonzero(result.field.trust.ravel())
    assert np.array_equal(checked, chosen) and result.facts["unchecked"] == 48 * 40 - 38
    low, share, high = (result.facts[f"unsettled_share{part}"] for part in ("_low", "", "_high"))
    assert 0 < low < share < high < 1
    _, job = job_of(scene)
    pixels = np.arange(48 * 40)
    true = 1 - job.run(pixels).agrees(job.shadow(pixels)).mean()
    assert low <= true <= high
    assert any(s.startswith("Rounding matters in ") and "38 pixels that were run twice" in s for s in said)
    again = render(scene, jobs=1)
    assert np.array_equal(again.field.trust, result.field.trust)


HENON = "1 - 1.4*re(z)**2 + im(z) + i*0.3*re(z) + c/10"
"""Bounded chaos: each step loses half a bit."""


def henon_count(x, y, limit):
    """The number of the first iterate beyond 100, at 3000 bits; 0 if there is none."""
    with gmpy2.context(precision=3000):
        u = v = gmpy2.mpfr(0)
        a, b, bend, turn = (gmpy2.mpfr(gmpy2.mpq(w)) for w in (x / 10, y / 10, "14/10", "3/10"))
        for n in range(1, limit + 1):
            u, v = 1 - bend * u * u + v + a, turn * u + b
            if u * u + v * v > 10**4:
                return n
    return 0


def test_more_digits_until_all_is_settled(own_cache, monkeypatch):
    """Also if the digits end too early, and --bits would help."""
    monkeypatch.setattr(refined, "SMALL", 0)
    scene = Scene("formula", View.parse("0", "0", "1.5", "12x12"), 1500, {"formula": HENON}, trust="settle")
    said = []

    class Listens(Observer):
        def say(self, text):
            said.append(text)

    field = render(scene, observer=Listens()).field
    assert np.all(field.trust == 1) and field.rung.max() >= 3 and not any("--bits" in text for text in said)
    for pixel in np.flatnonzero(field.rung.ravel() > 1)[::5].tolist():
        assert field.iterations.flat[pixel] == henon_count(*scene.view.at(pixel % 12, pixel // 12), 1500)
    monkeypatch.setattr(refined, "MOST", 1)
    few = render(scene, observer=Listens()).field
    left = int((few.trust < 0).sum())
    advice = next(text for text in said if "--bits" in text)
    bits = int(advice.split()[1])
    assert left > 0 and advice == f"--bits {bits} may settle more of the {left} unsettled pixels."
    assert bits > 500 and np.all(render(replace(scene, bits=bits)).field.trust == 1)


def test_off_says_that_nothing_was_checked(own_cache, chaos):
    field = render(replace(chaos, trust="off", steps=5)).field
    assert trust.summary(field) == "No pixel was checked (--trust off): rounding may matter in any of them."
    assert trust.facts(field)["unsettled_share"] is None


def test_systems_that_check_themselves_need_no_sample(own_cache):
    for mode in ("off", "sample", "settle"):
        scene = Scene("mandelbrot", View.parse("-0.75", "0.1", "0.01", "80x64"), 300, trust=mode)
        field = render(scene).field
        assert np.all(field.trust != 0)
        facts = trust.facts(field)
        assert facts["unsettled_share"] == facts["unsettled_share_low"] == facts["unsettled_share_high"]


def test_settling_runs_escape_time_pixels_again(own_cache):
    """At this limit float64 cannot settle some counts, and the picture is too large to refine them unasked."""
    view = View.parse("-0.743643887037151", "0.131825904205330", "3e-12", "80x64")
    left = render(Scene("mandelbrot", view, 20000, trust="off", backend="cpu-float64")).field
    unsettled = left.trust < 0
    assert unsettled.sum() > 0
    settled = render(Scene("mandelbrot", view, 20000, trust="settle", backend="cpu-float64")).field
    assert np.all(settled.trust == 1) and np.array_equal(settled.rung > 0, unsettled)
    assert np.array_equal(settled.iterations[~unsettled], left.iterations[~unsettled])


def test_durations():
    assert [parse_duration(t, "--budget") for t in ("90s", "10m", " 1.5h ")] == [90.0, 600.0, 5400.0]
    for wrong in ("10", "m", "-3m", "1d", "1e3s", ""):
        with pytest.raises(InputError) as error:
            parse_duration(wrong, "--budget")
        assert str(error.value) == f"--budget: {wrong!r} is not a time such as 90s, 10m or 1.5h."
    assert [duration(s) for s in (45, 600, 7200)] == ["45 s", "10 min", "2.0 h"]


def test_a_scene_keeps_how_far_it_is_checked():
    scene = Scene("tanh", CHAOS, 10, trust="settle")
    assert Scene.from_toml(scene.to_toml()) == scene and 'trust = "settle"' in scene.to_toml()
    assert "trust" not in Scene("tanh", CHAOS, 10).to_toml()
    with pytest.raises(InputError, match="--trust: 'maybe' is not one of off, sample, settle"):
        replace(scene, trust="maybe")
    with pytest.raises(InputError, match="scene: trust = 'x' is not one of off, sample, settle"):
        Scene.from_toml(scene.to_toml().replace("settle", "x"))


def test_runs_agree_by_what_decides_the_fate_too():
    """A few large terms can make up a measure; and one that is infinite agrees with none."""
    one, fate, trust = np.array([1e7, 1e7, np.inf, np.inf]), np.ones(4, np.int8), np.zeros(4, np.int8)
    first = ReadOut(one, fate, trust, excess=np.array([5.0, 5.0, 5.0, 5.0]))
    second = ReadOut(np.array([1e7, 1e7, 1.0, np.inf]), fate, trust, excess=np.array([5.001, 5.1, 5.0, 5.0]))
    assert first.agrees(second).tolist() == [True, False, False, False]
    far = replace(first, measure=np.full(4, 2.0), excess=np.array([1.9e7, 3e6, 2.0, np.nan]))
    assert far.agrees(replace(far, excess=np.array([1.8e7, 9e5, 1.9e7, np.nan]))).tolist() == [
        True,
        False,
        False,
        False,
    ]
    still = replace(first, excess=np.zeros(4))
    assert not still.agrees(still).any()
    assert first.agrees(replace(second, excess=None)).tolist() == [True, True, False, False]
