"""Films with several centres: zooms, and moves from one centre to the next at one depth.

A move has one keyframe: a picture of all that the film passes, as fine as the keyframes of zooms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gmpy2 import mpq

from deepzoom.coordinates import Rational, format_decimal, rounded
from deepzoom.errors import InputError
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import MOST_PIXELS, View, check_samples

from .zoom_path import Descent, Shot, between

_BESIDE = 2
"""Pixels of a move's keyframe on each side beyond what frames show: a frame lies between its pixels."""
_FINEST = 2**30
"""Centres of a move's frames are rounded to this part of the depth."""


@dataclass(frozen=True)
class Tour:
    """The frames of a film with several centres.

    parts: the first zoom, the move to the next centre, that zoom, and so on. depths: of the moves. shots: for each
    frame a part and a share, as ``WayPoints.shots`` has them. samples: per side of a pixel; their colours are averaged.
    """

    parts: tuple[Descent, ...]
    depths: tuple[Rational, ...]
    shots: tuple[tuple[int, float], ...]
    width: int
    height: int
    samples: int = 1

    @classmethod
    def of(
        cls, zooms: Sequence[Descent], depths: Sequence[Rational], shots: Sequence[tuple[int, float]],
        size: tuple[int, int], samples: int,
    ) -> Tour:  # fmt: skip
        """A film of some zooms, with moves between them at some depths.

        size: of frames. Raises InputError (--path) if two centres are too far from each other for one picture.
        """
        parts = [zooms[0]]
        for number, (here, there, depth) in enumerate(zip(zooms, zooms[1:], depths, strict=False), 1):
            parts += [_move(here.scene, there.scene.view, depth, number), there]
        return cls(tuple(parts), tuple(depths), tuple(shots), *size, samples)

    @property
    def frames(self) -> int:
        return len(self.shots)

    @property
    def begin(self) -> Rational:
        """The largest depth."""
        return max(zoom.begin for zoom in self.parts[::2])

    @property
    def end(self) -> Rational:
        """The smallest depth."""
        return min(zoom.scene.view.depth for zoom in self.parts[::2])

    def path(self) -> str:
        """What decides where each frame lies."""
        return " ".join((*map(format_decimal, self.depths), *map(repr, self.shots)))

    def view(self, number: int) -> View:
        """The view of a frame."""
        part, share = self.shots[number]
        descent = self.parts[part]
        if part % 2 == 0:
            return descent.view_at(between(descent.begin, descent.scene.view.depth, share), self.width, self.height)
        here, there = (self.parts[k].scene.view for k in (part - 1, part + 1))
        depth = self.depths[part // 2]
        x, y = (
            begin + rounded((end - begin) * mpq(share), depth / _FINEST)
            for begin, end in ((here.x, there.x), (here.y, there.y))
        )
        return replace(descent.view_at(depth, self.width, self.height), x=x, y=y)

    def scene(self, number: int) -> Scene:
        """The scene that renders a frame's view directly."""
        return replace(self.parts[self.shots[number][0]].scene, view=self.view(number))

    def shot(self, number: int) -> Shot:
        """What a frame shows."""
        (part, share), view = self.shots[number], self.view(number)
        middle = self.parts[part].scene.view
        right, up = (float(d / view.depth) for d in (view.x - middle.x, view.y - middle.y))
        return Shot(part, view.depth, right, -up if view.flip else up, share if part % 2 else None)

    def seen(self, shot: Shot) -> View:
        """The view of a frame with ``samples`` times as many columns and rows, at its part's centre."""
        return self.parts[shot.part].view_at(shot.depth, self.width * self.samples, self.height * self.samples)


def _move(scene: Scene, there: View, depth: Rational, number: int) -> Descent:
    """The move to another centre: one keyframe. scene: of the zoom before. number: of the move, for errors."""
    view = scene.view
    width, height = (
        pixels + math.ceil(float(abs(end - begin) / depth) * view.height) + 2 * _BESIDE
        for pixels, begin, end in ((view.width, view.x, there.x), (view.height, view.y, there.y))
    )
    if width * height > MOST_PIXELS:
        raise InputError(
            f"--path: move {number} would need a picture of {width:,} x {height:,} pixels; let the film zoom out"
            " further before it, until both centres are in view."
        )
    middle = (view.x + there.x) / 2, (view.y + there.y) / 2
    reach = rounded(depth * mpq(height, view.height), depth / 2**40)
    wide = replace(view, x=middle[0], y=middle[1], depth=reach, width=width, height=height)
    check_samples(wide)
    return Descent(replace(scene, view=wide), reach)
