"""Sketches of deep views of training: pixels that borrow the reference run of an earlier view.

A picture's own reference run is at its centre and takes seconds, and with every zoom the centre moves. Until it is
ready, pixels run as differences from a reference that is there already. Their values are those of the picture, up to
rounding, at places rounded to half a pixel. They only bridge the time: the picture's own run computes all pixels again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import Job
from deepzoom.coordinates import rounded
from deepzoom.reference import training as references
from deepzoom.rendering.render import Plan
from deepzoom.rendering.renumbered import Renumbered
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View
from deepzoom.systems.trainable import Trainable

from .moves import Grid

_DEEPER = 1 << 20
"""A reference serves views so many times deeper."""
_FARTHEST = 32
"""A reference serves views that are at most so many times their own size away from it."""


@dataclass(frozen=True)
class Anchor:
    """A reference run in the cache. view: the deepest that it serves; bits: of the run."""

    scene: Scene
    view: View
    bits: int


def needs_reference(planned: Plan) -> bool:
    """Whether a view's pixels run as differences from a reference run of training."""
    return planned.backend.name.endswith("perturbation") and isinstance(planned.system, Trainable)


def made(planned: Plan, view: View, progress: Callable[[float], None]) -> Anchor:
    """The reference run at a view's centre, for it and deeper views. Raises what ``references.obtain`` raises."""
    system: Any = planned.system
    depth = view.depth / _DEEPER
    deep = replace(view, depth=rounded(depth, depth / 16))
    reference = references.obtain(system, deep, None, progress)
    return Anchor(planned.scene, deep, reference.bits)


def job(planned: Plan, anchor: Anchor) -> Job | None:
    """A job for a view's pixels with an anchor's reference; None if the reference does not serve it."""
    view, system = planned.scene.view, planned.system
    before = replace(anchor.scene, view=view)
    if before != replace(planned.scene, palette=before.palette, colouring=before.colouring, trust=before.trust,
                         horizon=before.horizon) or view.shape.is_steep or planned.scene.bits is not None:  # fmt: skip
        return None
    wide, numbers = _around(view, anchor.view)
    if wide is None or anchor.bits < references.bits_for(system, wide) or anchor.view.depth > view.depth:  # type: ignore[arg-type]
        return None
    inner = planned.backend.job(system, wide, None, lambda share: None, lambda text: None)
    return Renumbered(inner, numbers)


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
