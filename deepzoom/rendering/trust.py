"""How far a field can be trusted: a sample or all of its pixels run a second time, and those repaired that change.

``--trust sample`` and ``settle`` of docs/trust.md. A field's ``trust`` says what is known of a pixel, its ``rung`` how
many ways with more digits it has gone through: with both, what was interrupted goes on where it was.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from deepzoom.backends.base import Job, ReadOut
from deepzoom.durations import duration

from .batches import Observer, Pixels, run_batches
from .confidence_interval import percent, share_interval
from .field import Field

SHARE, MOST = 0.02, 400
"""Of the pixels, how many a sample has: what it costs, and as many as make its answer sharp enough."""
_BATCH = 64
_SEED = 20260


def check(
    job: Job, field: Field, tiles: list[Pixels], jobs: int, observer: Observer, budget: float | None = None,
    chosen: Pixels | None = None, spent: float = 0.0,
) -> bool:  # fmt: skip
    """Check a field whose pixels are all done as its scene's ``trust`` says; True where nothing is left to go on with.

    tiles: the pixels, in batches for second runs. budget: seconds after which repairing ends, of which so many are
    spent. chosen: those that a sample checks, where it is one of more than them.
    """
    if not job.holds_differences and field.scene.trust != "off":
        field.trust[field.done & (field.trust == 0)] = -1  # a shadow would not show it
    if field.scene.trust == "sample" and job.has_shadow:
        chosen = sample_of(np.sort(np.concatenate(tiles))) if chosen is None else chosen
        return _sampled(job, field, chosen, jobs, observer)
    if field.scene.trust == "settle":
        return _settled(job, field, tiles, jobs, observer, math.inf if budget is None else budget, spent)
    return True


def sample_of(pixels: Pixels) -> Pixels:
    """Those of some flat pixel numbers that a sample checks: seeded, in order."""
    count = min(MOST, max(1, int(SHARE * len(pixels))))
    return np.sort(np.random.default_rng([_SEED, len(pixels)]).choice(pixels, count, replace=False))


def _take_shadow(field: Field, pixels: Pixels, out: ReadOut) -> None:
    first = ReadOut(field.measure.ravel()[pixels], field.fate.ravel()[pixels], field.trust.ravel()[pixels])
    field.trust.ravel()[pixels] = np.where(out.agrees(first), 1, -1)


def _sampled(job: Job, field: Field, chosen: Pixels, jobs: int, observer: Observer) -> bool:
    trust = field.trust.ravel()
    batches = [chosen[i : i + _BATCH] for i in range(0, len(chosen), _BATCH)]
    return run_batches(
        [b for b in batches if not trust[b].all()],
        job.shadow,
        lambda pixels, out: _take_shadow(field, pixels, out),
        field,
        jobs,
        observer,
    )


def _settled(
    job: Job, field: Field, tiles: list[Pixels], jobs: int, observer: Observer, budget: float, spent: float
) -> bool:
    """The shadow of every pixel, then rung after rung for those that it changed."""
    until = time.perf_counter() + budget - spent
    trust = field.trust.ravel()

    def ran(name: str, batches: list[Pixels], call: Any, take: Any) -> bool:
        total, done = sum(len(b) for b in batches), 0
        if not total:
            return True

        def taken(pixels: Pixels, out: ReadOut) -> None:
            nonlocal done
            take(pixels, out)
            done += len(pixels)
            observer.part(name, done, total)

        observer.part(name, 0, total)
        return run_batches(batches, call, taken, field, jobs, observer, until)

    whole = True
    if job.has_shadow:
        unchecked = [t for t in tiles if not trust[t].all()]
        whole = ran("shadow", unchecked, job.shadow, lambda pixels, out: _take_shadow(field, pixels, out))
    if not job.rungs:
        return whole or not observer.stopped()
    if field.rung is None:
        field.rung = np.zeros(field.trust.shape, np.int8)
    rungs = field.rung.ravel()
    for rung, name in enumerate(job.rungs if whole else ()):
        left = np.flatnonzero((trust < 0) & (rungs == rung))
        size = job.batch(rung)
        batches = [left[i : i + size] for i in range(0, len(left), size)]

        def take(pixels: Pixels, out: ReadOut, rung: int = rung) -> None:
            for channel in ("measure", "fate", "trust", "iterations", "attractor"):
                if getattr(field, channel) is not None:
                    getattr(field, channel).ravel()[pixels] = getattr(out, channel)
            if field.distance is not None:  # exact runs have none
                field.distance.ravel()[pixels] = -1.0 if out.distance is None else out.distance
            rungs[pixels] = rung + 1

        whole = ran(name, batches, lambda pixels, rung=rung: job.retry(pixels, rung), take)
        if not whole:
            break
    if observer.stopped():
        return whole
    if not whole:
        observer.say(f"The budget of {duration(budget)} is spent.")
    unsettled = trust < 0
    option = job.remedy(int(rungs[unsettled].max())) if unsettled.any() else None
    if option is not None:
        count = np.count_nonzero(unsettled)
        observer.say(f"{option} may settle more of the {count:,} pixels in which rounding may matter.")
    return True


def unsettled_share(field: Field) -> tuple[int, int]:
    """(pixels not settled by the first pass, pixels checked) of those that are done; samples count like pixels."""
    trust = field.trust[field.done]
    again = 0 if field.rung is None else int(np.count_nonzero((field.rung[field.done] > 0) & (trust > 0)))
    count, checked = (0, 0) if field.samples is None else unsettled_share(field.samples)
    return count + again + int(np.count_nonzero(trust < 0)), checked + int(np.count_nonzero(trust))


def facts(field: Field) -> dict[str, Any]:
    """What ``--json`` prints of a field's trust. Shares are of what the first pass left unsettled; None: not known."""
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
    """The same in a sentence."""
    found = facts(field)
    count, checked = unsettled_share(field)
    points = "pixels" if field.samples is None else "samples"
    if not checked:
        why = "--trust off" if field.scene.trust == "off" else "no pixel got so far"
        return f"Nothing was checked ({why}): rounding may matter in any pixel."
    if found["unchecked"]:
        low, high = percent(found["unsettled_share_low"]), percent(found["unsettled_share_high"])
        return (
            f"Rounding matters in {count:,} of {checked:,} {points} that were run twice: not settled are"
            f" {percent(count / checked)} % of {'the picture' if field.samples is None else 'them all'}"
            f" ({low} to {high} % at 95 % confidence)."
        )
    more = count - found["unsettled"]
    repaired = f", {more:,} of them by more digits" if more else ""
    return f"{found['settled']:,} {points} are settled{repaired}; rounding may matter in {found['unsettled']:,}."
