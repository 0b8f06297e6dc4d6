"""Moves of a view: a page counts in pixels, and exact coordinates follow from that here."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from gmpy2 import mpq

from deepzoom.coordinates import Rational, log2, rounded
from deepzoom.errors import InputError
from deepzoom.scene.view import View

MOST_PIXELS = 1 << 22
"""The most pixels of a page's picture; a larger page takes larger pixels."""
_FACTORS = 2.0**-20, 2.0**20
_FAR = 1 << 20
_SHALLOWEST, _DEEPEST = 10**6, mpq(1, 10**2000)


def zoomed(view: View, factor: float, column: float, row: float) -> View:
    """The view ``factor`` times deeper, in which the point at a pixel stays where it is.

    The centre is rounded, by at most 2**-40 of the height, so that its decimal numbers stay short. Raises InputError
    for a factor or a depth out of range.
    """
    if not (math.isfinite(factor) and _FACTORS[0] <= factor <= _FACTORS[1]):
        raise InputError(f"zoom: {factor:g} is not a factor from 2**-20 to 2**20.")
    ratio = mpq(factor)
    depth = rounded(view.depth / ratio, view.depth / ratio / 2**50)
    if not _DEEPEST <= depth <= _SHALLOWEST:
        raise InputError("zoom: a view's height is from 1e-2000 to 1e6 here; go the other way.")
    x, y = view.at(_near(column), _near(row))
    unit = depth / 2**40
    centre = (rounded(p + (c - p) / ratio, unit) for p, c in ((x, view.x), (y, view.y)))
    return replace(view, **dict(zip("xy", centre, strict=True)), depth=depth)


def panned(view: View, right: float, down: float) -> View:
    """The view whose centre lies so many pixels to the right and down."""
    x, y = view.at(
        mpq(view.width - 1, 2) + mpq(_near(right)), mpq(view.height - 1, 2) + mpq(_near(down))
    )  # a picture's middle
    unit = view.depth / 2**40
    return replace(view, x=rounded(x, unit), y=rounded(y, unit))


def sized(view: View, width: int, height: int) -> View:
    """The view in another size, with pixels of the same size. Raises InputError for a size out of range."""
    if not (1 <= width <= 1 << 14 and 1 <= height <= 1 << 14 and width * height <= MOST_PIXELS):
        raise InputError(f"size: {width}x{height} is not a size from 1x1 to {MOST_PIXELS:,} pixels in all.")
    return replace(view, width=width, height=height)


def _near(pixels: float) -> float:
    """A number of pixels. Raises InputError for one that is far away, or none."""
    if not (math.isfinite(pixels) and abs(pixels) <= _FAR):
        raise InputError(f"move: {pixels:g} pixels is too far; give at most {_FAR:,}.")
    return pixels


@dataclass(frozen=True)
class Grid:
    """How the pixels of a view lie in an earlier one: its pixel at column j is at ``ratio * j + left`` there.

    Rows accordingly, with ``top``. All in pixels of the earlier view.
    """

    ratio: float
    left: float
    top: float

    @classmethod
    def of(cls, view: View, earlier: View) -> Grid | None:
        """None if one view is turned or stretched against the other, or is much deeper."""
        if view.shape != earlier.shape or view.flip != earlier.flip:
            return None
        pitch, old = view.depth / view.height, earlier.depth / earlier.height
        right, up = _apart(view, earlier)
        if abs(log2(pitch / old)) > 30 or max(abs(right), abs(up)) > (1 << 24):
            return None
        ratio = float(pitch / old)
        return cls(
            ratio,
            float(right) + (earlier.width - 1) / 2 - ratio * (view.width - 1) / 2,
            -float(up) + (earlier.height - 1) / 2 - ratio * (view.height - 1) / 2,
        )


def place_in(view: View, wide: View) -> tuple[float, float] | None:
    """Where a view's centre lies in another one: (right, down), 0 to 1 from edge to edge; None outside it."""
    right, up = _apart(view, wide)
    found = float(right) / wide.width + 0.5, 0.5 - float(up) / wide.height
    return found if all(0 <= at <= 1 for at in found) else None


def _apart(view: View, earlier: View) -> tuple[Rational, Rational]:
    """How far a view's centre lies to the right of an earlier view's and above it, in pixels of that view."""
    (xu, xv, yu, yv), det = earlier.shape.entries, earlier.shape.determinant
    x, y = view.x - earlier.x, view.y - earlier.y
    pitch: Any = earlier.depth / earlier.height
    up = (xu * y - yu * x) / det / pitch
    return (yv * x - xv * y) / det / pitch, -up if earlier.flip else up
