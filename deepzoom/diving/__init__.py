"""Dives: a search for a deep place, level by level along borders that are coherent and rich."""

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
    """A dive that has come to an end. levels: the views that lead down, none if there was no structure.

    end: the place, the last level's or what was found in it, None where there is none. complete: whether the depth, and
    what it was to end on, was reached; else ``word`` says why not. rendered: views; seconds: that they took.
    """

    levels: tuple[Level, ...]
    end: End | None
    complete: bool
    word: str
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

    end: "border", "nucleus" or "misiurewicz". seed: of what chooses among blocks that are about as good. stretch:
    whether views unfold; None: those of training do. grows: steps; those of an escape-time system with the depth, those
    of training by half where they end before the structure does. kept: a file that holds how far the dive is, after
    each view; where it is there already, the dive goes on from it.

    Raises InputError where the system cannot end so, or the file is of another kind; Stopped where the observer says
    so.
    """
    from deepzoom import systems
    from deepzoom.coordinates import parse_decimal
    from deepzoom.rendering.batches import Observer

    from . import ends
    from .checkpoint import load, save
    from .search import Search, State, continued, word_of
    from .windows import Window

    ends.check(end, scene)
    going_on = kept is not None and kept.exists()
    state = continued(load(kept), scene.steps, grows) if kept is not None and going_on else State(Window(scene))
    unfolds = scene.system in systems.PUBLISHED if stretch is None else stretch
    search = Search(parse_decimal(depth, "depth"), seed, scene.steps if grows else None, unfolds, jobs)
    complete = search.run(state, observer or Observer(), lambda s: None if kept is None else save(kept, s))
    word = "" if complete else word_of(state)
    place = ends.border(state.best[-1].scene) if state.best else None
    if complete and end != "border" and place is not None:
        found = ends.ENDS[end](place.scene)
        if found is None:
            what = "nucleus" if end == "nucleus" else "Misiurewicz point"
            complete, word = False, f"no {what} was found in the last view"
        else:
            place = found
    return Dived(tuple(state.best), place, complete, word, state.rendered, round(state.seconds, 1))
