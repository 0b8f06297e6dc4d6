"""How far a field can be trusted: runs a sample or all of its pixels a second time, and repairs those that change.

These are ``--trust sample`` and ``settle`` of docs/trust.md. A field's ``trust`` says what is known of a pixel, and its
``rung`` how often the pixel was retried with more digits. Both are saved, so that an interrupted check can resume.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import Job, ReadOut
from deepzoom.durations import duration

from .batches import Observer, Pixels, run_batches
from .confidence_interval import percent, share_interval
from .field import Field

SHARE, MOST = 0.02, 400
"""A sample has this share of the pixels, which limits its cost, and at most this many, which are precise enough."""
_BATCH = 64
_SEED = 20260


def check(
    job: Job, field: Field, batches: list[Pixels], jobs: int, observer: Observer, budget: float | None = None,
    chosen: Pixels | None = None, spent: float = 0.0,
) -> bool:  # fmt: skip
    """Check a field whose pixels are all done, as its scene's ``trust`` says; returns whether the check is finished.

    batches: the pixels, as second runs take them. budget: seconds after which repairing ends; spent: seconds of it
    already used. chosen: the pixels that a sample checks, if the sample is shared with other fields.
    """
    if not job.holds_differences and field.scene.trust != "off":
        field.trust[field.done & (field.trust == 0)] = -1  # a second run would not show the error
    if field.scene.trust == "sample" and job.has_shadow:
        chosen = sample_of(np.sort(np.concatenate(batches))) if chosen is None else chosen
        return _sampled(job, field, chosen, jobs, observer)
    if field.scene.trust == "settle":
        return _settled(job, field, batches, jobs, observer, math.inf if budget is None else budget, spent)
    return True


def sample_of(pixels: Pixels) -> Pixels:
    """The flat pixel numbers that a sample checks, in order; chosen at random with a fixed seed."""
    count = min(MOST, max(1, int(SHARE * len(pixels))))
    return np.sort(np.random.default_rng([_SEED, len(pixels)]).choice(pixels, count, replace=False))


def _compared(job: Job, field: Field, pixels: Pixels) -> NDArray[np.bool_]:
    """Whether the second runs of some pixels agree with the first ones, which run again if they come from a file."""
    basin = None if field.attractor is None else field.attractor.ravel()[pixels]
    measure, fate, trust = (getattr(field, channel).ravel()[pixels] for channel in ("measure", "fate", "trust"))
    excess = None if field.excess is None else field.excess.ravel()[pixels]
    if excess is None or np.isinf(excess).any():
        excess = job.run(pixels).excess
    return job.shadow(pixels).agrees(ReadOut(measure, fate, trust, attractor=basin, excess=excess))


def _take_compared(field: Field, pixels: Pixels, agrees: NDArray[np.bool_]) -> None:
    field.trust.ravel()[pixels] = np.where(agrees, 1, -1)


def _take_retry(field: Field, pixels: Pixels, out: ReadOut) -> None:
    for channel in ("measure", "fate", "trust", "iterations", "attractor", "distance", "direction", "phase"):
        if getattr(field, channel) is not None:
            found = getattr(out, channel)
            getattr(field, channel).ravel()[pixels] = -1 if found is None else found  # exact runs give no distances


def _sampled(job: Job, field: Field, chosen: Pixels, jobs: int, observer: Observer) -> bool:
    trust = field.trust.ravel()
    batches = [chosen[i : i + _BATCH] for i in range(0, len(chosen), _BATCH)]
    return run_batches(
        [b for b in batches if not trust[b].all()],
        lambda pixels: _compared(job, field, pixels),
        lambda pixels, agrees: _take_compared(field, pixels, agrees),
        field,
        jobs,
        observer,
    )


def _settled(
    job: Job, field: Field, batches: list[Pixels], jobs: int, observer: Observer, budget: float, spent: float
) -> bool:
    """Run every pixel a second time (its shadow), then retry those that changed, with more digits in each round."""
    until = time.perf_counter() + budget - spent
    trust = field.trust.ravel()

    def ran(name: str, batches: list[Pixels], call: Any, take: Any) -> bool:
        total, done = sum(len(b) for b in batches), 0
        if not total:
            return True

        def taken(pixels: Pixels, out: Any) -> None:
            nonlocal done
            take(pixels, out)
            done += len(pixels)
            observer.part(name, done, total)

        observer.part(name, 0, total)
        return run_batches(batches, call, taken, field, jobs, observer, until)

    whole = True
    if job.has_shadow:
        unchecked = [t for t in batches if not trust[t].all()]
        whole = ran(
            "checking",
            unchecked,
            lambda pixels: _compared(job, field, pixels),
            lambda pixels, agrees: _take_compared(field, pixels, agrees),
        )
    if not job.rungs:
        return whole or not observer.stopped()
    if field.rung is None:
        field.rung = np.zeros(field.trust.shape, np.int8)
    rungs = field.rung.ravel()
    for rung, name in enumerate(job.rungs if whole else ()):
        left = np.flatnonzero((trust < 0) & (rungs == rung))
        size = job.retry_batch_size(rung)
        batches = [left[i : i + size] for i in range(0, len(left), size)]

        def take(pixels: Pixels, out: ReadOut, rung: int = rung) -> None:
            _take_retry(field, pixels, out)
            rungs[pixels] = rung + 1

        whole = ran(name, batches, lambda pixels, rung=rung: job.retry(pixels, rung), take)
        if not whole:
            break
    if observer.stopped():
        return whole
    if not whole:
        observer.say(f"The time budget of {duration(budget)} is used up.")
    unsettled = trust < 0
    option = job.remedy(int(rungs[unsettled].max())) if unsettled.any() else None
    if option is not None:
        count = np.count_nonzero(unsettled)
        observer.say(f"{option} may settle more of the {count:,} unsettled pixels.")
    return True


def unsettled_share(field: Field) -> tuple[int, int]:
    """(pixels that the first pass left unsettled, pixels checked); samples count like pixels."""
    trust = field.trust[field.done]
    again = 0 if field.rung is None else int(np.count_nonzero((field.rung[field.done] > 0) & (trust > 0)))
    count, checked = (0, 0) if field.samples is None else unsettled_share(field.samples)
    return count + again + int(np.count_nonzero(trust < 0)), checked + int(np.count_nonzero(trust))


def facts(field: Field) -> dict[str, Any]:
    """What ``--json`` prints about trust. Shares are those that the first pass left unsettled; None: not known."""
    trust = field.known("trust")
    count, checked = unsettled_share(field)
    whole = checked == len(trust) > 0
    low, high = (count / checked,) * 2 if whole else share_interval(count, checked)
    return {
        "trust": field.scene.trust,
        "settled": int(np.count_nonzero(trust > 0)),
        "unsettled": int(np.count_nonzero(trust < 0)),
        "unchecked": int(np.count_nonzero(trust == 0)),
        "unsettled_share": count / checked if checked else None,
        "unsettled_share_low": low if checked else None,
        "unsettled_share_high": high if checked else None,
    }


def summary(field: Field) -> str:
    """A sentence on the trust of a field."""
    found = facts(field)
    count, checked = unsettled_share(field)
    points = "pixels" if field.samples is None else "samples"
    if not checked:
        why = "--trust off" if field.scene.trust == "off" else "no check was finished"
        return f"No pixel was checked ({why}): rounding may matter in any of them."
    if found["unchecked"]:
        low, high = percent(found["unsettled_share_low"]), percent(found["unsettled_share_high"])
        return (
            f"Rounding matters in {count:,} of {checked:,} {points} that were run twice, so about"
            f" {percent(count / checked)} % of all {points} are not settled ({low} to {high} % at 95 % confidence)."
        )
    more = count - found["unsettled"]
    repaired = f", {more:,} of them with more digits" if more else ""
    rest = f"rounding may matter in the other {found['unsettled']:,}" if found["unsettled"] else "none is unsettled"
    return f"{found['settled']:,} {points} are settled{repaired}; {rest}."
