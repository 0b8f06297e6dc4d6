"""Finds the shape in which a deep view shows two-dimensional structure again: ``--stretch auto``.

In a long run, differences in the two parameter directions grow at different rates, and the whole view turns into
stripes. The tangent of the reference run, at the step where the view's differences leave the reference, gives these
rates: its singular values. If the view is stretched by their ratio along the direction that grows less, differences
grow alike in both directions. The second derivative limits the stretch: where the stretched direction bends into the
other one earlier, the stretch ends there, as beyond it the stripes would run the other way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from gmpy2 import mpq
from numpy.typing import NDArray

from deepzoom import systems
from deepzoom.arithmetic.tangent import substituted
from deepzoom.coordinates import Rational, log2
from deepzoom.errors import Stopped
from deepzoom.formula import source
from deepzoom.reference import cycle, orbit
from deepzoom.reference import exact_tangents as tangents
from deepzoom.reference import picture_coordinates as framed
from deepzoom.reference import training as references
from deepzoom.reference.exact_tangents import Tangents
from deepzoom.reference.precision import reference_bits
from deepzoom.reference.training import Reference
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY, MOST_RATIO, Shape
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import EscapeTimeSystem, Iteration
from deepzoom.systems.trainable import Trainable
from deepzoom.systems.training_run import Snapshot

from .batches import Observer

Floats = NDArray[np.float64]


class Derivatives(NamedTuple):
    """values (2 or 5, n): derivatives by x and y, in training also xx / 2, xy and yy / 2, in units of half a depth.

    noise: the rounding error of second derivatives, as a share of the largest.
    """

    values: Floats
    noise: float = 0.0


def unfolding(scene: Scene, progress: Callable[[float], None] = lambda share: None) -> Shape:
    """The shape for a scene's centre and depth; the identity for complex-differentiable maps and Lyapunov exponents.

    Makes the reference run, or takes it from the cache; progress gets the share done. Raises what
    ``references.obtain`` and ``orbit.obtain`` raise.
    """
    shape = _balanced(_derivatives(scene, [scene.view.depth], progress)[0])
    return _SteepShapes.of(scene, progress).shape() if _is_too_steep(scene, shape) else shape


def ratios(scene: Scene, depths: Sequence[Rational]) -> list[float]:
    """How much to stretch views at a scene's centre, for several depths; the deepest is the scene's own."""
    shapes = [_balanced(tangent) for tangent in _derivatives(scene, depths)]
    exact = _SteepShapes.of(scene) if any(_is_too_steep(scene, s) for s in shapes) else None
    return [exact.ratio(d) if exact and _is_too_steep(scene, s) else s.spans[0] for s, d in zip(shapes, depths)]


def _is_too_steep(scene: Scene, shape: Shape) -> bool:
    """Whether a shape found in float64 is to be found from exact tangents, which training has."""
    return shape.is_steep and isinstance(
        systems.create(scene.system, scene.settings, scene.steps, scene.digest), Trainable
    )


def _derivatives(
    scene: Scene, depths: Sequence[Rational], progress: Callable[[float], None] = lambda share: None
) -> list[Derivatives]:
    """For each depth, the derivatives at the step where differences of half that depth leave the reference."""
    system = systems.create(scene.system, scene.settings, scene.steps, scene.digest)
    view = scene.view
    if isinstance(system, Trainable):
        if system.kind == "network":
            from deepzoom.backends.training.batches import compile_kernels_ahead  # maps do without it

            compile_kernels_ahead()
        kept = references.obtain(system, view, scene.bits, progress)
        return [_training_derivatives(system.layers, depth, kept) for depth in depths]
    if isinstance(system, EscapeTimeSystem) and not _is_holomorphic(system.iteration):
        bits = scene.bits or reference_bits(system, view)
        return [Derivatives(t.T) for t in _orbit_tangents(system, view, bits, depths, progress)]
    return [Derivatives(np.eye(2))] * len(depths)


def unfolded(scene: Scene, degrees: float, observer: Observer) -> Scene:
    """The scene in the shape that ``unfolding`` finds, turned by ``degrees``.

    Raises Stopped if the observer stops the reference run.
    """

    def progress(share: float) -> None:
        observer.reference(share)
        if observer.stopped():
            raise Stopped

    shape = unfolding(scene, progress)
    long, _, angle = shape.spans
    observer.say("Stretch: none." if shape == IDENTITY else f"Stretch: {long:.6g} times along {angle:.6g} degrees.")
    return replace(scene, view=replace(scene.view, shape=shape.turned(degrees) if degrees else shape))


def _balanced(derivatives: Derivatives) -> Shape:
    """The shape in which a view changes equally in both directions.

    Let s1 and s2 be the singular values, and h the second derivative along the weak direction. A view from -1 to 1 that
    is stretched r times along the weak direction changes by s1 along the strong one and, on average, by
    sqrt(r^2 s2^2 + r^4 h^2 / 3) along the weak one. These are equal for
    r^2 = 2 s1^2 / (s2^2 + sqrt(s2^4 + 4 h^2 s1^2 / 3)); without h, r = s1 / s2.
    """
    values, noise = derivatives
    if not np.isfinite(values).all() or not values[:2].any():
        return IDENTITY
    values = values / np.abs(values[:2]).max()
    if values.shape[1] == 1:  # one weight: nothing but the second derivative acts along the weak direction
        values = np.append(values, np.zeros_like(values), axis=1)
    _, (s1, s2), directions = np.linalg.svd(values[:2].T, full_matrices=False)
    if s1 == s2:
        return IDENTITY
    h = 0.0
    if len(values) > 2:
        strong, weak = (2 * np.linalg.norm(substituted(values, 2, np.outer(d, [1.0, 0.0]))[2]) for d in directions)
        h = float(weak) if weak > noise * strong else 0.0
    x, y = directions[1]
    return Shape.stretched(min(_ratio(s1, s2, h), float(MOST_RATIO)), math.degrees(math.atan2(y, x)) % 180.0)


def _ratio(s1: float, s2: float, h: float) -> float:
    """As of ``_balanced``."""
    return math.sqrt(2.0) * s1 / math.sqrt(max(s2**2 + math.sqrt(s2**4 + 4 / 3 * (h * s1) ** 2), 1e-300))


class _SteepShapes:
    """Shapes of steep views at a centre, from exact tangents: float64 does not tell their weak direction.

    Nor how weak that is. In the coordinates of a view that is stretched along it, second derivatives have cancelled.
    """

    def __init__(self, system: Trainable, view: View, kept: Reference, found: Tangents) -> None:
        self._kept, self._layers, self._depth = kept, system.layers, view.depth
        self._most = tangents.most_ratio(view.depth)
        step = _leaving(view.depth, kept).step
        log2_ratio, *self._weak = tangents.weak_direction(found.by(step), self._scales(step))
        shape = Shape.along(mpq(2.0 ** min(log2_ratio, self._most)), *self._weak)
        self._long = shape.spans[0]
        self._snapshots = {s.step: s for s in framed.snapshots(system, view, shape, kept, found, step)}

    @classmethod
    def of(cls, scene: Scene, progress: Callable[[float], None] = lambda share: None) -> _SteepShapes:
        """For a scene's centre, down to its depth."""
        system = systems.create(scene.system, scene.settings, scene.steps, scene.digest)
        assert isinstance(system, Trainable)
        kept = references.obtain(system, scene.view, scene.bits)
        found = tangents.obtain(system, scene.view, kept.leaves(scene.view.depth), progress)
        return cls(system, scene.view, kept, found)

    def _scales(self, step: int) -> Floats:
        """One over the largest weight of each one's layer, 0 where a layer has not begun."""
        scales = np.zeros_like(self._kept.weights[step])
        for layer in self._layers:
            scales[layer] = 1 / (float(np.abs(self._kept.weights[step][layer]).max()) or math.inf)
        return scales

    def ratio(self, depth: Rational) -> float:
        """By how much a view of some depth is to be stretched, as of ``_balanced``."""
        last = self._snapshots[_leaving(depth, self._kept).step]
        scale = float(depth / self._depth) * 2.0 ** (-1 - last.exponent)  # of half a depth
        s2, s1, h = np.linalg.norm(last.weights[:3] * self._scales(last.step), axis=1).tolist()
        found = _ratio(s1 * scale, s2 * scale / self._long, 2 * h * (scale / self._long) ** 2)
        return min(max(found, 1.0), 2.0**self._most)

    def shape(self) -> Shape:
        """Of the deepest view."""
        return Shape.along(mpq(self.ratio(self._depth)), *self._weak)


