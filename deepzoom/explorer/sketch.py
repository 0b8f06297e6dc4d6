"""Sketches of deep views: pixels that borrow the reference run of an earlier view.

A picture's own reference run is at its centre, and with every zoom the centre moves. In training it takes seconds, and
so does the orbit of a point deep inside a small copy of a set. Until it is ready, pixels run as differences from a
reference that is there already. Their values are those of the picture, up to rounding, at places rounded to half a
pixel. They only bridge the time: the picture's own run computes all pixels again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import Job
from deepzoom.coordinates import rounded
from deepzoom.reference import orbit as orbits
from deepzoom.reference import training as references
from deepzoom.rendering.render import Plan
from deepzoom.rendering.renumbered import Renumbered
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import EscapeTimeSystem
from deepzoom.systems.trainable import Trainable

from .moves import Grid

_DEEPER = 1 << 20
"""A reference serves views so many times deeper."""
_SPARE = 100
"""An orbit serves views that need so many more bits: what is left is more than a float64's precision."""
_FARTHEST = 32
"""A reference serves views that are at most so many times their own size away from it."""


@dataclass(frozen=True)
class Anchor:
    """A reference run in the cache. view: the deepest that it serves; bits: of the run."""

    scene: Scene
    view: View
    bits: int


def needs_reference(planned: Plan) -> bool:
    """Whether a view's pixels run as differences from a reference run."""
    known = isinstance(planned.system, Trainable | EscapeTimeSystem)
    return known and planned.scene.bits is None and planned.backend.name.endswith("perturbation")


def made(planned: Plan, view: View, progress: Callable[[float], None]) -> Anchor:
    """The reference run at a view's centre, for it and deeper views. Raises what ``obtain`` of its kind raises."""
    system: Any = planned.system
    depth = view.depth / _DEEPER
    deep = replace(view, depth=rounded(depth, depth / 16))
    if isinstance(system, EscapeTimeSystem):
        bits = planned.backend.bits(system, view)
        orbits.obtain_near(system, deep, bits, progress)
        return Anchor(planned.scene, deep, bits)
    reference = references.obtain(system, deep, None, progress)
    return Anchor(planned.scene, deep, reference.bits)


def job(planned: Plan, anchor: Anchor) -> Job | None:
    """A job for a view's pixels with an anchor's reference; None if the reference does not serve it."""
    view, system = planned.scene.view, planned.system
    before = replace(anchor.scene, view=view)
    asked = replace(
        planned.scene, palette=before.palette, colouring=before.colouring, trust=before.trust, horizon=before.horizon,
        course=before.course,
    )  # fmt: skip
    if before != asked or view.shape.is_steep or planned.scene.bits is not None:
        return None
    wide, numbers = _around(view, anchor.view)
    if wide is None:
        return None
    if isinstance(system, EscapeTimeSystem):
        fits = planned.backend.bits(system, wide) <= anchor.bits + _SPARE
    else:
        fits = isinstance(system, Trainable) and anchor.bits >= references.bits_for(system, wide)
    if not fits or anchor.view.depth > view.depth:
        return None
    bits = anchor.bits if isinstance(system, EscapeTimeSystem) else None
    return Renumbered(planned.backend.job(system, wide, bits, lambda share: None, lambda text: None), numbers)


def _around(view: View, anchor: View) -> tuple[View | None, Callable[[NDArray[np.int64]], NDArray[np.int64]]]:
    """A view centred on an anchor whose pixels include those of a view, to half a pixel; and their numbers in it."""
    point = replace(view, x=anchor.x, y=anchor.y, width=1, height=1, depth=view.depth / view.height)
    grid = Grid.of(point, view)  # where the anchor lies in the view
    if grid is None or max(abs(grid.left) / view.width, abs(grid.top) / view.height) > _FARTHEST:
        return None, lambda pixels: pixels
    (width, left), (height, top) = (
        _reach(round(2 * at), count) for at, count in ((grid.left, view.width), (grid.top, view.height))
    )
    wide = replace(
        view, x=anchor.x, y=anchor.y, width=width, height=height, depth=view.depth * height / view.height, samples=1
    )

    def numbers(pixels: NDArray[np.int64]) -> NDArray[np.int64]:
        rows, columns = np.divmod(pixels, view.width)
        return (rows + top) * width + columns + left

    return wide, numbers


def _reach(doubled: int, count: int) -> tuple[int, int]:
    """(pixels, first): how many pixels, centred on half of ``doubled``, include 0 .. count - 1, and where 0 is."""
    pixels = max(2 * count - 1 - doubled, doubled + 1)
    return pixels, (pixels - 1 - doubled) // 2
