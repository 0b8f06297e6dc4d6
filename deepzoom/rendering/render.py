"""Renders a scene to a field: the plan, batches from coarse to fine on all cores, progress, stopping and resuming."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom import systems
from deepzoom.backends import select
from deepzoom.backends.base import Backend, Job, Progress, ReadOut
from deepzoom.durations import duration
from deepzoom.errors import InputError, Stopped
from deepzoom.reference.precision import check_bits
from deepzoom.scene.colours import WITH_DISTANCE
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import check_in_memory, check_samples
from deepzoom.systems.base import System

from . import antialiasing, course, horizon, orbit_values, periods, trust
from .batches import Observer, Order, batches_of, cores, run_batches
from .facts import facts_of
from .field import Field, put
from .parts import Checks, Part


@dataclass(frozen=True)
class Plan:
    """How a scene will be rendered, before anything runs."""

    scene: Scene
    system: System
    backend: Backend
    reason: str

    @property
    def pixels(self) -> int:
        return self.scene.view.pixels

    @property
    def bits(self) -> int:
        """Bits of the reference to start with, given or chosen."""
        return self.scene.bits or self.backend.bits(self.system, self.scene.view)


def plan(scene: Scene, in_tiles: bool = False) -> Plan:
    """Choose how to render. Raises InputError where the scene cannot be rendered, in_tiles: or not in tiles."""
    if not in_tiles:
        check_in_memory(scene.view)
    check_samples(scene.view, in_memory=not in_tiles)
    system = systems.create(scene.system, scene.settings, scene.steps, scene.digest)
    system.check(scene.view, scene.steps)
    backend, reason = select.select(scene.backend, scene.view, system, scene.steps)
    if backend.name not in ("cpu-float64", "gpu-float64"):
        check_bits(scene.view, scene.bits)
    if backend.name == "exact" and horizon.is_wanted(scene):
        option = "--horizon" if scene.horizon else "--colouring: horizon"
        raise InputError(f"{option}: the exact backend never loses a pixel; leave this out, or give another --backend.")
    course.check(scene, system, backend)
    orbit_values.check(scene, system, backend)
    periods.check(scene, system, backend)
    return Plan(scene, system, backend, reason)


@dataclass(frozen=True)
class Rendered:
    """A finished or stopped render. facts: what ``--json`` prints."""

    field: Field
    complete: bool
    facts: dict[str, Any]

    def _repr_png_(self) -> bytes:
        return self.field._repr_png_()


def render(
    scene: Scene,
    *,
    jobs: int | None = None,
    observer: Observer | None = None,
    partial: Field | None = None,
    wanted: NDArray[np.bool_] | None = None,
    budget: float | None = None,
    order: Order | None = None,
) -> Rendered:
    """Render a scene on ``jobs`` threads (default: all cores).

    partial: a field of the same scene to continue. wanted (height, width) bool: render only these pixels; the result is
    complete when they are done. budget: seconds that checking and repairing may take with trust "settle"
    (docs/trust.md). order: gives the batches in which pixels run, instead of ``batches_of``; no value depends on it.

    If the observer stops the render, it ends early and the result is not complete. Raises InputError if the scene
    cannot be rendered.
    """
    observer = observer or Observer()
    begin = time.perf_counter()
    planned = plan(scene)
    announce(planned, observer)
    field = Field.empty(scene) if partial is None else partial
    field.made = made_of(planned.system)
    job: Job | None = None
    progress = stopping(observer)
    try:
        job = job_of(planned, observer)
        _report_job(job, planned, field, jobs or cores(), observer)
        complete = _run(job, field, jobs or cores(), observer, wanted, order)
        checks = Checks(jobs or cores(), budget)
        parts = []
        if complete:
            parts.append(Part(job, field, list(_batches_of_field(job.second_batch_size, field, wanted)), observer))
        if complete and scene.view.samples > 1:
            if scene.trust == "settle":  # the values that samples are chosen by are to be the settled ones
                complete = checks.run(parts)
            complete = complete and antialiasing.run_samples(job, field, jobs or cores(), observer, wanted)
            parts.append(Part.of_samples(job, field, observer))
        if horizon.is_wanted(scene):
            for p in parts:
                complete = complete and horizon.find(p.job, p.field, p.batches, jobs or cores(), p.observer)
        if complete and course.is_wanted(scene):
            other = course.job_of(job, scene, planned.system, planned.backend, progress, observer.say)
            outputs = course.has_output(planned.system)
            for p in parts:
                own = other if p.field is field else antialiasing.OfSamples(other, field)
                complete = complete and course.find(own, p.field, outputs, p.batches, jobs or cores(), p.observer)
        complete = complete and checks.run(parts)
        complete = complete and _follow(planned, parts, jobs or cores(), progress, observer)
    except Stopped:
        complete = False
    facts = facts_of(planned, job, field, time.perf_counter() - begin)
    field.made = {**facts, **made_of(planned.system)}
    if complete:
        observer.say(trust.summary(field))
        if field.horizon is not None:
            observer.say(horizon.summary(field))
        if field.loss is not None:
            observer.say(course.summary(field))
        if field.stripe is not None:
            observer.say(orbit_values.summary(field))
        if field.period is not None:
            observer.say(periods.summary(field))
    return Rendered(field, complete, facts)


def announce(planned: Plan, observer: Observer) -> None:
    """Say how a scene will be rendered."""
    observer.say(f"{planned.backend.name}: {planned.reason}.")
    for remark in (planned.system.remark(), planned.scene.view.spanned()):
        if remark is not None:
            observer.say(remark)


def stopping(observer: Observer) -> Progress:
    """Passes on the share of a reference that is done, and raises Stopped once the observer stops it."""

    def progress(share: float) -> None:
        observer.reference(share)
        if observer.stopped():
            raise Stopped

    return progress


def job_of(planned: Plan, observer: Observer) -> Job:
    """The job that computes a scene's pixels. Raises Stopped if the observer stops its reference."""
    scene, wanted = planned.scene, planned.scene.distance or planned.scene.colouring.by in WITH_DISTANCE
    return planned.backend.job(planned.system, scene.view, scene.bits, stopping(observer), observer.say, wanted)


