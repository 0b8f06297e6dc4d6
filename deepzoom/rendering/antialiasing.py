"""Antialiasing: the part of a render that computes samples, once every pixel has a value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import Job, ReadOut
from deepzoom.errors import InputError

from .batches import Observer, Pixels, run_batches
from .field import Field, put
from .renumbered import Renumbered
from .sample_counts import Places, begins, goes_on, rounds

_LEAST = 8
"""The fewest pixels that are sampled together: fewer would leave vector lanes empty."""
_MOST_BATCHES = 4
"""Samples of pixels that are run together fill at most this many of the job's batches; a round then fills about one."""


class Sampling:
    """Runs samples of a field's pixels, in each as many as its values need."""

    def __init__(self, job: Job, field: Field, places: Places, rows: slice = slice(None)) -> None:
        """Choose the pixels to sample unless the field has them, and make room for their samples.

        places: of the field's values, or of a field of which it has some rows.
        """
        self._places = places
        spread = places.spread()[rows].ravel()
        self._rounds = rounds(field.scene.view.samples)
        if field.samples is None:
            field.sampled = np.flatnonzero(begins(spread)).astype(np.int64)
            field.samples = Field.empty(field.scene, (len(field.sampled), field.scene.view.samples - 1))
        self.done = field.samples.done
        """(M, samples - 1) bool; the samples of one pixel run together."""
        self._spread = spread[field.sampled]
        self._first = places.pixels[rows].reshape(len(spread), -1)[field.sampled]
        self._job, self._batch_size = OfSamples(job, field), job.batch_size

    def batches(self) -> Iterator[Pixels]:
        """Yield rows of ``done`` to run: sampled pixels that are not done."""
        size = max(_LEAST, _MOST_BATCHES * self._batch_size // self._rounds[-1])
        for first in range(0, len(self.done), size):
            rows = np.arange(first, min(first + size, len(self.done)), dtype=np.int64)
            if not self.done[rows, 0].all():
                yield rows

    def run(self, rows: Pixels) -> list[tuple[Pixels, ReadOut]]:
        """Run the samples of some rows: (places in the field of samples, their read-outs), round by round."""
        found: list[tuple[Pixels, ReadOut]] = []
        left, places, count = rows, self._first[rows, None], 1
        for upto in self._rounds:
            columns = self.done.shape[1] * left[:, None] + np.arange(count - 1, upto - 1)
            flat = columns.ravel()
            parts = [self._job.run(flat[k : k + self._batch_size]) for k in range(0, len(flat), self._batch_size)]
            out = ReadOut.joined(parts)
            found.append((flat, out))
            own = self._places.of(out.measure, out.attractor)
            places, count = np.concatenate([places, own.reshape(*columns.shape, -1)], axis=1), upto
            on = goes_on(self._spread[left], places)
            left, places = left[on], places[on]
            if not len(left):
                break
        return found

    def finish(self, field: Field, jobs: int, observer: Observer) -> bool:
        """Run what is not done, and put it into the field's samples; returns whether all are done now."""
        samples, count = field.samples, int(np.count_nonzero(self.done[:, 0]))
        assert samples is not None

        def take(rows: Pixels, found: list[tuple[Pixels, ReadOut]]) -> None:
            nonlocal count
            for places, out in found:
                put(samples, places, out)
            count += len(rows)
            observer.part("samples", count, len(self.done))

        return run_batches(self.batches(), self.run, take, field, jobs, observer)


def run_samples(job: Job, field: Field, jobs: int, observer: Observer, wanted: NDArray[np.bool_] | None = None) -> bool:
    """Run the samples of (wanted) pixels that are not done yet; returns whether all are done now."""
    sampling = Sampling(job, field, Places(field, field.done if wanted is None else field.done & wanted))
    most, total = field.scene.view.samples, len(sampling.done)
    observer.say(f"{total:,} of {int(field.done.sum()):,} pixels get up to {most} samples, the others get one.")
    return sampling.finish(field, jobs, observer)


def numbers(field: Field) -> Pixels:
    """The flat numbers (n,) of everything done in a field: pixels, then samples (see ``View``)."""
    own = np.flatnonzero(field.done).astype(np.int64)
    if field.samples is None:
        return own
    return np.concatenate([own, _numbers(field, np.flatnonzero(field.samples.done))])


def values(field: Field, channel: str, some: Pixels) -> NDArray[Any]:
    """The values of a channel at some flat numbers of a field."""
    pixels = field.scene.view.pixels
    found: NDArray[Any] = getattr(field, channel).ravel()[some % pixels]
    of = np.flatnonzero(some >= pixels)
    if field.sampled is not None and len(of):
        rows, own = np.searchsorted(field.sampled, some[of] % pixels), getattr(field.samples, channel)
        found[of] = 0 if own is None else own[rows, some[of] // pixels - 1]
    return found


def _numbers(field: Field, places: Pixels) -> Pixels:
    """The flat numbers of samples that are given by their places in the field of samples."""
    assert field.sampled is not None
    row, sample = np.divmod(places, field.scene.view.samples - 1)
    result: Pixels = field.sampled[row] + field.scene.view.pixels * (sample + 1)
    return result


def with_samples(field: Field, count: int, path: Path) -> Field:
    """A field with only ``count`` samples per pixel. Raises InputError (--samples) if it does not hold that many."""
    view = field.scene.view
    if count > view.samples:
        held = "one sample" if view.samples == 1 else f"at most {view.samples} samples"
        raise InputError(
            f"--samples: {path} holds {held} per pixel; give fewer, or render it again with --samples {count}."
        )
    scene, samples = replace(field.scene, view=replace(view, samples=count)), field.samples
    if samples is None or count == 1:
        return replace(field, scene=scene, sampled=None, samples=None)
    first = {name: getattr(samples, name)[:, : count - 1] for name in samples.channels}
    return replace(field, scene=scene, samples=Field(scene, **first))


class OfSamples(Renumbered):
    """A job for samples: its pixel numbers are places in the field of samples."""

    def __init__(self, job: Job, field: Field) -> None:
        super().__init__(job, partial(_numbers, field))


class OfWhole(Observer):
    """An observer for the samples of a field; a checkpoint saves the whole field that they belong to."""

    def __init__(self, observer: Observer, field: Field) -> None:
        self._observer, self._field = observer, field

    def say(self, text: str) -> None:
        self._observer.say(text)

    def checkpoint(self, field: Field) -> None:
        self._observer.checkpoint(self._field)

    def part(self, name: str, done: int, total: int) -> None:
        self._observer.part(name if name == "samples" else f"{name}, samples", done, total)

    def stopped(self) -> bool:
        return self._observer.stopped()
