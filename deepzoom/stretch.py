"""The shape in which a deep view shows two-dimensional structure again: ``--stretch auto``.

Under a long run the two parameter directions grow differently, and all that a view shows turns into stripes. The
tangent of the reference run says by how much, where the view's differences leave the reference: its singular values.
A view stretched by their ratio along the direction that grows less has differences that grow alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from . import orbit, systems
from . import reference as references
from .coordinates import Rational, log2
from .errors import Stopped
from .formula import source
from .precision import reference_bits
from .reference import HAND_OFF, Reference
from .scene import Scene, View
from .shape import IDENTITY, MOST_RATIO, Shape
from .systems.escape_time import EscapeTimeSystem
from .systems.experiments import TrainingSystem
from .systems.training import Network
from .work import Observer

Floats = NDArray[np.float64]


def unfolding(scene: Scene, progress: Callable[[float], None] = lambda share: None) -> Shape:
    """The shape for a scene's centre and depth; none for complex-differentiable maps, and for Lyapunov exponents.

    It makes the reference run, or takes it from the cache; progress is told the share done. Raises what
    ``reference.obtain`` and ``orbit.obtain`` raise.
    """
    return _along_weak(_tangents(scene, [scene.view.depth], progress)[0])


def ratios(scene: Scene, depths: Sequence[Rational]) -> list[float]:
    """By how much views of a scene's centre are to be stretched at some depths, the deepest that of the scene."""
    return [float(np.linalg.norm(_along_weak(tangent).matrix, 2)) for tangent in _tangents(scene, depths)]


def _tangents(
    scene: Scene, depths: Sequence[Rational], progress: Callable[[float], None] = lambda share: None
) -> list[Floats]:
    """The tangents (n, 2) where differences of half of each depth leave the reference of a scene."""
    system = systems.create(scene.system, scene.settings, scene.steps, scene.digest)
    view = scene.view
    if isinstance(system, TrainingSystem):
        kept = references.obtain(system, view, scene.bits, progress)
        return [_training_tangent(system.network, depth, kept) for depth in depths]
    if isinstance(system, EscapeTimeSystem) and not source.is_holomorphic(system.iteration.formula):
        return _orbit_tangents(system, view, scene.bits or reference_bits(system, view), depths, progress)
    return [np.eye(2)] * len(depths)


def unfolded(scene: Scene, degrees: float, observer: Observer) -> Scene:
    """The scene stretched so, and turned. Raises Stopped where the observer stops the reference run."""

    def progress(share: float) -> None:
        observer.reference(share)
        if observer.stopped():
            raise Stopped

    shape = unfolding(scene, progress)
    sizes, directions = np.linalg.eigh(shape.matrix)
    angle = math.degrees(math.atan2(directions[1, 1], directions[0, 1])) % 180.0
    observer.say("Stretch: none." if shape == IDENTITY else f"Stretch: {sizes[1]:.6g} times along {angle:.6g} degrees.")
    return replace(scene, view=replace(scene.view, shape=shape.turned(degrees) if degrees else shape))


def _along_weak(tangent: Floats) -> Shape:
    """Stretched by the ratio of a tangent's (n, 2) singular values along the direction of the smaller one."""
    if not np.isfinite(tangent).all() or not tangent.any():
        return IDENTITY
    _, sizes, directions = np.linalg.svd(tangent, full_matrices=False)
    if sizes[0] == sizes[1]:
        return IDENTITY
    ratio = min(sizes[0] / max(sizes[1], 1e-300), float(MOST_RATIO))
    x, y = directions[1]
    return Shape.stretched(ratio, math.degrees(math.atan2(y, x)) % 180.0)


def _training_tangent(network: Network, depth: Rational, kept: Reference) -> Floats:
    """The weights' derivatives (n, 2) where differences of half the depth reach ``HAND_OFF`` of them."""
    leaves = math.log2(HAND_OFF) - log2(depth / 2)
    step = int(np.argmax(kept.reach >= leaves)) if (kept.reach >= leaves).any() else kept.steps
    snapshot = max((s for s in kept.snapshots if s.step <= step), key=lambda s: s.step)
    parts, begin = [], 0
    for w in network.weights:
        layer = slice(begin, begin + w.size)
        largest = float(np.abs(kept.weights[snapshot.step][layer]).max())
        if largest > 0:
            parts.append(snapshot.weights[:2, layer].T / largest)
        begin += w.size
    return np.concatenate(parts)


def _orbit_tangents(
    system: EscapeTimeSystem, view: View, bits: int, depths: Sequence[Rational], progress: Callable[[float], None]
) -> list[Floats]:
    """Iterates' derivatives (2, 2) by the pixel, scaled, where differences of half of each depth reach 1."""
    iteration = system.iteration
    z, c = system.start(view.x, view.y)
    kept = orbit.obtain(system, z, c, bits, progress)
    space: dict[str, object] = dict(source.FLOAT_FUNCTIONS)
    exec(source.tangent(iteration.formula), space)
    slopes: Callable[..., tuple[float, ...]] = space["tangent"]  # type: ignore[assignment]
    pixel_is_c = iteration.c is None
    a, b, p, q = (float(v) for v in (*c, *iteration.critical))  # orbits are kept less their critical point
    grown, exponent = np.zeros((2, 2)) if pixel_is_c else np.eye(2), 0
    found: dict[int, Floats] = {}
    waiting = sorted(range(len(depths)), key=lambda n: -depths[n])
    for x, y in zip(kept.x[:-1].tolist(), kept.y[:-1].tolist(), strict=True):
        values = slopes(x + p, y + q, a, b)
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
