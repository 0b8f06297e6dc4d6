"""Steep views, which float64 cannot stretch: exact tangents, polynomials in the picture's coordinates, and pixels."""

from __future__ import annotations

from dataclasses import replace

import mpmath
import numpy as np
import oracle
import pytest
from small_network import SmallNetwork, quiet, system_of

from deepzoom import Training
from deepzoom.backends.cpu_perturbation import CpuPerturbation
from deepzoom.backends.training.perturbation import series_of
from deepzoom.reference import exact_tangents as tangents
from deepzoom.reference import picture_coordinates as framed
from deepzoom.reference import training as reference
from deepzoom.rendering.stretch import unfolding
from deepzoom.scene.scene import Scene, View
from deepzoom.scene.shape import STEEP, Shape
from deepzoom.systems.traced_system import TracedSystem

SMALL = SmallNetwork(28, steps=100)
VIEW = View.parse("0.81415926", "0.92645", "3e-27", "24x16")


def number(value):
    return mpmath.mpf(int(value.numerator)) / int(value.denominator)


def weights_at(x, y, steps):
    """All weights of an mpmath run before the last step, flat."""
    return [v for w in SMALL.oracle(number(x), number(y), steps)[1][-1] for row in w for v in row]


def _loss(w, data):
    """The published network's loss, at these sizes."""
    inputs, hidden = w["w0"].shape
    return ((np.tanh(data["x"] @ w["w0"] * np.sqrt(2 / inputs)) @ w["w1"] / hidden - data["y"]) ** 2).mean()


@pytest.fixture(scope="module")
def steep(tmp_path_factory):
    """(system, unfolded view, reference, frame), all made once."""
    from deepzoom import cache

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "_references", lambda: tmp_path_factory.getbasetemp() / "steep")
        system = system_of(SMALL)
        path = tmp_path_factory.mktemp("data") / "own.npz"
        np.savez(path, X=SMALL.x, Y=SMALL.y, theta0=SMALL.weights[0], theta1=SMALL.weights[1])
        shape = unfolding(Scene("tanh", VIEW, SMALL.steps, {"data": str(path)}))
        view = replace(VIEW, shape=shape)
        kept = reference.obtain(system, view)
        yield system, view, kept, framed.obtain(system, view, kept)


def test_the_weak_direction_is_that_of_finite_differences(steep):
    """Its angle to well below a pixel of the view, the ratio of singular values to 1e-9."""
    _, view, kept, frame = steep
    step = kept.leaves(view.depth) // 4 * 4
    log2_ratio, x, y = tangents.weak_direction(frame.tangents.by(step), np.ones(16))
    with mpmath.workdps(150):
        near = mpmath.mpf(10) ** -90
        centre = weights_at(view.x, view.y, step)
        columns = []
        for dx, dy in ((near, 0), (0, near)):
            beside = SMALL.oracle(number(view.x) + dx, number(view.y) + dy, step)[1][-1]
            flat = [v for w in beside for row in w for v in row]
            columns.append([(p - q) / near for p, q in zip(flat, centre, strict=True)])
        values, directions = mpmath.eigsy(mpmath.matrix([[mpmath.fdot(p, q) for q in columns] for p in columns]))
        ratio = mpmath.sqrt(values[1] / values[0])
        assert float(mpmath.log(ratio, 2)) == pytest.approx(log2_ratio, abs=1e-9)
        weak, found = directions[:, 0], (number(x), number(y))
        across = (weak[0] * found[1] - weak[1] * found[0]) / mpmath.hypot(*found)
        assert abs(across) * ratio < 1e-9
    assert 2.0**log2_ratio > 100 * STEEP


