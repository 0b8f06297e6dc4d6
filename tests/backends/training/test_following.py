"""The course of runs, against finite differences of exact runs: shallow, at 1e-6 and at 1e-20."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from course_oracle import course
from helpers.graph_oracle import OracleRun
from small_network import KINDS, SmallNetwork, quiet, system_of
from small_trainings import small_training

from deepzoom import Training
from deepzoom.backends.cpu_float64 import CpuFloat64
from deepzoom.backends.cpu_perturbation import CpuPerturbation
from deepzoom.scene.shape import IDENTITY, Shape
from deepzoom.scene.view import View
from deepzoom.systems import create
from deepzoom.systems.published_trace import traced
from deepzoom.systems.traced_system import TracedSystem
from deepzoom.tracing.float64_run import losses

STEPS = 24
DEPTHS = {"1.5": CpuFloat64, "1e-6": CpuPerturbation, "1e-20": CpuPerturbation}
APART = mp.mpf(10) ** -60


def of_graph(system):
    """Exact runs by the graph of a step, number by number."""

    def run(x: Any, y: Any) -> Any:
        made = OracleRun(system.training, x, y)
        states = [list(made.flat())]
        for _ in range(system.steps):
            made.advance()
            states.append(list(made.flat()))
        return made.losses, states

    return run


def of_network(small):
    """Exact runs by the oracle of the published experiments, which knows no graph."""

    def run(x: Any, y: Any) -> Any:
        found, weights = small.oracle(x, y)
        return found, [[v for layer in w for row in layer for v in row] for w in weights]

    return run


def compare(system, run, center, depth, count, shape=IDENTITY):
    """Follow some pixels of a view and check them; returns what was found."""
    view = replace(View.parse(*center, depth, "9x9"), shape=shape)
    pixels = np.random.default_rng(3).choice(81, count, replace=False)
    job = DEPTHS[depth]().traced_job(system, view, None, quiet, quiet)
    found, plain = job.course(pixels, True), job.course(pixels, False)
    assert plain.lyapunov is None and np.array_equal(plain.best_step, found.best_step)
    np.testing.assert_allclose(plain.loss, found.loss, rtol=1e-9)
    with mp.workdps(160):
        for k, pixel in enumerate(pixels.tolist()):
            x, y = (mp.mpf(int(v.numerator)) / int(v.denominator) for v in view.point(pixel))
            wanted = course(run, x, y, APART)
            assert found.lyapunov[k] == pytest.approx(wanted.exponent, rel=1e-6), pixel
            assert found.loss[k] == pytest.approx(wanted.loss, rel=1e-6), pixel
            assert found.best_step[k] == wanted.best, pixel
    return found


@pytest.mark.parametrize("depth", ["1.5", "1e-20"])
def test_a_training_with_a_start_that_depends_on_an_axis(depth, own_cache):
    system = TracedSystem("toy", small_training("toy"), {}, STEPS)
    found = compare(system, of_graph(system), ("-0.9", "0.4"), depth, 3)
    assert found.output is None


NETWORKS = {"tanh": ("0.4", "0.3"), "relu": ("0.9", "0.7"), "deep minibatch": ("0.2", "0"), "linear": ("1.2", "0.3"),
            "offset once": ("-0.4", "0.4"), "offset every step": ("-0.4", "0")}  # fmt: skip
"""Kinds, and centres of views that float64 follows to their end."""


@pytest.mark.slow
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", NETWORKS)
def test_published_networks(name, depth, own_cache):
    """100 pixels and more in all: of kinks, minibatches and offsets."""
    small = SmallNetwork(7, steps=STEPS, **KINDS[name])
    system = traced(system_of(small))
    found = compare(system, of_network(small), NETWORKS[name], depth, 4)
    assert np.isfinite(found.output).all()


@pytest.mark.slow
def test_a_view_that_float64_cannot_stretch(own_cache):
    """Its pixels skip steps by polynomials in the picture's coordinates, whose derivatives by x and y cancel."""
    small = SmallNetwork(7, steps=STEPS, **KINDS["tanh"])
    compare(traced(system_of(small)), of_network(small), NETWORKS["tanh"], "1e-20", 4, Shape.stretched(1e9, 30.0))


@pytest.mark.slow
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", ["momentum", "adam", "lion", "classes", "attention", "every"])
def test_trainings(name, depth, own_cache):
    system = TracedSystem(name, small_training(name), {}, STEPS)
    compare(system, of_graph(system), ("-1.2", "-0.7"), depth, 3)


@pytest.mark.parametrize("name", KINDS)
def test_the_trace_of_a_published_network_is_its_step(name):
    small = SmallNetwork(5, steps=6, **KINDS[name])
    wanted, _ = small.oracle(0.25, 0.5)
    system = traced(system_of(small))
    np.testing.assert_allclose(losses(system.training, 0.25, 0.5, 6), [float(v) for v in wanted], rtol=1e-11)
    assert system.layers == system_of(small).layers and system.last == 20


def test_a_trace_may_not_depend_on_an_axis():
    one, two = (create("relu", {"width": "3", "rows": "0.1", "rates": r}, 6) for r in ("x,x", "x,y"))
    at_one, at_two = (losses(traced(s).training, 0.5, y, 6) for s, y in ((one, 7.0), (two, 0.5)))
    assert np.array_equal(at_one, at_two)


def _explodes(state, hyper):
    """w stays 0 without a shift, while its derivative grows 1e50 times a step; the loss grows 1e100 times a step."""
    return {"w": 1e50 * state["w"] + hyper["shift"], "c": state["c"] * 1e100}, 1 + state["c"].sum()


def _begins(hyper):
    return {"w": np.zeros(1), "c": hyper["c"] * np.ones(1)}


@pytest.mark.parametrize(
    ("c", "steps", "loss", "growth"),
    [
        ("0", 4, 1e300, np.log(1e100) * 4 + np.log(np.log(10))),
        ("-2000", STEPS, 1, np.log(1e50) * 23),
        ("309", 0, np.inf, 0),
    ],
)
def test_tangents_beyond_float64_and_runs_that_end(c, steps, loss, growth):
    """By log10 of c the tangent is 1e100**t c ln 10, by the shift 1e50**(t - 1)."""
    training = Training(
        _explodes, _begins, {"shift": 0, "c": 1}, x="shift", y="log10:c", output=lambda state, hyper: -state["c"][0]
    )
    system, view = TracedSystem("explodes", training, {}, STEPS), View.parse("0", c, "1", "1x1")
    with np.errstate(over="ignore"):
        found = CpuFloat64().traced_job(system, view, None, quiet, quiet).course(np.zeros(1, np.int64), True)
    assert found.loss == pytest.approx(loss, rel=1e-12) and found.best_step == (0 if steps else STEPS)
    assert found.output == pytest.approx({"0": -1e300, "-2000": 0, "309": np.inf}[c], rel=1e-12)
    assert found.lyapunov == pytest.approx(growth / steps if steps else np.inf, rel=1e-12)