def _leaving(depth: Rational, kept: Reference) -> Snapshot:
    """The polynomials where differences of half a depth leave the reference."""
    step = kept.leaves(depth)
    return max((s for s in kept.snapshots if s.step <= step), key=lambda s: s.step)


def _training_derivatives(layers: list[slice], depth: Rational, kept: Reference) -> Derivatives:
    """The derivatives of the weights, each layer in units of its largest, where differences reach ``HAND_OFF``.

    The rounding errors of n steps add up like random ones, to sqrt(n) times one of them.
    """
    snapshot = _leaving(depth, kept)
    parts = []
    for layer in layers:
        largest = float(np.abs(kept.weights[snapshot.step][layer]).max())
        if largest > 0:
            parts.append(snapshot.weights[:5, layer] / largest)
    if not parts or snapshot.step == 0:  # a run that stays at 0; or a plane of starts, left before any step
        return Derivatives(np.zeros((2, 1)))
    with np.errstate(over="ignore", invalid="ignore"):  # where the run at the centre is chaotic
        half = np.exp2(np.float64(log2(depth / 2) - snapshot.exponent))
        scale: Floats = np.array([half, half, half**2, half**2, half**2])[:, None]
        return Derivatives(scale * np.concatenate(parts, axis=1), 2.0**-53 * math.sqrt(snapshot.step))


