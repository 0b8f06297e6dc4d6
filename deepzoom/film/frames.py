"""The frames of a film, coloured from its keyframes. Each picture is marked with its film and its frame number."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
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
from .tour import Tour
from .zoom_path import Descent, Film


class Frames:
    """The frames of a film. Several threads may call ``rgb`` and ``write`` at once."""

    def __init__(self, film: Film | Tour, parts: Sequence[Keyframes]) -> None:
        self.film, self._parts = film, parts
        self._colours = [Colours(keyframes) for keyframes in parts]
        facts = [part for descent in film.parts for part in _facts(descent)]
        how = f"{film.frames} {film.width}x{film.height} {film.samples}"
        sources = jit.source_digest("film/*.py", "colouring/*.py", "scene/sample_positions.py")
        text = "\n".join((*facts, how, film.path(), sources))
        self._digest = hashlib.sha256(text.encode()).hexdigest()[:32]

    def rgb(self, number: int) -> NDArray[np.float64]:
        """The colours (height, width, 3) of a frame, float64 in 0 .. 1."""
        n, film = self.film.samples, self.film
        samples = film.parts[0].scene.view.samples
        if samples == 1:
            return self._mean(self._seen(number, (0.0, 0.0)))
        light = np.zeros((film.height, film.width, 3))
        for right, up in sample_positions.offsets(samples) * (n / sample_positions.parts(samples)):
            light += self._mean(linear(self._seen(number, (right, up))))
        return encoded(light / samples)

    def _seen(self, number: int, shift: tuple[float, float]) -> NDArray[np.float64]:
        """The colours of a frame before they are averaged, with points moved by ``shift`` pixels (right, up)."""
        shot = self.film.shot(number)
        part, view = self._parts[shot.part], self.film.seen(shot)
        samples = frame(view, part, (shift[0] + shot.right * view.height, shift[1] + shot.up * view.height))
        if shot.reached is None:
            return self._colours[shot.part].rgb(samples, part.descent.position(view.depth))
        before, after = self._colours[shot.part - 1], self._colours[shot.part + 1]
        places = [c.places(samples, c.descent.position(view.depth)) for c in (before, after)]
        if places[0] is not None and places[1] is not None:
            places[0] = (1 - shot.reached) * places[0] + shot.reached * places[1]
        return before.painted(samples, places[0])

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


def _facts(descent: Descent) -> list[str]:
    """What of a part decides its frames."""
    scene = descent.scene
    key = systems.create(scene.system, scene.settings, scene.steps, scene.digest).key()
    shapes = (" ".join(shape.texts()) for shape in descent.shapes)
    return [scene.to_toml(), key, format_decimal(descent.begin), *shapes]


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