def test_polynomials_of_a_steep_view_are_exact_runs(steep):
    """At random pixels, to 1e-11 of what the short direction changes of the weights, as far as pixels skip."""
    system, view, kept, frame = steep
    job = CpuPerturbation().job(system, view, None, quiet, quiet)
    last = next(s for s in frame.snapshots if s.step == job.facts.skipped_steps)
    assert view.shape.is_steep and last.step > kept.steps / 2
    pixels = np.random.default_rng(3).choice(view.pixels, 4, replace=False)
    found = series_of(last, last.weights).at(*view.heights(pixels), 0)
    short = np.abs(last.weights[1]).max() * 2.0**-last.exponent
    with mpmath.workdps(100):
        centre = weights_at(view.x, view.y, last.step)
        for pixel, own in zip(pixels.tolist(), found, strict=True):
            true = [float(p - q) for p, q in zip(weights_at(*view.point(pixel), last.step), centre, strict=True)]
            assert np.abs(own - true).max() < 1e-11 * short
            assert np.abs(true).max() > 0.01 * short


@pytest.mark.parametrize("traced", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_pixels_of_a_steep_view_are_exact_runs(steep, traced):
    """Plain, and with more digits from an early step: fates and measures of mpmath runs."""
    system, view, _, _ = steep
    if traced:
        start = {"w0": SMALL.weights[0], "w1": SMALL.weights[1]}
        own = Training(
            loss=_loss, start=start, data={"x": SMALL.x, "y": SMALL.y}, hyper={"rate.w0": 1.0, "rate.w1": 1.0},
            x="log10:rate.w0", y="log10:rate.w1", steps=SMALL.steps,
        )  # fmt: skip
        system = TracedSystem("own", own, {}, None)
    job = CpuPerturbation().job(system, view, None, quiet, quiet)
    pixels = np.random.default_rng(5).choice(view.pixels, 4, replace=False)
    plain, more = job.run(pixels), job.retry(pixels, 0)
    assert (more.trust == 1).all()
    with mpmath.workdps(100):
        for k, pixel in enumerate(pixels.tolist()):
            true = float(oracle.measure(SMALL.oracle(*map(number, view.point(pixel)))[0]))
            assert more.measure[k] == pytest.approx(true, rel=1e-12)
            assert plain.measure[k] == pytest.approx(true, rel=1e-6)
            assert plain.fate[k] == (-1 if true < 0 else 1)


@pytest.mark.parametrize("samples", [1, 9])
def test_heights_are_where_pixels_stand(samples):
    view = replace(VIEW, shape=Shape.parse(["31.5", "-0.125", "7.3", "0.061"]), flip=samples > 1, samples=samples)
    pixels = np.arange(0, view.pixels * samples, 37)
    for u, v, pixel in zip(*view.heights(pixels), pixels.tolist()):
        exact = view.point(pixel)
        x, y = (float((e - c) / view.depth) for e, c in zip(exact, (view.x, view.y)))
        assert view.shape.matrix @ [u, v] == pytest.approx([x, y], rel=1e-14, abs=1e-14)


def test_steep_shapes_keep_their_short_direction():
    """Through texts, turns and shares of the way: the short span is what is left of numbers 1e40 as large."""
    shape = Shape.along(10**40, Shape.parse(["1", "0", "0", "1"]).xu * 3, 4)
    for one in (shape, Shape.parse(shape.texts()), shape.turned(30.0), shape.part(1, 0.999999)):
        long, short, degrees = one.spans
        assert (long, short) == pytest.approx((1e40, 1), rel=1e-9)
        assert degrees == pytest.approx(53.13010235415598, abs=1e-9)
        assert one.log2_ratio == pytest.approx(40 * np.log2(10), abs=1e-9)
    half = shape.part(0.5, 0.5)
    assert half.spans[:2] == pytest.approx((1e20, 1), rel=1e-9)
    assert half.turned(20.0).part(1, 0.5).spans[:2] == pytest.approx((1e20, 1), rel=1e-9)
    assert half.towards(shape, 0.5).spans[:2] == pytest.approx((5e39, 1), rel=1e-9)
    assert half.solved(shape) == pytest.approx(
        np.array([[1e20 * 0.36 + 0.64, 1e20 * 0.48], [1e20 * 0.48, 1e20 * 0.64]])
    )