def made_of(system: System) -> dict[str, Any]:
    """What every data file says of its system; of a training whose basins have numbers also how many ends there are."""
    labelled = system.kind == "traced" and system.ends
    return {"system": system.key(), "ends": len(system.ends)} if labelled else {"system": system.key()}


def estimate(planned: Plan, jobs: int, observer: Observer) -> float | None:
    """Roughly how many seconds the pixels take if all of them get samples; the reference run is not included.

    None if that is not known before they run.
    """
    per_pixel = planned.backend.seconds_per_pixel(planned.system, 0, observer.say)
    return None if per_pixel is None else planned.pixels * planned.scene.view.samples * per_pixel / jobs


def _report_job(job: Job, planned: Plan, field: Field, jobs: int, observer: Observer) -> None:
    facts = job.facts
    if facts.digits is not None:
        observer.say(
            f"Reference run: {facts.reference_steps} of {planned.scene.steps} steps at {facts.bits} bits,"
            f" {facts.digits} digits verified; pixels skip the first {facts.skipped_steps} steps."
        )
    elif facts.reference_steps:
        observer.say(f"Reference orbit: {facts.reference_steps:,} steps at {facts.bits} bits.")
    left = int(np.count_nonzero(~field.done))
    per_pixel = planned.backend.seconds_per_pixel(planned.system, facts.skipped_steps, observer.say)
    seconds = (per_pixel or 0.0) * left / min(jobs, max(1, left // job.batch_size))
    if seconds > 2:
        observer.say(f"Computing {left:,} pixels on {jobs} threads takes about {duration(seconds)}.")


def _batches_of_field(size: int, field: Field, wanted: NDArray[np.bool_] | None) -> Iterator[NDArray[np.int64]]:
    return batches_of(field.scene.view.width, field.scene.view.height, size, wanted)


def _run(
    job: Job, field: Field, jobs: int, observer: Observer, wanted: NDArray[np.bool_] | None, order: Order | None
) -> bool:
    """Run the pixels that are not done yet; returns whether all are done now."""
    total = field.scene.view.pixels if wanted is None else int(np.count_nonzero(wanted))
    done = field.done.ravel()
    count = int(np.count_nonzero(done))
    observer.pixels(field, count, total)

    def take(pixels: NDArray[np.int64], out: ReadOut) -> None:
        nonlocal count
        put(field, pixels, out)
        count += len(pixels)
        observer.pixels(field, count, total)

    batches = _batches_of_field(job.batch_size, field, wanted) if order is None else order(job.batch_size)
    waiting = (t for t in batches if not done[t].all())
    return run_batches(waiting, job.run, take, field, jobs, observer)


def _follow(planned: Plan, parts: list[Part], jobs: int, progress: Progress, observer: Observer) -> bool:
    """Find the values of whole orbits, or periods, of all parts, if the scene needs them; whether all are found."""
    wanted = [finder.find for finder in (orbit_values, periods) if finder.is_wanted(planned.scene)]
    if not wanted:
        return True
    whole = parts[0].field
    follower = orbit_values.job_of(parts[0].job, planned.scene, planned.system, progress, observer.say)
    jobs_of = (follower if p.field is whole else antialiasing.OfSamples(follower, whole) for p in parts)
    return all(wanted[0](job, p.field, p.batches, jobs, p.observer) for job, p in zip(jobs_of, parts, strict=True))
