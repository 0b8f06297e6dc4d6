"""The path of a zoom: depths, views and scenes of its keyframes and frames."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from gmpy2 import mpq
from numpy.typing import NDArray

from deepzoom.coordinates import Rational, format_decimal, log2, rounded
from deepzoom.errors import InputError
from deepzoom.rendering import render as rendering
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY, Shape
from deepzoom.scene.view import MOST_PIXELS, View, check_samples
from deepzoom.systems.escape_time import EscapeTimeSystem

PER_OCTAVE = 2
"""Keyframes per halving of the depth: half of the area of each keyframe is new."""


def between(begin: Rational, end: Rational, share: float) -> Rational:
    """The depth at a share (0 to 1) of the way down, even in the logarithm: a short decimal, exact at both ends."""
    if share <= 0 or share >= 1:
        return begin if share <= 0 else end
    down = share * (log2(begin) - log2(end))
    depth = begin * mpq(2.0 ** (math.floor(down) - down)) / mpq(2) ** math.floor(down)
    return rounded(depth, depth / 2**40)


@dataclass(frozen=True)
class Descent:
    """The keyframes from a depth down to a scene's view, each deeper than the one before by a factor of sqrt(2).

    shapes: of each keyframe's view; empty if the scene's view is not stretched. If both depths are equal, there is one
    keyframe.
    """

    scene: Scene
    begin: Rational
    shapes: tuple[Shape, ...] = ()

    @classmethod
    def of(
        cls,
        scene: Scene,
        begin: Rational,
        quality: float = 1.0,
        ratios: Callable[[Scene, list[Rational]], list[float]] | None = None,
    ) -> Descent:
        """The path to a scene, with keyframes ``quality`` times as wide and high.

        The view's stretch and turn grow from zero, evenly with the logarithm of the depth. With ``ratios``, which gives
        the stretch that each depth needs, the stretch follows these instead. Raises InputError if the scene is less
        deep than ``begin``, or if the path is too short for the stretch and turn.
        """
        view = scene.view
        if begin < view.depth:
            raise InputError("--to: this is less deep than --from; give a smaller depth, such as 1e-20.")
        if not 0.1 <= quality <= 16:
            raise InputError(f"--quality: {quality:g} is not a number from 0.1 to 16.")
        height = max(1, round(view.height * quality))
        width = math.ceil(view.width * height / view.height)
        if width * height > MOST_PIXELS:
            raise InputError(f"--quality: keyframes of {width}x{height} pixels are too large; give a smaller number.")
        check_samples(replace(view, width=width, height=height))
        planned = rendering.plan(scene)
        rendering.plan(replace(scene, view=replace(view, depth=begin, shape=IDENTITY)))
        if isinstance(planned.system, EscapeTimeSystem) and planned.backend.name.endswith("-perturbation"):
            scene = replace(scene, bits=planned.bits)  # one reference for all keyframes
        descent = cls(replace(scene, view=replace(view, width=width, height=height)), begin)
        if view.shape == IDENTITY:
            return descent
        depths = [descent.keyframe_depth(k) for k in range(descent.count)]
        shares = [min(1.0, descent.position(d) / (PER_OCTAVE * descent.octaves)) for d in depths[:-1]] + [1.0]
        stretches = shares if ratios is None else _followed(ratios(scene, depths))
        descent = replace(descent, shapes=tuple(view.shape.part(s, t) for s, t in zip(stretches, shares, strict=True)))
        descent._check_nesting()
        return descent

    @cached_property
    def octaves(self) -> float:
        """How often the depth halves along the path."""
        return log2(self.begin) - log2(self.scene.view.depth)

    @property
    def count(self) -> int:
        """Number of keyframes."""
        return math.ceil(PER_OCTAVE * self.octaves - 1e-9) + 1

    def position(self, depth: Rational) -> float:
        """The position of a depth among the keyframes: 0 at the first, 1 at the second."""
        return PER_OCTAVE * (log2(self.begin) - log2(depth))

    def view_at(self, depth: Rational, width: int, height: int) -> View:
        """The view at a depth on the path, with ``width`` x ``height`` pixels."""
        shape = IDENTITY
        if self.shapes:
            position = min(max(self.position(depth), 0.0), self.count - 1.0)
            if depth == self.keyframe_depth(round(position)):
                shape = self.shapes[round(position)]
            else:
                k = min(int(position), self.count - 2)
                reached = min(1.0, (position - k) / min(1.0, PER_OCTAVE * self.octaves - k))
                shape = self.shapes[k].towards(self.shapes[k + 1], reached)
        return replace(self.scene.view, depth=depth, width=width, height=height, shape=shape)

    def keyframe_depth(self, k: int) -> Rational:
        """The depth of a keyframe."""
        return between(self.begin, self.scene.view.depth, k / (PER_OCTAVE * self.octaves)) if k else self.begin

    def keyframe(self, k: int) -> Scene:
        """The scene of a keyframe."""
        view = self.scene.view
        return replace(self.scene, view=self.view_at(self.keyframe_depth(k), view.width, view.height))

    def new(self, k: int) -> NDArray[np.bool_]:
        """The pixels (height, width) of a keyframe to compute: those that the next keyframe does not cover."""
        last = k == self.count - 1
        return new_pixels(self.keyframe(k).view, None if last else self.keyframe(k + 1).view)

    def _check_nesting(self) -> None:
        """Raise InputError if a keyframe's view reaches beyond the one before."""
        for k in range(self.count - 2):
            outer, inner = (self.keyframe(n).view for n in (k, k + 1))
            if np.any(np.abs(box_in(inner, outer)) > np.array([[outer.width / outer.height], [1.0]]) / 2):
                raise InputError(
                    "--stretch: the view is stretched and turned too much for so short a zoom; give a larger --from."
                )


