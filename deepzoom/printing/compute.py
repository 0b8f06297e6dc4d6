"""Computes tiles: with one job for the whole picture, so that pixels are those of a render in one piece."""

from __future__ import annotations

from collections.abc import Sequence

from deepzoom.backends.base import Job, ReadOut
from deepzoom.errors import Stopped
from deepzoom.files import clear_abandoned
from deepzoom.rendering import trust
from deepzoom.rendering.batches import Observer, Pixels, batches_of, run_batches
from deepzoom.rendering.field import Field
from deepzoom.rendering.render import announce, job_of, plan, put
from deepzoom.rendering.renumbered import Renumbered

from .tiles import Tiles


def compute(tiles: Tiles, numbers: Sequence[int], jobs: int, observer: Observer) -> int:
    """Render and save the missing ones of some tiles; returns how many pixels it computed.

    Raises Stopped if the observer stops it; whole tiles are kept. Raises InputError if the scene cannot be rendered, or
    if a tile in the folder is not of this picture.
    """
    left = [n for n in numbers if not tiles.is_done(n)]
    if len(left) < len(numbers):
        observer.say(f"{len(numbers) - len(left):,} of {len(numbers):,} tiles are done.")
    if not left:
        return 0
    planned = plan(tiles.scene, in_tiles=True)
    announce(planned, observer)
    clear_abandoned(tiles.folder)
    job = job_of(planned, observer)
    width, total = tiles.scene.view.width, sum(b - a for a, b in map(tiles.span, left)) * tiles.scene.view.width
    done = 0
    for number in left:
        field = tiles.empty(number)
        done = _one(job, field, tiles.span(number)[0] * width, jobs, _Tile(observer, done, total))
        tiles.save(number, field)
    return done


class _Tile(Observer):
    """Passes on a tile's progress as a part of that of all tiles."""

    def __init__(self, observer: Observer, before: int, total: int) -> None:
        self._observer, self.before, self.total = observer, before, total

    def say(self, text: str) -> None:
        self._observer.say(text)

    def part(self, name: str, done: int, total: int) -> None:
        self._observer.part(name, done, total)

    def stopped(self) -> bool:
        return self._observer.stopped()


def _one(job: Job, field: Field, first: int, jobs: int, observer: _Tile) -> int:
    """Compute a tile whose first pixel has this flat number; returns how many pixels are done in all then."""
    own = Renumbered(job, lambda pixels: pixels + first)
    rows, width = field.done.shape
    done = observer.before

    def take(pixels: Pixels, out: ReadOut) -> None:
        nonlocal done
        put(field, pixels, out)
        done += len(pixels)
        observer.part("pixels", done, observer.total)

    whole = run_batches(batches_of(width, rows, job.batch_size), own.run, take, field, jobs, observer)
    second = list(batches_of(width, rows, own.second_batch_size)) if whole else []
    if not (whole and trust.check(own, field, second, jobs, observer)):
        raise Stopped
    return done
