"""Finds an iteration limit for a view of an escape-time system: raises it while pixels still escape."""

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
"""The highest limit that is found. Only a user may go higher: so long a reference takes several hundred MiB."""
SAMPLE = 1024
"""Pixels in the sample, spread over the view."""
_AHEAD = 4
"""Sampled pixels are followed to this many times the limit."""
_NONE_YET = 400_000
"""A view in which no sampled pixel has ended after so many steps counts as lying inside the set."""
_WORK = 200_000_000
"""Pixels times steps of one round; above that, the sample gets smaller."""


def sample(view: View) -> NDArray[np.int64]:
    """Flat numbers of at most about ``SAMPLE`` pixels on an even grid, which includes the middle."""
    stride = max(1.0, (view.pixels / SAMPLE) ** 0.5)
    rows, columns = (_spread(count, stride) for count in (view.height, view.width))
    return (rows[:, None] * view.width + columns).ravel()


def _spread(count: int, stride: float) -> NDArray[np.int64]:
    some = max(1, round(count / stride))
    return ((np.arange(some) + 0.5) * count / some).astype(np.int64)


def grown(scene: Scene, observer: Observer | None = None) -> Scene:
    """The scene with a limit that is at least twice what any sampled pixel needs, and at least the scene's own.

    Sampled pixels run up to four times the limit, and further if one of them needs that. Raises Stopped if the observer
    stops it.
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
    observer.say(f"Iteration limit: {steps:,}, chosen from a sample of {len(sample(scene.view)):,} pixels.")
    return replace(scene, steps=steps)


def _ended(scene: Scene, pixels: NDArray[np.int64], observer: Observer) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """(fate, iteration count) of some pixels."""

    def progress(share: float) -> None:
        observer.reference(share)
        if observer.stopped():
            raise Stopped

    planned = plan(scene)
    job = planned.backend.job(planned.system, scene.view, scene.bits, progress, observer.say)
    batch = max(1, min(job.batch_size, len(pixels) // cores()))
    with ThreadPoolExecutor(cores()) as pool:
        outs = list(pool.map(job.run, _parts(pixels, batch)))
    counts = [out.iterations for out in outs if out.iterations is not None]
    return np.concatenate([out.fate for out in outs]), np.concatenate(counts)


def _parts(pixels: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    for first in range(0, len(pixels), size):
        yield pixels[first : first + size]
