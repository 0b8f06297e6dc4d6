"""Everything about one point of a training: losses, exponents, sharpness, and where float64 loses it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom import systems
from deepzoom.backends.base import SETTLED
from deepzoom.backends.training.horizon import NEGLIGIBLE
from deepzoom.coordinates import Rational
from deepzoom.errors import InputError, Stopped
from deepzoom.rendering import render as rendering
from deepzoom.rendering.batches import Observer
from deepzoom.scene.scene import Scene
from deepzoom.systems.convergence import CEILING
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.traced_system import TracedSystem
from deepzoom.systems.trainable import Trainable
from deepzoom.systems.training_step import Constants, rates_at, start, train_step
from deepzoom.tracing.evaluate import as_float64

from .exact_curve import ExactCurve, exact_curve
from .sharpness import loss_surface

Floats = NDArray[np.float64]

MOST_EIGENVALUES = 101
"""Steps at which sharpness is computed, spread evenly over the run."""


@dataclass(frozen=True)
class Probe:
    """What is known of a point.

    x, y: exact coordinates. exact: the exact run. float64: its losses (steps,) in float64 from the first step, from
    coordinates rounded to float64; NaN or inf where it broke down. parted: the first step whose float64 loss is wrong.
    horizon: the first step at which float64 loses the point in the scene's picture (docs/trust.md); None where the
    picture never runs in float64. Both are the number of steps where there is no such step. at (k,): the steps before
    which ``sharpness`` and ``edges`` (k,) were computed (``sharpness.Sharpness``).
    """

    scene: Scene
    x: Rational
    y: Rational
    exact: ExactCurve
    float64: Floats
    parted: int
    horizon: int | None
    at: NDArray[np.int64]
    sharpness: Floats
    edges: Floats


def probe(scene: Scene, x: Rational, y: Rational, pixel: int | None = None, observer: Observer | None = None) -> Probe:
    """Probe a point of a training.

    scene: a picture, of which the point is the pixel with this flat number, or the centre. Raises InputError for a
    scene that is not of a training, ArithmeticError where no precision is enough, and Stopped if the observer stops it.
    """
    observer = observer or Observer()
    if not systems.is_training(scene.system):
        raise InputError(f"SYSTEM: {scene.system} is not a training; give one of {', '.join(systems.trainings())}.")
    system: Any = rendering.plan(scene).system
    assert isinstance(system, Trainable)

    def progress(bits: int, step: int, steps: int) -> None:
        observer.part(f"exact run, {bits} bits", step + 1, steps)
        if observer.stopped():
            raise Stopped

    exact = exact_curve(system, x, y, progress=progress)
    plain = float64_losses(system, float(x), float(y))
    surface = loss_surface(system, x, y)
    taken = len(exact.losses)
    at = np.unique(np.linspace(0, taken - 1, min(taken, MOST_EIGENVALUES)).round().astype(np.int64))
    found = []
    for k, step in enumerate(at.tolist()):
        observer.part("sharpness", k + 1, len(at))
        if observer.stopped():
            raise Stopped
        found.append(surface.sharpness(step, exact.weights[step]))
    return Probe(
        scene, x, y, exact, plain, parted(exact.losses, plain), _horizon(scene, pixel, observer), at,
        np.array([s.eigenvalue for s in found]), np.array([s.edge for s in found]),
    )  # fmt: skip


def float64_losses(system: Trainable, x: float, y: float) -> Floats:
    """The losses (steps,) of a plain float64 run, each before its step. They may be inf or NaN."""
    if isinstance(system, TracedSystem):
        from deepzoom.tracing.float64_run import losses

        return losses(system.training, x, y, system.steps)
    assert isinstance(system, TrainingSystem)
    network, found = system.network, np.empty(system.steps)
    with np.errstate(all="ignore"):
        rates = rates_at(network, x, y, as_float64)
        constants, weights = Constants.of(network, as_float64), start(network, rates, as_float64)
        for t in range(system.steps):
            step = train_step(network, constants, rates, weights, network.rows_at(t))
            weights, found[t] = step.weights, step.loss
    return found


def parted(exact: Floats, plain: Floats) -> int:
    """The first step whose loss in float64 is wrong by more than ``SETTLED``; the number of steps where there is none.

    exact (t,) may be shorter than plain (steps,): losses beyond float64 count as the largest. Losses are compared as
    the measure takes them: divided by the first loss, and clipped; below ``NEGLIGIBLE`` they are equal.
    """
    ratios = np.full((2, len(plain)), CEILING)
    with np.errstate(all="ignore"):
        ratios[0, : len(exact)] = np.minimum(exact / exact[:1], CEILING)
        ratios[1] = np.where(np.isfinite(plain), np.minimum(plain / plain[0], CEILING), CEILING)
    larger = ratios.max(axis=0)
    wrong = (np.abs(ratios[0] - ratios[1]) > SETTLED * larger) & (larger > NEGLIGIBLE)
    return int(np.argmax(wrong)) if wrong.any() else len(plain)


def _horizon(scene: Scene, pixel: int | None, observer: Observer) -> int | None:
    """The step at which float64 loses a pixel of a picture, or the point in its middle."""
    if pixel is None:  # the middle of an odd number of pixels is one of them
        view = replace(scene.view, width=scene.view.width | 1, height=scene.view.height | 1)
        scene, pixel = replace(scene, view=view), view.pixels // 2
    planned = rendering.plan(scene)
    if planned.backend.name.startswith("gpu-"):  # one pixel is not worth its start
        planned = rendering.plan(replace(scene, backend=planned.backend.name.replace("gpu-", "cpu-")))
    if planned.backend.exactly:
        return None

    def progress(share: float) -> None:
        observer.reference(share)
        if observer.stopped():
            raise Stopped

    job = planned.backend.job(planned.system, scene.view, scene.bits, progress, observer.say)
    return int(job.horizon(np.array([pixel]))[0])
