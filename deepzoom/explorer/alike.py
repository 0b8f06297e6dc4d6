"""Which scenes share values, so that one can be shown with those of the other."""

from __future__ import annotations

from dataclasses import replace

from deepzoom.rendering import course, horizon, orbit_values
from deepzoom.scene.scene import Scene


def same_values(one: Scene, other: Scene) -> bool:
    """Whether two scenes have the same values wherever they show the same point."""
    return _plain(one, other) == other


def _plain(one: Scene, other: Scene) -> Scene:
    """A scene with another one's view, checks and colours."""
    return replace(
        one, view=other.view, palette=other.palette, colouring=other.colouring, trust=other.trust, bits=other.bits,
        backend=other.backend, distance=other.distance, horizon=other.horizon, course=other.course,
    )  # fmt: skip


def only_colours_differ(one: Scene, other: Scene) -> bool:
    """Whether the values of one scene serve the other one, too."""

    def wants_distance(scene: Scene) -> bool:
        return scene.distance or scene.colouring.by == "distance"

    plain = replace(one, palette=other.palette, colouring=other.colouring)
    return (
        plain == other
        and wants_distance(one) >= wants_distance(other)
        and (orbit_values.is_wanted(one) or not orbit_values.is_wanted(other))
        and horizon.is_wanted(one) >= horizon.is_wanted(other)
        and (not course.is_wanted(other) or one.course or one.colouring.by == other.colouring.by)
    )
