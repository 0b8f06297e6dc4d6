"""Colours tiles and writes them as one PNG, row by row: first all values are looked at, then each tile is coloured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepzoom.colouring.colour import coloured, counting
from deepzoom.colouring.whole import Collected, Whole
from deepzoom.errors import InputError, Stopped
from deepzoom.pictures.png_rows import write_rows
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.field import Field
from deepzoom.scene.colours import FOUND_LATER, OF_TRAINING, PHASES
from deepzoom.scene.scene import Scene

from .tiles import Tiles, surrounded


def check(scene: Scene) -> None:
    """Raise InputError for what pictures in tiles do not have."""
    if scene.horizon or scene.course or scene.colouring.by in (*OF_TRAINING, *FOUND_LATER):
        raise InputError(
            "--tiles: tiles have no horizons, no courses and no values of second runs; leave --horizon, --course and"
            " such colourings out."
        )


def write(tiles: Tiles, path: Path, bits: int, observer: Observer) -> None:
    """Write the picture of tiles that are all done, whole or not at all.

    Raises InputError if they lack what the colouring shows, and Stopped if the observer stops it.
    """
    if tiles.scene.colouring.by in PHASES and tiles.load(0).phase is None:
        raise InputError("--colouring: the tiles hold no angles; give another folder, or begin with --distance.")
    whole = _collected(tiles, observer)
    write_rows(path, _rows(tiles, whole, bits == 16, observer), tiles.scene, bits)


def _collected(tiles: Tiles, observer: Observer) -> Whole:
    """All values of the picture, or as many as stand for them."""
    view = tiles.scene.view
    found = Collected(view.height, view.pixels)
    for number in range(tiles.count):
        field = counting(tiles.load(number))
        known = field.done & (field.measure >= 0) if field.attractor is not None else field.done
        found.add(field.measure[known], None if field.attractor is None else field.attractor[known])
        _tell(observer, "values", number, tiles.count)
    return found.whole()


def _rows(tiles: Tiles, whole: Whole, fine: bool, observer: Observer) -> Iterator[NDArray[np.float64]]:
    """The colours of the tiles in turn."""
    above: Field | None = None
    here: Field | None = tiles.load(0)
    for number in range(tiles.count):
        assert here is not None
        below = tiles.load(number + 1) if number + 1 < tiles.count else None
        if tiles.has_samples:
            tiles.load_samples(number, here)
        field, before = surrounded(above, here, below)
        yield coloured(field, fine, whole=whole)[before : before + len(here.done)]
        _tell(observer, "colours", number, tiles.count)
        above, here = replace(here, sampled=None, samples=None), below


def _tell(observer: Observer, name: str, number: int, count: int) -> None:
    observer.part(name, number + 1, count)
    if observer.stopped():
        raise Stopped
