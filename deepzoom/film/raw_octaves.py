"""The whole zoom as raw data: an exponential map in files of one octave each, which zoomasm makes films from.

Column i of W and row j of H show the point at the angle 2 pi i / W, clockwise from the right, and at the radius
R 2**(-j / H). R halves from file to file. File 0 is the deepest. (Kalles Fraktaler, ``GetPixelCoordinates``.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from gmpy2 import mpq

from deepzoom.colouring import palettes
from deepzoom.colouring.linear_light import linear
from deepzoom.coordinates import rounded
from deepzoom.pictures import exr
from deepzoom.scene.scene import Scene

from .keyframes import Keyframes
from .palette_ranks import Colours
from .reproject import Samples, sample
from .zoom_path import between

PATTERN = "deepzoom.*.exr"


def count(octaves: float) -> int:
    """How many files a zoom over so many octaves makes; the deepest may reach beyond its end."""
    return max(1, math.ceil(octaves - 1e-9))


class RawOctaves:
    """The files of a zoom. size: (W, H), as wide as a circle through the corners of a keyframe has pixels."""

    def __init__(self, keyframes: Keyframes) -> None:
        self._keyframes, self._descent = keyframes, keyframes.descent
        view = keyframes.descent.scene.view
        width = max(8, round(math.pi * math.hypot(view.width, view.height)))
        self.size = width, max(1, round(width * math.log(2) / (2 * math.pi)))
        self.count = count(self._descent.octaves)
        self._inscribed = min(1.0, view.width / view.height)
        """The largest circle in a view, in heights, from side to side."""
        self._colours = Colours(keyframes)
        angles = np.arange(width) * (2 * math.pi / width)
        self._circle = np.stack([np.cos(angles), -np.sin(angles)]) * self._inscribed / 2

    def write(self, folder: Path, number: int, told: Callable[[], None]) -> None:
        """Write a file, whole or not at all. told: called after each row."""
        width, height = self.size
        values: list[exr.Values] = []
        vectors: list[exr.Arrays] = []
        rgb = np.zeros((height, width, 3))
        for row in range(height):
            down = self.count - 1 - number + row / height
            share = down / self._descent.octaves
            view = self._descent.scene.view
            depth = between(self._descent.begin, view.depth, share)
            here = self._descent.view_at(depth, view.width, view.height)
            within = 2.0 ** min(0.0, self._descent.octaves - down)
            found = sample(here, self._circle * within, self._keyframes).reshaped(1, width)
            rgb[row] = self._colours.rgb(found, self._descent.position(depth))[0]
            values.append(_values(found))
            if found.distance is not None and found.direction is not None:
                pixel = view.height * self._inscribed * within / math.hypot(width, height)
                apart = np.where(found.distance < 0, -1.0, found.distance / pixel)
                vectors.append(exr.directed(here, apart, found.direction))
            told()
        scene = self._scene(number)
        data = exr.channels(scene, exr.joined(values))
        if vectors:
            data |= {name: np.concatenate([v[name] for v in vectors]) for name in vectors[0]}
        header = exr.attributes(scene, palettes.row(scene.palette, scene.colouring.colours), data, expmap=True)
        exr.write(folder / f"deepzoom.{number:08}.exr", data, linear(rgb), header)

    def _scene(self, number: int) -> Scene:
        """The scene of a file: its height, times half the picture's diagonal in heights, is the radius R."""
        descent, (width, height) = self._descent, self.size
        depth = between(descent.begin, descent.scene.view.depth, (self.count - 1 - number) / descent.octaves)
        shape = descent.view_at(depth, width, height).shape
        depth = depth * rounded(mpq(self._inscribed * height / math.hypot(width, height)), mpq(1, 1 << 50))
        view = replace(descent.scene.view, depth=depth, width=width, height=height, shape=shape)
        return replace(descent.scene, view=view)


def _values(found: Samples) -> exr.Values:
    done = ~np.isnan(found.measure)
    return exr.Values(
        done, np.where(done, found.measure, 0.0), found.fate, found.attractor, None, found.distance, found.direction,
        found.phase,
    )  # fmt: skip
