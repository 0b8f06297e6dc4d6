"""The whole zoom as one picture: the angle goes right, the logarithm of the distance from the centre goes down."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .keyframes import Keyframes
from .palette_ranks import Colours
from .reproject import sample
from .zoom_path import between

MOST_ROWS = 60_000


def expmap(
    keyframes: Keyframes, most_rows: int = MOST_ROWS, told: Callable[[int, int], None] = lambda done, total: None
) -> NDArray[np.float64]:
    """RGB (rows, width, 3) in 0 .. 1 of the exponential map of a zoom; squares stay squares.

    The first row is the largest circle in the first view, the last row that in the last view; the angle goes
    counter-clockwise from the picture's right. The map is as wide as a circle through the corners of a keyframe has
    pixels, but narrower if it would otherwise have more than ``most_rows`` rows. told(done, total): called after each
    row.
    """
    descent = keyframes.descent
    view = descent.scene.view
    nats = descent.octaves * math.log(2)
    width = min(math.pi * math.hypot(view.width, view.height), most_rows * 2 * math.pi / nats)
    width = max(8, round(width))
    rows = max(1, round(nats * width / (2 * math.pi)))
    angles = (np.arange(width) + 0.5) * (2 * math.pi / width)
    circle = np.stack([np.cos(angles), np.sin(angles)]) * min(1.0, view.width / view.height) / 2
    colours, strip = Colours(keyframes), np.zeros((rows, width, 3))
    for row in range(rows):
        depth = between(descent.begin, view.depth, (row + 0.5) / rows)
        here = descent.view_at(depth, view.width, view.height)
        strip[row] = colours.rgb(sample(here, circle, keyframes).reshaped(1, width), descent.position(depth))[0]
        told(row + 1, rows)
    return strip
