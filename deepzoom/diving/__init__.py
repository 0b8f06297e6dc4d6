"""Dives: searches for a deep place, level by level, along borders that are coherent and rich."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepzoom.rendering.batches import Observer
    from deepzoom.scene.scene import Scene

    from .ends import End
    from .search import Level


@dataclass(frozen=True)
class Dived:
    """A dive that has ended. levels: the views that lead down; empty if there was no structure.

    end: the place found, in the last level; None without one. complete: whether the dive reached its depth and found
    what it was to end on; if not, ``reason`` says why. rendered: number of views; seconds: that they took.
    """

    levels: tuple[Level, ...]
    end: End | None
    complete: bool
    reason: str
    rendered: int
    seconds: float


def dive(
    scene: Scene,
    depth: str,
    *,
    end: str = "border",
    seed: int = 0,
    stretch: bool | None = None,
    grows: bool = False,
    jobs: int | None = None,
    kept: Path | None = None,
    observer: Observer | None = None,
) -> Dived:
    """Search for structure from a scene's view down to ``depth`` (decimal text).

    end: "border", "nucleus" or "misiurewicz". seed: for the random choice among blocks that are about equally good.
    stretch: whether to unfold the views; None: only for training. grows: whether steps may grow: with the depth for
    escape-time systems; by half for training, where the steps end before the structure does. kept: a checkpoint file,
    written after each view; if it exists already, the dive continues from it.

    Raises InputError if the system has no such end, or if the file is not a checkpoint; Stopped if the observer stops
    the dive.
    """
    from deepzoom import systems
    from deepzoom.coordinates import parse_decimal
    from deepzoom.rendering.batches import Observer

    from . import ends
    from .checkpoint import load, save
    from .search import Search, State, continued, reason_of
    from .windows import Window

    ends.check(end, scene)
    resumes = kept is not None and kept.exists()
    state = continued(load(kept), scene.steps, grows) if kept is not None and resumes else State(Window(scene))
    unfolds = systems.is_training(scene.system) if stretch is None else stretch
    search = Search(parse_decimal(depth, "depth"), seed, scene.steps if grows else None, unfolds, jobs)
    complete = search.run(state, observer or Observer(), lambda s: None if kept is None else save(kept, s))
    reason = "" if complete else reason_of(state)
    place = ends.border(state.best[-1].scene) if state.best else None
    if complete and state.dust and place is not None:
        place = ends.in_dust(search.cleared(place.scene, observer or Observer()))
    if complete and end != "border" and place is not None:
        found = ends.ENDS[end](place.scene)
        if found is None:
            what = "nucleus" if end == "nucleus" else "Misiurewicz point"
            complete, reason = False, f"the last view has no {what}"
        else:
            place = found
    return Dived(tuple(state.best), place, complete, reason, state.rendered, round(state.seconds, 1))