_SMOOTHED = 8
"""The growth of a stretch is averaged over so many keyframes to each side."""
_STEEPEST = 0.2
"""The most by which the log2 of a stretch grows from one keyframe to the next; otherwise it starts earlier."""


def _followed(ratios: list[float]) -> list[float]:
    """The shares, of the last ratio's logarithm, that the stretch reaches at each keyframe: smoothed, never falling."""
    logs = np.log2(np.maximum(ratios, 1.0))
    if logs[-1] == 0:
        return [1.0] * len(ratios)
    n = len(logs)
    smooth = [logs[k - r : k + r + 1].mean() for k in range(n) for r in [min(_SMOOTHED, k, n - 1 - k)]]
    grown = np.minimum(np.maximum.accumulate(smooth), logs[-1])
    grown[-1] = logs[-1]
    for k in reversed(range(n - 1)):
        grown[k] = max(grown[k], grown[k + 1] - _STEEPEST)
    shares: list[float] = (grown / logs[-1]).tolist()
    return shares


def mapping(source: View, target: View) -> np.ndarray:
    """The matrix (2, 2) that takes (u, v) of one view to (u, v) of another with the same centre and flip."""
    steep = source.shape.is_steep or target.shape.is_steep
    across = target.shape.solved(source.shape) if steep else np.linalg.solve(target.shape.matrix, source.shape.matrix)
    matrix = across * float(source.depth / target.depth)
    return matrix * [[1, -1], [-1, 1]] if source.flip else matrix


def box_in(inner: View, outer: View) -> np.ndarray:
    """The corners (2, 4) of one view in the (u, v) of another."""
    half = inner.width / inner.height / 2
    return mapping(inner, outer) @ np.array([[-half, half, half, -half], [-0.5, -0.5, 0.5, 0.5]])


def new_pixels(view: View, deeper: View | None) -> NDArray[np.bool_]:
    """The pixels (height, width) of a keyframe that the next deeper one does not cover; all if there is none."""
    if deeper is None:
        return np.ones((view.height, view.width), np.bool_)
    matrix = np.round(mapping(view, deeper), 9)
    return _outside(*matrix.ravel().tolist(), view.width, view.height, deeper.width, deeper.height)


@lru_cache(maxsize=8)
def _outside(a: float, b: float, c: float, d: float, width: int, height: int, w: int, h: int) -> NDArray[np.bool_]:
    """The pixels that do not lie wholly inside a w x h view; the matrix (a, b; c, d) takes them to its (u, v)."""
    u = (np.arange(width) + 0.5 - width / 2) / height
    v = ((height / 2 - 0.5 - np.arange(height)) / height)[:, None]
    reach_u, reach_v = (abs(a) + abs(b)) / (2 * height), (abs(c) + abs(d)) / (2 * height)
    room = 1 - 1e-6  # for the rounding of the matrix
    outside = np.abs(a * u + b * v) + reach_u > room * w / h / 2
    outside |= np.abs(c * u + d * v) + reach_v > room / 2
    outside.setflags(write=False)
    return outside


@dataclass(frozen=True)
class Shot:
    """What a frame shows: a depth of a part's descent, seen ``right`` and ``up`` of its centre, in heights of the view.

    reached: in a move from one centre to the next, the share of the way; else None.
    """

    part: int
    depth: Rational
    right: float = 0.0
    up: float = 0.0
    reached: float | None = None


@dataclass(frozen=True)
class Film:
    """The frames of a zoom, evenly spaced in the logarithm of the depth, from ``begin`` to ``end``.

    samples: per side of a pixel; their colours are averaged. shares: where each frame lies instead, from 0, ``begin``,
    to 1, ``end``, in the logarithm; empty for an even speed.
    """

    descent: Descent
    begin: Rational
    end: Rational
    frames: int
    width: int
    height: int
    samples: int = 1
    shares: tuple[float, ...] = ()

    @property
    def parts(self) -> tuple[Descent, ...]:
        """The parts that have keyframes of their own: one."""
        return (self.descent,)

    def shot(self, number: int) -> Shot:
        """What a frame shows."""
        share = self.shares[number] if self.shares else number / (self.frames - 1)
        return Shot(0, between(self.begin, self.end, share))

    def seen(self, shot: Shot) -> View:
        """The view of a frame with ``samples`` times as many columns and rows, at its part's centre."""
        return self.descent.view_at(shot.depth, self.width * self.samples, self.height * self.samples)

    def path(self) -> str:
        """What decides where each frame lies."""
        return " ".join((format_decimal(self.begin), format_decimal(self.end), *map(repr, self.shares)))

    def view(self, number: int) -> View:
        """The view of a frame."""
        return self.descent.view_at(self.shot(number).depth, self.width, self.height)

    def scene(self, number: int) -> Scene:
        """The scene that renders a frame's view directly."""
        return replace(self.descent.scene, view=self.view(number))
