"""Fates of pixels of traced trainings at a border, at three depths: those of mpmath wherever they are settled."""

from fractions import Fraction

import mpmath as mp
import numpy as np
import oracle
import pytest
from helpers.graph_oracle import OracleRun
from small_trainings import small_training

from deepzoom import Scene, render, systems
from deepzoom.backends.training.traced import TracedFloat64Job, TracedPerturbationJob
from deepzoom.reference.training import obtain
from deepzoom.scene.view import View
from deepzoom.systems.optimizers import OPTIMIZERS
from deepzoom.systems.traced_system import TracedSystem

STEPS, LAST, PIXELS = 30, 20, 34


def _converges(run):
    for _ in range(STEPS):
        run.advance()
        if not run.losses[-1] < 1e300:  # not finite in float64; mpmath would go on with ever longer exponents
            return False
    return sum(run.losses[-LAST:]) / LAST < run.losses[0]


def _oracle(training, x, y):
    return OracleRun(training, mp.mpf(x.numerator) / x.denominator, mp.mpf(y.numerator) / y.denominator)


def _border(training):
    """A point, to 2**-210, at which the fate changes along a line of the plane, by bisection in mpmath."""
    lines = (lambda s: (s, Fraction(1, 8))), (lambda s: (Fraction(0), s))
    with mp.workdps(80):
        for line in lines:
            along = [Fraction(i, 4) for i in range(-8, 17)]
            fates = [_converges(_oracle(training, *line(s))) for s in along]
            at = next((i for i in range(1, len(along)) if fates[i] != fates[i - 1]), None)
            if at is None:
                continue
            low, high = along[at - 1], along[at]
            for _ in range(210):
                middle = (low + high) / 2
                same = _converges(_oracle(training, *line(middle))) == fates[at - 1]
                low, high = (middle, high) if same else (low, middle)
            return line(low)
    raise AssertionError("no border on these lines")


def _decimal(value):
    """A dyadic fraction as a decimal, to 70 digits."""
    return f"{round(value * 10**70)}e-70"


@pytest.mark.parametrize(
    "name",
    [
        name if name == "toy" else pytest.param(name, marks=pytest.mark.slow)
        for name in ("toy", *OPTIMIZERS, "classes", "attention", "smooth")
    ],
)
def test_settled_fates_are_those_of_the_oracle(own_cache, name):
    """100 random pixels in all. A pixel is settled if a second run agrees, or a run in more digits does."""
    system = TracedSystem(name, small_training(name), {}, STEPS)
    x, y = _border(system.training)
    both, settled = set(), [0, 0]
    for depth in ("1e-6", "1e-20", "1e-60"):
        view = View.parse(_decimal(x), _decimal(y), depth, "40x30")
        pixels = np.random.default_rng(1).choice(view.pixels, PIXELS, replace=False)
        if depth == "1e-6":
            job = TracedFloat64Job(system, view, lambda text: None)
        else:
            job = TracedPerturbationJob(system, view, obtain(system, view), 0.0, lambda text: None)
        found = job.run(pixels)
        agree = found.agrees(job.shadow(pixels))
        fates = found.fate.copy()
        for rung in range(3):  # double-double, quad-double, exact
            unsettled = np.flatnonzero(~agree)
            if len(unsettled):
                again = job.retry(pixels[unsettled], rung)
                fates[unsettled], agree[unsettled] = again.fate, again.trust == 1
            if rung == 0:
                settled[0] += int(agree.sum())
        settled[1] += int(agree.sum())
        with mp.workdps(100):
            true = [-1 if _converges(_oracle(system.training, *view.point(int(p)))) else 1 for p in pixels]
        assert np.array_equal(fates[agree], np.array(true)[agree]), depth
        both |= set(true)
    in_double_double = 0.8 if name == "sign" else 0.9  # at 1e-60, signs beside a fold need more digits
    assert both == {-1, 1} and settled[0] >= in_double_double * 3 * PIXELS and settled[1] >= 0.9 * 3 * PIXELS


def test_second_runs_of_starts_on_the_axes_begin_elsewhere(own_cache):
    """Coordinates, parameters and weights all move, and no move undoes another."""
    view = View.parse("-0.9", "0.3", "1e-3", "40x30")
    job = TracedFloat64Job(TracedSystem("toy", small_training("toy"), {}, STEPS), view, lambda text: None)
    first, second = (job.begun(np.arange(view.pixels), moved) for moved in (False, True))
    for here, there in zip(first[:2], second[:2]):
        assert np.array_equal(here == there, here == 0)


@pytest.mark.slow
@pytest.mark.parametrize(("view", "settings"), [("2 0.5 2", {"warmup": "60"}), ("1.9999125 0.0100377 1e-3", {})])
def test_settled_pixels_of_one_weight(own_cache, view, settings):
    """A rate that grows: the weight draws near to 1 beyond the last bit, and leaves it again. And chaos from the start.

    In both, two runs in float64 could come to the same numbers, and agree for good.
    """
    x, y, depth = view.split()
    scene = Scene("cubic", View.parse(x, y, depth, "8x8"), 200, settings, trust="settle", backend="cpu-float64")
    field = render(scene).field
    assert (field.trust == 1).sum() >= 50
    for pixel in np.flatnonzero(field.trust.ravel() == 1).tolist():
        with mp.workprec(1600):
            rate, w = (mp.mpf(int(v.numerator)) / int(v.denominator) for v in scene.view.point(pixel))
            losses = []
            for step in range(200):
                residual = w * w - 1
                losses.append(residual * residual / 4)
                w -= rate * min(1, mp.mpf(step + 1) / int(settings.get("warmup", 1))) * residual * w
            wanted = float(oracle.measure(losses))
        assert field.measure.ravel()[pixel] == pytest.approx(wanted, rel=1e-3), pixel


SADDLE = """
import numpy as np
import deepzoom

def step(state, hyper):
    a, b = state["w"]
    z = a * b
    slope = np.where(z > 0, 1.0, 0.1)
    residual = slope * z - 1
    w = state["w"] - 1.2 * residual * slope * np.stack([b, a])
    return {"w": w}, residual * residual

own = deepzoom.Training(step, lambda h: {"w": np.stack([h["a"], h["b"]])}, {"a": 0, "b": 0}, "a", "b")
"""


@pytest.mark.slow
def test_settled_pixels_where_the_reference_is_zero(own_cache, tmp_path):
    """a = -b leads to a saddle; double-double may not begin with a difference in float64, which misses it."""
    file = tmp_path / "saddle.py"
    file.write_text(SADDLE)
    own = systems.load(f"{file}:own")
    scene = Scene(own.name, View.parse("0", "0", "1e-40", "6x6"), 300, trust="settle", digest=own.digest)
    field = render(scene).field
    for pixel in np.flatnonzero(field.trust.ravel() == 1).tolist():
        with mp.workprec(3000):
            a, b = (mp.mpf(int(v.numerator)) / int(v.denominator) for v in scene.view.point(pixel))
            losses = []
            for _ in range(300):
                slope = mp.mpf(1) if a * b > 0 else mp.mpf(0.1)
                residual = slope * a * b - 1
                losses.append(residual * residual)
                a, b = (v - mp.mpf(1.2) * residual * slope * w for v, w in ((a, b), (b, a)))
            wanted = float(oracle.measure(losses))
        assert field.measure.ravel()[pixel] == pytest.approx(wanted, rel=1e-3), pixel
