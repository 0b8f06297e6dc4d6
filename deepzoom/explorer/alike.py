"""Which scenes share values, so that one can be shown with those of the other."""

from __future__ import annotations

from dataclasses import replace

from deepzoom.rendering import course, horizon, orbit_values, periods
from deepzoom.scene.colours import COLOURINGS, WITH_DISTANCE
from deepzoom.scene.scene import Scene

DISTANCE = "distance"
"""The one of these channels that comes with the runs of pixels; the others are found afterwards."""


def same_values(one: Scene, other: Scene) -> bool:
    """Whether two scenes have the same values wherever they show the same point."""
    return _plain(one, other) == other


def _plain(one: Scene, other: Scene) -> Scene:
    """A scene with another one's view, checks and colours."""
    return replace(
        one, view=other.view, palette=other.palette, colouring=other.colouring, trust=other.trust, bits=other.bits,
        backend=other.backend, distance=other.distance, horizon=other.horizon, course=other.course,
    )  # fmt: skip


def same_pixels(one: Scene, other: Scene) -> bool:
    """Whether only colours differ, so that the runs of pixels are the same, if not all that is known of them."""
    return replace(one, palette=other.palette, colouring=other.colouring) == other


def needed(scene: Scene) -> frozenset[str]:
    """The channels, beside those of every field, that a scene's colours and options need."""
    found = {
        DISTANCE: scene.distance or scene.colouring.by in WITH_DISTANCE,
        "stripe": orbit_values.is_wanted(scene),  # and all other values of orbits
        "period": periods.is_wanted(scene),
        "horizon": horizon.is_wanted(scene),
        "loss": course.is_wanted(scene),
        "lyapunov": course.needs_exponents(scene),
    }
    return frozenset(name for name, wanted in found.items() if wanted)


def shown_at_once(scene: Scene, given: frozenset[str]) -> list[str]:
    """The colourings of a scene that need no channels but the given ones."""
    how = scene.colouring
    return [by for by in COLOURINGS if needed(replace(scene, colouring=replace(how, by=by))) <= given]
