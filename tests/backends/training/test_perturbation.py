"""Pixels of the perturbation backend, from the exact centre to the result, against mpmath runs of each pixel."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from small_network import KINDS, SmallNetwork, quiet, system_of

from deepzoom.backends.cpu_perturbation import CpuPerturbation
from deepzoom.backends.exact import ExactBackend
from deepzoom.reference.training import HAND_OFF
from deepzoom.rendering import trust
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View
from deepzoom.systems import create

X, Y = "-0.41415926535897932384626433832795028841971", "-0.1718281828459045235360287471352662497757"
"""A calm place: errors do not grow along a run."""
BURSTING = "1.5141592653589793238462643383279502884197", "1.9718281828459045235360287471352662497757"
"""A place where runs diverge at once."""
STEPS = 60


def true_measure(small, place, pixel):
    import oracle

    row, column = divmod(pixel, place.width)
    x, y = place.at(column, row)
    exact = [mpmath.mpf(int(v.numerator)) / mpmath.mpf(int(v.denominator)) for v in (x, y)]
    losses, _ = small.oracle(*exact)
    return oracle.measure(losses)


@pytest.mark.parametrize("kind", KINDS, ids=[k.replace(" ", "-") for k in KINDS])
@pytest.mark.parametrize("depth", ["1e-6", "1e-12", "1e-20", "1e-30"])
def test_pixels_equal_mpmath(own_cache, kind, depth):
    """Five random pixels of each kind of network at each depth have the right fate and measure."""
    small = SmallNetwork(20, steps=STEPS, **KINDS[kind])
    place = View.parse(*(BURSTING if depth == "1e-12" else (X, Y)), depth, "33x24")
    job = CpuPerturbation().job(system_of(small), place, None, quiet, quiet)
    pixels = np.sort(np.random.default_rng(len(kind) + len(depth)).choice(place.pixels, 5, replace=False))
    out = job.run(pixels)
    with mpmath.workprec(500):
        for pixel, measure, fate in zip(pixels.tolist(), out.measure, out.fate):
            true = true_measure(small, place, pixel)
            assert measure == pytest.approx(float(true), rel=1e-9)
            assert fate == (-1 if true < 0 else 1)


@pytest.mark.parametrize("kind", ["tanh", "relu", "offset once", "deep minibatch"])
def test_the_skip_changes_nothing(own_cache, kind, monkeypatch):
    from deepzoom.backends.training import perturbation as training_perturbation

    small = SmallNetwork(21, steps=STEPS, **KINDS[kind])
    place = View.parse(X, Y, "1e-20", "16x16")
    with_skip = CpuPerturbation().job(system_of(small), place, None, quiet, quiet)
    monkeypatch.setattr(training_perturbation.TrainingPerturbationJob, "_confirmed_skip", lambda self: None)
    without = CpuPerturbation().job(system_of(small), place, None, quiet, quiet)
    assert with_skip.facts.skipped_steps > 0 == without.facts.skipped_steps
    pixels = np.arange(place.pixels)
    a, b = with_skip.run(pixels), without.run(pixels)
    assert np.allclose(a.measure, b.measure, rtol=1e-10, atol=0)
    assert np.array_equal(a.fate, b.fate)


def test_differences_that_vanish_are_not_settled(own_cache, monkeypatch):
    """As below 2**-900 without a skip: all pixels, and their shadow runs, would run exactly as the reference run."""
    from deepzoom.backends.training import perturbation as training_perturbation

    small = SmallNetwork(21, steps=STEPS)
    place = View.parse(X, Y, "1e-20", "8x8")
    monkeypatch.setattr(training_perturbation, "_RANGE", -67)
    skipped = CpuPerturbation().job(system_of(small), place, None, quiet, quiet)
    assert skipped.facts.skipped_steps > 0 and skipped.holds_differences
    monkeypatch.setattr(training_perturbation.TrainingPerturbationJob, "_confirmed_skip", lambda self: None)
    job = CpuPerturbation().job(system_of(small), place, None, quiet, quiet)
    assert not job.holds_differences
    field = Field.empty(Scene("tanh", place, STEPS, {}, trust="sample"))
    field.done[:] = True
    trust.check(job, field, [np.arange(64)], 1, Observer())
    assert np.all(field.trust == -1)


def test_a_wrong_skip_is_refused(own_cache, monkeypatch):
    """Probe pixels find polynomials that are wrong, even if the terms look small enough."""
    from deepzoom.backends.training import perturbation as training_perturbation

    small = SmallNetwork(22, steps=STEPS)
    place = View.parse(X, Y, "1e-3", "16x16")
    monkeypatch.setattr(training_perturbation, "_DROPPED", np.inf)
    job = CpuPerturbation().job(system_of(small), place, None, quiet, quiet)
    latest = max(s.step for s in job._reference.snapshots)
    assert job.facts.skipped_steps < latest


def test_a_fold_inside_the_view_ends_the_skip(own_cache):
    small = SmallNetwork(23, activation="relu", steps=STEPS)
    wide = CpuPerturbation().job(system_of(small), View.parse(X, Y, "0.5", "16x16"), None, quiet, quiet)
    deep = CpuPerturbation().job(system_of(small), View.parse(X, Y, "1e-30", "16x16"), None, quiet, quiet)
    assert wide.facts.skipped_steps < deep.facts.skipped_steps


def test_neighbours_differ_where_float64_has_one_number_for_all(own_cache):
    from deepzoom.backends.cpu_float64 import CpuFloat64

    small = SmallNetwork(24, steps=STEPS)
    place = View.parse(X, Y, "1e-20", "32x4")
    deep = CpuPerturbation().job(system_of(small), place, None, quiet, quiet)
    rate_differences, _ = deep._parameters(deep._differences(np.arange(32))[0])
    assert len(set(rate_differences[:, 0])) == 32
    plain = CpuFloat64().job(system_of(small), place, None, quiet, quiet)
    assert len(set(plain.run(np.arange(32)).measure)) == 1


def test_beyond_the_range_of_float64(own_cache):
    """At 1e-330 float64 cannot hold a pixel's difference. The skip carries it until float64 can."""
    small = SmallNetwork(25, steps=60)
    place = View.parse(X, Y, "1e-330", "9x8")
    job = CpuPerturbation().job(system_of(small), place, None, quiet, quiet)
    out = job.run(np.array([0, 40, 71]))
    with mpmath.workprec(2600):
        for pixel, measure in zip((0, 40, 71), out.measure):
            assert measure == pytest.approx(float(true_measure(small, place, pixel)), rel=1e-12)


