"""Computes tiles: with one job for the whole picture, so that pixels are those of a render in one piece.

Samples come after all pixels, since the whole picture's values, and the rows beside a tile, decide which pixels get
some.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import Job, ReadOut
from deepzoom.colouring.whole import Collected
from deepzoom.errors import Stopped
from deepzoom.files import clear_abandoned
from deepzoom.rendering import trust
from deepzoom.rendering.antialiasing import Sampling
from deepzoom.rendering.batches import Observer, Pixels, batches_of, run_batches
from deepzoom.rendering.field import Field, put
from deepzoom.rendering.parts import Checks, Part
from deepzoom.rendering.render import announce, job_of, plan
from deepzoom.rendering.renumbered import Renumbered
from deepzoom.rendering.sample_counts import Places, kinds

from .tiles import Tiles, surrounded

Order = Mapping[int, NDArray[np.float64]]


class Computed(NamedTuple):
    """How many pixels and samples were computed, and how many tiles lack samples because other tiles are missing."""

    pixels: int = 0
    samples: int = 0
    left: int = 0


def compute(tiles: Tiles, numbers: Sequence[int], jobs: int, observer: Observer) -> Computed:
    """Render and save what is missing of some tiles; their samples only if the pixels of all tiles are there.

    Raises Stopped if the observer stops it; whole tiles are kept. Raises InputError if the scene cannot be rendered, or
    if a tile in the folder is not of this picture.
    """
    left = [n for n in numbers if not tiles.is_done(n)]
    plain = [n for n in numbers if not tiles.is_done(n, samples=True)] if tiles.has_samples else []
    if len(left) < len(numbers):
        observer.say(f"{len(numbers) - len(left):,} of {len(numbers):,} tiles are done.")
    if not left and not plain:
        return Computed()
    planned = plan(tiles.scene, in_tiles=True)
    announce(planned, observer)
    clear_abandoned(tiles.folder)
    job = job_of(planned, observer)
    pixels = _pixels(job, tiles, left, jobs, observer)
    if not plain:
        return Computed(pixels)
    if missing := sum(not tiles.is_done(n) for n in range(tiles.count)):
        observer.say(f"Samples need the pixels of all tiles; {missing:,} of {tiles.count:,} are missing.")
        return Computed(pixels, left=len(plain))
    return Computed(pixels, _samples(job, tiles, plain, jobs, observer))


class _Tile(Observer):
    """Passes on a tile's progress as a part of that of all tiles. own: pixels of the tile."""

    def __init__(self, observer: Observer, before: int, own: int, total: int) -> None:
        self._observer, self.before, self._own, self.total = observer, before, own, total

    def say(self, text: str) -> None:
        self._observer.say(text)

    def part(self, name: str, done: int, total: int) -> None:
        if name == "samples":
            done, total = self.before + self._own * done // total, self.total
        self._observer.part(name, done, total)

    def stopped(self) -> bool:
        return self._observer.stopped()


def _pixels(job: Job, tiles: Tiles, numbers: Sequence[int], jobs: int, observer: Observer) -> int:
    """Compute and save tiles without samples; returns how many pixels they have."""
    done, total = 0, sum(map(tiles.pixels, numbers))
    for number in numbers:
        field = tiles.empty(number)
        _one(_own(job, tiles, number), field, jobs, _Tile(observer, done, tiles.pixels(number), total))
        tiles.save(number, field)
        done += tiles.pixels(number)
    return done


def _own(job: Job, tiles: Tiles, number: int) -> Job:
    """The job of a tile, whose flat numbers begin at its first pixel."""
    first = tiles.span(number)[0] * tiles.scene.view.width
    return Renumbered(job, lambda pixels: pixels + first)


def _one(job: Job, field: Field, jobs: int, observer: _Tile) -> None:
    rows, width = field.done.shape
    done = observer.before

    def take(pixels: Pixels, out: ReadOut) -> None:
        nonlocal done
        put(field, pixels, out)
        done += len(pixels)
        observer.part("pixels", done, observer.total)

    whole = run_batches(batches_of(width, rows, job.batch_size), job.run, take, field, jobs, observer)
    second = list(batches_of(width, rows, job.second_batch_size)) if whole else []
    if not (whole and trust.check(job, field, second, jobs, observer)):
        raise Stopped


def _samples(job: Job, tiles: Tiles, numbers: Sequence[int], jobs: int, observer: Observer) -> int:
    """Compute and save the samples of tiles, once the pixels of all are there; returns how many samples they have."""
    order, found = _order(tiles, observer), 0
    done, total = 0, sum(map(tiles.pixels, numbers))
    for number in numbers:
        field, own = tiles.load(number), _own(job, tiles, number)
        above = tiles.load(number - 1) if number else None
        below = tiles.load(number + 1) if number + 1 < tiles.count else None
        joined, before = surrounded(above, field, below)
        rows, follower = slice(before, before + len(field.done)), _Tile(observer, done, tiles.pixels(number), total)
        whole = Sampling(own, field, Places(joined, joined.done, order), rows).finish(field, jobs, follower)
        assert field.samples is not None
        parts = [Part.of_samples(own, field, follower)] if field.samples.done.any() else []
        if not (whole and Checks(jobs).run(parts)):
            raise Stopped
        tiles.save_samples(number, field)
        done, found = done + tiles.pixels(number), found + int(np.count_nonzero(field.samples.done))
    return found


def _order(tiles: Tiles, observer: Observer) -> Order:
    """For each kind of values those of all tiles, ascending, or as many as stand for them."""
    view = tiles.scene.view
    found = Collected(view.height, view.pixels)
    for number in range(tiles.count):
        field = tiles.load(number)
        kind = kinds(field.measure, field.attractor, field.iterations is not None)
        known = field.done & (kind >= 0)
        found.add(field.measure[known], kind[known])
        observer.part("values", number + 1, tiles.count)
        if observer.stopped():
            raise Stopped
    whole = found.whole()
    assert whole.kinds is not None
    return {k: whole.values[whole.kinds == k] for k in np.unique(whole.kinds).tolist()}
