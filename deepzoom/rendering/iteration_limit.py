"""An iteration limit for a view of an escape-time system: it grows while pixels still escape."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deepzoom.errors import Stopped
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

from .batches import Observer, cores
from .render import plan

MOST = 5_000_000
"""Beyond it only a given number goes: a reference of so many steps takes some hundred MiB."""
SAMPLE = 1024
"""Pixels that are asked, spread over the view."""
_AHEAD = 4
"""How many times the limit they are followed."""
_NONE_YET = 400_000
"""Steps after which a view of which no pixel has ended is taken to lie inside."""
_WORK = 200_000_000
"""Pixels times steps of one round; beyond it fewer are asked."""


def sample(view: View) -> NDArray[np.int64]:
    """Flat numbers of at most about ``SAMPLE`` pixels on an even grid, that of the middle among them."""
    stride = max(1.0, (view.pixels / SAMPLE) ** 0.5)
    rows, columns = (_spread(count, stride) for count in (view.height, view.width))
    return (rows[:, None] * view.width + columns).ravel()


def _spread(count: int, stride: float) -> NDArray[np.int64]:
    some = max(1, round(count / stride))
    return ((np.arange(some) + 0.5) * count / some).astype(np.int64)


def grown(scene: Scene, observer: Observer | None = None) -> Scene:
    """The scene with a limit twice as high as any sampled pixel was found to need, from the scene's own upwards.

    Pixels are asked up to four times the limit, and more where one of them needs that. Raises Stopped where the
    observer says so.
    """
    observer = observer or Observer()
    left = sample(scene.view)
    steps, latest = scene.steps, 0
    reach = min(_AHEAD * steps, max(MOST, steps))
    while True:
        fate, last = _ended(replace(scene, steps=reach), left, observer)
        latest = max(latest, int(last.max()))
        while steps < 2 * latest and 2 * steps <= MOST:
            steps *= 2
        left = left[fate == 0]
        further = min(_AHEAD * (reach if latest == 0 else steps), MOST)
        if not len(left) or further <= reach or (latest == 0 and further > _NONE_YET):
            break
        reach = further
        left = left[:: 1 + len(left) * reach // _WORK]
    observer.say(f"Iteration limit: {steps:,}, found by asking {len(sample(scene.view)):,} pixels.")
    return replace(scene, steps=steps)


def _ended(scene: Scene, pixels: NDArray[np.int64], observer: Observer) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """(fate, count) of some pixels."""

    def progress(share: float) -> None:
        observer.reference(share)
        if observer.stopped():
            raise Stopped

    planned = plan(scene)
    job = planned.backend.job(planned.system, scene.view, scene.bits, progress, observer.say)
    tile = max(1, min(job.tile, len(pixels) // cores()))
    with ThreadPoolExecutor(cores()) as pool:
        outs = list(pool.map(job.run, _parts(pixels, tile)))
    counts = [out.iterations for out in outs if out.iterations is not None]
    return np.concatenate([out.fate for out in outs]), np.concatenate(counts)


def _parts(pixels: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    for first in range(0, len(pixels), size):
        yield pixels[first : first + size]
