"""The search of a dive: level by level into the best block, and back to another block at a dead end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from deepzoom import systems
from deepzoom.colouring.colour import coloured
from deepzoom.coordinates import Rational, log2, with_digits
from deepzoom.errors import InputError, Stopped
from deepzoom.rendering import render as rendering
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.field import Field
from deepzoom.rendering.iteration_limit import MOST
from deepzoom.rendering.stretch import unfolding
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY

from . import dust
from .blocks import DUST, FACTOR, STRAIGHT, Block, blocks
from .lattice import Lattice
from .scouts import scouted
from .windows import SHARED, Window, deepest

MOST_DEAD = 12
"""A dive gives up after so many views without a block, counted since the deepest view with one."""
MOST_PLAIN = 8
"""So many levels in a row may follow a block with a single edge, as such an edge can show structure deeper down."""
_DEEPER = 0.3
"""When a dive goes back, each level adds this to the score of its blocks, so that deeper ones are preferred."""
_ROOM = 8
"""The iteration limit is so many times what a view needed, because the next view is deeper and needs more."""
_MORE_STEPS, _MOST_STEPS = 1.5, 8
"""If training ends before the structure does, the steps grow by this factor, up to so many times the first number."""
TOO_FEW_STEPS = "too few steps: training ends before neighbouring pixels separate"


@dataclass(frozen=True)
class Level:
    """A view with blocks to continue in. number: of the render. blocks: those not tried yet, best first.

    plain: how many blocks in a row, up to this view, have a single edge. thumbnail: picture, uint8 (height, width, 3).
    """

    window: Window
    number: int
    seconds: float
    plain: int
    blocks: tuple[Block, ...]
    thumbnail: NDArray[np.uint8]

    @property
    def scene(self) -> Scene:
        return self.window.scene


@dataclass
class State:
    """The progress of a dive.

    stack: its levels from the first view down. best: the stack when it was deepest. dead: the reasons of views without
    a block since then. rendered: number of views so far. pending: the next view if ``due``, else the last one; plain:
    as in a level, for the pending view.
    """

    pending: Window
    plain: int = 0
    due: bool = True
    stack: list[Level] = field(default_factory=list)
    best: list[Level] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    rendered: int = 0
    seconds: float = 0.0
    dust: bool = False
    """Whether the dive follows mixed fates where there is no coherent border (``dust.py``)."""


@dataclass
class Search:
    """The options of a dive. end: the depth to reach. grows: the first number of steps; None if steps are fixed.

    stretch: whether to stretch each anchor view as its tangent says.
    """

    end: Rational
    seed: int = 0
    grows: int | None = None
    stretch: bool = False
    jobs: int | None = None
    _lattice: Lattice | None = field(default=None, init=False, repr=False)

    def run(self, state: State, observer: Observer, keep: Callable[[State], None]) -> bool:
        """Continue until the depth is reached (True) or no path is left (False); calls ``keep`` after each view.

        Raises Stopped if the observer stops it; the state is then that of the last ``keep``.
        """
        begin = state.best[0].scene.view.depth if state.best else state.pending.scene.view.depth
        total = 1 + int(np.ceil(log2(begin / self.end) / np.log2(FACTOR)))
        while not (state.best and state.best[-1].scene.view.depth <= self.end):
            if self.grows is not None and TOO_FEW_STEPS in state.dead and not self._lengthen(state, observer):
                return False
            if len(state.dead) >= MOST_DEAD or not self._choose(state):
                if state.dust or DUST not in state.dead or systems.is_escape_time(state.pending.anchor.system):
                    return False
                observer.say(dust.MESSAGE)
                state.dust = True
                look_again(state, state.pending.anchor.steps)
            self._render(state, observer)
            keep(state)
            observer.part("levels", len(state.stack), total)
        return True

    def _choose(self, state: State) -> bool:
        """Set the next view if none is due; False if no block is left."""
        if state.due:
            return True
        while state.stack and not state.stack[-1].blocks:
            state.stack.pop()
        if not state.stack:
            return False
        if state.stack[-1].number != state.rendered:
            del state.stack[_back_to(state.stack) + 1 :]
        top = state.stack[-1]
        block = top.blocks[0]
        state.stack[-1] = replace(top, blocks=top.blocks[1:])
        shared = 0 if systems.is_escape_time(top.scene.system) else SHARED
        state.pending, state.due = top.window.inside(block, self.end, shared), True
        state.plain = 0 if block.rich else top.plain + 1
        return True

    def _render(self, state: State, observer: Observer) -> None:
        """Render the next view; put it on the stack if it has blocks."""
        begin = time.perf_counter()
        quiet = _Quiet(observer)
        window = self._prepared(state.pending, quiet)
        scene, rng = window.scene, np.random.default_rng([self.seed, state.rendered])
        is_training, is_last = not systems.is_escape_time(scene.system), scene.view.depth <= self.end
        if is_training and not is_last:
            field = self._lattice_of(window, quiet).field(window)
        else:
            field = self._rendered(scene, quiet)
        found, reason = blocks(field, rng)
        if found and is_training and not is_last:
            found = scouted(self._lattice_of(window, quiet), window, field, found, rng)
            reason = "" if found else DUST
        if state.dust and not found:
            found = dust.mixed(field, rng, FACTOR)
        if not any(b.rich for b in found) and (state.plain >= MOST_PLAIN or is_last):
            found, reason = [], reason or STRAIGHT
        if not found and is_training and not self._lattice_of(window, quiet).parts(scene.view.depth):
            reason = TOO_FEW_STEPS
        seconds = round(time.perf_counter() - begin, 1)
        state.rendered, state.due = state.rendered + 1, False
        state.seconds += seconds
        if self.grows is not None and not is_training:
            window = window.with_steps(_limit(field, self.grows))
        if found:
            picture = np.rint(255 * coloured(field)).astype(np.uint8)
            state.stack.append(Level(window, state.rendered, seconds, state.plain, tuple(found), picture))
            if not state.best or scene.view.depth < state.best[-1].scene.view.depth:
                state.best, state.dead = list(state.stack), []
        else:
            state.dead.append(reason)
        observer.level(field, _line(scene, window.anchor.steps, found, reason, seconds))

    def cleared(self, scene: Scene, observer: Observer) -> Scene:
        """The last view of a dive through dust, with the number of steps at which it is clearest."""
        quiet = _Quiet(observer)
        lattice = self._lattice_of(Window(scene), quiet)
        return dust.clearest(scene, lattice.separated(scene.view.depth), lambda s: self._rendered(s, quiet))

    def _rendered(self, scene: Scene, observer: Observer) -> Field:
        """A view's field, with its own reference. Raises Stopped if the observer stopped it."""
        result = rendering.render(replace(scene, trust="off"), jobs=self.jobs, observer=observer)
        if not result.complete:
            raise Stopped
        return result.field

    def _lattice_of(self, window: Window, observer: Observer) -> Lattice:
        """The lattice of a window's anchor, which stays for the next window."""
        if self._lattice is None or self._lattice.anchor != window.anchor:
            self._lattice = Lattice(window.anchor, self.jobs, observer)
        return self._lattice

    def _prepared(self, window: Window, observer: Observer) -> Window:
        """The window in the shape that its anchor's tangent gives, if the view is deep enough for perturbation."""
        if window.level > 0 or not self.stretch:
            return window
        scene = window.anchor
        view = replace(scene.view, shape=IDENTITY)
        smallest = view if systems.is_escape_time(scene.system) else deepest(view)
        if rendering.plan(replace(scene, view=smallest)).backend.name.endswith("-perturbation"):

            def progress(share: float) -> None:
                observer.reference(share)
                if observer.stopped():
                    raise Stopped

            view = replace(view, shape=unfolding(replace(scene, view=view), progress))
        return Window(replace(scene, view=view))

    def _lengthen(self, state: State, observer: Observer) -> bool:
        """Go back to the deepest view with more training steps; False if there can be no more."""
        assert self.grows is not None
        scene = state.pending.anchor
        steps = round(scene.steps * _MORE_STEPS)
        if steps > _MOST_STEPS * self.grows:
            return False
        try:
            systems.create(scene.system, scene.settings, steps, scene.digest)
        except InputError:  # the data has no batches for so many steps
            return False
        observer.say(f"{TOO_FEW_STEPS[0].upper()}{TOO_FEW_STEPS[1:]}; continuing with {steps:,} steps.")
        look_again(state, steps)
        return True


