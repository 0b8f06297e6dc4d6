"""The shape in which a deep view shows two-dimensional structure again: ``--stretch auto``.

Under a long run the two parameter directions grow differently, and all that a view shows turns into stripes. The
tangent of the reference run says by how much, where the view's differences leave the reference: its singular values.
A view stretched by their ratio along the direction that grows less has differences that grow alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from . import orbit, systems
from . import reference as references
from .backends.escape_time import reference_bits
from .coordinates import log2
from .errors import Stopped
from .formula import source
from .reference import HAND_OFF, Reference
from .rendering import Observer
from .scene import Scene, View
from .shape import IDENTITY, MOST_RATIO, Shape
from .systems.escape_time import EscapeTimeSystem
from .systems.experiments import TrainingSystem
from .systems.training import Network

Floats = NDArray[np.float64]


def unfolding(scene: Scene, progress: Callable[[float], None] = lambda share: None) -> Shape:
    """The shape for a scene's centre and depth; none for complex-differentiable maps, and for Lyapunov exponents.

    It makes the reference run, or takes it from the cache; progress is told the share done. Raises what
    ``reference.obtain`` and ``orbit.obtain`` raise.
    """
    system = systems.create(scene.system, scene.settings, scene.steps, scene.digest)
    view = scene.view
    if isinstance(system, TrainingSystem):
        kept = references.obtain(system, view, scene.bits, progress)
        return _along_weak(_training_tangent(system.network, view, kept))
    if isinstance(system, EscapeTimeSystem) and not source.is_holomorphic(system.iteration.formula):
        return _along_weak(_orbit_tangent(system, view, scene.bits or reference_bits(view), progress))
    return IDENTITY


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
    ratio = min(sizes[0] / max(sizes[1], 1e-300), float(MOST_RATIO))
    x, y = directions[1]
    return Shape.stretched(ratio, math.degrees(math.atan2(y, x)) % 180.0)


def _training_tangent(network: Network, view: View, kept: Reference) -> Floats:
    """The weights' derivatives (n, 2) where differences of half the depth reach ``HAND_OFF`` of them."""
    leaves = math.log2(HAND_OFF) - log2(view.depth / 2)
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


def _orbit_tangent(system: EscapeTimeSystem, view: View, bits: int, progress: Callable[[float], None]) -> Floats:
    """The last iterate's derivative (2, 2) by the pixel, where differences of half the depth reach 1; scaled."""
    iteration = system.iteration
    z, c = system.start(view.x, view.y)
    kept = orbit.obtain(system, z, c, bits, progress)
    space: dict[str, object] = dict(source.FLOAT_FUNCTIONS)
    exec(source.tangent(iteration.formula), space)
    slopes: Callable[..., tuple[float, ...]] = space["tangent"]  # type: ignore[assignment]
    pixel_is_c = iteration.c is None
    a, b = float(c[0]), float(c[1])
    grown, exponent = np.zeros((2, 2)) if pixel_is_c else np.eye(2), 0
    room = -log2(view.depth / 2)
    for x, y in zip(kept.x[:-1].tolist(), kept.y[:-1].tolist(), strict=True):
        values = slopes(x, y, a, b)
        grown = np.reshape(values[:4], (2, 2)) @ grown
        if pixel_is_c:
            grown += np.ldexp(np.reshape(values[4:], (2, 2)), -exponent)
        shift = int(np.frexp(np.abs(grown).max())[1])
        grown, exponent = np.ldexp(grown, -shift), exponent + shift
        if exponent >= room:
            break
    return grown
