"""The frames of a film, coloured from its keyframes. Each picture is marked with its film and its frame number."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom import systems
from deepzoom.colouring.linear_light import encoded, linear
from deepzoom.compiling import jit
from deepzoom.coordinates import format_decimal
from deepzoom.pictures.png import film_of, write_png
from deepzoom.scene import sample_positions

from .keyframes import Keyframes
from .palette_ranks import Colours
from .reproject import frame
from .zoom_path import Film


class Frames:
    """The frames of a film. Several threads may call ``rgb`` and ``write`` at once."""

    def __init__(self, film: Film, keyframes: Keyframes) -> None:
        self.film, self._keyframes = film, keyframes
        self._colours = Colours(keyframes)
        scene = film.descent.scene
        key = systems.create(scene.system, scene.settings, scene.steps, scene.digest).key()
        parts = (
            scene.to_toml(),
            key,
            *map(format_decimal, (film.descent.begin, film.begin, film.end)),
            *(" ".join(shape.texts()) for shape in film.descent.shapes),
            f"{film.frames} {film.width}x{film.height} {film.samples}",
            *map(repr, film.shares),
            jit.source_digest("film/*.py", "colouring/*.py", "scene/sample_positions.py"),
        )
        self._digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]

    def rgb(self, number: int) -> NDArray[np.float64]:
        """The colours (height, width, 3) of a frame, float64 in 0 .. 1."""
        n, film = self.film.samples, self.film
        view = film.view(number, n)
        position = film.descent.position(view.depth)
        if view.samples == 1:
            return self._mean(self._colours.rgb(frame(view, self._keyframes), position))
        light = np.zeros((film.height, film.width, 3))
        for right, up in sample_positions.offsets(view.samples) * (n / sample_positions.parts(view.samples)):
            light += self._mean(linear(self._colours.rgb(frame(view, self._keyframes, (right, up)), position)))
        return encoded(light / view.samples)

    def _mean(self, colours: NDArray[np.float64]) -> NDArray[np.float64]:
        """The colours (height, width, 3) of a frame, averaged from n times as many rows and columns."""
        n, film = self.film.samples, self.film
        mean: NDArray[np.float64] = colours.reshape(film.height, n, film.width, n, 3).mean(axis=(1, 3))
        return mean

    def mark(self, number: int) -> str:
        """The mark in the picture of a frame: frames with the same mark are the same picture."""
        return f"{self._digest} {number}"

    def path(self, folder: Path, number: int) -> Path:
        return folder / f"frame-{number:06}.png"

    def state(self, folder: Path, number: int) -> str:
        """``done``, ``missing``, or ``other`` if the picture is cut short or belongs to another film."""
        path = self.path(folder, number)
        if not path.exists():
            return "missing"
        return "done" if film_of(path) == self.mark(number) else "other"

    def write(self, folder: Path, number: int) -> None:
        """Write a frame's picture, whole or not at all."""
        write_png(self.path(folder, number), self.rgb(number), self.film.scene(number), film=self.mark(number))


def in_order(make: Callable[[int], Any], numbers: list[int], jobs: int, stopped: Callable[[], bool]) -> Iterator[Any]:
    """Yield ``make(n)`` for each number in order, with threads working ahead; ends early once ``stopped()``."""
    with ThreadPoolExecutor(jobs) as pool:
        waiting: list[Future[Any]] = []
        left = iter(numbers)
        try:
            while True:
                while len(waiting) < 2 * jobs and not stopped() and (n := next(left, None)) is not None:
                    waiting.append(pool.submit(make, n))
                if not waiting or stopped():
                    return
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()
