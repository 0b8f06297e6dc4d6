"""What a dive can end on: the border it followed or, for escape-time systems, a nucleus or a Misiurewicz point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from deepzoom import systems
from deepzoom.coordinates import Rational, with_digits
from deepzoom.errors import InputError
from deepzoom.reference import misiurewicz, nucleus
from deepzoom.rendering.iteration_limit import MOST
from deepzoom.scene.scene import Scene
from deepzoom.systems.escape_time import EscapeTimeSystem

_SETTLING = 100  # orbits inside a minibrot need about so many periods to settle


@dataclass(frozen=True)
class End:
    """The place where a dive ended. reaches: the smallest depth at which it shows structure. facts: to print."""

    scene: Scene
    reaches: Rational
    note: str
    facts: dict[str, int | str] = field(default_factory=dict)


def border(scene: Scene) -> End:
    """The last view as it is."""
    return End(scene, scene.view.depth, f"a coherent border, followed down to {with_digits(scene.view.depth, 1)}")


def in_dust(scene: Scene) -> End:
    """The last view of a dive through dust, with the number of steps at which it is clearest."""
    depth = with_digits(scene.view.depth, 1)
    return End(scene, scene.view.depth, f"found in dust, followed down to {depth}, and clear at {scene.steps} steps")


def at_nucleus(scene: Scene) -> End | None:
    """The nucleus of lowest period in the last view; None without one.

    Its view has the last view's depth, or a larger one that shows the whole minibrot.
    """
    found = nucleus.find(_system(scene), scene.view, scene.steps)
    if found is None:
        return None
    whole, size = 4 * found.size, with_digits(found.size, 6)
    view = replace(scene.view, x=found.x, y=found.y, depth=max(scene.view.depth, whole))
    steps = max(scene.steps, min(MOST, _SETTLING * found.period))
    note = f"around a minibrot of period {found.period} and size {with_digits(found.size, 2)}"
    facts: dict[str, int | str] = {"period": found.period, "nucleus_size": size}
    return End(replace(scene, view=view, steps=steps), min(view.depth, whole), note, facts)


def at_misiurewicz(scene: Scene) -> End | None:
    """The Misiurewicz point of lowest preperiod and period in the last view; None without one."""
    found = misiurewicz.find(_system(scene), scene.view, scene.steps)
    if found is None:
        return None
    note = f"a Misiurewicz point of preperiod {found.preperiod} and period {found.period}"
    facts: dict[str, int | str] = {"preperiod": found.preperiod, "period": found.period}
    return End(replace(scene, view=replace(scene.view, x=found.x, y=found.y)), scene.view.depth, note, facts)


ENDS: dict[str, Callable[[Scene], End | None]] = {
    "border": border,
    "nucleus": at_nucleus,
    "misiurewicz": at_misiurewicz,
}


def check(end: str, scene: Scene) -> None:
    """Raise InputError if dives of the scene's system cannot end on this."""
    if end not in ENDS:
        raise InputError(f"--end: {end!r} is not one of {', '.join(ENDS)}.")
    if end != "border":
        if not systems.is_escape_time(scene.system):
            raise InputError(f"--end: {scene.system} is not an escape-time system; give --end border.")
        nucleus.check(_system(scene), scene.view)


def _system(scene: Scene) -> EscapeTimeSystem:
    system = systems.create(scene.system, scene.settings, scene.steps, scene.digest)
    assert isinstance(system, EscapeTimeSystem)
    return system
