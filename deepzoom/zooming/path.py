"""The way down: depths, views and scenes of keyframes and of frames."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from gmpy2 import mpq

from .. import rendering
from ..coordinates import Rational, log2, rounded
from ..errors import InputError
from ..scene import MOST_PIXELS, Scene, View
from ..shape import IDENTITY, Shape
from ..systems.escape_time import EscapeTimeSystem

PER_OCTAVE = 2
"""Keyframes from one depth to half of it: half of each one's area is new."""


@dataclass(frozen=True)
class Descent:
    """Keyframes from a depth down to a scene's view, each the square root of 2 deeper than the one before.

    The view's stretch and turn begin at none and grow evenly with the logarithm of the depth.
    """

    scene: Scene
    begin: Rational

    @classmethod
    def of(cls, scene: Scene, begin: Rational, quality: float = 1.0) -> Descent:
        """The way to a scene, in keyframes ``quality`` times as wide and high.

        Raises InputError where it does not lead down, or the view's stretch cannot turn in on so short a way.
        """
        view = scene.view
        if not begin > view.depth:
            raise InputError("--to: it is not deeper than --from; give a smaller one, such as 1e-20.")
        if not 0.1 <= quality <= 16:
            raise InputError(f"--quality: {quality:g} is not a number from 0.1 to 16.")
        height = max(1, round(view.height * quality))
        width = math.ceil(view.width * height / view.height)
        if width * height > MOST_PIXELS:
            raise InputError(f"--quality: keyframes of {width}x{height} pixels are too large; give a smaller one.")
        planned = rendering.plan(scene)
        rendering.plan(replace(scene, view=replace(view, depth=begin, shape=IDENTITY)))
        if isinstance(planned.system, EscapeTimeSystem) and planned.backend.name == "cpu-perturbation":
            scene = replace(scene, bits=planned.bits)  # one reference for all keyframes
        descent = cls(replace(scene, view=replace(view, width=width, height=height)), begin)
        descent._check_nesting()
        return descent

    @cached_property
    def octaves(self) -> float:
        """How often the depth halves on the way."""
        return log2(self.begin) - log2(self.scene.view.depth)

    @property
    def count(self) -> int:
        """Number of keyframes."""
        return math.ceil(PER_OCTAVE * self.octaves - 1e-9) + 1

    def position(self, depth: Rational) -> float:
        """Where a depth lies among the keyframes: 0 at the first, 1 at the second."""
        return PER_OCTAVE * (log2(self.begin) - log2(depth))

    def depth_at(self, share: float) -> Rational:
        """The depth a share of the way down: a short decimal, exact at both ends."""
        if share <= 0 or share >= 1:
            return self.begin if share <= 0 else self.scene.view.depth
        down = share * self.octaves
        whole = math.floor(down)
        depth = self.begin * mpq(2.0 ** (whole - down)) / mpq(2) ** whole
        return rounded(depth, depth / 2**40)

    def view_at(self, depth: Rational, width: int, height: int) -> View:
        """The view of a depth on the way, of so many pixels."""
        view = self.scene.view
        shape = view.shape
        if shape != IDENTITY:
            shape = _part(shape, min(1.0, max(0.0, self.position(depth) / (PER_OCTAVE * self.octaves))))
        return replace(view, depth=depth, width=width, height=height, shape=shape)

    def keyframe(self, k: int) -> Scene:
        """The scene of a keyframe."""
        view = self.scene.view
        depth = self.depth_at(min(1.0, k / (PER_OCTAVE * self.octaves)))
        return replace(self.scene, view=self.view_at(depth, view.width, view.height))

    def _check_nesting(self) -> None:
        """Raise InputError where a keyframe's view reaches beyond the one before."""
        if self.scene.view.shape == IDENTITY:
            return
        # growth is even but for the first steps, from which turning leads away most
        for k in range(min(self.count - 2, 8)):
            outer, inner = (self.keyframe(n).view for n in (k, k + 1))
            if np.any(np.abs(box_in(inner, outer)) > np.array([[outer.width / outer.height], [1.0]]) / 2):
                raise InputError(
                    "--stretch: the view's stretch and turn are too much for so short a way; give a larger --from."
                )


@lru_cache(maxsize=4096)
def _part(shape: Shape, share: float) -> Shape:
    return shape.part(share)


def mapping(source: View, target: View) -> np.ndarray:
    """The matrix (2, 2) from (u, v) in one view to those in another of the same centre and flip."""
    matrix = np.linalg.solve(target.shape.matrix, source.shape.matrix) * float(source.depth / target.depth)
    return matrix * [[1, -1], [-1, 1]] if source.flip else matrix


def box_in(inner: View, outer: View) -> np.ndarray:
    """The corners (2, 4) of one view in the (u, v) of another."""
    half = inner.width / inner.height / 2
    return mapping(inner, outer) @ np.array([[-half, half, half, -half], [-0.5, -0.5, 0.5, 0.5]])


@dataclass(frozen=True)
class Film:
    """Frames along a descent, evenly by the logarithm of the depth, the first at ``begin`` and the last at ``end``.

    samples: along each side of a pixel, whose colours are averaged.
    """

    descent: Descent
    begin: Rational
    end: Rational
    frames: int
    width: int
    height: int
    samples: int = 1

    def view(self, number: int, samples: int = 1) -> View:
        """The view of a frame, ``samples`` times as wide and high."""
        octaves = log2(self.begin) - log2(self.end)
        if number in (0, self.frames - 1):
            depth = self.end if number else self.begin
        else:
            down = octaves * number / (self.frames - 1)
            depth = self.begin * mpq(2.0 ** (math.floor(down) - down)) / mpq(2) ** math.floor(down)
            depth = rounded(depth, depth / 2**40)
        return self.descent.view_at(depth, self.width * samples, self.height * samples)

    def scene(self, number: int) -> Scene:
        """The scene of a frame: what renders its view directly."""
        return replace(self.descent.scene, view=self.view(number))