def _back_to(stack: list[Level]) -> int:
    """The level to continue from after a dead end: its next block has the highest score; deeper levels get a bonus."""
    return max(
        (n for n, level in enumerate(stack) if level.blocks), key=lambda n: stack[n].blocks[0].score + n * _DEEPER
    )


def _limit(field: Field, first: int) -> int:
    """The first limit, doubled until it is ``_ROOM`` times what 95 % of the pixels that end needed."""
    assert field.iterations is not None
    counts, steps = field.iterations[field.iterations > 0], first
    needed = _ROOM * float(np.percentile(counts, 95)) if len(counts) else 0.0
    while steps < needed and 2 * steps <= MOST:
        steps *= 2
    return steps


def continued(state: State, steps: int, grows: bool) -> State:
    """A loaded state, ready to continue. With other steps than before, its deepest view is rendered again."""
    state.dead = [reason for reason in state.dead if grows and reason == TOO_FEW_STEPS]
    if not grows and steps != state.pending.anchor.steps:
        look_again(state, steps)
    return state


def look_again(state: State, steps: int) -> None:
    """Render the deepest view again with other steps, and continue from it."""
    state.pending, state.due, state.dead = state.pending.with_steps(steps), True, []
    if state.best:
        levels = [replace(level, window=level.window.with_steps(steps)) for level in state.best]
        last = levels.pop()
        state.pending, state.plain, state.stack, state.best = last.window, last.plain, levels, list(levels)


def reason_of(state: State) -> str:
    """Why a dive ended: the most frequent reason why its last views had no block."""
    if TOO_FEW_STEPS in state.dead:
        return TOO_FEW_STEPS
    return Counter(state.dead).most_common(1)[0][0] if state.dead else "no part of a view is left to try"


def _line(scene: Scene, steps: int, found: list[Block], reason: str, seconds: float) -> str:
    what = f"score {found[0].score:.2f}" if found else f"{reason}; going back"
    return f"{with_digits(scene.view.depth, 3)}: {what}, {steps:,} steps, {seconds:.1f} s."


class _Quiet(Observer):
    """Passes on progress, but not the messages of each render."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def reference(self, share: float) -> None:
        self._observer.reference(share)

    def stopped(self) -> bool:
        return self._observer.stopped()