def _orbit_tangents(
    system: EscapeTimeSystem, view: View, bits: int, depths: Sequence[Rational], progress: Callable[[float], None]
) -> list[Floats]:
    """For each depth, the scaled derivative (2, 2) of the iterate where differences of half that depth reach 1."""
    iteration = system.iteration
    z, c = system.start(view.x, view.y)
    kept = orbit.obtain(system, z, c, bits, progress)
    slopes = cycle.tangents([step.formula for step in iteration.turns], source.FLOAT_FUNCTIONS)
    pixel_is_c = iteration.c is None
    a, b, p, q = (float(v) for v in (*c, *iteration.critical))  # orbits are stored minus the critical point
    grown, exponent = np.zeros((2, 2)) if pixel_is_c else np.eye(2), 0
    found: dict[int, Floats] = {}
    waiting = sorted(range(len(depths)), key=lambda n: -depths[n])
    for n, (x, y) in enumerate(zip(kept.x[:-1].tolist(), kept.y[:-1].tolist(), strict=True)):
        values = slopes[iteration.turn(n)](x + p, y + q, a, b)
        grown = np.reshape(values[:4], (2, 2)) @ grown
        if pixel_is_c:
            grown += np.ldexp(np.reshape(values[4:], (2, 2)), -exponent)
        shift = int(np.frexp(np.abs(grown).max())[1])
        grown, exponent = np.ldexp(grown, -shift), exponent + shift
        while waiting and exponent >= -log2(depths[waiting[0]] / 2):
            found[waiting.pop(0)] = grown
        if not waiting:
            break
    return [found.get(n, grown) for n in range(len(depths))]


def _is_holomorphic(iteration: Iteration) -> bool:
    return all(source.is_holomorphic(step.formula) for step in iteration.turns)