@pytest.mark.parametrize("kind", ["tanh", "deep relu", "offset every step"])
def test_exact_backend_equals_mpmath(kind):
    small = SmallNetwork(26, steps=60, **KINDS[kind])
    place = View.parse(X, Y, "1e-20", "8x8")
    job = ExactBackend().job(system_of(small), place, None, quiet, quiet)
    out = job.run(np.array([0, 37]))
    assert np.all(out.trust == 1)
    with mpmath.workprec(500):
        for pixel, measure in zip((0, 37), out.measure):
            assert measure == pytest.approx(float(true_measure(small, place, pixel)), rel=1e-12)


def test_learning_rates_far_below_1(own_cache):
    """A rate of 1e-100 would lie below the reference run's last bit if the run's bits did not count it in."""
    small = SmallNetwork(27, steps=30)
    place = View.parse("-100", "-100", "0.1", "4x4")
    pixels = np.array([0, 9])
    found = [
        backend().job(system_of(small), place, None, quiet, quiet).run(pixels)
        for backend in (CpuPerturbation, ExactBackend)
    ]
    with mpmath.workprec(900):
        for i, pixel in enumerate(pixels.tolist()):
            true = true_measure(small, place, pixel)
            for out in found:
                assert out.fate[i] == (-1 if true < 0 else 1)
                assert out.measure[i] == pytest.approx(float(true), rel=1e-9)


def test_a_much_longer_reference_in_the_cache_serves_a_shallow_view(own_cache):
    small = SmallNetwork(28, steps=200)
    shallow, deep = (View.parse(*BURSTING, depth, "8x8") for depth in ("1e-3", "1e-200"))
    alone = CpuPerturbation().job(system_of(small), shallow, None, quiet, quiet).run(np.arange(64))
    CpuPerturbation().job(system_of(small), deep, None, quiet, quiet)
    again = CpuPerturbation().job(system_of(small), shallow, None, quiet, quiet).run(np.arange(64))
    assert np.array_equal(alone.fate, again.fate) and np.allclose(alone.measure, again.measure, rtol=1e-12, atol=0)


def test_auto_sees_that_float64_does_not_resolve_more_near_0(own_cache):
    from deepzoom.backends import select

    at_zero = View.parse("0", "0", "1e-20", "8x8")
    assert isinstance(select.select("auto", at_zero, create("tanh"))[0], CpuPerturbation)


def test_each_pixel_leaves_the_reference_by_itself(own_cache):
    """A pixel near the centre leaves later than one at the edge in the same group of lanes. That one must not wait."""
    small = SmallNetwork(29, widths=(3, 4, 1), rows=8, steps=STEPS)
    place = View.parse(*BURSTING, "1e-9", "1025x1")
    job = CpuPerturbation().job(system_of(small), place, None, quiet, quiet)
    pixels = np.array([0, 511, 513, 1024])
    last = min(job._reference.steps, STEPS)

    def left_at(some):
        return job._to_hand_off(job._skip, last, HAND_OFF, *job._differences(some))[0].tolist()

    together = left_at(pixels)
    assert together == [left_at(pixels[i : i + 1])[0] for i in range(4)]
    assert max(together[0], together[3]) < min(together[1], together[2])
